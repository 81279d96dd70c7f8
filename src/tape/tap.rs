//! A tap: one exchange's line to the tape. Dropping it is an end too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::event::{Begin, Event, Record, ResponseHead};
use super::queue::Queue;
use crate::model::{Closer, Direction, Ending, ExchangeId, Micros};

/// Shared by the two bodies of an exchange; the last one dropped ends it.
///
/// Invariant: every event promised when the exchange began is pushed exactly once, in order: each direction's data, its
/// `Closed`, and after both of those, `End`.
pub struct Tap {
    queue: Arc<Queue>,
    id: ExchangeId,
    /// Nothing of this exchange is recorded: its beginning did not fit.
    silent: bool,
    request: Side,
    response: Side,
    answered: AtomicBool,
}

#[derive(Default)]
struct Side {
    closed: AtomicBool,
    lost: AtomicU64,
}

impl Tap {
    /// Begins an exchange.
    pub fn begin(queue: &Arc<Queue>, id: ExchangeId, begin: Begin) -> Self {
        let size = begin.target.len() + begin.forwarded.len() + header_bytes(&begin.headers);
        let record = Record { exchange: id, at: Micros::now(), event: Event::Begin(Box::new(begin)) };
        let taken = queue.begin(record, size);
        Self {
            queue: Arc::clone(queue),
            id,
            silent: !taken,
            request: Side::default(),
            response: Side::default(),
            answered: AtomicBool::new(false),
        }
    }

    pub fn informational(&self, status: StatusCode) {
        self.push(Event::Informational(status), 0);
    }

    pub fn response_head(&self, head: ResponseHead) {
        self.answered.store(true, Ordering::Relaxed);
        let size = header_bytes(&head.headers);
        self.push(Event::Head(Box::new(head)), size);
    }

    /// Whether a response's head has gone by.
    pub fn has_answer(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// A chunk went by. Once one did not fit, the rest of that direction is left out: cut, never holed.
    pub fn data(&self, direction: Direction, bytes: &Bytes) {
        if self.silent || bytes.is_empty() {
            return;
        }
        let side = self.side(direction);
        let cut = side.lost.load(Ordering::Relaxed) > 0;
        if !cut && self.push(Event::Data(direction, bytes.clone()), bytes.len()) {
            return;
        }
        if side.lost.fetch_add(bytes.len() as u64, Ordering::Relaxed) == 0 {
            self.queue.count_cut();
        }
        self.queue.count_lost(bytes.len());
    }

    pub fn trailers(&self, direction: Direction, trailers: &HeaderMap) {
        if self.side(direction).lost.load(Ordering::Relaxed) == 0 {
            self.push(Event::Trailers(direction, Box::new(trailers.clone())), header_bytes(trailers));
        }
    }

    /// This direction is over. Only the first call counts.
    pub fn closed(&self, direction: Direction, ending: Ending) {
        let side = self.side(direction);
        if self.silent || side.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let lost = side.lost.load(Ordering::Relaxed);
        self.push_promised(Event::Closed { direction, ending, lost });
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    fn push(&self, event: Event, size: usize) -> bool {
        !self.silent && self.queue.push(Record { exchange: self.id, at: Micros::now(), event }, size)
    }

    fn push_promised(&self, event: Event) {
        self.queue.push_promised(Record { exchange: self.id, at: Micros::now(), event });
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if self.silent {
            return;
        }
        // Whoever held a body that was still open has gone without a word: the connection's task was dropped.
        let ending = || Ending::Broken { by: Closer::Us, why: "the relay was stopped".to_owned() };
        self.closed(Direction::Request, ending());
        self.closed(Direction::Response, ending());
        self.push_promised(Event::End);
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}
