//! One worker's connections to upstreams, and the sending of a call on one of them.
//!
//! hyper-util's legacy client pools too, but writes Host before it knows which protocol the connection speaks: on
//! HTTP/1.1 at the end of the head instead of where the client had it. Here the connection comes first and the head is
//! made for it. Each worker has a pool of its own, so a call stays on one thread from socket to socket.
//!
//! It stays in one task, too: an HTTP/1.1 connection is driven by the call that uses it, not by a task of its own. Waking
//! another task for each chunk, and being woken by it, is the larger part of what relaying a chunk would cost.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::task::TaskTracker;

use super::body::{RequestBody, describe};
use super::config::Config;
use super::connect::{Connector, Failure, Offer};
use super::headers::{self, Onward};
use super::stream::Stream;
use super::upstream::Upstream;
use crate::model::Direction;

type Sender1 = http1::SendRequest<RequestBody>;
type Sender2 = http2::SendRequest<RequestBody>;

/// Calls on one HTTP/2 connection before another is opened. Providers allow about a hundred; a call that the
/// connection has no room for would wait for another one's end.
const MAX_STREAMS: usize = 100;
/// A connection unused for longer than this may have been closed by its other end without our having looked.
const FRESH: Duration = Duration::from_millis(5);
/// A dead HTTP/2 peer is given this long to answer a ping.
const PING_PATIENCE: Duration = Duration::from_secs(20);
/// How much of a response an HTTP/2 upstream may send ahead of a slow client, per call and per connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Stale connections one call may meet before it gives up; each was open when it was chosen.
const MAX_TRIES: usize = 8;

pub struct Pool {
    slots: Vec<Mutex<Slot>>,
    connector: Connector,
    tasks: TaskTracker,
    idle_timeout: Duration,
    max_idle: usize,
    keepalive: Duration,
}

/// What is open to one upstream.
#[derive(Default)]
struct Slot {
    idle: Vec<Idle>,
    shared: Vec<Shared>,
    /// Held while an upstream that was seen to speak HTTP/2 is connected to: a burst of calls opens one connection.
    dialing: Option<Arc<tokio::sync::Mutex<()>>>,
}

struct Idle {
    whole: Whole,
    since: Instant,
}

struct Shared {
    sender: Sender2,
    streams: Arc<AtomicUsize>,
    since: Instant,
}

/// A connection's use by one call. An HTTP/1.1 connection that is dropped instead of given back is closed: that is how
/// a client that leaves cancels its call.
pub enum Lease {
    Whole { pool: Arc<Pool>, upstream: usize, whole: Whole },
    Stream { sender: Sender2, _counted: Counted },
}

/// An HTTP/1.1 connection, which carries one call at a time.
pub struct Whole {
    sender: Sender1,
    driver: Driver,
}

type Connection = http1::Connection<TokioIo<Stream>, RequestBody>;

/// What moves a connection's bytes. Empty once the connection has ended, or has been given to a task of its own.
struct Driver(Option<Pin<Box<Connection>>>);

impl Driver {
    /// Lets the connection get on with what it can do now. Whoever calls is woken when there is more.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && let Poll::Ready(ended) = connection.as_mut().poll(cx)
        {
            self.0 = None;
            log_end(ended);
        }
    }

    /// Polls what only this connection can make ready. While we drive it, nobody else need wake us for that.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let mut unheard = Context::from_waker(Waker::noop());
        if self.0.is_some() {
            if let Poll::Ready(ready) = poll(&mut unheard) {
                return Poll::Ready(ready);
            }
            self.drive(cx);
        }
        if self.0.is_some() { poll(&mut unheard) } else { poll(cx) }
    }
}

impl Whole {
    /// Whether it can carry a call: open, and done with the one before.
    fn is_ready(&mut self, cx: &mut Context<'_>) -> bool {
        self.driver.drive(cx);
        self.sender.is_ready()
    }

    async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| self.driver.poll(cx, |cx| answer.as_mut().poll(cx))).await
    }
}

