//! Bodies on their way: each chunk is handed on as it came, and a reference to it to the tap.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Version;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::client_io::Line;
use super::expect::Gate;
use super::limit::Place;
use super::pool::Lease;
use crate::model::{Closer, Direction, Ending};
use crate::tape::Tap;

/// Watches one direction of an exchange go by and tells the tap how it ended.
struct Watch {
    tap: Arc<Tap>,
    direction: Direction,
    /// Cancelled when this program breaks calls off.
    kill: CancellationToken,
    open: bool,
}

impl Watch {
    fn frame(&self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.tap.data(self.direction, data);
        } else if let Some(trailers) = frame.trailers_ref() {
            self.tap.trailers(self.direction, trailers);
        }
    }

    fn close(&mut self, ending: Ending) {
        self.open = false;
        self.tap.closed(self.direction, ending);
    }

    fn failed(&mut self, error: &hyper::Error) {
        let by = match self.direction {
            Direction::Request => Closer::Client,
            Direction::Response => Closer::Upstream,
        };
        self.close(Ending::Broken { by, why: describe(error) });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // When this program broke it off, the tap's own end says so.
        if !self.open || self.kill.is_cancelled() {
            return;
        }
        // Nobody wants the rest: of a request, the upstream once it has answered; else, the client has left.
        let by = match self.direction {
            Direction::Request if self.tap.has_answer() => Closer::Upstream,
            Direction::Request | Direction::Response => Closer::Client,
        };
        let why = match by {
            Closer::Upstream => "answered without reading all of it",
            Closer::Client | Closer::Us => "left before the end",
        };
        self.close(Ending::Broken { by, why: why.to_owned() });
    }
}

/// An error with what caused it, in one line.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// A client's body on its way to an upstream.
pub struct RequestBody {
    inner: Incoming,
    watch: Watch,
    gate: Option<Gate>,
}

impl RequestBody {
    pub fn new(inner: Incoming, tap: &Arc<Tap>, kill: &CancellationToken, gate: Option<Gate>) -> Self {
        let direction = Direction::Request;
        let mut watch = Watch { tap: Arc::clone(tap), direction, kill: kill.clone(), open: true };
        if inner.is_end_stream() {
            watch.close(Ending::Complete);
        }
        Self { inner, watch, gate }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(gate) = &mut this.gate {
            ready!(gate.poll_open(cx));
            this.gate = None;
        }
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                this.watch.frame(frame);
                if this.inner.is_end_stream() {
                    this.watch.close(Ending::Complete);
                }
            }
            Some(Err(error)) => this.watch.failed(error),
            None => this.watch.close(Ending::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An upstream's body on its way to a client.
pub struct ResponseBody {
    inner: Incoming,
    watch: Watch,
    /// The upstream's connection, given back for the next call when the body has ended well.
    lease: Option<Lease>,
    /// To an HTTP/1.1 client a body that is empty is still framed as its head says: hyper takes the Content-Length of a 304
    /// away if it is told that there is no body at all.
    keep_framing: bool,
}

impl ResponseBody {
    pub fn new(
        inner: Incoming,
        tap: &Arc<Tap>,
        kill: &CancellationToken,
        lease: Option<Lease>,
        client: Version,
    ) -> Self {
        let direction = Direction::Response;
        let watch = Watch { tap: Arc::clone(tap), direction, kill: kill.clone(), open: true };
        let mut body = Self { inner, watch, lease, keep_framing: client < Version::HTTP_2 };
        if body.inner.is_end_stream() {
            body.complete();
        }
        body
    }

    fn complete(&mut self) {
        self.watch.close(Ending::Complete);
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if !this.watch.open {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                this.watch.frame(frame);
                if this.inner.is_end_stream() {
                    this.complete();
                }
            }
            Some(Err(error)) => this.watch.failed(error),
            None => this.complete(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        !self.keep_framing && !self.watch.open
    }

    /// Unknown on purpose: the head says how long the body is, if anyone said; hyper would add a header otherwise.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// What a client is answered with.
pub struct Body {
    kind: Kind,
    /// Tells the connection when the answer is over.
    on_line: Option<OnLine>,
    /// The call's place among those under way.
    place: Option<Arc<Place>>,
}

enum Kind {
    Own(Full<Bytes>),
    Relayed(ResponseBody),
}

struct OnLine(Arc<Line>);

impl Drop for OnLine {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Body {
    pub fn own(bytes: Bytes) -> Self {
        Self { kind: Kind::Own(Full::new(bytes)), on_line: None, place: None }
    }

    pub fn relayed(body: ResponseBody) -> Self {
        Self { kind: Kind::Relayed(body), on_line: None, place: None }
    }

    pub fn hold(&mut self, line: Option<Arc<Line>>, place: Option<Arc<Place>>) {
        self.on_line = line.map(OnLine);
        self.place = place;
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.get_mut().kind {
            Kind::Own(full) => Pin::new(full).poll_frame(cx).map_err(|never| match never {}),
            Kind::Relayed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Own(full) => full.is_end_stream(),
            Kind::Relayed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Own(full) => full.size_hint(),
            Kind::Relayed(body) => body.size_hint(),
        }
    }
}
