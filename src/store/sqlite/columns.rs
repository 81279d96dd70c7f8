//! An observation's head as columns, and the rest of it that has none. Pure.
//!
//! The rest is what the columns do not give back exactly: so a head comes back whole, whatever stands in it.

use serde_json::{Map, Value, json};

use super::fault::Result;
use super::head::Head;
use crate::model::{ExchangeId, Kind, Micros, ObservationId, Status, TraceId, UsageSource, Usd};
use crate::store::{StoreError, Totals};
use crate::trace::CALLER_SPAN;

pub const KINDS_OF_WORDS: usize = 14;

/// Columns that hold short texts which come often, with where the head has them.
pub const WORDS: [(&str, &[&str]); KINDS_OF_WORDS] = [
    ("name", &["name"]),
    ("provider", &["provider"]),
    ("upstream", &["upstream"]),
    ("request_model", &["request_model"]),
    ("response_model", &["response_model"]),
    ("dialect", &["dialect"]),
    ("operation", &["operation"]),
    ("error", &["error", "type"]),
    ("finish", &["finish_reason"]),
    ("user", &["user"]),
    ("client", &["client", "name"]),
    ("prompt_version", &["prompt_version"]),
    ("tools_version", &["tools_version"]),
    ("side", &["side"]),
];
pub const PROVIDER: usize = 1;
pub const REQUEST_MODEL: usize = 3;
pub const RESPONSE_MODEL: usize = 4;
pub const USER: usize = 9;
pub const CLIENT: usize = 10;
pub const FINISH: usize = 8;
pub const NAME: usize = 0;
pub const SIDE: usize = 13;

/// Columns that count tokens.
pub const TOKENS: [&str; 5] = ["input", "output", "cache_read", "cache_write", "reasoning"];

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

/// An observation as its row has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    pub id: u64,
    pub place: u32,
    pub trace: Option<u128>,
    pub session: Option<String>,
    pub parent: Option<u64>,
    /// Its parent is a span that the caller made.
    pub callers: bool,
    pub prior: Option<u64>,
    pub kind: u8,
    pub start: i64,
    /// Microseconds after the start.
    pub ttft: Option<i64>,
    pub took: Option<i64>,
    pub status: u8,
    pub http_status: Option<u16>,
    pub streamed: Option<bool>,
    pub usage_source: Option<u8>,
    /// In picodollars.
    pub cost: Option<i64>,
    pub attempt: Option<u32>,
    pub response_id: Option<String>,
    pub lossy: bool,
    pub tokens: [Option<i64>; 5],
    pub words: [Option<String>; KINDS_OF_WORDS],
    pub tags: Vec<String>,
    /// The title that it gave its conversation; no column has it.
    pub title: Option<String>,
}

const SOURCES: [UsageSource; 3] = [UsageSource::Reported, UsageSource::Estimated, UsageSource::Partial];

