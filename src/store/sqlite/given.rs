//! What columns say of a head, key by key: to make the head again, and to find what of it they do not say. Pure.

use serde_json::{Map, Value, json};

use super::columns::{Columns, SOURCES, TOKENS, WORDS};
use super::head::Head;
use crate::model::{ExchangeId, Kind, Micros, Status, Usd};
use crate::trace::CALLER_SPAN;

/// The keys in an object of which columns may say something.
const USAGE: [&str; 6] = ["input", "output", "cache_read", "cache_write", "reasoning", "source"];
const ERROR: [&str; 1] = ["type"];
const CLIENT: [&str; 1] = ["name"];
const COST: [&str; 1] = ["total"];

/// What columns say under a key.
enum Given<'a> {
    /// So many digits.
    Hex(u128, usize),
    Text(&'a str),
    Time(Micros),
    /// From microseconds.
    Millis(i64),
    Is(bool),
    Count(i64),
    Picos(i64),
    Tags(&'a [String]),
    Exchange(ExchangeId),
    /// Something under these keys.
    Object(&'static [&'static str]),
}

impl Given<'_> {
    /// `None` for an object.
    fn to_json(&self) -> Option<Value> {
        Some(match self {
            Self::Hex(number, digits) => format!("{number:0digits$x}").into(),
            Self::Text(text) => (*text).into(),
            Self::Time(at) => at.rfc3339().into(),
            Self::Millis(micros) => millis(*micros).into(),
            Self::Is(is) => (*is).into(),
            Self::Count(count) => (*count).into(),
            Self::Picos(picos) => Usd::from_picos(i128::from(*picos)).to_json(),
            Self::Tags(tags) => json!(tags),
            Self::Exchange(exchange) => exchange.to_string().into(),
            Self::Object(_) => return None,
        })
    }

    /// Whether this is what is made of it.
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Hex(number, digits), Value::String(text)) => is_hex(text, *number, *digits),
            (Self::Text(own), Value::String(text)) => own == text,
            (Self::Time(at), Value::String(text)) => at.rfc3339() == *text,
            (Self::Millis(micros), Value::Number(number)) => {
                number.is_f64() && number.as_f64() == Some(millis(*micros))
            }
            (Self::Is(own), Value::Bool(is)) => own == is,
            (Self::Count(own), Value::Number(number)) => number.as_i64() == Some(*own),
            (Self::Picos(_), Value::Number(_)) => self.to_json().as_ref() == Some(value),
            (Self::Tags(tags), Value::Array(list)) => {
                tags.len() == list.len() && tags.iter().zip(list).all(|(tag, one)| *one == **tag)
            }
            (Self::Exchange(exchange), Value::String(text)) => {
                is_hex(text, u128::from_be_bytes(exchange.to_bytes()), 32)
            }
            _ => false,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a call does not take centuries")]
fn millis(micros: i64) -> f64 {
    micros.max(0) as f64 / 1000.0
}

fn is_hex(text: &str, mut number: u128, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().rev().all(|byte| {
            let digit = b"0123456789abcdef"[(number & 0xf) as usize];
            number >>= 4;
            byte == digit
        })
}

