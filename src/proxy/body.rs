//! Bodies on their way: each chunk is handed on as it came, and a reference to it to the tap.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::Version;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::client_io::Line;
use super::expect::Gate;
use super::limit::Place;
use super::pool::Lease;
use super::word::Word;
use crate::model::{Closer, Direction, Ending};
use crate::tape::Tap;

/// Watches one direction of an exchange go by and tells the tap how it ended.
struct Watch {
    tap: Arc<Tap>,
    direction: Direction,
    /// Said when this program breaks calls off.
    kill: Word,
    open: bool,
}

impl Watch {
    /// A frame went by; `last` if nothing can follow it.
    fn frame(&mut self, frame: &Frame<Bytes>, last: bool) {
        match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) if last => {
                self.open = false;
                return self.tap.last(self.direction, data);
            }
            (Some(data), _) => self.tap.data(self.direction, data),
            (None, Some(trailers)) => self.tap.trailers(self.direction, trailers),
            (None, None) => {}
        }
        if last {
            self.close(Ending::Complete);
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
        if !self.open || self.kill.is_said() {
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

/// A client's body on its way to an upstream. Boxed: hyper keeps room for 32 requests on each connection to an upstream.
pub struct RequestBody(Box<Sending>);

struct Sending {
    inner: Incoming,
    watch: Watch,
    gate: Option<Gate>,
}

impl RequestBody {
    pub fn new(inner: Incoming, tap: &Arc<Tap>, kill: &Word, gate: Option<Gate>) -> Self {
        let direction = Direction::Request;
        let mut watch = Watch { tap: Arc::clone(tap), direction, kill: kill.clone(), open: true };
        if inner.is_end_stream() {
            watch.close(Ending::Complete);
        }
        Self(Box::new(Sending { inner, watch, gate }))
    }

    pub fn tap(&self) -> &Arc<Tap> {
        &self.0.watch.tap
    }

    /// Lets the body through without waiting for a 100.
    pub fn open(&mut self) {
        self.0.gate = None;
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self.get_mut().0;
        if let Some(gate) = &mut this.gate {
            ready!(gate.poll_open(cx));
            this.gate = None;
        }
        ready!(this.watch.tap.poll_room(cx));
        let frame = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => this.watch.frame(frame, this.inner.is_end_stream()),
            Some(Err(error)) => this.watch.failed(error),
            None => this.watch.close(Ending::Complete),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.inner.size_hint()
    }
}

/// An upstream's body on its way to a client.
pub struct ResponseBody {
    inner: Incoming,
    watch: Watch,
    /// The upstream's connection, given back for the next call when the body has ended well.
    lease: Option<Lease>,
    /// What came behind small chunks that were put together.
    next: Option<Polled>,
    /// To an HTTP/1.1 client a body that is empty is still framed as its head says: hyper takes the Content-Length of a 304
    /// away if it is told that there is no body at all.
    keep_framing: bool,
}

impl ResponseBody {
    pub fn new(inner: Incoming, tap: &Arc<Tap>, kill: &Word, lease: Option<Lease>, client: Version) -> Self {
        let direction = Direction::Response;
        let watch = Watch { tap: Arc::clone(tap), direction, kill: kill.clone(), open: true };
        let mut body = Self { inner, watch, lease, next: None, keep_framing: client < Version::HTTP_2 };
        if body.inner.is_end_stream() {
            body.complete();
        }
        body
    }

    fn complete(&mut self) {
        self.watch.close(Ending::Complete);
        self.give_back();
    }

    fn give_back(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// The next frame as the upstream sent it.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(next);
        }
        let inner = &mut self.inner;
        match &mut self.lease {
            Some(lease) => lease.poll(cx, |cx| Pin::new(&mut *inner).poll_frame(cx)),
            None => Pin::new(inner).poll_frame(cx),
        }
    }

    /// Puts small chunks that have all arrived already into one: each would cost as much again on the way out, and they
    /// leave together in any case.
    fn merge(&mut self, cx: &mut Context<'_>, first: Frame<Bytes>) -> Frame<Bytes> {
        let first = match first.into_data() {
            Ok(data) if data.len() < MERGE_BELOW && !self.inner.is_end_stream() => data,
            Ok(data) => return Frame::data(data),
            Err(other) => return other,
        };
        let mut merged = BytesMut::new();
        while merged.len() < MERGE_BELOW && !self.inner.is_end_stream() {
            let Poll::Ready(next) = self.poll_next(cx) else { break };
            match next.map(|next| next.map(Frame::into_data)) {
                Some(Ok(Ok(data))) if data.len() < MERGE_BELOW => {
                    if merged.is_empty() {
                        merged.extend_from_slice(&first);
                    }
                    merged.extend_from_slice(&data);
                }
                other => {
                    let other =
                        other.map(|other| other.map(|data| data.map_or_else(|frame| frame, Frame::data)));
                    self.next = Some(other);
                    break;
                }
            }
        }
        Frame::data(if merged.is_empty() { first } else { merged.freeze() })
    }
}

type Polled = Option<Result<Frame<Bytes>, hyper::Error>>;

/// Chunks smaller than this are put together, up to about this.
const MERGE_BELOW: usize = 8 << 10;

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Polled> {
        let this = self.get_mut();
        if !this.watch.open {
            return Poll::Ready(None);
        }
        ready!(this.watch.tap.poll_room(cx));
        Poll::Ready(match ready!(this.poll_next(cx)) {
            Some(Ok(frame)) => {
                let frame = this.merge(cx, frame);
                let last = this.next.is_none() && this.inner.is_end_stream();
                this.watch.frame(&frame, last);
                if last {
                    this.give_back();
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => {
                this.watch.failed(&error);
                Some(Err(error))
            }
            None => {
                this.complete();
                None
            }
        })
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
    place: Option<Place>,
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

    /// Tells the connection when this is over.
    pub fn tell_end(&mut self, line: Arc<Line>) {
        self.on_line = Some(OnLine(line));
    }

    /// Keeps the call's place until this is over.
    pub fn hold(&mut self, place: Place) {
        self.place = Some(place);
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
