//! Accepting clients' connections and serving HTTP on them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;

use super::auth::Door;
use super::body::describe;
use super::client_io::{ClientIo, Line};
use super::config::Config;
use super::limit::InFlight;
use super::pool::Spawner;
use super::relay::{Relay, Shared};
use super::stream::{self, Stream};

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
    pub stop: CancellationToken,
}

/// Accepts until told to stop.
pub async fn accept(listener: TcpListener, tls: Option<Arc<ServerConfig>>, serving: Serving) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = serving.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                stream::tune(&socket, serving.config.keepalive);
                serving.shared.calls.spawn(connection(socket, tls.clone(), serving.clone()));
            }
            Err(error) if is_peers_fault(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
}

fn is_peers_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(socket: TcpStream, tls: Option<Arc<ServerConfig>>, serving: Serving) {
    let stop = serving.stop.clone();
    let opened = tokio::select! {
        opened = open(socket, tls, &serving.config) => opened,
        // Nothing has been asked yet, so nothing is lost.
        () = stop.cancelled() => return,
    };
    match opened {
        Ok(Some((stream, prefix, true))) => serve2(stream, prefix, &serving).await,
        Ok(Some((stream, prefix, false))) => serve1(stream, prefix, &serving).await,
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
    let io = TokioIo::new(ClientIo::new(stream, prefix, Arc::clone(&line)));
    let relay = Relay { shared: Arc::clone(&serving.shared), line: Some(line) };
    let max = usize::try_from(serving.config.max_header_bytes.0).unwrap_or(usize::MAX);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(serving.config.header_timeout)
        .preserve_header_case(true)
        .auto_date_header(false)
        .half_close(serving.config.half_close)
        .max_buf_size(max)
        .serve_connection(io, service(serving, relay))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = serving.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    log_end(served);
}

async fn serve2(stream: Stream, prefix: Bytes, serving: &Serving) {
    let io = TokioIo::new(ClientIo::new(stream, prefix, Arc::default()));
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
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = serving.stop.cancelled() => {
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
