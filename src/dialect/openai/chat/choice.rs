//! One choice of a chat completion, put together from its deltas or read from its message.

use serde_json::{Map, Value};

use super::super::content::{self, HELD, THOUGHTS, linked, spoken};
use super::super::executed::Executed;
use super::super::merge;
use crate::dialect::assemble::Parts;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, rest, take_text};
use crate::model::{Message, Part, PartKind};

/// Keys beyond this are given to calls that came under an index that was another's.
const BEYOND: u64 = 1_000_000;
/// What of a choice is said elsewhere in the record, or is of no use without the model.
const KNOWN: &[&str] = &[
    "index",
    "message",
    "messages",
    "delta",
    "text",
    "finish_reason",
    "error",
    "logprobs",
    "usage",
    "token_ids",
    "prompt_token_ids",
    "routed_experts",
];
/// The same of a delta.
const KNOWN_DELTA: &[&str] = &["token_id", "index", "images", "executed_tools"];

#[derive(Default)]
pub struct Choice {
    index: u64,
    role: Option<String>,
    parts: Parts,
    /// The key of the tool call that a delta without an index goes on with.
    last_call: Option<u64>,
    audio: Option<Value>,
    pub finish: Option<String>,
    logprobs: Option<Value>,
    executed: Executed,
    /// What else was said of the message, put together.
    beside: Map<String, Value>,
    /// What else was said of the choice.
    said: Map<String, Value>,
    begun: bool,
}

impl Choice {
    pub fn new(index: u64) -> Self {
        Self { index, ..Self::default() }
    }

    pub fn index(&self) -> u64 {
        self.index
    }

    /// Whether its end was said.
    pub fn is_over(&self) -> bool {
        self.finish.as_ref().is_some_and(|word| !word.is_empty())
    }

    pub fn take_logprobs(&mut self) -> Option<Value> {
        self.logprobs.take()
    }

    /// What the provider says of the choice beside its message: filters' verdicts, its own word for the end.
    pub fn take_said(&mut self) -> Option<Value> {
        let said = std::mem::take(&mut self.said);
        (!said.is_empty()).then_some(Value::Object(said))
    }

    /// A choice of a chunk or of a whole answer. Says whether the model generated something in it.
    pub fn hear(&mut self, json: &mut Value, streamed: bool) -> bool {
        // Where it is never missing it is empty till the end, and maybe behind it.
        let finish = json.text("finish_reason");
        if let Some(finish) = finish.filter(|word| !word.is_empty() || self.finish.is_none()) {
            self.finish = Some(finish.to_owned());
        }
        if let Some(logprobs) = json.some("logprobs") {
            match &mut self.logprobs {
                Some(whole) => merge::into(whole, logprobs),
                None => self.logprobs = Some(logprobs.clone()),
            }
        }
        for (key, value) in rest(json, KNOWN) {
            self.said.insert(key, value);
        }
        // Perplexity has both: in a stream the message repeats all that came, in a whole answer the delta is empty.
        let message = json.some("message").filter(|message| message.is_object());
        if let Some(message) = message.filter(|_| !streamed) {
            self.whole(message);
        } else if let Some(delta) = json.get_mut("delta").filter(|delta| delta.is_object()) {
            self.begun = true;
            return self.delta(delta);
        } else if let Some(message) = json.some("message") {
            if !self.begun {
                self.whole(message);
            }
        } else if let Some(messages) = json.some("messages") {
            self.several(messages);
        } else if let Some(text) = json.word("text") {
            self.parts.text(text);
        } else {
            return false;
        }
        true
    }

    /// More of the text. Says whether the model generated something in it.
    pub fn more(&mut self, text: &str) -> bool {
        self.parts.text(text);
        !text.is_empty()
    }

    /// The message of an answer that is no stream.
    fn whole(&mut self, message: &Value) {
        self.begun = true;
        self.executed.hear(message.list("executed_tools"));
        let Message { role, parts, .. } = content::message(message);
        self.role = Some(role).filter(|_| message.text("role").is_some());
        parts.into_iter().for_each(|part| self.parts.whole(part));
        self.images(message);
    }

    /// Mistral's, when it ran tools itself: all the messages between the question and the answer.
    fn several(&mut self, messages: &Value) {
        let Some((last, before)) = messages.as_array().and_then(|list| list.split_last()) else { return };
        for message in before {
            for part in content::message(message).parts {
                let kind = match part.kind {
                    PartKind::ToolCall { id, name, arguments } => {
                        let call = serde_json::json!({"type": "function", "arguments": arguments});
                        PartKind::ServerToolCall { id, name, call }
                    }
                    PartKind::ToolCallResponse { id, name, response, .. } => {
                        PartKind::ServerToolCallResponse { id, name, response }
                    }
                    other => other,
                };
                self.parts.whole(Part { kind, extra: part.extra });
            }
        }
        self.whole(last);
    }

    fn images(&mut self, json: &Value) -> bool {
        let urls = json.list("images").iter();
        let urls = urls.filter_map(|image| image.get("image_url")?.text("url"));
        urls.map(|url| self.parts.whole(linked("image", url))).count() > 0
    }