impl Columns {
    /// Reads a head. It must say what it is and when it began.
    pub fn of<'a>(head: impl Into<Head<'a>>) -> Result<Self> {
        let head: Head = head.into();
        let text = |key: &str| head.get(key).and_then(Value::as_str);
        let wrong = |what: &str| StoreError::Asked(format!("an observation without {what}"));
        let id = text("id").and_then(ObservationId::parse).ok_or_else(|| wrong("an id of 16 digits"))?;
        let time = |key: &str| i64::try_from(text(key).and_then(Micros::parse_rfc3339)?.0).ok();
        let start = time("start_time").ok_or_else(|| wrong("a start_time"))?;
        let kind = text("type").and_then(Kind::from_name).ok_or_else(|| wrong("a known type"))?;
        let status = text("status").and_then(Status::from_name).unwrap_or_default();
        let source = within(&head, &["usage", "source"]).and_then(Value::as_str);
        let source = source.and_then(UsageSource::from_name);
        let number = |key: &str| head.get(key).and_then(Value::as_u64);
        let tags = head.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(Self {
            id: id.0,
            place: number("exchange_index").and_then(|index| index.try_into().ok()).unwrap_or(0),
            trace: text("trace_id").and_then(TraceId::parse).map(|trace| trace.0),
            session: text("session_id").map(str::to_owned),
            parent: text("parent_id").and_then(ObservationId::parse).map(|parent| parent.0),
            callers: text(CALLER_SPAN).is_some_and(|span| text("parent_id") == Some(span)),
            prior: text("prior_id").and_then(ObservationId::parse).map(|prior| prior.0),
            kind: number_of(&Kind::ALL, kind),
            start,
            ttft: time("first_token_time").map(|first| first - start),
            took: time("end_time").map(|end| end - start),
            status: number_of(&Status::ALL, status),
            http_status: number("http_status").and_then(|status| status.try_into().ok()),
            streamed: head.get("streamed").and_then(Value::as_bool),
            usage_source: source.map(|source| number_of(&SOURCES, source)),
            cost: within(&head, &["cost", "total"]).and_then(picos),
            attempt: number("attempt").and_then(|attempt| attempt.try_into().ok()),
            response_id: text("response_id").map(str::to_owned),
            lossy: head.get("losses").and_then(Value::as_array).is_some_and(|losses| !losses.is_empty()),
            tokens: TOKENS
                .map(|key| within(&head, &["usage", key]).and_then(Value::as_i64).filter(|n| *n >= 0)),
            words: WORDS.map(|(_, path)| within(&head, path).and_then(Value::as_str).map(str::to_owned)),
            tags: tags.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            title: text("title").map(str::to_owned),
        })
    }

    /// The head as far as the columns have it.
    pub fn head(&self, exchange: Option<ExchangeId>) -> Map<String, Value> {
        let mut head = Map::new();
        let micros = |after: i64| Micros(self.start.saturating_add(after).max(0).cast_unsigned());
        #[expect(clippy::cast_precision_loss, reason = "a call does not take centuries")]
        let millis = |after: i64| after.max(0) as f64 / 1000.0;
        let mut put = |path: &[&str], value: Value| put_at(&mut head, path, value);
        put(&["id"], ObservationId(self.id).to_string().into());
        put(&["trace_id"], json!(self.trace.map(|trace| TraceId(trace).to_string())));
        put(&["session_id"], json!(self.session));
        put(&["parent_id"], json!(self.parent.map(|parent| ObservationId(parent).to_string())));
        if self.callers {
            put(&[CALLER_SPAN], json!(self.parent.map(|parent| ObservationId(parent).to_string())));
        }
        put(&["prior_id"], json!(self.prior.map(|prior| ObservationId(prior).to_string())));
        put(&["type"], Kind::ALL.get(usize::from(self.kind)).map_or(Value::Null, |kind| kind.name().into()));
        put(&["start_time"], micros(0).rfc3339().into());
        put(&["first_token_time"], json!(self.ttft.map(|after| micros(after).rfc3339())));
        put(&["end_time"], json!(self.took.map(|after| micros(after).rfc3339())));
        put(&["duration_ms"], json!(self.took.map(millis)));
        put(&["ttft_ms"], json!(self.ttft.map(millis)));
        put(
            &["status"],
            Status::ALL.get(usize::from(self.status)).map_or(Value::Null, |status| status.name().into()),
        );
        for ((_, path), word) in WORDS.iter().zip(&self.words) {
            put(path, json!(word));
        }
        put(&["response_id"], json!(self.response_id));
        put(&["streamed"], json!(self.streamed));
        for (key, count) in TOKENS.iter().zip(&self.tokens) {
            put(&["usage", key], json!(count));
        }
        let source = self.usage_source.and_then(|source| SOURCES.get(usize::from(source)));
        put(&["usage", "source"], json!(source.map(|source| source.name())));
        put(&["http_status"], json!(self.http_status));
        let cost = self.cost.map(|picos| Usd::from_picos(i128::from(picos)).to_json());
        put(&["cost", "total"], cost.unwrap_or(Value::Null));
        put(&["attempt"], json!(self.attempt));
        if !self.tags.is_empty() {
            put(&["tags"], json!(self.tags));
        }
        put(&["exchange_id"], json!(exchange.map(|exchange| exchange.to_string())));
        if self.place > 0 {
            put(&["exchange_index"], self.place.into());
        }
        head
    }

    /// A call of a tool whose result is to come.
    pub fn is_open_tool(&self) -> bool {
        self.kind() == Kind::Tool && Status::ALL.get(usize::from(self.status)) == Some(&Status::Open)
    }

    pub fn kind(&self) -> Kind {
        Kind::ALL.get(usize::from(self.kind)).copied().unwrap_or(Kind::Event)
    }

    /// The model that answered, or else the one that was asked.
    pub fn model(&self) -> Option<&str> {
        self.words[RESPONSE_MODEL].as_deref().or(self.words[REQUEST_MODEL].as_deref())
    }

    /// A step of what the user asked, and of no agent that another started.
    pub fn is_main(&self) -> bool {
        self.kind() == Kind::Generation
            && (self.parent.is_none() || self.callers)
            && self.words[SIDE].is_none()
    }

    /// What it adds to sums.
    pub fn totals(&self) -> Totals {
        let is = |status: Status| u64::from(Status::ALL.get(usize::from(self.status)) == Some(&status));
        let kind = self.kind();
        let token = |at: usize| self.tokens[at].unwrap_or(0).max(0).cast_unsigned();
        let took = self.took.unwrap_or(0).max(0).cast_unsigned();
        let wasted = kind == Kind::Generation && self.status != 0;
        // What costs nothing has nothing unknown about it.
        let counted = matches!(kind, Kind::Generation | Kind::Embedding | Kind::Retriever);
        Totals {
            observations: 1,
            generations: u64::from(kind == Kind::Generation),
            tools: u64::from(kind == Kind::Tool),
            errors: is(Status::Error),
            cancelled: is(Status::Cancelled),
            interrupted: is(Status::Interrupted),
            input: token(0),
            output: token(1),
            cache_read: token(2),
            cache_write: token(3),
            reasoning: token(4),
            cost: Usd::from_picos(i128::from(self.cost.unwrap_or(0))),
            unknown_usage: u64::from(counted && self.tokens[0].is_none() && self.tokens[1].is_none()),
            unknown_cost: u64::from(counted && self.cost.is_none()),
            retries: u64::from(self.attempt.is_some_and(|attempt| attempt > 1)),
            model_time: if kind == Kind::Generation { took } else { 0 },
            tool_time: if kind == Kind::Tool { took } else { 0 },
            wasted_tokens: if wasted { token(0) + token(1) } else { 0 },
            wasted_time: if wasted { took } else { 0 },
        }
    }
}

