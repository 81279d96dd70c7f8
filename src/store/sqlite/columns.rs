//! An observation's head as columns. Pure.
//!
//! What the columns do not give back exactly is the rest (`given`): so a head comes back whole, whatever stands in it.

use serde_json::Value;

use super::fault::Result;
use super::head::Head;
use crate::model::{Kind, Micros, ObservationId, Status, TraceId, UsageSource, Usd};
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

pub const SOURCES: [UsageSource; 3] = [UsageSource::Reported, UsageSource::Estimated, UsageSource::Partial];

/// What of a head columns are made of, found in one walk.
#[derive(Default)]
struct Fields<'a> {
    id: Option<&'a Value>,
    trace: Option<&'a Value>,
    session: Option<&'a Value>,
    parent: Option<&'a Value>,
    caller_span: Option<&'a Value>,
    prior: Option<&'a Value>,
    kind: Option<&'a Value>,
    start: Option<&'a Value>,
    first_token: Option<&'a Value>,
    end: Option<&'a Value>,
    status: Option<&'a Value>,
    http_status: Option<&'a Value>,
    streamed: Option<&'a Value>,
    usage: Option<&'a Value>,
    cost: Option<&'a Value>,
    attempt: Option<&'a Value>,
    response_id: Option<&'a Value>,
    losses: Option<&'a Value>,
    tags: Option<&'a Value>,
    title: Option<&'a Value>,
    place: Option<&'a Value>,
    words: [Option<&'a Value>; KINDS_OF_WORDS],
}

impl<'a> Fields<'a> {
    fn of(head: Head<'a>) -> Self {
        let mut fields = Self::default();
        for (key, value) in head.iter() {
            let place = match key {
                "id" => &mut fields.id,
                "trace_id" => &mut fields.trace,
                "session_id" => &mut fields.session,
                "parent_id" => &mut fields.parent,
                CALLER_SPAN => &mut fields.caller_span,
                "prior_id" => &mut fields.prior,
                "type" => &mut fields.kind,
                "start_time" => &mut fields.start,
                "first_token_time" => &mut fields.first_token,
                "end_time" => &mut fields.end,
                "status" => &mut fields.status,
                "http_status" => &mut fields.http_status,
                "streamed" => &mut fields.streamed,
                "usage" => &mut fields.usage,
                "cost" => &mut fields.cost,
                "attempt" => &mut fields.attempt,
                "response_id" => &mut fields.response_id,
                "losses" => &mut fields.losses,
                "tags" => &mut fields.tags,
                "title" => &mut fields.title,
                "exchange_index" => &mut fields.place,
                _ => match WORDS.iter().position(|(_, path)| path.first() == Some(&key)) {
                    Some(at) => &mut fields.words[at],
                    None => continue,
                },
            };
            *place = Some(value);
        }
        fields
    }
}

impl Columns {
    /// Reads a head. It must say what it is and when it began.
    pub fn of<'a>(head: impl Into<Head<'a>>) -> Result<Self> {
        let fields = Fields::of(head.into());
        let text = |value: Option<&'a Value>| value.and_then(Value::as_str);
        let wrong = |what: &str| StoreError::Asked(format!("an observation without {what}"));
        let id = |value| text(value).and_then(ObservationId::parse).map(|id| id.0);
        let time = |value| i64::try_from(text(value).and_then(Micros::parse_rfc3339)?.0).ok();
        let start = time(fields.start).ok_or_else(|| wrong("a start_time"))?;
        let kind = text(fields.kind).and_then(Kind::from_name).ok_or_else(|| wrong("a known type"))?;
        let status = text(fields.status).and_then(Status::from_name).unwrap_or_default();
        let usage = |key: &str| fields.usage.and_then(|usage| usage.get(key));
        let source = text(usage("source")).and_then(UsageSource::from_name);
        let number = |value: Option<&Value>| value.and_then(Value::as_u64);
        let list =
            |value: Option<&'a Value>| value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let word = |at: usize| {
            let inner = WORDS[at].1.get(1);
            let value = fields.words[at]?;
            inner.map_or(Some(value), |inner| value.get(inner))?.as_str().map(str::to_owned)
        };
        Ok(Self {
            id: id(fields.id).ok_or_else(|| wrong("an id of 16 digits"))?,
            place: number(fields.place).and_then(|index| index.try_into().ok()).unwrap_or(0),
            trace: text(fields.trace).and_then(TraceId::parse).map(|trace| trace.0),
            session: text(fields.session).map(str::to_owned),
            parent: id(fields.parent),
            callers: text(fields.caller_span).is_some_and(|span| text(fields.parent) == Some(span)),
            prior: id(fields.prior),
            kind: number_of(&Kind::ALL, kind),
            start,
            ttft: time(fields.first_token).map(|first| first - start),
            took: time(fields.end).map(|end| end - start),
            status: number_of(&Status::ALL, status),
            http_status: number(fields.http_status).and_then(|status| status.try_into().ok()),
            streamed: fields.streamed.and_then(Value::as_bool),
            usage_source: source.map(|source| number_of(&SOURCES, source)),
            cost: fields.cost.and_then(|cost| picos(cost.get("total")?)),
            attempt: number(fields.attempt).and_then(|attempt| attempt.try_into().ok()),
            response_id: text(fields.response_id).map(str::to_owned),
            lossy: !list(fields.losses).is_empty(),
            tokens: TOKENS.map(|key| usage(key).and_then(Value::as_i64).filter(|n| *n >= 0)),
            words: std::array::from_fn(word),
            tags: list(fields.tags).iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            title: text(fields.title).map(str::to_owned),
        })
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

fn picos(dollars: &Value) -> Option<i64> {
    i64::try_from(Usd::from_f64(dollars.as_f64()?)?.picos()).ok()
}
