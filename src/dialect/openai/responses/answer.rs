//! Listens to a response: whole, as a stream, or as one of many on a socket.

use serde_json::{Map, Value, json};

use super::stream::{Items, overlay};
use super::{asked, item, used};
use crate::dialect::assemble::First;
use crate::dialect::error::in_json;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, is_empty, rest};
use crate::dialect::openai::usage::{billed, usage};
use crate::dialect::{Answer, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Message, Part, PartKind, UsageSource};

/// What of a response is said elsewhere in the record, or is the request's own words again.
const KNOWN: &[&str] = &[
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "status_details",
    "error",
    "incomplete_details",
    "model",
    "output",
    "output_text",
    "usage",
    "tool_usage",
    "service_tier",
    "conversation",
    "conversation_id",
    "billing",
    "access_programs",
    "input",
    "instructions",
    "tools",
    "previous_response_id",
    "background",
    "frequency_penalty",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "stream",
    "temperature",
    "text",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
    "modalities",
    "output_modalities",
    "voice",
    "audio",
    "output_audio_format",
];

/// States that an answer does not stay in.
const UNDER_WAY: &[&str] = &["queued", "in_progress"];

/// Events that say nothing.
const PINGS: &[&str] = &["ping", "keepalive", "response.keepalive", "codex.keepalive"];

/// What an item of a kind is about: where all of it is missing, the item is hollow.
const HOLLOW: &[(&str, &[&str])] = &[
    ("message", &["content"]),
    ("reasoning", &["summary", "content"]),
    ("function_call", &["arguments"]),
    ("custom_tool_call", &["input"]),
];

/// The longest event of a kind nobody has heard of that is kept.
const LONGEST: usize = 8 << 10;

/// What is heard of one response.
#[derive(Default)]
pub struct Listening {
    provider: String,
    /// The answer is a history made shorter, in which others may speak too.
    compacts: bool,
    /// What the events say of the response as a whole, the later over the earlier.
    response: Value,
    items: Items,
    /// It came as one body: then what is queued or under way is all it says.
    is_whole: bool,
    /// How the stream's last event calls the end.
    ended: Option<String>,
    complete: bool,
    error: Option<ApiError>,
    first: First,
    extra: Map<String, Value>,
}

impl Listening {
    pub fn new(provider: &str) -> Self {
        Self { provider: provider.to_owned(), ..Self::default() }
    }

    /// To a history made shorter.
    pub fn compaction(provider: &str) -> Self {
        Self { compacts: true, ..Self::new(provider) }
    }

    /// Whether the end of it has come.
    pub fn is_over(&self) -> bool {
        self.complete
    }

    /// Whether it is the response with this id.
    pub fn is(&self, id: &str) -> bool {
        self.response.text("id") == Some(id)
    }

    /// Whether it has been given an id.
    pub fn has_begun(&self) -> bool {
        self.response.text("id").is_some()
    }

    /// Whether it has an item with this id.
    pub fn holds(&self, id: &str) -> bool {
        self.items.holds(id)
    }

    /// The items that the last event lists.
    pub fn output(&self) -> &[Value] {
        self.response.list("output")
    }

    /// A body that is no stream: the response, or an error.
    fn whole(&mut self, json: Value) {
        self.complete = !json.is_null();
        self.is_whole = true;
        self.error = in_json(&json, None);
        self.response = json;
    }

    fn streamed(&mut self, heard: Heard<'_>) {
        let named = heard.is_error();
        let mut json = heard.json;
        let kind = json.word("type").unwrap_or(heard.name).to_owned();
        if let Some(response) = json.get_mut("response").map(Value::take).filter(Value::is_object) {
            overlay_response(&mut self.response, response);
        }
        let called = named || matches!(kind.as_str(), "error" | "response.error");
        if called || (kind.is_empty() && json.some("error").is_some()) {
            return self.failed(&json);
        }
        match kind.strip_prefix("response.") {
            Some(end @ ("completed" | "incomplete" | "failed" | "cancelled" | "done")) => self.end(end),
            Some(_) => {
                if self.items.event(&kind, &mut json) {
                    self.first.saw(heard.at);
                }
            }
            None if kind.is_empty() || PINGS.contains(&kind.as_str()) || heard.data.len() > LONGEST => {}
            None => {
                self.extra.insert(kind, rest(&json, &["type", "sequence_number", "event_id"]).into());
            }
        }
    }

