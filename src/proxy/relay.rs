//! One call: routed, begun on the tape, sent on, answered.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::auth::Spent;
use super::body::{Body, RequestBody, ResponseBody};
use super::client_io::Line;
use super::connect::Failure;
use super::expect::{Gate, Opener};
use super::headers::{self, Onward};
use super::label;
use super::pool::{Lease, Pool};
use super::reply::{Fault, TOO_LARGE};
use super::route::{Destination, Router};
use super::tunnel;
use super::upstream::Upstream;
use super::word::Word;
use crate::model::{Closer, Direction, Ending, ExchangeId, Micros};
use crate::tape::{Begin, Queue, ResponseHead, Tap, lines_of};

/// How long a call waits to begin where none goes unrecorded.
const ROOM_PATIENCE: Duration = Duration::from_secs(10);

/// What a service of this room answers: a call never fails, it is answered with what went wrong.
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What all calls of one worker share.
pub struct Shared {
    pub router: Arc<Router>,
    pub pool: Arc<Pool>,
    pub queue: Arc<Queue>,
    /// Tells this process's exchanges from another's.
    pub process: u64,
    pub response_timeout: Option<Duration>,
    pub max_header_bytes: usize,
    /// Calls under way are to be broken off.
    pub kill: Word,
    /// Clients' connections and tunnels: what a graceful stop waits for.
    pub calls: TaskTracker,
}

/// The innermost service, one a connection.
#[derive(Clone)]
pub struct Relay {
    pub shared: Arc<Shared>,
    /// The connection's line, on HTTP/1.1.
    pub line: Option<Arc<Line>>,
}

impl Service<Request<Incoming>> for Relay {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Answer {
        let relay = self.clone();
        Box::pin(async move {
            if let Some(line) = &relay.line {
                poll_fn(|cx| {
                    line.begin(cx.waker());
                    Poll::Ready(())
                })
                .await;
            }
            let mut response = relay.call(request).await;
            // After an upgrade the call goes on for as long as the connection does.
            if let Some(line) = relay.line.filter(|_| response.status() != StatusCode::SWITCHING_PROTOCOLS) {
                response.body_mut().tell_end(line);
            }
            Ok(response)
        })
    }
}

/// One call as it is sent on.
pub struct Call {
    pub upstream: Arc<Upstream>,
    pub request: Request<RequestBody>,
    pub tap: Arc<Tap>,
    pub client: Version,
}