/// One of the streams counted on a shared connection.
pub struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(streams: &Arc<AtomicUsize>) -> Self {
        streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(streams))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lease {
    /// The response has ended as it should: the connection may carry another call.
    pub fn give_back(self) {
        if let Self::Whole { pool, upstream, whole } = self {
            pool.keep(upstream, whole);
        }
    }

    /// Polls the response's body, which this lease's connection fills.
    pub fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        match self {
            Self::Whole { whole, .. } => whole.driver.poll(cx, poll),
            Self::Stream { .. } => poll(cx),
        }
    }

    fn version(&self) -> Version {
        match self {
            Self::Whole { .. } => Version::HTTP_11,
            Self::Stream { .. } => Version::HTTP_2,
        }
    }

    async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match self {
            Self::Whole { whole, pool, .. } => {
                let tap = Arc::clone(request.body().tap());
                let response = whole.send(request).await?;
                // The body of the response is polled as fast as the client reads; the rest of the request's body must not
                // wait for that.
                if !tap.has_closed(Direction::Request)
                    && let Some(connection) = whole.driver.0.take()
                {
                    pool.spawn(connection);
                }
                Ok(response)
            }
            Self::Stream { sender, .. } => sender.try_send_request(request).await,
        }
    }
}

impl Pool {
    pub fn new(config: &Config, connector: Connector, upstreams: usize, tasks: TaskTracker) -> Arc<Self> {
        Arc::new(Self {
            slots: std::iter::repeat_with(Mutex::default).take(upstreams).collect(),
            connector,
            tasks,
            idle_timeout: config.idle_timeout,
            max_idle: config.max_idle,
            keepalive: config.keepalive,
        })
    }

    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Sends a request and waits for the head of its response. The request is as made for HTTP/1.1, with only a path.
    ///
    /// It is sent again only if the connection turned out closed before anything of it had been written.
    pub async fn send(
        self: &Arc<Self>,
        upstream: &Upstream,
        mut request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Lease), Failure> {
        let target = request.uri().clone();
        let mut tries = 0;
        loop {
            tries += 1;
            let (mut lease, reused) = self.lease(upstream).await?;
            prepare(&mut request, upstream, &target, lease.version());
            match lease.send(request).await {
                Ok(response) => return Ok((response, lease)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) if reused && tries < MAX_TRIES => request = unsent,
                    _ => return Err(broke_off(upstream, &error.into_error())),
                },
            }
        }
    }

    /// A connection for one call, and whether it had been used before.
    async fn lease(self: &Arc<Self>, upstream: &Upstream) -> Result<(Lease, bool), Failure> {
        if let Some(lease) = self.reuse(upstream.index).await {
            return Ok((lease, true));
        }
        let dialing = self.slot(upstream.index).dialing.clone();
        let _turn = match &dialing {
            Some(dialing) => {
                let turn = dialing.lock().await;
                if let Some(lease) = self.reuse(upstream.index).await {
                    return Ok((lease, true));
                }
                Some(turn)
            }
            None => None,
        };
        // Boxed because it is rare: every call's future would be as large as a handshake's.
        Ok((Box::pin(self.dial(upstream)).await?, false))
    }

    async fn reuse(self: &Arc<Self>, upstream: usize) -> Option<Lease> {
        if let Some(lease) = self.share(upstream) {
            return Some(lease);
        }
        let mut looked = false;
        // One that still sends the rest of a request its response did not wait for.
        let mut unready = Vec::new();
        let found = loop {
            // The one used last is the least likely to have been closed.
            let Some(Idle { mut whole, since }) = self.slot(upstream).idle.pop() else { break None };
            if since.elapsed() > FRESH && !std::mem::replace(&mut looked, true) {
                // Lets the runtime see what the sockets have to say, such as that they were closed.
                tokio::task::yield_now().await;
            }
            if poll_fn(|cx| Poll::Ready(whole.is_ready(cx))).await {
                break Some(Lease::Whole { pool: Arc::clone(self), upstream, whole });
            }
            if !whole.sender.is_closed() {
                unready.push(Idle { whole, since });
            }
        };
        if !unready.is_empty() {
            self.slot(upstream).idle.append(&mut unready);
        }
        found
    }

    fn share(&self, upstream: usize) -> Option<Lease> {
        let mut slot = self.slot(upstream);
        slot.shared.retain(|shared| !shared.sender.is_closed());
        let shared =
            slot.shared.iter_mut().find(|shared| shared.streams.load(Ordering::Relaxed) < MAX_STREAMS)?;
        shared.since = Instant::now();
        Some(Lease::Stream { sender: shared.sender.clone(), _counted: Counted::new(&shared.streams) })
    }

    async fn dial(self: &Arc<Self>, upstream: &Upstream) -> Result<Lease, Failure> {
        let stream = self.connector.connect(upstream, Offer::Any).await?;
        let plain_http2 = !upstream.is_tls() && upstream.http2 == Some(true);
        let lease = if plain_http2 || stream.negotiated_http2() {
            self.handshake2(upstream, stream).await
        } else {
            self.handshake1(upstream, stream).await
        };
        lease.map_err(|error| broke_off(upstream, &error))
    }

    async fn handshake1(self: &Arc<Self>, upstream: &Upstream, stream: Stream) -> hyper::Result<Lease> {
        let (sender, connection) = http1_builder().handshake(TokioIo::new(stream)).await?;
        let whole = Whole { sender, driver: Driver(Some(Box::pin(connection))) };
        Ok(Lease::Whole { pool: Arc::clone(self), upstream: upstream.index, whole })
    }

    async fn handshake2(self: &Arc<Self>, upstream: &Upstream, stream: Stream) -> hyper::Result<Lease> {
        let (sender, connection) = http2::Builder::new(Spawner(self.tasks.clone()))
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(self.keepalive)
            .keep_alive_timeout(PING_PATIENCE)
            .handshake(TokioIo::new(stream))
            .await?;
        self.spawn(connection);
        let streams = Arc::default();
        let counted = Counted::new(&streams);
        let mut slot = self.slot(upstream.index);
        slot.dialing.get_or_insert_default();
        slot.shared.push(Shared { sender: sender.clone(), streams, since: Instant::now() });
        Ok(Lease::Stream { sender, _counted: counted })
    }

    fn spawn(&self, connection: impl Future<Output = hyper::Result<()>> + Send + 'static) {
        self.tasks.spawn(async move { log_end(connection.await) });
    }

    fn keep(&self, upstream: usize, whole: Whole) {
        let mut slot = self.slot(upstream);
        if slot.idle.len() < self.max_idle && !whole.sender.is_closed() {
            slot.idle.push(Idle { whole, since: Instant::now() });
        }
    }

    /// Closes what has not been used for long.
    pub fn prune(&self) {
        for slot in &self.slots {
            let mut slot = lock(slot);
            slot.idle.retain_mut(|idle| {
                idle.whole.driver.drive(&mut Context::from_waker(Waker::noop()));
                idle.since.elapsed() < self.idle_timeout && !idle.whole.sender.is_closed()
            });
            slot.shared.retain(|shared| {
                let used = shared.streams.load(Ordering::Relaxed) > 0;
                !shared.sender.is_closed() && (used || shared.since.elapsed() < self.idle_timeout)
            });
        }
    }

    fn slot(&self, upstream: usize) -> MutexGuard<'_, Slot> {
        lock(&self.slots[upstream])
    }
}

