//! An answer with a message in it, whole or in events.

use serde_json::{Map, Value, json};

use super::content::{block, name_results};
use super::usage::{beside, fallback_model, region, revise, tier, usage, work_beside};
use crate::dialect::assemble::First;
use crate::dialect::error::in_json;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, arguments, rest};
use crate::dialect::openai::usage::billed;
use crate::dialect::{Answer, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Message, Micros};

/// What of a message is said elsewhere in the record.
const KNOWN: &[&str] = &["id", "type", "role", "model", "content", "stop_reason", "usage", "error", "p"];

/// Listens to a message.
#[derive(Default)]
pub struct Listening {
    answered: Answered,
    role: Option<String>,
    blocks: Vec<Block>,
    stop_reason: Option<String>,
    usage: Map<String, Value>,
    /// The usage is that of the end.
    last: bool,
    first: First,
    /// The block that the last event brought a piece of text for, and nothing else: of which kind, and at which key.
    goes_on: Option<(Option<u64>, String, &'static str)>,
}

/// A block under way.
struct Block {
    index: u64,
    /// As it would have come whole, its input excepted.
    json: Value,
    /// A tool's input as far as it came; `None` where none came in pieces.
    input: Option<String>,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        self.goes_on = None;
        if let Some(error) = in_json(json, None) {
            self.answered.error = Some(error);
        } else if heard.is_error() {
            self.answered.error = Some(ApiError::default());
        }
        match json.text("type").unwrap_or(heard.name) {
            "message_start" => {
                if let Some(message) = json.some("message") {
                    self.anew();
                    self.message(message);
                }
            }
            "content_block_start" => {
                if let Some(begun) = json.some("content_block") {
                    // These begin empty, or are nothing that a model says; others are something already.
                    if !matches!(begun.text("type"), Some("text" | "thinking" | "compaction" | "fallback")) {
                        self.first.saw(heard.at);
                    }
                    self.begin(json.count("index"), begun.clone());
                }
            }
            "content_block_delta" => {
                if let Some(delta) = json.some("delta") {
                    if self.delta(json.count("index"), delta) {
                        self.first.saw(heard.at);
                    }
                    let text = only_text(delta).filter(|_| self.answered.error.is_none());
                    self.goes_on = text.map(|(kind, key)| (json.count("index"), kind.to_owned(), key));
                }
            }
            "message_delta" => self.end(json),
            "message_stop" => {
                self.answered.complete = true;
                self.beside(json, &["type", "p"]);
            }
            // A body that is no stream, however it calls itself.
            kind if !heard.streamed && json.is_object() => {
                if kind != "error" {
                    self.message(json);
                }
                self.last = true;
                self.answered.complete = true;
            }
            _ => {}
        }
    }

    fn goes_on(&self) -> Option<&'static str> {
        self.goes_on.as_ref().map(|(_, _, key)| *key)
    }

    fn more(&mut self, text: &str, at: Micros) {
        let Some((index, kind, key)) = &self.goes_on else { return };
        let (index, delta) = (*index, json!({"type": kind, *key: text}));
        if self.delta(index, &delta) {
            self.first.saw(at);
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, role, blocks, stop_reason, usage: raw, last, first, goes_on: _ } = *self;
        // A stream begins with the model that was asked; who took its place is said later.
        let fallbacks = blocks.iter().rev().filter(|block| block.json.text("type") == Some("fallback"));
        let fallen_back = fallbacks.filter_map(|block| block.json.get("to")?.word("model")).next();
        let fallen_back = fallen_back.map(str::to_owned);
        let mut parts = blocks.into_iter().map(|under_way| block(&under_way.whole())).collect();
        name_results(&mut parts);
        answered.first_token = first.0;
        answered.usage = usage(&raw, last);
        answered.billed = billed(&Value::Object(raw.clone()));
        answered.service_tier = tier(&raw).map(str::to_owned);
        answered.region = region(&raw).map(str::to_owned).or(answered.region);
        answered.beside = work_beside(&raw);
        if let Some(model) = fallback_model(&raw).map(str::to_owned).or(fallen_back) {
            answered.model = Some(model);
        }
        let beside = beside(&raw);
        if !beside.is_empty() {
            answered.extra.insert("billed_iterations".to_owned(), beside.into());
        }
        answered.finish_reasons = stop_reason.iter().cloned().collect();
        if role.is_some() || !parts.is_empty() || stop_reason.is_some() {
            let finish_reason = stop_reason.as_deref().map(reason);
            let message = Message::new(role.as_deref().unwrap_or("assistant"), parts);
            answered.output = vec![Message { finish_reason, ..message }];
        }
        answered.into()
    }
}

