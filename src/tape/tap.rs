//! A tap: one exchange's line to the tape. Dropping it is an end too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::event::{Begin, Event, Record, ResponseHead, lines_of};
use super::queue::Queue;
use crate::model::{Closer, Direction, Ending, ExchangeId, Micros};

/// Shared by the two bodies of an exchange; the last one dropped ends it.
///
/// Invariant: each direction's end, promised when the exchange began, is pushed exactly once, behind its data.
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
        let size = begin.forwarded.as_str().len() + begin.headers.as_bytes().len();
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

    /// Ready when there is room for more: at once, unless this program was told to wait for it.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.queue.poll_room(cx)
    }

    pub fn informational(&self, status: StatusCode) {
        self.push(Event::Informational(status), 0);
    }

    pub fn response_head(&self, head: ResponseHead) {
        self.answered.store(true, Ordering::Relaxed);
        let size = head.headers.as_bytes().len();
        self.push(Event::Head(Box::new(head)), size);
    }

    /// Whether a response's head has gone by.
    pub fn has_answer(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Whether this direction is over.
    pub fn has_closed(&self, direction: Direction) -> bool {
        self.side(direction).closed.load(Ordering::Relaxed)
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
            let trailers = lines_of(trailers);
            let size = trailers.as_bytes().len();
            self.push(Event::Trailers(direction, trailers), size);
        }
    }

    /// The last chunk went by, and with it the direction ended well.
    pub fn last(&self, direction: Direction, bytes: &Bytes) {
        let side = self.side(direction);
        if !self.silent && side.lost.load(Ordering::Relaxed) == 0 && !side.closed.load(Ordering::Relaxed) {
            let record = self.record(Event::Last(direction, bytes.clone()));
            if self.queue.push_last(record, bytes.len()) {
                side.closed.store(true, Ordering::Relaxed);
                return;
            }
        }
        self.data(direction, bytes);
        self.closed(direction, Ending::Complete);
    }

    /// This direction is over. Only the first call counts.
    pub fn closed(&self, direction: Direction, ending: Ending) {
        let side = self.side(direction);
        if side.closed.swap(true, Ordering::Relaxed) || self.silent {
            return;
        }
        let lost = side.lost.load(Ordering::Relaxed);
        self.queue.push_promised(self.record(Event::Closed { direction, ending, lost }));
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    fn push(&self, event: Event, size: usize) -> bool {
        !self.silent && self.queue.push(self.record(event), size)
    }

    fn record(&self, event: Event) -> Record {
        Record { exchange: self.id, at: Micros::now(), event }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // Whoever held a body that was still open has gone without a word: the connection's task was dropped.
        for direction in [Direction::Request, Direction::Response] {
            if !self.has_closed(direction) {
                let why = "the relay was stopped".to_owned();
                self.closed(direction, Ending::Broken { by: Closer::Us, why });
            }
        }
    }
}
