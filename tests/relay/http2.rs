//! HTTP/2 on either side, with and without TLS, against HTTP/1.1 on the other.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{Client, Upstream, Wiretape, noise, soon, until, write};

/// A certificate for `localhost` and 127.0.0.1, as files, and what a client needs to trust it.
pub struct Certificate {
    pub folder: std::path::PathBuf,
    pub server: Arc<rustls::ServerConfig>,
    pub roots: Arc<rustls::RootCertStore>,
}

impl Certificate {
    pub fn new(name: &str) -> Self {
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let folder = std::env::temp_dir().join(format!("wiretape-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut server = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        Self { folder, server: Arc::new(server), roots: Arc::new(roots) }
    }

    pub fn client(&self, protocols: &[&str]) -> Arc<rustls::ClientConfig> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A request as an upstream that speaks HTTP/2 saw it.
#[derive(Clone, Debug)]
struct Seen {
    version: Version,
    uri: String,
    headers: HeaderMap,
    body: Bytes,
}

struct Upstream2 {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

type Frames = StreamBody<futures::Frames>;

/// A stream of frames by hand, so that no crate is needed for it.
mod futures {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use tokio::sync::mpsc::Receiver;

    pub struct Frames(pub Receiver<Frame<Bytes>>);

    impl futures_core::Stream for Frames {
        type Item = Result<Frame<Bytes>, Infallible>;
        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.poll_recv(cx).map(|frame| frame.map(Ok))
        }
    }
}

impl Upstream2 {
    /// Answers with the request's body, and trailers; `tls` with ALPN or without.
    async fn new(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, connections) = <(Arc<Mutex<Vec<Seen>>>, Arc<Mutex<usize>>)>::default();
        let mut tasks = JoinSet::new();
        let (s, c) = (seen.clone(), connections.clone());
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                *c.lock().unwrap() += 1;
                let (tls, seen) = (tls.clone(), s.clone());
                served.spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = TlsAcceptor::from(tls).accept(socket).await {
                                serve2(stream, seen).await;
                            }
                        }
                        None => serve2(socket, seen).await,
                    }
                });
            }
        });
        Self { address, seen, connections, _tasks: tasks }
    }
}

async fn serve2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move { Ok::<_, Infallible>(answer(request, seen).await) }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service)
        .await;
}

async fn answer(request: Request<Incoming>, seen: Arc<Mutex<Vec<Seen>>>) -> Response<Frames> {
    let (parts, body) = request.into_parts();
    let collected = body.collect().await.unwrap();
    let body = collected.to_bytes();
    let (sender, receiver) = tokio::sync::mpsc::channel(8);
    let silent = parts.uri.path() == "/silent";
    if silent {
        sender.send(Frame::data(Bytes::from_static(b"first"))).await.unwrap();
        let seen = seen.clone();
        let uri = format!("{} gone", parts.uri);
        let version = parts.version;
        let mut waiting = JoinSet::new();
        waiting.spawn(async move {
            sender.closed().await;
            seen.lock().unwrap().push(Seen { version, uri, headers: HeaderMap::new(), body: Bytes::new() });
        });
        waiting.detach_all();
    } else {
        sender.send(Frame::data(body.clone())).await.unwrap();
        let mut end = HeaderMap::new();
        end.insert("x-sum", "42".parse().unwrap());
        sender.send(Frame::trailers(end)).await.unwrap();
    }
    seen.lock().unwrap().push(Seen {
        version: parts.version,
        uri: parts.uri.to_string(),
        headers: parts.headers,
        body,
    });
    Response::builder().header("x-from", "upstream").body(StreamBody::new(futures::Frames(receiver))).unwrap()
}

