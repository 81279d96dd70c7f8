//! Upstreams reached through another proxy, by CONNECT and by SOCKS 5.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{Upstream, Wiretape, read_message, soon, write};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A proxy that leads everything to `to`, and notes what it was asked for.
async fn proxy(to: SocketAddr, socks: bool) -> (SocketAddr, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    let notes = asked.clone();
    tasks.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let note = if socks { socks5(&mut socket).await } else { connect(&mut socket).await };
            notes.lock().unwrap().push(note);
            let mut onward = TcpStream::connect(to).await.unwrap();
            let _ = tokio::io::copy_bidirectional(&mut socket, &mut onward).await;
        }
    });
    (address, asked, tasks)
}

async fn connect(socket: &mut TcpStream) -> String {
    let mut buffer = Vec::new();
    let head = read_message(socket, &mut buffer, true, true).await.unwrap();
    socket.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    format!("{} {}", head.lines()[0], head.header("proxy-authorization").unwrap_or("-"))
}

async fn socks5(socket: &mut TcpStream) -> String {
    let mut hello = [0; 2];
    socket.read_exact(&mut hello).await.unwrap();
    let mut methods = vec![0; hello[1].into()];
    socket.read_exact(&mut methods).await.unwrap();
    socket.write_all(&[5, 0]).await.unwrap();
    let mut head = [0; 5];
    socket.read_exact(&mut head).await.unwrap();
    assert_eq!(head[..4], [5, 1, 0, 3], "the name is looked up by the proxy");
    let mut rest = vec![0; usize::from(head[4]) + 2];
    socket.read_exact(&mut rest).await.unwrap();
    socket.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
    String::from_utf8(rest[..rest.len() - 2].to_vec()).unwrap()
}

async fn call(url: &str, via: String, no_via: Vec<String>) -> (u16, String) {
    let wiretape = Wiretape::with(url, |config| {
        config.proxy.via = Some(wiretape::model::setting::Secret::new(via));
        config.proxy.no_via = no_via;
    })
    .await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    let answer = soon(client.response()).await;
    let result = (answer.status(), answer.text().to_owned());
    drop(client);
    wiretape.stop_and_check(1).await;
    result
}

#[tokio::test]
async fn by_connect() {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let (address, asked, _tasks) = proxy(upstream.address, false).await;
    let answer = call("http://provider.test", format!("http://user:pw@{address}"), vec![]).await;
    assert_eq!(answer, (200, "ok".to_owned()));
    assert_eq!(*asked.lock().unwrap(), ["CONNECT provider.test:80 HTTP/1.1 Basic dXNlcjpwdw=="]);
    assert_eq!(upstream.requests()[0].header("host"), Some("provider.test"));
    assert_eq!(upstream.requests()[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn by_socks() {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let (address, asked, _tasks) = proxy(upstream.address, true).await;
    let answer = call("http://provider.test:8080", format!("socks5h://{address}"), vec![]).await;
    assert_eq!(answer, (200, "ok".to_owned()));
    assert_eq!(*asked.lock().unwrap(), ["provider.test"]);
}

#[tokio::test]
async fn not_where_it_is_excepted_or_on_loopback() {
    let upstream = Upstream::new(vec![write(OK)]).await;
    let (address, asked, _tasks) = proxy(upstream.address, false).await;
    let direct = call(&format!("http://{}", upstream.address), format!("http://{address}"), vec![]).await;
    assert_eq!(direct, (200, "ok".to_owned()));
    let (status, why) =
        call("http://provider.test", format!("http://{address}"), vec![".test".to_owned()]).await;
    assert_eq!(status, 502, "nobody resolves this name: {why}");
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let (status, why) =
        call("http://provider.test", "http://user:secret@127.0.0.1:9".to_owned(), vec![]).await;
    assert_eq!(status, 502);
    assert!(why.contains("via http://127.0.0.1:9") && !why.contains("secret"), "{why}");
}
