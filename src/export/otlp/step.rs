//! One internal model of a span, which every projection takes its own attributes from. Made of a whole record.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{Kind, Micros, ObservationId, TraceId};
use crate::trace::is_told;

/// Upstreams' hosts and ports, by the upstreams' names.
pub type Servers = BTreeMap<String, (String, u16)>;

/// What a span is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// The root that stands for the whole trace.
    Agent,
    Generation,
    Embedding,
    Retriever,
    Tool,
    #[default]
    Span,
    Event,
}

/// A span before a projection has given it its destination's names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    pub trace: u128,
    pub id: u64,
    pub parent: Option<u64>,
    pub shape: Shape,
    /// As the record names it; tools and roots without what their spans' names begin with.
    pub name: String,
    pub start: Micros,
    pub end: Micros,
    pub first_token: Option<Micros>,
    pub status: String,
    pub error_type: Option<String>,
    pub error_message: Option<String>,
    pub http_status: Option<u64>,
    /// Seen on the wire, and not told by an SDK.
    pub is_wire: bool,
    pub operation: String,
    pub provider: Option<String>,
    pub dialect: Option<String>,
    pub server: Option<(String, u16)>,
    pub request_model: Option<String>,
    pub response_model: Option<String>,
    pub response_id: Option<String>,
    pub previous_response_id: Option<String>,
    pub service_tier: Option<String>,
    pub streamed: bool,
    pub parameters: Map<String, Value>,
    pub finish_reasons: Vec<String>,
    pub usage: Usage,
    pub cost: Cost,
    pub content: Content,
    /// Only what the caller itself calls its session.
    pub conversation: Option<String>,
    pub session: Option<String>,
    pub user: Option<String>,
    pub tags: Vec<String>,
    pub labels: Vec<(String, String)>,
    pub agent: Option<String>,
    pub client: Option<String>,
    pub prompt_version: Option<String>,
    pub call_id: Option<String>,
    pub side: Option<String>,
    pub attempt: Option<u64>,
    pub losses: Vec<String>,
    /// The caller's own spans: trace, span.
    pub links: Vec<(u128, u64)>,
    /// What an SDK said of it, beside what is understood.
    pub attributes: Map<String, Value>,
}

/// Everything sent in and everything generated, and parts of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    pub reasoning: Option<u64>,
    pub is_estimated: bool,
}

/// In dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    pub input: Option<f64>,
    pub output: Option<f64>,
    pub total: Option<f64>,
}

/// What was said: messages in OpenTelemetry's form; of a tool and of any other step whatever it was given and gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    pub system: Vec<Value>,
    pub input: Vec<Value>,
    pub output: Vec<Value>,
    pub tools: Vec<Value>,
    /// A tool's arguments and result, or an SDK's input and output that are no messages.
    pub given: Option<Value>,
    pub gave: Option<Value>,
    /// Where the messages that are new begin, where that is known.
    pub new_from: Option<usize>,
    /// What was left out of it, where anything was.
    pub mode: Option<&'static str>,
}

impl Step {
    /// Reads a whole record. `None` where it has no id or no time.
    pub fn of(record: &Map<String, Value>, servers: &Servers) -> Option<Self> {
        let text = |key: &str| text_at(record, &[key]);
        let time = |key: &str| text(key).as_deref().and_then(Micros::parse_rfc3339);
        let kind = text("type").as_deref().and_then(Kind::from_name)?;
        let start = time("start_time")?;
        let is_wire = !is_told(record);
        let tool = record.get("tool").and_then(Value::as_object);
        let labels = labels(record);
        let label = |name: &str| labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let session = text("session_id");
        Some(Self {
            trace: text("trace_id").as_deref().and_then(TraceId::parse)?.0,
            id: text("id").as_deref().and_then(ObservationId::parse)?.0,
            parent: text("parent_id").as_deref().and_then(ObservationId::parse).map(|parent| parent.0),
            shape: shape(kind),
            name: text("name").unwrap_or_default(),
            start,
            end: time("end_time").unwrap_or(start).max(start),
            first_token: time("first_token_time"),
            status: text("status").unwrap_or_default(),
            error_type: text_at(record, &["error", "type"]).or_else(|| text_at(record, &["error", "code"])),
            error_message: text_at(record, &["error", "message"]),
            http_status: record.get("http_status").and_then(Value::as_u64),
            is_wire,
            operation: operation(record, kind),
            provider: text("provider"),
            dialect: text("dialect"),
            server: text("upstream").and_then(|name| servers.get(&name).cloned()),
            request_model: text("request_model"),
            response_model: text("response_model"),
            response_id: text("response_id"),
            previous_response_id: text("previous_response_id"),
            service_tier: text("service_tier"),
            streamed: record.get("streamed").and_then(Value::as_bool).unwrap_or(false),
            parameters: object_at(record, "parameters"),
            finish_reasons: finish_reasons(record),
            usage: usage(record),
            cost: cost(record),
            content: content(record, tool),
            conversation: text("conversation_id").or_else(|| said_session(record, session.as_ref())),
            session,
            user: text("user"),
            tags: texts(record.get("tags")),
            agent: label("agent"),
            labels,
            client: text_at(record, &["client", "name"]),
            prompt_version: text("prompt_version"),
            call_id: tool.and_then(|tool| tool.get("call_id")?.as_str().map(str::to_owned)),
            side: text("side"),
            attempt: record.get("attempt").and_then(Value::as_u64).filter(|attempt| *attempt > 1),
            losses: texts(record.get("losses")),
            links: Vec::new(),
            attributes: object_at(record, "attributes"),
        })
    }

