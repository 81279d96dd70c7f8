//! Accepting clients' connections and serving HTTP on them.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tower::ServiceBuilder;

use super::auth::Door;
use super::balance::{Accepted, Balance, Carried};
use super::body::describe;
use super::client_io::{ClientIo, Line};
use super::config::Config;
use super::limit::InFlight;
use super::pool::Spawner;
use super::relay::{Relay, Shared};
use super::stream::{self, Stream};
use super::word::Word;

/// How an HTTP/2 connection begins; no HTTP/1.1 request can.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// After an error of accept's own (too many open files): a moment for calls to end.
const BREATHER: Duration = Duration::from_millis(50);
/// How much of a request body an HTTP/2 client may send ahead of a slow upstream, per call and per connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const MAX_STREAMS: u32 = 1000;

/// What each connection is served with.
#[derive(Clone)]
pub struct Serving {
    pub shared: Arc<Shared>,
    pub door: Door,
    pub in_flight: InFlight,
    pub config: Arc<Config>,
    pub stop: Word,
    pub balance: Balance,
    /// This worker's number.
    pub number: usize,
    /// How each listener, by its number, is spoken to.
    pub tls: Arc<[Option<Arc<ServerConfig>>]>,
}

/// Accepts until told to stop. `which` is the listener's number.
pub async fn accept(listener: TcpListener, which: usize, serving: Serving) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = serving.stop.heard() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                stream::tune(&socket, serving.config.keepalive);
                if let Some(socket) = serving.balance.place(serving.number, socket, which) {
                    begin(socket, which, &serving);
                }
            }
            Err(error) if is_peers_fault(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

/// Takes over what other workers have accepted, until told to stop.
pub async fn take_over(mut accepted: mpsc::Receiver<Accepted>, serving: Serving) {
    loop {
        let next = tokio::select! {
            biased;
            next = accepted.recv() => next,
            () = serving.stop.heard() => return,
        };
        let Some((socket, which)) = next else { return };
        match TcpStream::from_std(socket) {
            Ok(socket) => begin(socket, which, &serving),
            Err(error) => tracing::warn!(%error, "a connection was lost between workers"),
        }
    }
}

fn begin(socket: TcpStream, which: usize, serving: &Serving) {
    let carried = serving.balance.carry(serving.number);
    let tls = serving.tls.get(which).cloned().flatten();
    serving.shared.calls.spawn(connection(socket, tls, serving.clone(), carried));
}

fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// A connection from its beginning to its end. What it does in turn is boxed: a task is as large as its largest part for
/// as long as it lives, and most live in the smallest.
async fn connection(socket: TcpStream, tls: Option<Arc<ServerConfig>>, serving: Serving, _carried: Carried) {
    let opened = tokio::select! {
        opened = Box::pin(open(socket, tls, &serving.config)) => opened,
        // Nothing has been asked yet, so nothing is lost.
        () = serving.stop.heard() => return,
    };
    match opened {
        Ok(Some((stream, prefix, true))) => Box::pin(serve2(stream, prefix, &serving)).await,
        Ok(Some((stream, prefix, false))) => Box::pin(serve1(stream, prefix, &serving)).await,
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "a client's connection did not come about"),
    }
}

type Opened = Option<(Stream, Bytes, bool)>;

/// The connection, what has been read of it, and whether it speaks HTTP/2. `None`: it was closed without a word.
async fn open(socket: TcpStream, tls: Option<Arc<ServerConfig>>, config: &Config) -> io::Result<Opened> {
    let Some(tls) = tls else {
        return tokio::time::timeout(config.header_timeout, sniff(socket)).await.unwrap_or(Ok(None));
    };
    let handshake = tokio::time::timeout(config.tls_timeout, TlsAcceptor::from(tls).accept(socket));
    let stream = Stream::Tls(Box::new(handshake.await.map_err(io::Error::other)??.into()));
    let http2 = stream.negotiated_http2();
    Ok(Some((stream, Bytes::new(), http2)))
}

