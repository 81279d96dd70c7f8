//! `bedrock.converse`: AWS Bedrock's own conversation, the same for all models.

use serde_json::{Value, json};

use super::content::{block, content, messages, tool};
use super::usage::usage;
use super::{exception, model, target, untyped, without_padding};
use crate::dialect::assemble::First;
use crate::dialect::error::in_json;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, arguments, parse, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Micros, Operation, Part, PartKind, Usage};

pub struct Converse;

impl Dialect for Converse {
    fn name(&self) -> &'static str {
        "bedrock.converse"
    }

    fn claims(&self, call: &Call) -> bool {
        target(call).is_some_and(|(_, method)| matches!(method, "converse" | "converse-stream"))
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = match parse(body) {
            Ok(json) => asked(&json),
            Err(why) => Asked { problems: vec![format!("request: {why}")], ..Asked::default() },
        };
        asked.model = model(call);
        asked.streamed = call.posts_to("/converse-stream");
        asked
    }

    fn answer(&self, _call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let id = head.headers.text("x-amzn-requestid").map(str::to_owned);
        Box::new(Listening { answered: Answered { id, ..Answered::default() }, ..Listening::default() })
    }
}

/// What a request's body asks for, Nova's own included.
pub fn asked(json: &Value) -> Asked {
    let tools = json.get("toolConfig").map(|config| config.list("tools")).unwrap_or_default();
    let mut parameters = rest(json, &["messages", "system", "toolConfig"]);
    if let Some(config) = json.get("toolConfig") {
        parameters.extend(rest(config, &["tools"]));
    }
    Asked {
        parameters,
        system: content(json.get("system").unwrap_or(&Value::Null)),
        input: json.list("messages").iter().flat_map(messages).collect(),
        tools: tools.iter().map(tool).collect(),
        ..Asked::default()
    }
}

/// Listens to a conversation's answer, whole or in events.
#[derive(Default)]
pub struct Listening {
    answered: Answered,
    role: Option<String>,
    blocks: Vec<Block>,
    stop_reason: Option<String>,
    usage: Option<Usage>,
    first: First,
}

/// A block under way.
struct Block {
    index: u64,
    /// As it would have come whole, a tool's input excepted.
    json: Value,
    /// A tool's input as far as it came.
    input: String,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if let Some(error) = exception(&heard) {
            self.answered.error = Some(error);
            return;
        }
        if heard.streamed {
            self.frame(heard.name, without_padding(heard.json), heard.at);
        } else if heard.json.is_object() {
            self.whole(&heard.json);
        }
    }

    fn opaque(&mut self, beginning: &[u8], _length: u64, at: Micros) {
        untyped(self, beginning, at);
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, role, blocks, stop_reason, usage, first } = *self;
        let mut parts: Vec<Part> = Vec::new();
        for part in blocks.into_iter().filter_map(|under_way| block(&under_way.whole())) {
            match (parts.last_mut(), part) {
                // Nova makes a block of each piece of its text.
                (
                    Some(Part { kind: PartKind::Text(text), extra }),
                    Part { kind: PartKind::Text(more), extra: of_more },
                ) if extra.is_empty() && of_more.is_empty() => text.push_str(&more),
                (_, part) => parts.push(part),
            }
        }
        answered.first_token = first.0;
        answered.usage = usage;
        answered.finish_reasons = stop_reason.iter().cloned().collect();
        if role.is_some() || !parts.is_empty() || stop_reason.is_some() {
            let finish_reason = stop_reason.as_deref().map(reason);
            let message = Message::new(role.as_deref().unwrap_or("assistant"), parts);
            answered.output = vec![Message { finish_reason, ..message }];
        }
        answered.into()
    }
}

impl Listening {
    /// A body that is no stream.
    fn whole(&mut self, json: &Value) {
        self.answered.error = in_json(json, None).or(self.answered.error.take());
        if let Some(message) = json.get("output").and_then(|output| output.some("message")) {
            self.role = message.word("role").map(str::to_owned);
            for (index, block) in (0..).zip(message.list("content")) {
                self.blocks.push(Block { index, json: block.clone(), input: String::new() });
            }
        }
        self.around(json);
        self.answered.complete = true;
    }

    /// An event of a stream.
    pub fn frame(&mut self, name: &str, mut json: Value, at: Micros) {
        match name {
            "messageStart" => self.role = json.word("role").map(str::to_owned),
            "contentBlockStart" => {
                let start = json.get_mut("start").map(Value::take).unwrap_or_default();
                if start.as_object().is_some_and(|start| !start.is_empty()) {
                    self.first.saw(at);
                    self.block(&json).json = start;
                }
            }
            "contentBlockDelta" => {
                if let Some(delta) = json.some("delta")
                    && self.block(&json).goes_on(delta)
                {
                    self.first.saw(at);
                }
            }
            "contentBlockStop" => {}
            "messageStop" => {
                self.around(&json);
                self.answered.complete = true;
            }
            "metadata" => self.around(&json),
            _ => {
                self.answered.extra.insert(name.to_owned(), json);
            }
        }
    }

