//! Exchanges that were let go of in memory and are over: small ones are read back from the tape together, in one pass.

use std::collections::HashMap;

use super::gather::Open;
use crate::model::{Direction, Exchange, ExchangeId};

/// Read back together are no more bytes than this, about, unless it is one exchange.
const BYTES: usize = 8 << 20;

/// What is to be read back.
#[derive(Default)]
pub struct Behind {
    waiting: HashMap<ExchangeId, Open>,
    bytes: usize,
}

impl Behind {
    /// One more. `true`: it is time to read them.
    pub fn put(&mut self, id: ExchangeId, open: Open) -> bool {
        self.bytes = self.bytes.saturating_add(open.let_go);
        self.waiting.insert(id, open);
        self.bytes >= BYTES
    }

    pub fn take(&mut self) -> HashMap<ExchangeId, Open> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

/// What the tape has of an exchange, with what is known here alone: how it ended, of one that was cut off or while the tape
/// could not be written.
pub fn joined(open: Open, mut found: Exchange) -> Exchange {
    for direction in [Direction::Request, Direction::Response] {
        let end = open.exchange.body(direction).end.clone();
        let body = found.body_mut(direction);
        body.end = body.end.take().or(end);
    }
    found.head = found.head.take().or(open.exchange.head);
    found
}

/// An exchange of which the tape has nothing.
pub fn without_bodies(open: Open) -> Exchange {
    let mut exchange = open.whole();
    for direction in [Direction::Request, Direction::Response] {
        let body = exchange.body_mut(direction);
        body.lost += body.chunks.drain(..).map(|chunk| chunk.length).sum::<u64>();
    }
    exchange
}
