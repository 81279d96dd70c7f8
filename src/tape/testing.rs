//! What the room's tests share.

use std::path::PathBuf;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Method, Version};

use super::event::{Begin, Event, Record, lines_of};
use crate::model::{Direction, Ending, ExchangeId, Headers, Micros};

/// A folder of one's own, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let name = format!("wiretape-test-{:016x}", super::segment::random());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    lines_of(&map)
}

pub fn begin() -> Begin {
    Begin {
        upstream: "mock".into(),
        method: Method::POST,
        target: Some(PathAndQuery::from_static("/mock/v1/x?q=1")),
        forwarded: PathAndQuery::from_static("/v1/x?q=1"),
        version: Version::HTTP_11,
        headers: headers(&[("host", "me")]),
        labels: Vec::new(),
        upgrade: false,
    }
}

pub fn record(exchange: ExchangeId, event: Event) -> Record {
    Record { exchange, at: Micros(1_763_700_000_000_000), event }
}

pub fn data(direction: Direction, bytes: impl Into<Bytes>) -> Event {
    Event::Data(direction, bytes.into())
}

pub fn closed(direction: Direction) -> Event {
    Event::Closed { direction, ending: Ending::Complete, lost: 0 }
}

/// A whole exchange with a response of `size` bytes.
pub fn exchange(exchange: ExchangeId, size: usize) -> Vec<Record> {
    let body = Bytes::from(vec![b'x'; size]);
    [
        Event::Begin(Box::new(begin())),
        Event::Last(Direction::Request, Bytes::from_static(b"ask")),
        data(Direction::Response, body),
        closed(Direction::Response),
    ]
    .map(|event| record(exchange, event))
    .into()
}