    fn end(&mut self, end: &str) {
        self.complete = true;
        self.ended = Some(end.to_owned()).filter(|end| end != "done");
        if let Some(error) = in_json(&self.response, None) {
            // An event before may have said more of it.
            self.error.get_or_insert(error);
        }
    }

    /// An event that is an error, with the error in it or being it itself.
    fn failed(&mut self, json: &Value) {
        let mut error = in_json(json, None).unwrap_or_default();
        if error.status.is_none() {
            error.status = json.count("status").and_then(|status| u16::try_from(status).ok());
        }
        self.error = Some(error);
        self.complete = true;
    }

    /// All that is known when nothing more comes.
    pub fn finish(self, asked: &mut Asked) -> Answered {
        let Self { provider, compacts, mut response, items, is_whole, ended, complete, error, first, extra } =
            self;
        let said = match response.get_mut("output").map(Value::take) {
            Some(Value::Array(said)) => said,
            _ => Vec::new(),
        };
        let items = settled(said, items.into_values());
        let raw = raw_reason(&response, ended.as_deref())
            .filter(|raw| complete && (is_whole || !UNDER_WAY.contains(&raw.as_str())));
        let mut answered = Answered {
            model: response.word("model").map(str::to_owned),
            // A stream that is taken up in its middle may break off before anything in it says whose it is.
            id: response
                .word("id")
                .or_else(|| asked.parameters.get("response_id")?.as_str())
                .map(str::to_owned),
            finish_reasons: raw.iter().cloned().collect(),
            service_tier: response.word("service_tier").map(str::to_owned),
            error,
            complete,
            first_token: first.0,
            extra,
            ..Answered::default()
        };
        if let Some(said) = response.some("usage") {
            answered.usage = usage(said, &provider);
            answered.billed = billed(said);
        }
        if let Some(usage) = &mut answered.usage {
            usage.requests = used::requests(&response, &items);
            if !complete {
                usage.source = UsageSource::Partial;
            }
        }
        answered.output = output(&items, raw.as_deref(), compacts, &mut answered.extra);
        mend(asked, &response);
        keep(&mut answered.extra, &response, asked);
        answered
    }
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if heard.is_done() {
            self.complete = true;
        } else if heard.streamed {
            self.streamed(heard);
        } else {
            self.whole(heard.json);
        }
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        Self::finish(*self, asked).into()
    }
}

/// The items as the last event lists them. Some list none, or some without what was in them: then what was put together
/// from the pieces holds.
fn settled(mut said: Vec<Value>, heard: Vec<Value>) -> Vec<Value> {
    if said.is_empty() {
        return heard;
    }
    let is_hollow = |item: &Value| {
        let kind = item.text("type");
        let keys = HOLLOW.iter().find(|(own, _)| kind == Some(*own)).map_or(&[][..], |(_, keys)| *keys);
        !keys.is_empty() && keys.iter().all(|key| item.get(key).is_none_or(is_empty))
    };
    for item in said.iter_mut().filter(|item| is_hollow(item)) {
        let own = heard.iter().find(|own| own.word("id").is_some() && own.word("id") == item.word("id"));
        if let Some(own) = own.filter(|own| !is_hollow(own)) {
            let last = std::mem::replace(item, own.clone());
            overlay(item, last);
        }
    }
    said
}

/// Puts a newer state of the response over an older one. What the server has yet to say does not undo what it said.
fn overlay_response(old: &mut Value, new: Value) {
    if old.is_object() { overlay(old, new) } else { *old = new }
}

