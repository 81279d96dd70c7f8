//! An observation: one step as the record tells it. Each room fills its own field.

use std::fmt;

use serde_json::{Map, Value, json};

use super::cost::Cost;
use super::exchange::{Closer, ExchangeId, Micros};
use super::message::{Message, Part};
use super::reading::{ApiError, Kind, Reading};
use super::usage::Usage;

/// Names an observation: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObservationId(pub u64);

/// Names a trace: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub u128);

/// How a step ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    #[default]
    Ok,
    Error,
    /// The client left.
    Cancelled,
    /// We or the upstream broke off.
    Interrupted,
    /// A call of a tool without a result.
    Open,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    pub id: ObservationId,
    /// Where it was seen, and the how-manieth step of that exchange it is.
    pub exchange: ExchangeId,
    pub index: u32,
    pub kind: Kind,
    pub name: String,
    pub start: Micros,
    pub end: Option<Micros>,
    pub status: Status,
    pub error: Option<ApiError>,
    pub ended_by: Option<Closer>,
    pub provider: String,
    pub upstream: String,
    pub http_status: Option<u16>,
    pub upstream_request_id: Option<String>,
    /// What the dialect read. Absent where no dialect knows the endpoint.
    pub reading: Option<Reading>,
    /// `GET /v1/models`, for what no dialect knows.
    pub endpoint: String,
    pub cost: Option<Cost>,
    pub place: Place,
    pub caller: Caller,
    /// What is missing from the recording, in words.
    pub losses: Vec<String>,
    /// What was taken out before it was kept, in words.
    pub redactions: Vec<String>,
}

/// Where a step belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub trace: TraceId,
    pub session: Option<String>,
    pub parent: Option<ObservationId>,
    /// 1 for the first.
    pub attempt: u32,
    pub prompt_version: Option<String>,
    pub tools_version: Option<String>,
    pub links: Vec<Link>,
}

/// Why a step is where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// `trace`, `session`, `parent`, …
    pub to: &'static str,
    /// `said:header:x-session-id`, `inferred:tool-call-id`, …
    pub reason: String,
    pub confidence: f64,
}

/// Who called, and what it says about its call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caller {
    pub user: Option<String>,
    pub tags: Vec<String>,
    pub labels: Vec<(String, String)>,
    pub client: Option<Client>,
}

/// The program that called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub name: String,
    pub version: Option<String>,
}

impl Status {
    pub const ALL: [Self; 5] = [Self::Ok, Self::Error, Self::Cancelled, Self::Interrupted, Self::Open];

    /// As the record says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::Open => "open",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

impl Closer {
    /// As the record says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Us => "us",
        }
    }
}

impl fmt::Display for ObservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl ObservationId {
    /// Reads 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl TraceId {
    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

/// A record's head rarely has more keys than this: it need not grow.
const KEYS: usize = 48;

/// The keys of a record that hold what was said, and not what is said about it.
pub const CONTENT_KEYS: [&str; 8] =
    ["system", "input", "output", "tools", "output_text", "reasoning_text", "input_value", "output_value"];

fn put(object: &mut Map<String, Value>, key: &str, value: Value) {
    if !value.is_null() {
        object.insert(key.to_owned(), value);
    }
}

fn put_text(object: &mut Map<String, Value>, key: &str, text: Option<String>) {
    if let Some(text) = text {
        object.insert(key.to_owned(), text.into());
    }
}

impl Observation {
    /// The record without its content, made of what the observation holds.
    pub fn into_head(self) -> Map<String, Value> {
        let Self {
            id,
            exchange,
            index,
            kind,
            name,
            start,
            end,
            status,
            error,
            ended_by,
            provider,
            upstream,
            http_status,
            upstream_request_id,
            reading,
            endpoint,
            cost,
            place,
            caller,
            losses,
            redactions,
        } = self;
        let mut object = Map::with_capacity(KEYS);
        let o = &mut object;
        put(o, "id", id.to_string().into());
        put(o, "trace_id", place.trace.to_string().into());
        put_text(o, "session_id", place.session);
        put_text(o, "parent_id", place.parent.map(|parent| parent.to_string()));
        put(o, "type", kind.name().into());
        put(o, "name", name.into());
        put(o, "start_time", start.rfc3339().into());
        let first = reading.as_ref().and_then(|reading| reading.answered.first_token);
        put_text(o, "first_token_time", first.map(Micros::rfc3339));
        put_text(o, "end_time", end.map(Micros::rfc3339));
        put(o, "duration_ms", end.map_or(Value::Null, |end| millis(start, end).into()));
        put(o, "ttft_ms", first.map_or(Value::Null, |first| millis(start, first).into()));
        put(o, "status", status.name().into());
        put(o, "error", error.as_ref().map_or(Value::Null, ApiError::to_json));
        put(o, "provider", provider.into());
        put(o, "upstream", upstream.into());
        match reading {
            Some(reading) => reading.put_head(o),
            None => put(o, "operation", "http".into()),
        }
        put(o, "endpoint", endpoint.into());
        put_text(o, "upstream_request_id", upstream_request_id);
        put(o, "http_status", http_status.map_or(Value::Null, Value::from));
        put(o, "cost", cost.as_ref().map_or(Value::Null, Cost::to_json));
        put_text(o, "prompt_version", place.prompt_version);
        put_text(o, "tools_version", place.tools_version);
        put(o, "attempt", place.attempt.into());
        put(o, "links", place.links.iter().map(Link::to_json).collect());
        put(o, "losses", losses.into());
        put(o, "ended_by", ended_by.map_or(Value::Null, |by| by.name().into()));
        if !redactions.is_empty() {
            put(o, "redactions", redactions.into());
        }
        caller.put(o);
        put(o, "exchange_id", exchange.to_string().into());
        if index > 0 {
            put(o, "exchange_index", index.into());
        }
        object
    }