/// The kind of a delta in which a text is all there is, and the key it stands at.
fn only_text(delta: &Value) -> Option<(&str, &'static str)> {
    let object = delta.as_object().filter(|object| object.len() == 2)?;
    let key = ["text", "partial_json", "thinking"].into_iter().find(|key| object.contains_key(*key))?;
    delta.text(key).and(delta.text("type")).map(|kind| (kind, key))
}

impl Listening {
    /// `region`: where the call was sent to be served.
    pub fn in_region(region: Option<String>) -> Self {
        Self { answered: Answered { region, ..Answered::default() }, ..Self::default() }
    }

    /// A gateway that tried again goes on with another message in the same stream: what came of the first was in vain.
    fn anew(&mut self) {
        if !self.blocks.is_empty() {
            self.blocks.clear();
            self.answered.problems.push("response: the message began anew".to_owned());
        }
    }

    /// A message, whole or as it begins.
    fn message(&mut self, message: &Value) {
        for (own, key) in [
            (&mut self.answered.id, "id"),
            (&mut self.answered.model, "model"),
            (&mut self.role, "role"),
            (&mut self.stop_reason, "stop_reason"),
        ] {
            if let Some(word) = message.word(key) {
                *own = Some(word.to_owned());
            }
        }
        match message.get("content") {
            Some(Value::Array(list)) => list.iter().for_each(|block| self.begin(None, block.clone())),
            Some(Value::String(text)) if !text.is_empty() => {
                self.begin(None, json!({"type": "text", "text": text}));
            }
            _ => {}
        }
        if let Some(usage) = message.some("usage") {
            revise(&mut self.usage, usage);
        }
        self.beside(message, KNOWN);
    }

    /// Keeps what stands beside what the record says elsewhere.
    fn beside(&mut self, json: &Value, but: &[&str]) {
        self.answered.extra.extend(rest(json, but));
    }

    fn begin(&mut self, index: Option<u64>, json: Value) {
        let next = self.blocks.last().map_or(0, |block| block.index.saturating_add(1));
        self.blocks.push(Block { index: index.unwrap_or(next), json, input: None });
    }

    /// A piece of a block. Says whether the model generated something in it.
    fn delta(&mut self, index: Option<u64>, delta: &Value) -> bool {
        let of_this = |block: &Block| index.is_none_or(|index| block.index == index);
        if !self.blocks.iter().any(of_this) {
            let kind = match delta.text("type").unwrap_or_default() {
                "input_json_delta" => "tool_use",
                "signature_delta" => "thinking",
                "citations_delta" => "text",
                other => other.strip_suffix("_delta").unwrap_or(other),
            };
            self.begin(index, json!({"type": kind}));
        }
        self.blocks.iter_mut().rfind(|block| of_this(block)).is_some_and(|block| block.goes_on(delta))
    }

    /// Why it ends, and what was used: every figure is a sum up to here.
    fn end(&mut self, json: &Value) {
        if let Some(usage) = json.some("usage") {
            revise(&mut self.usage, usage);
            self.last = true;
        }
        if let Some(delta) = json.some("delta") {
            if let Some(word) = delta.word("stop_reason") {
                self.stop_reason = Some(word.to_owned());
            }
            self.beside(delta, &["stop_reason"]);
        }
        self.beside(json, &["type", "delta", "usage", "p"]);
    }
}

impl Block {
    /// Says whether the model generated something in this piece.
    fn goes_on(&mut self, delta: &Value) -> bool {
        let Some(object) = self.json.as_object_mut() else { return false };
        let kind = delta.text("type").unwrap_or_default();
        let mut generated = false;
        for (key, value) in delta.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("type" | "estimated_tokens" | "p", _) | (_, Value::Null) => {}
                ("partial_json", Value::String(more)) => {
                    generated = true;
                    self.input.get_or_insert_default().push_str(more);
                }
                ("citation", citation) => match object.get_mut("citations") {
                    Some(Value::Array(list)) => list.push(citation.clone()),
                    _ => {
                        object.insert("citations".to_owned(), json!([citation]));
                    }
                },
                (_, Value::String(more)) => {
                    generated |= !more.is_empty() && kind != "signature_delta";
                    match object.get_mut(key) {
                        Some(Value::String(text)) => text.push_str(more),
                        _ => {
                            object.insert(key.clone(), value.clone());
                        }
                    }
                }
                _ => {
                    object.insert(key.clone(), value.clone());
                }
            }
        }
        generated
    }

    /// As it would have come whole.
    fn whole(self) -> Value {
        let Self { index: _, mut json, input } = self;
        // One empty piece is all there is of an empty input. It leaves what came at the beginning.
        let input = input.filter(|input| !input.trim().is_empty());
        if let (Some(input), Some(object)) = (input, json.as_object_mut()) {
            object.insert("input".to_owned(), arguments(&input));
        }
        json
    }
}