    /// A piece of a stream. Says whether the model generated something in it.
    fn delta(&mut self, delta: &mut Value) -> bool {
        if let Some(role) = delta.word("role") {
            self.role = Some(role.to_owned());
        }
        let mut generated = false;
        let mut thoughts = THOUGHTS.iter().filter_map(|key| take_text(delta, key));
        if let Some(text) = thoughts.find(|text| !text.is_empty()) {
            generated = true;
            self.parts.reasoning(&text);
        }
        generated |= delta.some("content").is_some_and(|content| self.content(content));
        if let Some(refusal) = delta.word("refusal") {
            generated = true;
            self.parts.refusal(refusal);
        }
        for call in delta.list("tool_calls") {
            generated |= self.call(call);
        }
        if let Some(function) = delta.some("function_call") {
            let (name, more) = (function.word("name"), asked(function));
            generated |= name.is_some() || !more.is_empty();
            self.parts.call(u64::MAX, None, name, &more);
        }
        generated |= self.images(delta);
        if let Some(audio) = delta.some("audio") {
            generated |= self.audio(audio);
        }
        self.executed.hear(delta.list("executed_tools"));
        for (key, value) in rest(delta, HELD) {
            if !KNOWN_DELTA.contains(&key.as_str()) {
                merge::at(&mut self.beside, &key, &value);
            }
        }
        generated
    }

    fn content(&mut self, content: &Value) -> bool {
        if let Some(text) = content.as_str() {
            self.parts.text(text);
            return !text.is_empty();
        }
        let parts = content::content(content);
        let generated = !parts.is_empty();
        for part in parts {
            match part.kind {
                PartKind::Text(text) if part.extra.is_empty() => self.parts.text(&text),
                PartKind::Reasoning(text) if !part.extra.contains_key("signature") => {
                    self.parts.reasoning(&text);
                }
                _ => self.parts.whole(part),
            }
        }
        generated
    }

    /// A piece of a tool call. The index tells which; without one, an id that is new begins another.
    fn call(&mut self, call: &Value) -> bool {
        let wrapped = call.some("function").or_else(|| call.some("custom"));
        let inner = wrapped.or_else(|| call.word("name").map(|_| call));
        let (id, name) = (call.word("id"), inner.and_then(|inner| inner.word("name")));
        let mut more = inner.map(asked).unwrap_or_default();
        // Google's signature of what the model thought before the call.
        if let Some(more) = call.some("extra_content") {
            merge::at(&mut self.beside, "extra_content", more);
        }
        let mut key = self.call_key(call.count("index"), id, name);
        // Behind whole arguments nothing can follow: it is the same call again, or the next one under the same index.
        if name.is_some()
            && more.starts_with('{')
            && let Some(before) = self.parts.whole_arguments(key)
        {
            if id.is_some() && before == more {
                more.clear();
            } else {
                key = self.key_beyond();
            }
        }
        self.last_call = Some(key);
        self.parts.call(key, id, name, &more);
        // Snowflake sends an empty one of these beside each function.
        if call.some("custom").is_some() && call.some("function").is_none() {
            self.parts.plain(key);
        }
        id.is_some() || name.is_some() || !more.is_empty()
    }

    /// A key that no index has.
    fn key_beyond(&self) -> u64 {
        BEYOND.saturating_add(self.last_call.map_or(0, |last| last.saturating_add(1)))
    }

    fn call_key(&self, index: Option<u64>, id: Option<&str>, name: Option<&str>) -> u64 {
        let last = self.last_call.unwrap_or_default();
        let next = self.last_call.map_or(0, |last| last.saturating_add(1));
        let key = match (index, id) {
            // What follows a call that came under another's index goes on with it.
            (Some(_), None) if name.is_none() && last >= BEYOND => last,
            (Some(index), _) => index,
            (None, Some(id)) => self.parts.call_key(id).unwrap_or(next),
            (None, None) if name.is_none() => last,
            (None, None) => next,
        };
        // Some gateways count every call as the first: a new id with a new name is a new call all the same.
        match (id, name, self.parts.call_id(key)) {
            (Some(id), Some(_), Some(known)) if known != id => self.key_beyond(),
            _ => key,
        }
    }

    /// A piece of sound, or of what is said in it.
    fn audio(&mut self, audio: &Value) -> bool {
        let whole = self.audio.get_or_insert_with(|| Value::Object(Map::new()));
        let Some(whole) = whole.as_object_mut() else { return false };
        let mut generated = false;
        for (key, value) in audio.as_object().into_iter().flatten() {
            if matches!(key.as_str(), "data" | "transcript") {
                generated |= value.as_str().is_some_and(|more| !more.is_empty());
                merge::at(whole, key, value);
            } else if !value.is_null() {
                whole.insert(key.clone(), value.clone());
            }
        }
        generated
    }

    pub fn finish(self) -> Message {
        let Self { role, parts, audio, finish, executed, beside, .. } = self;
        let mut all = executed.parts();
        all.extend(parts.finish());
        if let Some(audio) = audio {
            all.extend(spoken(&audio));
        }
        content::hang(&mut all, beside);
        let finish_reason = finish.as_deref().filter(|word| !word.is_empty()).map(reason);
        Message { finish_reason, ..Message::new(role.as_deref().unwrap_or("assistant"), all) }
    }
}

/// What a call is asked with, or a piece of it.
fn asked(inner: &Value) -> String {
    match inner.some("arguments").or_else(|| inner.some("input")) {
        Some(Value::String(text)) => text.clone(),
        Some(object) => object.to_string(),
        None => String::new(),
    }
}
