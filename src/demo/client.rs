//! How the demo's agents call: plain HTTP/1.1, one connection a call, as many real ones do.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A call as it goes out.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The client leaves when so many bytes of the answer have come.
    pub leaves_after: Option<usize>,
}

/// Makes a call and hears its answer out, or as much of it as it wants to hear: the status. What breaks off is an error.
pub async fn call(proxy: SocketAddr, call: Call) -> Result<u16, String> {
    let socket = TcpStream::connect(proxy).await.map_err(|why| format!("{proxy}: {why}"))?;
    socket.set_nodelay(true).map_err(|why| why.to_string())?;
    let opened = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await;
    let (mut sender, connection) = opened.map_err(|why| why.to_string())?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&call.path)
        .header("host", proxy.to_string())
        .header("content-type", "application/json");
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(call.body)).map_err(|why| format!("{}: {why}", call.path))?;
    let heard = async {
        let mut answer = sender.send_request(request).await.map_err(|why| why.to_string())?;
        let mut heard = 0;
        while let Some(frame) = answer.body_mut().frame().await {
            let frame = frame.map_err(|why| why.to_string())?;
            heard += frame.data_ref().map_or(0, Bytes::len);
            if call.leaves_after.is_some_and(|most| heard >= most) {
                break;
            }
        }
        Ok(answer.status().as_u16())
    };
    // The connection lives as long as there is something to hear on it: leaving drops both.
    let mut heard = std::pin::pin!(heard);
    tokio::select! {
        heard = heard.as_mut() => heard,
        ended = connection => match ended {
            Ok(()) => heard.await,
            Err(why) => Err(why.to_string()),
        },
    }
}