impl Columns {
    fn given(&self, key: &str, exchange: Option<ExchangeId>) -> Option<Given<'_>> {
        let id = |id: u64| Given::Hex(id.into(), 16);
        let after = |after: i64| Given::Time(Micros(self.start.saturating_add(after).max(0).cast_unsigned()));
        let any = |is: bool, keys: &'static [&'static str]| is.then_some(Given::Object(keys));
        match key {
            "id" => Some(id(self.id)),
            "trace_id" => self.trace.map(|trace| Given::Hex(trace, 32)),
            "session_id" => self.session.as_deref().map(Given::Text),
            "parent_id" => self.parent.map(id),
            CALLER_SPAN => self.parent.filter(|_| self.callers).map(id),
            "prior_id" => self.prior.map(id),
            "type" => Kind::ALL.get(usize::from(self.kind)).map(|kind| Given::Text(kind.name())),
            "start_time" => Some(after(0)),
            "first_token_time" => self.ttft.map(after),
            "end_time" => self.took.map(after),
            "duration_ms" => self.took.map(Given::Millis),
            "ttft_ms" => self.ttft.map(Given::Millis),
            "status" => Status::ALL.get(usize::from(self.status)).map(|status| Given::Text(status.name())),
            "response_id" => self.response_id.as_deref().map(Given::Text),
            "streamed" => self.streamed.map(Given::Is),
            "usage" => any(USAGE.iter().any(|inner| self.given_in(key, inner).is_some()), &USAGE),
            "error" => any(self.given_in(key, ERROR[0]).is_some(), &ERROR),
            "client" => any(self.given_in(key, CLIENT[0]).is_some(), &CLIENT),
            "cost" => any(self.cost.is_some(), &COST),
            "http_status" => self.http_status.map(|status| Given::Count(status.into())),
            "attempt" => self.attempt.map(|attempt| Given::Count(attempt.into())),
            "tags" => (!self.tags.is_empty()).then_some(Given::Tags(&self.tags)),
            "exchange_id" => exchange.map(Given::Exchange),
            "exchange_index" => (self.place > 0).then_some(Given::Count(self.place.into())),
            _ => self.word(&[key]),
        }
    }

    /// What they say within an object.
    fn given_in(&self, key: &str, inner: &str) -> Option<Given<'_>> {
        match (key, inner) {
            ("usage", "source") => {
                let source = self.usage_source.and_then(|source| SOURCES.get(usize::from(source)));
                source.map(|source| Given::Text(source.name()))
            }
            ("usage", count) => {
                let at = TOKENS.iter().position(|known| *known == count)?;
                self.tokens[at].map(Given::Count)
            }
            ("cost", "total") => self.cost.map(Given::Picos),
            _ => self.word(&[key, inner]),
        }
    }

    fn word(&self, path: &[&str]) -> Option<Given<'_>> {
        let at = WORDS.iter().position(|(_, known)| *known == path)?;
        self.words[at].as_deref().map(Given::Text)
    }

    /// The head as far as the columns have it.
    pub fn head(&self, exchange: Option<ExchangeId>) -> Map<String, Value> {
        let object = |key: &str, keys: &[&str]| -> Value {
            let inner = |inner: &&str| Some(((*inner).to_owned(), self.given_in(key, inner)?.to_json()?));
            keys.iter().filter_map(inner).collect::<Map<_, _>>().into()
        };
        let one = |key: &str| {
            let value = match self.given(key, exchange)? {
                Given::Object(keys) => object(key, keys),
                given => given.to_json()?,
            };
            Some((key.to_owned(), value))
        };
        keys().filter_map(one).collect()
    }

    /// What of a head the columns do not say.
    pub fn rest_of(&self, head: &Head, exchange: Option<ExchangeId>) -> Map<String, Value> {
        let (mut rest, mut said) = (Map::new(), 0);
        for (key, value) in head.iter() {
            let given = self.given(key, exchange);
            said += usize::from(given.is_some());
            match (given, value) {
                (Some(Given::Object(keys)), Value::Object(own)) => {
                    let left = self.left_in(key, own);
                    let given = keys.iter().filter(|inner| self.given_in(key, inner).is_some()).count();
                    if !left.is_empty() || own.len() != given {
                        rest.insert(key.to_owned(), left.into());
                    }
                }
                (Some(given), value) if given.is(value) => {}
                (_, value) => {
                    rest.insert(key.to_owned(), value.clone());
                }
            }
        }
        let given = keys().filter(|key| self.given(key, exchange).is_some());
        if given.clone().count() > said {
            let missing: Vec<&str> = given.filter(|key| head.get(key).is_none()).collect();
            rest.insert(MISSING.to_owned(), json!(missing));
        }
        rest
    }

    fn left_in(&self, key: &str, own: &Map<String, Value>) -> Map<String, Value> {
        let is_left = |inner: &str, value| !self.given_in(key, inner).is_some_and(|given| given.is(value));
        let left = own.iter().filter(|(inner, value)| is_left(inner, value));
        left.map(|(inner, value)| (inner.clone(), value.clone())).collect()
    }
}

/// The record's order of keys.
const ORDER: [&str; 52] = [
    "id",
    "trace_id",
    "session_id",
    "parent_id",
    "caller_span_id",
    "prior_id",
    "type",
    "name",
    "start_time",
    "first_token_time",
    "end_time",
    "duration_ms",
    "ttft_ms",
    "status",
    "error",
    "provider",
    "upstream",
    "dialect",
    "operation",
    "request_model",
    "response_model",
    "response_id",
    "previous_response_id",
    "conversation_id",
    "streamed",
    "complete",
    "service_tier",
    "parameters",
    "finish_reason",
    "finish_reason_raw",
    "usage",
    "tool",
    "tool_calls",
    "server_tool_calls",
    "extra",
    "problems",
    "endpoint",
    "upstream_request_id",
    "http_status",
    "cost",
    "prompt_version",
    "tools_version",
    "side",
    "title",
    "attempt",
    "links",
    "losses",
    "ended_by",
    "redactions",
    "user",
    "tags",
    "labels",
];

/// Keys that the record's order does not name, and columns may say something under.
const BESIDE: [&str; 3] = ["client", "exchange_id", "exchange_index"];

/// Every key under which columns may say something.
fn keys() -> impl Iterator<Item = &'static str> + Clone {
    ORDER.iter().chain(&BESIDE).copied()
}

/// Under this key the rest says which keys the columns give and the head had not.
const MISSING: &str = "";

/// Puts the rest back, in the record's order.
pub fn merge(mut given: Map<String, Value>, mut rest: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Array(missing)) = rest.remove(MISSING) {
        given.retain(|key, _| !missing.iter().any(|missing| missing.as_str() == Some(key)));
    }
    lay_over(&mut given, rest);
    let mut keyed: Vec<(String, Value)> = given.into_iter().collect();
    let place = |key: &str| ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len());
    keyed.sort_by_key(|(key, _)| place(key));
    keyed.into_iter().collect()
}

fn lay_over(given: &mut Map<String, Value>, rest: Map<String, Value>) {
    for (key, value) in rest {
        match (given.get_mut(&key), value) {
            (Some(Value::Object(given)), Value::Object(own)) => lay_over(given, own),
            (_, value) => {
                given.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "given_tests.rs"]
mod tests;