/// Without TLS, a client that knows we speak HTTP/2 begins with its preface.
async fn sniff(mut socket: TcpStream) -> io::Result<Opened> {
    let mut prefix = BytesMut::with_capacity(PREFACE.len());
    while prefix.len() < PREFACE.len() {
        // Reads no further than the preface: with_capacity gives at least this much, and split_off below keeps all.
        let room = PREFACE.len() - prefix.len();
        if (&mut socket).take(room as u64).read_buf(&mut prefix).await? == 0 {
            break;
        }
        if prefix[..] != PREFACE[..prefix.len()] {
            break;
        }
    }
    if prefix.is_empty() {
        return Ok(None);
    }
    let http2 = prefix[..] == PREFACE[..];
    Ok(Some((Stream::Plain(socket), prefix.freeze(), http2)))
}

async fn serve1(stream: Stream, prefix: Bytes, serving: &Serving) {
    let line = Arc::new(Line::default());
    let patience = Some(serving.config.header_timeout);
    let io = TokioIo::new(ClientIo::new(stream, prefix, Arc::clone(&line), patience));
    let relay = Relay { shared: Arc::clone(&serving.shared), line: Some(line) };
    let max = usize::try_from(serving.config.max_header_bytes.0).unwrap_or(usize::MAX);
    let connection = http1::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .half_close(serving.config.half_close)
        .max_buf_size(max)
        .serve_connection(io, service(serving, relay))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = match Until::new(connection.as_mut(), &serving.stop).await {
        Some(served) => served,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    log_end(served);
}

async fn serve2(stream: Stream, prefix: Bytes, serving: &Serving) {
    let io = TokioIo::new(ClientIo::new(stream, prefix, Arc::default(), None));
    let relay = Relay { shared: Arc::clone(&serving.shared), line: None };
    let max = u32::try_from(serving.config.max_header_bytes.0).unwrap_or(u32::MAX);
    let connection = http2::Builder::new(Spawner(serving.shared.calls.clone()))
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(max)
        .keep_alive_interval(serving.config.keepalive)
        .serve_connection(io, service(serving, relay));
    let mut connection = std::pin::pin!(connection);
    let served = match Until::new(connection.as_mut(), &serving.stop).await {
        Some(served) => served,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    log_end(served);
}

/// The layers around a relay, outermost first.
fn service(
    serving: &Serving,
    relay: Relay,
) -> TowerToHyperService<super::limit::Limited<super::auth::Guarded<Relay>>> {
    let layers = ServiceBuilder::new().layer(serving.in_flight.clone()).layer(serving.door.clone());
    TowerToHyperService::new(layers.service(relay))
}

fn log_end(served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!(error = describe(&error), "a client's connection ended");
    }
}

/// A future until a word is said; `None` then.
///
/// A `select!` would ask for the word each time the future is polled, which takes a lock. Here it is asked for once, to
/// be woken by it, and then only when there is one.
struct Until<'a, F> {
    future: F,
    said: std::pin::Pin<Box<tokio_util::sync::WaitForCancellationFuture<'a>>>,
    word: &'a Word,
    asked: bool,
}

impl<'a, F> Until<'a, F> {
    fn new(future: F, word: &'a Word) -> Self {
        Self { future, said: Box::pin(word.heard()), word, asked: false }
    }
}

impl<F: Future + Unpin> Future for Until<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(ready) = std::pin::Pin::new(&mut this.future).poll(cx) {
            return Poll::Ready(Some(ready));
        }
        // A connection stays in its task, so the waker it registered the first time is the one to wake.
        let first = !std::mem::replace(&mut this.asked, true);
        if first && this.said.as_mut().poll(cx).is_ready() || !first && this.word.is_said() {
            return Poll::Ready(None);
        }
        Poll::Pending
    }
}