/// Why it ended, in the provider's words: what made it incomplete, else its status.
fn raw_reason(response: &Value, ended: Option<&str>) -> Option<String> {
    let why = |place: &str| response.get(place).and_then(|details| details.word("reason"));
    let status = response.word("status");
    // A live response that was cut short by who spoke next has a reason too, but it is cancelled, not incomplete.
    let details = why("status_details").filter(|_| status == Some("incomplete"));
    let status = status.filter(|status| ended.is_none() || !UNDER_WAY.contains(status)).or(ended);
    why("incomplete_details").or(details).or(status).map(str::to_owned)
}

/// The items as one message of the model's. A compaction keeps what others said: that stands beside it.
fn output(
    items: &[Value],
    raw: Option<&str>,
    compacts: bool,
    extra: &mut Map<String, Value>,
) -> Vec<Message> {
    let (own, others): (Vec<&Value>, Vec<&Value>) =
        items.iter().partition(|item| !compacts || item::is_models(item));
    if !others.is_empty() {
        let kept = item::messages(others).iter().map(Message::to_json).collect();
        extra.insert("kept_messages".to_owned(), kept);
    }
    let parts: Vec<_> = own.into_iter().flat_map(item::parts).collect();
    let raw = raw.filter(|raw| !UNDER_WAY.contains(raw));
    if parts.is_empty() && raw.is_none() {
        return Vec::new();
    }
    let finish_reason = raw.map(|raw| match raw {
        // It is complete as far as the model goes: the client's tools are next.
        "completed" if waits(&parts) => "tool_call".to_owned(),
        raw => reason(raw),
    });
    vec![Message { finish_reason, ..Message::new("assistant", parts) }]
}

/// Whether there is a call whose result is not there too, as it is where the provider's own machine ran a shell.
fn waits(parts: &[Part]) -> bool {
    parts.iter().any(|part| match &part.kind {
        PartKind::ToolCall { id: call, .. } => !parts.iter().any(
            |part| matches!(&part.kind, PartKind::ToolCallResponse { id, .. } if id.is_some() && id == call),
        ),
        _ => false,
    })
}

/// What a stored prompt or a conversation that the provider keeps came to, the answer tells.
fn mend(asked: &mut Asked, response: &Value) {
    if asked.system.is_empty() && asked.parameters.contains_key("prompt") {
        asked.system = asked::instructions(response);
    }
    if asked.conversation.is_none() {
        let own = response.some("conversation").and_then(|own| own.as_str().or_else(|| own.text("id")));
        asked.conversation = own.or_else(|| response.word("conversation_id")).map(str::to_owned);
    }
}

/// What else the response says.
fn keep(extra: &mut Map<String, Value>, response: &Value, asked: &Asked) {
    for (key, value) in rest(response, KNOWN) {
        if !is_empty(&value) && asked.parameters.get(&key) != Some(&value) {
            extra.insert(key, value);
        }
    }
    let tools = response.some("tool_usage").and_then(Value::as_object).into_iter().flatten();
    let tools: Map<String, Value> = tools
        .filter(|(_, use_of)| !used::is_nothing(use_of))
        .map(|(tool, use_of)| (tool.clone(), use_of.clone()))
        .collect();
    if !tools.is_empty() {
        extra.insert("tool_usage".to_owned(), tools.into());
    }
    if let Some(details) = response.some("status_details").filter(|details| details.is_object()) {
        extra.insert("status_details".to_owned(), details.clone());
    }
}

/// Listens to a count of tokens.
#[derive(Default)]
pub struct Counting {
    provider: String,
    answered: Answered,
}

impl Counting {
    pub fn new(provider: &str) -> Self {
        Self { provider: provider.to_owned(), ..Self::default() }
    }
}

impl Answer for Counting {
    fn event(&mut self, heard: Heard<'_>) {
        let json = heard.json;
        self.answered.complete = !json.is_null();
        self.answered.error = in_json(&json, None);
        if let Some(count) = json.count("input_tokens") {
            self.answered.usage = usage(&json!({"input_tokens": count}), &self.provider);
        }
        self.answered.extra = rest(&json, &["object", "input_tokens", "error"]);
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        self.answered.into()
    }
}
