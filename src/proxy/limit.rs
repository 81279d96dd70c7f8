//! A layer that sheds load: calls above the limit are answered 503 at once instead of waiting for their turn.
//!
//! tower's own concurrency limit lets go when a response's head is there; a streamed answer is under way until its last
//! byte, so the place is held by the body.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use tower::{Layer, Service};

use super::body::Body;
use super::relay::Answer;
use super::reply::Fault;

/// Counts the calls under way. Each worker has its own handle to the one count.
#[derive(Clone, Debug)]
pub struct InFlight {
    handle: Arc<Handle>,
}

/// Between a worker's many calls and the count that all workers share: what is counted is contended, who holds the
/// counter need not be.
#[derive(Debug)]
struct Handle {
    count: Arc<AtomicUsize>,
    max: usize,
}

/// One call's place. Given back when dropped.
#[derive(Debug)]
pub struct Place(Arc<Handle>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    /// At most `max` at once; 0 for no limit.
    pub fn new(max: usize) -> Self {
        let max = if max == 0 { usize::MAX } else { max };
        Self { handle: Arc::new(Handle { count: Arc::default(), max }) }
    }

    /// A handle to the same count, for another worker.
    pub fn another(&self) -> Self {
        let Handle { count, max } = &*self.handle;
        Self { handle: Arc::new(Handle { count: Arc::clone(count), max: *max }) }
    }

    pub fn count(&self) -> usize {
        self.handle.count.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Option<Place> {
        let before = self.handle.count.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.handle));
        (before < self.handle.max).then_some(place)
    }
}

impl<S> Layer<S> for InFlight {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { inner, in_flight: self.clone() }
    }
}

#[derive(Clone)]
pub struct Limited<S> {
    inner: S,
    in_flight: InFlight,
}

/// An answer that holds its call's place, first itself and then in its body.
pub struct Held {
    answer: Answer,
    place: Option<Place>,
}

impl Future for Held {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = ready!(self.answer.as_mut().poll(cx));
        if let (Ok(response), Some(place)) = (&mut answer, self.place.take()) {
            response.body_mut().hold(place);
        }
        Poll::Ready(answer)
    }
}

impl<S, B> Service<Request<B>> for Limited<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Held;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Held {
        let place = self.in_flight.enter();
        if place.is_some() {
            return Held { answer: self.inner.call(request), place };
        }
        let message = format!("{} calls are under way, which is the limit", self.in_flight.handle.max);
        Held { answer: Box::pin(std::future::ready(Ok(Fault::Busy.response(&message)))), place }
    }
}
