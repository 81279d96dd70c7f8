//! What a relay says about an exchange while it happens.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Version};

use crate::model::{Direction, Ending, ExchangeId, Headers, Label, Micros};

/// One event of one exchange, with the time it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub exchange: ExchangeId,
    pub at: Micros,
    pub event: Event,
}

/// The events of an exchange. `Begin` comes first. Each direction has its data in order, then one `Last` or `Closed`; with
/// the second of those the exchange has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Begin(Box<Begin>),
    /// An answer before the answer: 100, 103.
    Informational(StatusCode),
    Head(Box<ResponseHead>),
    Data(Direction, Bytes),
    Trailers(Direction, Headers),
    /// The last data of a direction that ended as it should.
    Last(Direction, Bytes),
    /// This direction is over. `lost` bytes of it did not fit the queue: what was kept is a prefix.
    Closed {
        direction: Direction,
        ending: Ending,
        lost: u64,
    },
}

/// The request's head, as the client sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    pub upstream: Arc<str>,
    pub method: Method,
    /// The request target as the client wrote it.
    pub target: Option<PathAndQuery>,
    /// The path and query sent on.
    pub forwarded: PathAndQuery,
    pub version: Version,
    pub headers: Headers,
    pub labels: Vec<Label>,
    /// The client asked to change protocols; what follows are that protocol's bytes.
    pub upgrade: bool,
}

/// The response's head, as the upstream sent it, or as this program answered in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseHead {
    pub status: StatusCode,
    pub version: Version,
    pub headers: Headers,
    /// This program wrote the answer because the upstream gave none.
    pub ours: bool,
}

/// A head's fields as the tape keeps them.
pub fn lines_of(map: &HeaderMap) -> Headers {
    Headers::of(|| map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}
