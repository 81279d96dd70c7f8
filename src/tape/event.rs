//! What a relay says about an exchange while it happens.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Version};

use crate::model::{Direction, Ending, ExchangeId, Label, Micros};

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

/// Headers in one piece of memory: `name: value` lines that end in CR LF, names in lower case.
///
/// A map of them would share its memory with the relay that still works on it, and each value would be counted and let
/// go of on two threads; copying a head is cheaper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Box<[u8]>);

impl Headers {
    pub fn of(map: &HeaderMap) -> Self {
        let size = map.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let mut bytes = Vec::with_capacity(size);
        for (name, value) in map {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        Self(bytes.into_boxed_slice())
    }

    /// Lines as `as_bytes` gives them. What is no such line is kept, and skipped by `iter`.
    pub fn from_lines(lines: impl Into<Box<[u8]>>) -> Self {
        Self(lines.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // A value holds no CR or LF: the map it came from allows none.
        self.0.split(|&byte| byte == b'\n').filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let colon = line.iter().position(|&byte| byte == b':')?;
            Some((std::str::from_utf8(&line[..colon]).ok()?, line.get(colon + 2..)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were() {
        let mut map = HeaderMap::new();
        map.append("x-dup", "1".parse().unwrap());
        map.append("x-empty", "".parse().unwrap());
        map.append("x-dup", "a: b".parse().unwrap());
        map.append("x-high", http::HeaderValue::from_bytes(b"caf\xe9").unwrap());
        let headers = Headers::of(&map);
        let expected: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), expected);
    }
}