    /// What was said.
    pub fn content(&self) -> Map<String, Value> {
        self.reading.as_ref().map(Reading::content).unwrap_or_default()
    }
}

fn millis(from: Micros, to: Micros) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a call does not take centuries")]
    let micros = to.0.saturating_sub(from.0) as f64;
    micros / 1000.0
}

impl Link {
    pub fn to_json(&self) -> Value {
        let Self { to, reason, confidence } = self;
        json!({"to": to, "reason": reason, "confidence": confidence})
    }
}

impl Caller {
    fn put(self, o: &mut Map<String, Value>) {
        let Self { user, tags, labels, client } = self;
        put_text(o, "user", user);
        if !tags.is_empty() {
            put(o, "tags", tags.into());
        }
        if !labels.is_empty() {
            let labels = labels.into_iter().map(|(key, value)| (key, value.into()));
            put(o, "labels", Value::Object(labels.collect()));
        }
        if let Some(Client { name, version }) = client {
            let mut client = Map::new();
            put(&mut client, "name", name.into());
            put_text(&mut client, "version", version);
            put(o, "client", Value::Object(client));
        }
    }
}

impl ApiError {
    pub fn to_json(&self) -> Value {
        let Self { kind, code, message, status } = self;
        let mut object = Map::new();
        put(&mut object, "type", json!(kind));
        put(&mut object, "code", json!(code));
        put(&mut object, "message", json!(message));
        put(&mut object, "http_status", json!(status));
        Value::Object(object)
    }
}

impl Reading {
    /// All of it, as the record tells it.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        self.clone().put_head(&mut object);
        put(&mut object, "error", self.answered.error.as_ref().map_or(Value::Null, ApiError::to_json));
        object.extend(self.content());
        Value::Object(object)
    }

    fn put_head(self, o: &mut Map<String, Value>) {
        let Self { dialect, operation, asked, answered, start: _, end: _ } = self;
        put(o, "dialect", dialect.into());
        put(o, "operation", operation.name().into());
        let calls = calls(answered.tool_calls(), "arguments");
        let server_calls = self::calls(answered.server_tool_calls(), "call");
        put_text(o, "request_model", asked.model);
        put_text(o, "response_model", answered.model);
        put_text(o, "response_id", answered.id);
        put_text(o, "previous_response_id", asked.continues);
        put_text(o, "conversation_id", asked.conversation);
        put(o, "streamed", asked.streamed.into());
        put(o, "complete", answered.complete.into());
        put_text(o, "service_tier", answered.service_tier);
        if !asked.parameters.is_empty() {
            put(o, "parameters", Value::Object(asked.parameters));
        }
        let finish = answered.output.into_iter().next().and_then(|first| first.finish_reason);
        put(o, "finish_reason", finish.map_or(Value::Null, Value::from));
        let mut raw = answered.finish_reasons;
        match raw.len() {
            0 => {}
            1 => put_text(o, "finish_reason_raw", raw.pop()),
            _ => put(o, "finish_reason_raw", raw.into()),
        }
        put(o, "usage", answered.usage.map_or(Value::Null, Usage::into_json));
        put(o, "tool_calls", calls);
        put(o, "server_tool_calls", server_calls);
        if !answered.extra.is_empty() {
            put(o, "extra", Value::Object(answered.extra));
        }
        let mut problems = asked.problems;
        problems.extend(answered.problems);
        if !problems.is_empty() {
            put(o, "problems", problems.into());
        }
    }

    /// What was said.
    pub fn content(&self) -> Map<String, Value> {
        let Self { dialect: _, operation: _, asked, answered, start: _, end: _ } = self;
        let mut object = Map::new();
        let o = &mut object;
        let messages = |messages: &[Message]| -> Value { messages.iter().map(Message::to_json).collect() };
        if !asked.system.is_empty() {
            put(o, "system", asked.system.iter().map(Part::to_json).collect());
        }
        if !asked.input.is_empty() {
            put(o, "input", messages(&asked.input));
        }
        if !answered.output.is_empty() {
            put(o, "output", messages(&answered.output));
        }
        if !asked.tools.is_empty() {
            put(o, "tools", asked.tools.clone().into());
        }
        for (key, text) in [("output_text", answered.text()), ("reasoning_text", answered.reasoning())] {
            if !text.is_empty() {
                put(o, key, text.into());
            }
        }
        object
    }
}

fn calls<'a>(calls: impl Iterator<Item = (Option<&'a str>, &'a str, &'a Value)>, body: &str) -> Value {
    let calls: Vec<Value> = calls
        .map(|(id, name, value)| {
            let mut call = Map::new();
            put(&mut call, "id", json!(id));
            put(&mut call, "name", name.into());
            put(&mut call, body, value.clone());
            Value::Object(call)
        })
        .collect();
    if calls.is_empty() { Value::Null } else { calls.into() }
}