/// A value's place in a list of all there are, which is its number in stores.
pub fn number_of<T: PartialEq + Copy>(all: &[T], value: T) -> u8 {
    all.iter().position(|known| *known == value).and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
}

fn within<'a>(head: &Head<'a>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(head.get(first)?, |value, key| value.get(key))
}

fn put_at(head: &mut Map<String, Value>, path: &[&str], value: Value) {
    if value.is_null() {
        return;
    }
    match path {
        [key] => {
            head.insert((*key).to_owned(), value);
        }
        [key, inner, ..] => {
            let object = head.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(object) = object {
                object.insert((*inner).to_owned(), value);
            }
        }
        [] => {}
    }
}

fn picos(dollars: &Value) -> Option<i64> {
    i64::try_from(Usd::from_f64(dollars.as_f64()?)?.picos()).ok()
}

/// Under this key the rest says which keys the columns give and the head had not.
const MISSING: &str = "";

/// What of a head the columns do not give back.
pub fn rest(head: &Head, given: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = difference(head, given);
    let missing: Vec<&str> = given.keys().filter(|key| head.get(key).is_none()).map(String::as_str).collect();
    if !missing.is_empty() {
        rest.insert(MISSING.to_owned(), json!(missing));
    }
    rest
}

fn difference(head: &Head, given: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = Map::new();
    for (key, value) in head.iter() {
        match (value, given.get(key)) {
            (value, Some(given)) if value == given => {}
            (Value::Object(own), Some(Value::Object(given))) => {
                rest.insert(key.to_owned(), Value::Object(difference(&own.into(), given)));
            }
            _ => {
                rest.insert(key.to_owned(), value.clone());
            }
        }
    }
    rest
}

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
#[path = "columns_tests.rs"]
mod tests;
