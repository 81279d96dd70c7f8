//! What a relay says about an exchange while it happens.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version};

use crate::model::{Direction, Ending, ExchangeId, Label, Micros};

/// One event of one exchange, with the time it happened.
#[derive(Debug)]
pub struct Record {
    pub exchange: ExchangeId,
    pub at: Micros,
    pub event: Event,
}

/// The events of an exchange. `Begin` comes first and `End` last, once each; between them each direction has its data
/// in order, then `Closed`.
#[derive(Debug)]
pub enum Event {
    Begin(Box<Begin>),
    /// An answer before the answer: 100, 103.
    Informational(StatusCode),
    Head(Box<ResponseHead>),
    Data(Direction, Bytes),
    Trailers(Direction, Box<HeaderMap>),
    /// This direction is over. `lost` bytes of it did not fit the queue: what was kept is a prefix.
    Closed {
        direction: Direction,
        ending: Ending,
        lost: u64,
    },
    /// Nothing more will come.
    End,
}

/// The request's head, as the client sent it.
#[derive(Debug)]
pub struct Begin {
    pub upstream: std::sync::Arc<str>,
    pub method: Method,
    /// The request target as the client wrote it.
    pub target: String,
    /// The path and query sent on.
    pub forwarded: String,
    pub version: Version,
    pub headers: HeaderMap,
    pub labels: Vec<Label>,
    /// The client asked to change protocols; what follows are that protocol's bytes.
    pub upgrade: bool,
}

/// The response's head, as the upstream sent it, or as this program answered in its place.
#[derive(Debug)]
pub struct ResponseHead {
    pub status: StatusCode,
    pub version: Version,
    pub headers: HeaderMap,
    /// This program wrote the answer because the upstream gave none.
    pub ours: bool,
}
