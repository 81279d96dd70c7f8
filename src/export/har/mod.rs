//! HTTP Archive 1.2: what was on the wire, for the tools that open such files, and back.
//!
//! An exchange is an entry. What the format has no field for stands in `_wiretape`, so that an entry comes back as the
//! exchange that it was, but for a content-encoding, which archives do without.

mod host;
mod message;
mod read;
mod socket;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::encode::{EncodeError, Encoder, Wire};
use super::format::{Format, Takes};
use super::raw;
use super::wanted::Origin;
use crate::model::{Exchange, Micros};

pub use host::upstream;
pub use read::{Entries, exchange};

pub const FORMAT: Format = Format {
    name: "har",
    extension: "har",
    media_type: "application/json",
    help: "HTTP Archive 1.2: what was on the wire; import takes it in.",
    is_binary: false,
    takes: Takes::Wires(|wanted| Box::new(Har { origins: Arc::clone(&wanted.origins), is_first: true })),
};

struct Har {
    origins: Arc<Vec<Origin>>,
    is_first: bool,
}

impl Encoder<Wire> for Har {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let creator = json!({"name": "wiretape", "version": env!("CARGO_PKG_VERSION")});
        let head = format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[");
        out.extend_from_slice(head.as_bytes());
        Ok(())
    }

    fn put(&mut self, wire: &Wire, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        out.extend_from_slice(if self.is_first { b"\n" } else { b",\n" });
        self.is_first = false;
        out.extend_from_slice(entry(wire, &self.origins).to_string().as_bytes());
        Ok(1)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(b"\n]}}\n");
        Ok(())
    }
}

fn entry(Wire { exchange, observations }: &Wire, origins: &[Origin]) -> Value {
    let timings = timings(exchange);
    let is_socket = exchange.upgrade && exchange.head.as_ref().is_some_and(|head| head.status == 101);
    let mut entry = json!({
        "startedDateTime": exchange.began.rfc3339(),
        "time": timings.iter().map(|(_, took)| took).sum::<f64>(),
        "request": message::request(exchange, &url(exchange, origins), is_socket),
        "response": message::response(exchange, is_socket),
        "cache": {},
        "timings": timings.iter().map(|(name, took)| ((*name).to_owned(), json!(took))).collect::<Map<_, _>>(),
        "_wiretape": ours(exchange, observations.iter().map(|one| one.id.to_string())),
    });
    if is_socket {
        entry["_resourceType"] = "websocket".into();
        entry["_webSocketMessages"] = socket::messages(exchange);
    }
    entry
}

/// What the format has no field for.
fn ours(exchange: &Exchange, observations: impl Iterator<Item = String>) -> Value {
    let mut raw = raw::to_json(exchange);
    for side in ["request", "response"] {
        if let Some(side) = raw.get_mut(side).and_then(Value::as_object_mut) {
            side.retain(|key, _| !matches!(key.as_str(), "method" | "headers" | "body" | "body_b64"));
        }
    }
    if let Some(raw) = raw.as_object_mut() {
        raw.insert("exchange_id".to_owned(), exchange.id.to_string().into());
        raw.insert("observations".to_owned(), observations.map(Value::from).collect());
    }
    raw
}

/// The URL that was called. Where an upstream went is in the configuration; of one that is no longer there, the name.
fn url(exchange: &Exchange, origins: &[Origin]) -> String {
    let origin = origins.iter().find(|origin| origin.upstream == exchange.upstream);
    let origin = origin.map_or_else(|| format!("http://{}", exchange.upstream), |origin| origin.url.clone());
    // The prefix of a user's own URL is in the path already.
    let scheme = origin.find("://").map_or(0, |at| at + 3);
    let end = origin.get(scheme..).and_then(|rest| rest.find('/')).map_or(origin.len(), |at| scheme + at);
    format!("{}{}", origin.get(..end).unwrap_or_default(), exchange.forwarded)
}

/// How long it took to send, to wait and to receive, in milliseconds.
fn timings(exchange: &Exchange) -> [(&'static str, f64); 3] {
    let end = exchange.ended().unwrap_or(exchange.began);
    let answered = exchange.head.as_ref().map_or(end, |head| head.at);
    let sent = exchange.request.end.as_ref().map_or(exchange.began, |(at, _)| *at).min(answered);
    [
        ("send", between(exchange.began, sent)),
        ("wait", between(sent, answered)),
        ("receive", between(answered, end)),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a call does not take centuries")]
fn between(from: Micros, to: Micros) -> f64 {
    to.0.saturating_sub(from.0) as f64 / 1000.0
}
