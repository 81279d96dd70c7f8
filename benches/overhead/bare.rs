//! A relay made of hyper and nothing else: the floor for what a relay built on hyper can cost.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::Result;

type Relay = Client<HttpConnector, Incoming>;

pub fn run(arguments: &[String]) -> Result<()> {
    let [listen, upstream] = arguments else { return Err("role:bare LISTEN UPSTREAM".into()) };
    let (listen, upstream): (SocketAddr, SocketAddr) = (listen.parse()?, upstream.parse()?);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(listen, upstream))
}

async fn serve(listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).await?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Relay = Client::builder(TokioExecutor::new()).build(connector);
    let connections = TaskTracker::new();
    // Ends with the process that started it.
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let client = client.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| relay(client.clone(), upstream, request));
            // A connection's error is the client's business: it sees the connection end.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn relay(
    client: Relay,
    upstream: SocketAddr,
    mut request: Request<Incoming>,
) -> std::result::Result<Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let answer =
        match Uri::builder().scheme("http").authority(upstream.to_string()).path_and_query(path).build() {
            Ok(uri) => {
                *request.uri_mut() = uri;
                client.request(request).await.ok()
            }
            Err(_) => None,
        };
    Ok(answer.map_or_else(bad_gateway, |answer| answer.map(BodyExt::boxed)))
}

fn bad_gateway() -> Response<BoxBody<Bytes, hyper::Error>> {
    let mut answer = Response::new(Empty::new().map_err(|never| match never {}).boxed());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}
