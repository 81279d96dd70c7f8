//! An observation: one step as the record tells it. Each room fills its own field.

use std::fmt;

use serde_json::{Map, Value, json};

use super::cost::Cost;
use super::exchange::{Closer, ExchangeId, Micros};
use super::message::{Message, Part};
use super::reading::{ApiError, Kind, Reading};

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

impl Observation {
    /// The record without its content.
    pub fn head(&self) -> Map<String, Value> {
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
        place.put_identity(o);
        put(o, "type", kind.name().into());
        put(o, "name", name.as_str().into());
        put(o, "start_time", start.rfc3339().into());
        let first = reading.as_ref().and_then(|reading| reading.answered.first_token);
        put(o, "first_token_time", json!(first.map(Micros::rfc3339)));
        put(o, "end_time", json!(end.map(Micros::rfc3339)));
        put(o, "duration_ms", json!(end.map(|end| millis(*start, end))));
        put(o, "ttft_ms", json!(first.map(|first| millis(*start, first))));
        put(o, "status", status.name().into());
        put(o, "error", error.as_ref().map_or(Value::Null, ApiError::to_json));
        put(o, "provider", provider.as_str().into());
        put(o, "upstream", upstream.as_str().into());
        match reading {
            Some(reading) => reading.put_head(o),
            None => put(o, "operation", "http".into()),
        }
        put(o, "endpoint", endpoint.as_str().into());
        put(o, "upstream_request_id", json!(upstream_request_id));
        put(o, "http_status", json!(http_status));
        put(o, "cost", cost.as_ref().map_or(Value::Null, Cost::to_json));
        place.put_rest(o);
        put(o, "losses", losses.clone().into());
        put(o, "ended_by", json!(ended_by.map(Closer::name)));
        if !redactions.is_empty() {
            put(o, "redactions", redactions.clone().into());
        }
        caller.put(o);
        put(o, "exchange_id", exchange.to_string().into());
        if *index > 0 {
            put(o, "exchange_index", (*index).into());
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

impl Place {
    fn put_identity(&self, o: &mut Map<String, Value>) {
        put(o, "trace_id", self.trace.to_string().into());
        put(o, "session_id", json!(self.session));
        put(o, "parent_id", json!(self.parent.map(|parent| parent.to_string())));
    }

    fn put_rest(&self, o: &mut Map<String, Value>) {
        let Self { trace: _, session: _, parent: _, attempt, prompt_version, tools_version, links } = self;
        put(o, "prompt_version", json!(prompt_version));
        put(o, "tools_version", json!(tools_version));
        put(o, "attempt", (*attempt).into());
        put(o, "links", links.iter().map(Link::to_json).collect());
    }
}

impl Caller {
    fn put(&self, o: &mut Map<String, Value>) {
        let Self { user, tags, labels, client } = self;
        put(o, "user", json!(user));
        if !tags.is_empty() {
            put(o, "tags", tags.clone().into());
        }
        if !labels.is_empty() {
            let labels = labels.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
            put(o, "labels", Value::Object(labels.collect()));
        }
        if let Some(Client { name, version }) = client {
            let mut client = Map::new();
            put(&mut client, "name", name.as_str().into());
            put(&mut client, "version", json!(version));
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
        self.put_head(&mut object);
        put(&mut object, "error", self.answered.error.as_ref().map_or(Value::Null, ApiError::to_json));
        object.extend(self.content());
        Value::Object(object)
    }

    fn put_head(&self, o: &mut Map<String, Value>) {
        let Self { dialect, operation, asked, answered, start: _, end: _ } = self;
        put(o, "dialect", (*dialect).into());
        put(o, "operation", operation.name().into());
        put(o, "request_model", json!(asked.model));
        put(o, "response_model", json!(answered.model));
        put(o, "response_id", json!(answered.id));
        put(o, "previous_response_id", json!(asked.continues));
        put(o, "conversation_id", json!(asked.conversation));
        put(o, "streamed", asked.streamed.into());
        put(o, "complete", answered.complete.into());
        put(o, "service_tier", json!(answered.service_tier));
        if !asked.parameters.is_empty() {
            put(o, "parameters", Value::Object(asked.parameters.clone()));
        }
        put(
            o,
            "finish_reason",
            json!(answered.output.first().and_then(|first| first.finish_reason.as_deref())),
        );
        put(
            o,
            "finish_reason_raw",
            match answered.finish_reasons.as_slice() {
                [] => Value::Null,
                [one] => one.as_str().into(),
                many => many.to_vec().into(),
            },
        );
        put(o, "usage", answered.usage.as_ref().map_or(Value::Null, super::Usage::to_json));
        put(o, "tool_calls", calls(answered.tool_calls(), "arguments"));
        put(o, "server_tool_calls", calls(answered.server_tool_calls(), "call"));
        if !answered.extra.is_empty() {
            put(o, "extra", Value::Object(answered.extra.clone()));
        }
        let problems: Vec<&str> =
            asked.problems.iter().chain(&answered.problems).map(String::as_str).collect();
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
