//! Ollama's chat and generate as they are answered: the same lines, the text in another place.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::dialect::assemble::{First, Parts};
use crate::dialect::error::in_event;
use crate::dialect::finish::reason_of;
use crate::dialect::json::{Look, check, rest};
use crate::dialect::{Answer, Finished, Heard};
use crate::model::{Answered, Asked, Message, Part, PartKind, Usage};

/// What counts as usage, and how long it took, in nanoseconds.
const COUNTS: &[&str] = &[
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
];
/// What of a line is said elsewhere; the context is the conversation as tokens.
const KNOWN: &[&str] = &[
    "model",
    "created_at",
    "message",
    "response",
    "thinking",
    "done",
    "done_reason",
    "context",
    "error",
    "image",
];

#[derive(Default)]
pub struct Listening {
    answered: Answered,
    role: Option<String>,
    parts: Parts,
    logprobs: Vec<Value>,
    finish: Option<String>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if let Some(model) = json.text("model") {
            self.answered.model = Some(model.to_owned());
        }
        if self.said(json) {
            self.first.saw(heard.at);
        }
        if json.truth("done") == Some(true) {
            self.answered.complete = true;
            self.finish = json.text("done_reason").map(str::to_owned);
            self.answered.usage = usage(json);
        }
        self.answered.complete |= !heard.streamed && !json.is_null();
        for (key, value) in rest(json, KNOWN) {
            match (key.as_str(), value) {
                ("logprobs", Value::Array(list)) => self.logprobs.extend(list),
                (key, value) if !key.ends_with("_count") => {
                    self.answered.extra.insert(key.to_owned(), value);
                }
                _ => {}
            }
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, role, parts, logprobs, finish, first } = *self;
        let parts = parts.finish();
        answered.first_token = first.0;
        if !logprobs.is_empty() {
            answered.extra.insert("logprobs".to_owned(), logprobs.into());
        }
        if !parts.is_empty() || finish.is_some() {
            let role = role.as_deref().unwrap_or("assistant");
            let finish_reason = finish.as_deref().map(|word| reason_of(word, &parts));
            answered.output = vec![Message { finish_reason, ..Message::new(role, parts) }];
        }
        answered.finish_reasons = finish.into_iter().collect();
        answered.into()
    }
}

impl Listening {
    /// What the model says in this line. Calls come whole.
    fn said(&mut self, json: &Value) -> bool {
        // Generate has the message's fields on the top.
        let message = json.some("message").unwrap_or(json);
        if let Some(role) = message.word("role") {
            self.role = Some(role.to_owned());
        }
        let thought = message.word("thinking");
        if let Some(thought) = thought {
            self.parts.reasoning(thought);
        }
        let text = message.word("content").or_else(|| json.word("response"));
        if let Some(text) = text {
            self.parts.text(text);
        }
        let calls = message.list("tool_calls");
        calls.iter().filter_map(call).for_each(|call| self.parts.whole(call));
        let images = message.list("images").iter().chain(json.get("image"));
        let images: Vec<Part> =
            images.filter_map(Value::as_str).filter(|b64| !b64.is_empty()).map(image).collect();
        let generated = thought.is_some() || text.is_some() || !calls.is_empty() || !images.is_empty();
        images.into_iter().for_each(|image| self.parts.whole(image));
        generated
    }
}

/// The counts of the last line. How much of the prompt there was is not said where all of it was known before.
pub fn usage(json: &Value) -> Option<Usage> {
    let raw: Map<String, Value> =
        COUNTS.iter().filter_map(|key| Some(((*key).to_owned(), json.some(key)?.clone()))).collect();
    if raw.is_empty() {
        return None;
    }
    let mut usage = Usage {
        input: json.count("prompt_eval_count"),
        output: json.count("eval_count"),
        raw: Some(raw.into()),
        ..Usage::default()
    };
    check(&mut usage);
    Some(usage)
}

/// A call in a message, of the model's or of the history's. Arguments are an object; ids are new.
pub fn call(json: &Value) -> Option<Part> {
    let function = json.some("function").unwrap_or(json);
    let name = function.word("name")?.to_owned();
    let arguments = match function.some("arguments") {
        Some(Value::String(text)) => crate::dialect::json::arguments(text),
        Some(other) => other.clone(),
        None => json!({}),
    };
    let id = json.word("id").map(str::to_owned);
    Some(PartKind::ToolCall { id, name, arguments }.into())
}

pub fn image(base64: &str) -> Part {
    PartKind::Blob { modality: "image", mime_type: None, content: base64.to_owned() }.into()
}

/// The call's settings: what is left of the request.
pub fn parameters(json: &Value, but: &[&str]) -> Map<String, Value> {
    let kept: BTreeMap<String, Value> = rest(json, but).into_iter().collect();
    // Some clients send every field there is, empty.
    kept.into_iter().filter(|(_, value)| value.as_str() != Some("")).collect()
}