    /// Whether it came to nothing by a mistake of somebody's.
    pub fn is_failed(&self) -> bool {
        matches!(self.status.as_str(), "error" | "interrupted")
    }

    /// What went wrong, in a word: the error's type, or else the status.
    pub fn error(&self) -> Option<String> {
        let status = || self.http_status.filter(|status| *status >= 400).map(|status| status.to_string());
        match self.status.as_str() {
            "error" => self.error_type.clone().or_else(status).or_else(|| Some("_OTHER".to_owned())),
            "interrupted" | "cancelled" => self.error_type.clone().or_else(|| Some(self.status.clone())),
            _ => None,
        }
    }

    /// Seconds from the begin to the first token.
    pub fn first_token_after(&self) -> Option<f64> {
        let first = self.first_token?.0.checked_sub(self.start.0)?;
        #[expect(clippy::cast_precision_loss, reason = "a call does not take centuries")]
        let micros = first as f64;
        Some(micros / 1e6)
    }

    /// The model that answered, or else the one that was asked.
    pub fn model(&self) -> Option<&str> {
        self.response_model.as_deref().or(self.request_model.as_deref())
    }
}

fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Generation => Shape::Generation,
        Kind::Embedding => Shape::Embedding,
        Kind::Retriever => Shape::Retriever,
        Kind::Tool => Shape::Tool,
        Kind::Span => Shape::Span,
        Kind::Event => Shape::Event,
    }
}

fn operation(record: &Map<String, Value>, kind: Kind) -> String {
    let own = text_at(record, &["operation"]);
    own.unwrap_or_else(|| {
        let name = match kind {
            Kind::Tool => "execute_tool",
            Kind::Retriever => "retrieval",
            Kind::Embedding => "embeddings",
            Kind::Generation => "chat",
            Kind::Span | Kind::Event => "",
        };
        name.to_owned()
    })
}

/// The session where the caller named it itself.
fn said_session(record: &Map<String, Value>, session: Option<&String>) -> Option<String> {
    let links = record.get("links").and_then(Value::as_array)?;
    let said = links.iter().any(|link| {
        let text = |key: &str| link.get(key).and_then(Value::as_str).unwrap_or_default();
        text("to") == "session" && text("reason").starts_with("said:")
    });
    session.filter(|_| said).cloned()
}

fn finish_reasons(record: &Map<String, Value>) -> Vec<String> {
    let output = record.get("output").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let all: Vec<String> = output
        .iter()
        .filter_map(|message| message.get("finish_reason")?.as_str().map(str::to_owned))
        .collect();
    if all.is_empty() { text_at(record, &["finish_reason"]).into_iter().collect() } else { all }
}

fn usage(record: &Map<String, Value>) -> Usage {
    // What is fetched again was used when it was made.
    if text_at(record, &["operation"]).as_deref() == Some("fetch_response") {
        return Usage::default();
    }
    let usage = record.get("usage");
    let count = |key: &str| usage.and_then(|usage| usage.get(key)?.as_u64());
    let source = usage.and_then(|usage| usage.get("source")?.as_str());
    Usage {
        input: count("input"),
        output: count("output"),
        cache_read: count("cache_read"),
        cache_write: count("cache_write"),
        reasoning: count("reasoning"),
        is_estimated: source.is_some_and(|source| source != "reported"),
    }
}

fn cost(record: &Map<String, Value>) -> Cost {
    let cost = record.get("cost");
    let part = |key: &str| cost.and_then(|cost| cost.get(key)?.as_f64());
    Cost { input: part("input"), output: part("output"), total: part("total") }
}

fn content(record: &Map<String, Value>, tool: Option<&Map<String, Value>>) -> Content {
    let list = |key: &str| record.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let given = |key: &str, beside: &str| {
        let own = tool.and_then(|tool| tool.get(key));
        own.or_else(|| record.get(beside)).filter(|value| !value.is_null()).cloned()
    };
    let new = record.get("changes").and_then(|changes| changes.get("new_input")?.get(0)?.as_u64());
    Content {
        system: list("system"),
        input: list("input"),
        output: list("output"),
        tools: list("tools"),
        given: given("arguments", "input_value"),
        gave: given("result", "output_value"),
        new_from: new.and_then(|new| usize::try_from(new).ok()),
        mode: None,
    }
}

fn labels(record: &Map<String, Value>) -> Vec<(String, String)> {
    let labels = record.get("labels").and_then(Value::as_object);
    let labels = labels.into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

fn object_at(record: &Map<String, Value>, key: &str) -> Map<String, Value> {
    record.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

fn text_at(record: &Map<String, Value>, path: &[&str]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(record.get(*first)?, |value, key| value.get(key))?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