impl Relay {
    async fn call(&self, mut request: Request<Incoming>) -> Response<Body> {
        // hyper looks at its limit between reads, and one read can bring more than twice as much.
        let size: usize =
            request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        if size > self.shared.max_header_bytes {
            return Fault::TooLarge.response(TOO_LARGE);
        }
        let destination = self.shared.router.route(request.method(), request.uri(), request.headers());
        let destination = match destination {
            Ok(destination) => destination,
            Err(why) => return Fault::NoRoute.response(&why.0),
        };
        if self.shared.queue.blocks() && !self.has_room().await {
            return Fault::Busy.response("nothing can be recorded now, and tape.on_overload is \"block\"");
        }
        let upgrading = asks_upgrade(&request).then(|| hyper::upgrade::on(&mut request));
        let call = self.begin(request, destination, upgrading.is_some());
        let (tap, client) = (Arc::clone(&call.tap), call.client);
        let sending = async {
            match upgrading {
                // Boxed because it is rare: every call's future would be as large as its largest branch.
                Some(upgrading) => Box::pin(tunnel::relay(&self.shared, call, upgrading)).await,
                None => self.send(call).await,
            }
        };
        let outcome = match self.shared.response_timeout {
            None => sending.await,
            Some(limit) => match tokio::time::timeout(limit, sending).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    Err(Failure::timed_out(format!("no answer after {limit:?} (proxy.response_timeout)")))
                }
            },
        };
        match outcome {
            Ok(response) => response,
            Err(failure) => failed(&tap, client, &failure),
        }
    }

    /// Waits for room on the tape.
    async fn has_room(&self) -> bool {
        let room = std::future::poll_fn(|cx| self.shared.queue.poll_room(cx));
        tokio::time::timeout(ROOM_PATIENCE, room).await.is_ok()
    }

    /// Begins the exchange on the tape and makes the request that goes on.
    fn begin(&self, request: Request<Incoming>, destination: Destination, upgrade: bool) -> Call {
        let (parts, body) = request.into_parts();
        let Parts { method, uri, version, headers, mut extensions, .. } = parts;
        let Destination { upstream, target, mut labels } = destination;
        let ours = extensions.remove::<Spent>().map(|Spent(name)| name);
        let expects = version == Version::HTTP_11 && headers::expects_continue(&headers);
        labels.extend(label::from_headers(&headers));
        let told = labels.len();
        labels.retain(|label| label.key != label::TOKEN);
        // A target that carried the token is not for the tape.
        let target_kept = if labels.len() == told { uri.into_parts().path_and_query } else { None };
        let id = ExchangeId::new(Micros::now(), self.shared.process);
        let begin = Begin {
            upstream: Arc::clone(&upstream.name),
            method: method.clone(),
            target: target_kept,
            forwarded: target.clone(),
            version,
            headers: lines_of(&headers),
            labels,
            upgrade,
        };
        let tap = Arc::new(Tap::begin(&self.shared.queue, id, begin));
        let onward = Onward { host: &upstream.host_header, version: Version::HTTP_11, upgrade, ours };
        let opener = expects.then(Opener::default);
        let gate = opener.clone().map(Gate::new);
        let body = RequestBody::new(body, &tap, &self.shared.kill, gate);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(target);
        *request.headers_mut() = headers::request(headers, &onward);
        // Holds the names' case as the client wrote them.
        *request.extensions_mut() = extensions;
        self.listen_for_early(&mut request, &tap, opener);
        Call { upstream, request, tap, client: version }
    }

    /// Informational responses go on as they come; a 100 lets the client's body through.
    fn listen_for_early(&self, request: &mut Request<RequestBody>, tap: &Arc<Tap>, opener: Option<Opener>) {
        // On HTTP/2 hyper can neither tell of them nor send them.
        let Some(line) = self.line.clone() else { return };
        let tap = Arc::downgrade(tap);
        hyper::ext::on_informational(request, move |early| {
            if let Some(tap) = tap.upgrade() {
                tap.informational(early.status());
            }
            match (&opener, early.status()) {
                // hyper writes the 100 itself when the body is read.
                (Some(opener), StatusCode::CONTINUE) => opener.open(),
                (_, status) => line.send_early(status, early.headers()),
            }
        });
    }

    async fn send(&self, call: Call) -> Result<Response<Body>, Failure> {
        let Call { upstream, request, tap, client } = call;
        let (response, lease) = self.shared.pool.send(&upstream, request).await?;
        Ok(answer(response, Some(lease), &tap, client, &self.shared.kill))
    }
}

/// Whether a call is to change protocols. An offer of h2c is between the client and us, and declined by silence.
fn asks_upgrade(request: &Request<Incoming>) -> bool {
    let h2c = || {
        let upgrade = request.headers().get(http::header::UPGRADE);
        upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"h2c"))
    };
    headers::asks_upgrade(request.headers(), request.version()) && !h2c()
}

/// The upstream's response, to be handed on.
pub fn answer(
    response: Response<Incoming>,
    lease: Option<Lease>,
    tap: &Arc<Tap>,
    client: Version,
    kill: &Word,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let (status, version) = (parts.status, parts.version);
    tap.response_head(ResponseHead { status, version, headers: lines_of(&parts.headers), ours: false });
    if !headers::is_clean(&parts.headers) {
        parts.headers = headers::response(parts.headers, false);
    }
    parts.version = client;
    Response::from_parts(parts, Body::relayed(ResponseBody::new(body, tap, kill, lease, client)))
}

/// Answers in the upstream's place, and says so on the tape.
fn failed(tap: &Tap, client: Version, failure: &Failure) -> Response<Body> {
    tracing::warn!(message = failure.message, "an upstream could not answer");
    let mut response = failure.fault.response(&failure.message);
    *response.version_mut() = client;
    let headers = lines_of(response.headers());
    tap.response_head(ResponseHead { status: response.status(), version: client, headers, ours: true });
    tap.data(Direction::Response, &failure.fault.json(&failure.message));
    let by = if failure.fault == Fault::TimedOut { Closer::Us } else { Closer::Upstream };
    tap.closed(Direction::Response, Ending::Broken { by, why: failure.message.clone() });
    response
}