/// An HTTP/2 client's connection.
async fn client2(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> (hyper::client::conn::http2::SendRequest<Full<Bytes>>, JoinSet<()>) {
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    (sender, tasks)
}

fn ask(base: &str, path: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(format!("{base}{path}"))
        .header("x-one", "1")
        .header("x-two", "2")
        .header("te", "trailers")
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

#[tokio::test]
async fn http2_without_asking_to_an_upstream_of_http1() {
    let upstream = Upstream::new(vec![write(
        "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    )])
    .await;
    let wiretape = Wiretape::before(upstream.address).await;
    let socket = TcpStream::connect(wiretape.address()).await.unwrap();
    let (mut sender, _tasks) = client2(socket).await;
    let body = noise(300_000, 7);
    let base = format!("http://{}", wiretape.address());
    for _ in 0..3 {
        let response = soon(sender.send_request(ask(&base, "/mock/v1/x?a=%3A", body.clone()))).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(
            response.headers().iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect::<Vec<_>>(),
            [("x-a", "b")]
        );
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    }
    let seen = upstream.requests().remove(0);
    assert!(seen.body == body);
    let lines = seen.lines();
    assert_eq!(lines[0], "POST /v1/x?a=%3A HTTP/1.1");
    assert_eq!(seen.header("host"), Some(upstream.address.to_string().as_str()));
    assert_eq!((seen.header("x-two"), seen.header("content-length")), (Some("2"), Some("300000")));
    wiretape.stop_and_check(3).await;
}

#[tokio::test]
async fn http1_to_an_upstream_of_http2_over_tls() {
    let certificate = Certificate::new("up");
    let upstream = Upstream2::new(Some(certificate.server.clone())).await;
    let url = format!("https://localhost:{}", upstream.address.port());
    let ca = certificate.folder.join("cert.pem");
    let wiretape = Wiretape::with(&url, |config| {
        config.proxy.ca_files = vec![ca];
        config.proxy.workers = 1;
    })
    .await;
    let mut clients = Vec::new();
    for n in 0..8 {
        let mut client = wiretape.client().await;
        client
            .send(format!(
                "POST /mock/v1/x?n={n} HTTP/1.1\r\nHost: me\r\nX-One: 1\r\nConnection: keep-alive\r\nTE: trailers\r\nContent-Length: 2\r\n\r\nhi"
            ))
            .await;
        let answer = soon(client.response()).await;
        assert_eq!((answer.status(), answer.text(), answer.header("x-from")), (200, "hi", Some("upstream")));
        clients.push(client);
    }
    let seen = upstream.seen.lock().unwrap().remove(0);
    assert_eq!(seen.version, Version::HTTP_2);
    assert_eq!(seen.uri, format!("{url}/v1/x?n=0"));
    let names: Vec<_> = seen.headers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-one", "te", "content-length"], "no Host beside :authority, no hop's headers");
    assert_eq!(seen.body, "hi");
    assert_eq!(*upstream.connections.lock().unwrap(), 1, "one connection carries them all");
    wiretape.stop_and_check(8).await;
}

#[tokio::test]
async fn an_expectation_towards_http2_does_not_wait() {
    let upstream = Upstream2::new(None).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.upstreams[0].1.http2 = Some(true)).await;
    let mut client = wiretape.client().await;
    let began = std::time::Instant::now();
    client
        .send("POST /mock/x HTTP/1.1\r\nHost: me\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    assert_eq!(soon(client.response()).await.status(), 100);
    assert!(began.elapsed() < Duration::from_millis(900), "nobody will say 100 in the upstream's place");
    client.send("body").await;
    assert_eq!(soon(client.response()).await.text(), "body");
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn http2_to_http2_with_trailers_and_many_at_once() {
    let upstream = Upstream2::new(None).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| {
        config.upstreams[0].1.http2 = Some(true);
    })
    .await;
    let socket = TcpStream::connect(wiretape.address()).await.unwrap();
    let (sender, _tasks) = client2(socket).await;
    let base = format!("http://{}", wiretape.address());
    let mut calls = JoinSet::new();
    for n in 0..150u64 {
        let (mut sender, base) = (sender.clone(), base.clone());
        calls.spawn(async move {
            let body = noise(20_000, n);
            let response = sender.send_request(ask(&base, "/mock/x", body.clone())).await.unwrap();
            assert!(!response.headers().contains_key("content-length"), "no header is added");
            let all = response.into_body().collect().await.unwrap();
            assert_eq!(all.trailers().unwrap().get("x-sum").unwrap(), "42");
            assert!(all.to_bytes() == body);
        });
    }
    while let Some(done) = soon(calls.join_next()).await {
        done.unwrap();
    }
    wiretape.stop_and_check(150).await;
}

#[tokio::test]
async fn a_stream_that_is_reset_cancels_its_call_alone() {
    let upstream = Upstream2::new(None).await;
    let url = format!("http://{}", upstream.address);
    let wiretape = Wiretape::with(&url, |config| config.upstreams[0].1.http2 = Some(true)).await;
    let socket = TcpStream::connect(wiretape.address()).await.unwrap();
    let (mut sender, _tasks) = client2(socket).await;
    let base = format!("http://{}", wiretape.address());
    let mut silent = soon(sender.send_request(ask(&base, "/mock/silent", vec![]))).await.unwrap();
    assert_eq!(soon(silent.body_mut().frame()).await.unwrap().unwrap().into_data().unwrap(), "first");
    drop(silent);
    until("the upstream sees it", || {
        upstream.seen.lock().unwrap().iter().any(|seen| seen.uri.ends_with("gone"))
    })
    .await;
    let response = soon(sender.send_request(ask(&base, "/mock/x", b"still here".to_vec()))).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "still here");
    wiretape.stop_and_check(2).await;
}

#[tokio::test]
async fn an_upstream_that_dies_in_a_body_resets_the_stream() {
    let upstream = Upstream::new(vec![
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"),
        crate::support::Step::Wait(Duration::from_millis(50)),
        crate::support::Step::Close,
    ])
    .await;
    let wiretape = Wiretape::before(upstream.address).await;
    let socket = TcpStream::connect(wiretape.address()).await.unwrap();
    let (mut sender, _tasks) = client2(socket).await;
    let base = format!("http://{}", wiretape.address());
    let response = soon(sender.send_request(ask(&base, "/mock/x", vec![]))).await.unwrap();
    assert!(soon(response.into_body().collect()).await.is_err());
    wiretape.stop_and_check(1).await;
}

#[tokio::test]
async fn the_tls_listener_speaks_both_versions() {
    let certificate = Certificate::new("down");
    let upstream = Upstream::new(vec![write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")]).await;
    let url = format!("http://{}", upstream.address);
    let folder = certificate.folder.clone();
    let wiretape = Wiretape::with(&url, |config| {
        config.proxy.tls_listen = Some("127.0.0.1:0".parse().unwrap());
        config.proxy.tls_cert = Some(folder.join("cert.pem"));
        config.proxy.tls_key = Some(folder.join("key.pem"));
    })
    .await;
    let address = wiretape.app.tls_address().unwrap();
    let connect = |protocols: &'static [&'static str]| {
        let connector = TlsConnector::from(certificate.client(protocols));
        async move {
            let socket = TcpStream::connect(address).await.unwrap();
            connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap()
        }
    };
    let tls = connect(&["h2", "http/1.1"]).await;
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, _tasks) = client2(tls).await;
    let response = soon(sender.send_request(ask("https://localhost", "/mock/x", vec![]))).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    let mut client = Client { io: connect(&["http/1.1"]).await, buffer: Vec::new() };
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    assert_eq!(soon(client.response()).await.text(), "ok");
    wiretape.stop_and_check(2).await;
}

#[tokio::test]
async fn an_upstream_whose_certificate_is_not_trusted_is_a_502() {
    let certificate = Certificate::new("untrusted");
    let upstream = Upstream2::new(Some(certificate.server.clone())).await;
    let wiretape = Wiretape::with(&format!("https://localhost:{}", upstream.address.port()), |_| {}).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    let answer = soon(client.response()).await;
    assert_eq!(answer.status(), 502);
    assert!(
        answer.text().contains("no TLS with mock") && answer.text().contains("certificate"),
        "{}",
        answer.text()
    );
    assert!(upstream.seen.lock().unwrap().is_empty());
    wiretape.stop_and_check(1).await;
}

/// An upstream that takes the connection and then says nothing.
#[tokio::test]
async fn a_handshake_that_does_not_come_about_is_a_504() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let wiretape = Wiretape::with(&url, |config| config.proxy.tls_timeout = Duration::from_millis(200)).await;
    let mut client = wiretape.client().await;
    client.send("GET /mock/x HTTP/1.1\r\nHost: me\r\n\r\n").await;
    let answer = soon(client.response()).await;
    assert_eq!(answer.status(), 504);
    assert!(answer.text().contains("no TLS with mock"), "{}", answer.text());
    wiretape.stop_and_check(1).await;
}