    /// Why it ended, what was used, and what else is said of the whole.
    fn around(&mut self, json: &Value) {
        if let Some(word) = json.word("stopReason") {
            self.stop_reason = Some(word.to_owned());
        }
        if let Some(raw) = json.some("usage") {
            self.usage = usage(raw).or(self.usage.take());
        }
        let answered = &mut self.answered;
        if let Some(tier) = json.get("serviceTier").and_then(|tier| tier.word("type")) {
            answered.service_tier = Some(tier.to_owned());
        }
        // A router says in its trace which model it chose.
        let router = json.get("trace").and_then(|trace| trace.get("promptRouter"));
        if let Some(model) = router.and_then(|router| router.word("invokedModelId")) {
            answered.model = Some(model.to_owned());
        }
        let more = rest(json, &["stopReason", "usage", "serviceTier", "output", "error"]).into_iter();
        let empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
        answered.extra.extend(more.filter(|(_, value)| !empty(value)));
    }

    /// The block that an event is of; a new one where none of this index has begun.
    fn block(&mut self, event: &Value) -> &mut Block {
        let index = event.count("contentBlockIndex").unwrap_or_default();
        let at = self.blocks.iter().rposition(|block| block.index == index).unwrap_or_else(|| {
            self.blocks.push(Block { index, json: json!({}), input: String::new() });
            self.blocks.len() - 1
        });
        &mut self.blocks[at]
    }
}

impl Block {
    /// Says whether the model generated something in this piece.
    fn goes_on(&mut self, delta: &Value) -> bool {
        let mut generated = false;
        for (key, value) in delta.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                (_, Value::Null) => {}
                ("toolUse", tool) => {
                    generated = true;
                    match tool.get("input") {
                        Some(Value::String(more)) => self.input.push_str(more),
                        Some(whole) => self.put(&["toolUse", "input"], whole.clone()),
                        None => {}
                    }
                }
                ("reasoningContent", piece) => generated |= self.reasons(piece),
                ("citation", citation) => self.extend(&["citations"], std::slice::from_ref(citation)),
                ("toolResult", Value::Array(more)) => self.extend(&["toolResult", "content"], more),
                // The block began with its format; what is in it comes behind.
                ("image", Value::Object(more)) => {
                    generated = true;
                    more.iter().for_each(|(field, value)| self.put(&[key, field], value.clone()));
                }
                (_, Value::String(more)) => {
                    generated |= !more.is_empty();
                    self.append(&[key], more);
                }
                _ => {
                    generated = true;
                    self.put(&[key], value.clone());
                }
            }
        }
        generated
    }

    /// A piece of reasoning: its text, its signature, or what is kept secret of it.
    fn reasons(&mut self, piece: &Value) -> bool {
        let mut generated = false;
        for (key, value) in piece.as_object().into_iter().flatten() {
            let Value::String(more) = value else { continue };
            generated |= key != "signature" && !more.is_empty();
            match key.as_str() {
                "redactedContent" => self.append(&["reasoningContent", key], more),
                _ => self.append(&["reasoningContent", "reasoningText", key], more),
            }
        }
        generated
    }

    /// What is at the end of a path of keys, made where there is nothing yet.
    fn at(&mut self, path: &[&str]) -> Option<&mut Value> {
        let mut place = &mut self.json;
        for key in path {
            if !place.is_object() {
                *place = json!({});
            }
            place = place.as_object_mut()?.entry(*key).or_insert(Value::Null);
        }
        Some(place)
    }

    fn put(&mut self, path: &[&str], value: Value) {
        if let Some(place) = self.at(path) {
            *place = value;
        }
    }

    fn append(&mut self, path: &[&str], more: &str) {
        match self.at(path) {
            Some(Value::String(text)) => text.push_str(more),
            Some(other) => *other = more.into(),
            None => {}
        }
    }

    fn extend(&mut self, path: &[&str], more: &[Value]) {
        match self.at(path) {
            Some(Value::Array(list)) => list.extend_from_slice(more),
            Some(other) => *other = more.to_vec().into(),
            None => {}
        }
    }

    /// As it would have come whole.
    fn whole(self) -> Value {
        let Self { index, mut json, input } = self;
        if !input.trim().is_empty() {
            let mut block = Self { index, json, input: String::new() };
            block.put(&["toolUse", "input"], arguments(&input));
            json = block.json;
        }
        json
    }
}