fn log_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(error = describe(&error), "a connection to an upstream ended");
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How HTTP/1.1 is spoken to upstreams: names in the case the client wrote them.
pub fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true);
    builder
}

/// Writes the head for the protocol that the connection speaks.
fn prepare(request: &mut Request<RequestBody>, upstream: &Upstream, target: &Uri, version: Version) {
    *request.version_mut() = version;
    if version < Version::HTTP_2 {
        *request.uri_mut() = target.clone();
        let framed = request.headers().contains_key(CONTENT_LENGTH);
        if !framed && !request.body().is_end_stream() {
            // Said for any method: hyper leaves out the body of a GET that comes without either.
            let chunked = HeaderValue::from_static("chunked");
            request.headers_mut().entry(TRANSFER_ENCODING).or_insert(chunked);
        }
        request.headers_mut().entry(HOST).or_insert_with(|| upstream.host_header.clone());
        return;
    }
    // hyper does not tell of a 100 on HTTP/2, so it cannot be waited for.
    request.body_mut().open();
    let onward = Onward { host: &upstream.host_header, version, upgrade: false, ours: None };
    let headers = std::mem::take(request.headers_mut());
    *request.headers_mut() = headers::request(headers, &onward);
    let mut parts = target.clone().into_parts();
    parts.scheme = Some(upstream.scheme.clone());
    parts.authority = Some(upstream.authority.clone());
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

pub fn broke_off(upstream: &Upstream, error: &hyper::Error) -> Failure {
    Failure::unreachable(format!("{} broke off before it answered: {}", upstream.name, describe(error)))
}

/// Lets hyper start its tasks where they are waited for.
#[derive(Clone)]
pub struct Spawner(pub TaskTracker);

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
