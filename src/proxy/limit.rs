//! A layer that sheds load: calls above the limit are answered 503 at once instead of waiting for their turn.
//!
//! tower's own concurrency limit lets go when a response's head is there; a streamed answer is under way until its last
//! byte, so the place is held by the body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower::{Layer, Service};

use super::body::Body;
use super::relay::Answer;
use super::reply::Fault;

/// Counts the calls under way. Shared by all workers.
#[derive(Clone, Debug)]
pub struct InFlight {
    count: Arc<AtomicUsize>,
    max: usize,
}

/// One call's place. Given back when dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl InFlight {
    /// At most `max` at once; 0 for no limit.
    pub fn new(max: usize) -> Self {
        Self { count: Arc::default(), max: if max == 0 { usize::MAX } else { max } }
    }

    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn enter(&self) -> Option<Place> {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&self.count));
        (before < self.max).then_some(place)
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

impl<S, B> Service<Request<B>> for Limited<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = std::convert::Infallible, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Answer {
        match self.in_flight.enter() {
            Some(place) => {
                request.extensions_mut().insert(Arc::new(place));
                self.inner.call(request)
            }
            None => {
                let message = format!("{} calls are under way, which is the limit", self.in_flight.max);
                Box::pin(std::future::ready(Ok(Fault::Busy.response(&message))))
            }
        }
    }
}
