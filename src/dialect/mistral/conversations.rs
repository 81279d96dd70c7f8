//! `mistral.conversations`: a conversation that Mistral keeps, begun, gone on with or begun again from some entry.

use serde_json::{Map, Value, json};

use super::entry;
use crate::dialect::assemble::First;
use crate::dialect::error::in_json;
use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content;
use crate::dialect::openai::usage::usage;
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Message, Micros, Operation, Part, Usage};

pub struct Conversations;

/// What of a request is said elsewhere in the record.
const SAID: &[&str] = &["model", "inputs", "instructions", "tools", "stream"];
/// The same of an answer.
const KNOWN: &[&str] =
    &["object", "type", "created_at", "conversation_id", "outputs", "usage", "error", "message", "code"];

impl Dialect for Conversations {
    fn name(&self) -> &'static str {
        "mistral.conversations"
    }

    fn claims(&self, call: &Call) -> bool {
        // OpenAI has conversations at the same path, in which nothing is generated.
        let segments = call.segments();
        let behind =
            segments.iter().position(|segment| *segment == "conversations").map(|at| segments.len() - at);
        let restart = segments.last().is_some_and(|last| *last == "restart");
        let depth = behind.is_some_and(|behind| behind <= 2 || behind == 3 && restart);
        call.provider == "mistral" && call.is_post() && depth
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { conversation: call.behind("conversations"), ..Asked::default() };
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.system.extend(json.word("instructions").map(Part::text));
        asked.input = match json.get("inputs") {
            Some(Value::String(text)) => vec![Message::new("user", vec![Part::text(text.as_str())])],
            Some(Value::Array(list)) => list.iter().map(entry::asked).collect(),
            _ => Vec::new(),
        };
        asked.tools = json.list("tools").iter().map(content::tool).collect();
        asked.parameters = rest(&json, SAID);
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening { provider: call.provider.clone(), ..Listening::default() })
    }
}

#[derive(Default)]
struct Listening {
    provider: String,
    answered: Answered,
    conversation: Option<String>,
    /// Entries, whole or as far as they came, by their place.
    entries: Vec<(u64, Map<String, Value>)>,
    usage: Option<Usage>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        let kind = json.text("type").unwrap_or(heard.name);
        let failed = heard.streamed && kind.ends_with(".error");
        if let Some(error) = in_json(json, failed.then_some(200)) {
            self.answered.error =
                Some(ApiError { status: error.status.filter(|status| *status >= 400), ..error });
        } else if heard.error || failed {
            self.answered.error = Some(ApiError::default());
        }
        if let Some(id) = json.word("conversation_id") {
            self.conversation = Some(id.to_owned());
        }
        if let Some(raw) = json.some("usage") {
            self.usage = used(raw, &self.provider);
        }
        if heard.streamed {
            self.typed(kind, json, heard.at);
        } else if !json.is_null() {
            self.answered.complete = true;
            let outputs = json.list("outputs").iter().filter_map(|entry| entry.as_object().cloned());
            self.entries = (0..).zip(outputs).collect();
            self.answered.extra = rest(json, KNOWN);
        }
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { mut answered, conversation, mut entries, usage, first, .. } = *self;
        entries.sort_by_key(|(place, _)| *place);
        let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| without_places(entry)).collect();
        let model = entries.iter().rev().find_map(|entry| entry.word("model"));
        answered.model = model.map(str::to_owned);
        answered.first_token = first.0;
        answered.usage = usage;
        let parts: Vec<Part> = entries.iter().flat_map(entry::answered).collect();
        if !parts.is_empty() {
            answered.output = vec![Message::new("assistant", parts)];
        }
        asked.conversation = conversation.or(asked.conversation.take());
        answered.into()
    }
}

impl Listening {
    fn typed(&mut self, kind: &str, json: &Value, at: Micros) {
        match kind {
            "conversation.response.started" => {}
            "conversation.response.done" | "conversation.response.error" => self.answered.complete = true,
            "message.output.delta" => {
                self.first.saw(at);
                self.entry("message.output", json, |entry| {
                    let list = entry.entry("content").or_insert_with(|| json!([]));
                    if let (Some(list), Some(piece)) = (list.as_array_mut(), json.get("content")) {
                        piece_of(list, piece, json.count("content_index"));
                    }
                });
            }
            "function.call.delta" => {
                self.first.saw(at);
                self.entry("function.call", json, |entry| grow(entry, json));
            }
            "tool.execution.started" | "tool.execution.delta" => {
                self.first.saw(at);
                self.entry("tool.execution", json, |entry| grow(entry, json));
            }
            "tool.execution.done" => {
                let more = rest(json, &["type", "created_at", "output_index", "arguments"]);
                self.entry("tool.execution", json, |entry| entry.extend(more));
            }
            "agent.handoff.started" | "agent.handoff.done" => {
                let more = rest(json, &["type", "created_at", "output_index"]);
                self.entry("agent.handoff", json, |entry| entry.extend(more));
            }
            _ => self.answered.extra.append(&mut rest(json, KNOWN)),
        }
    }

    /// Goes on with the entry that an event belongs to.
    fn entry(&mut self, kind: &str, json: &Value, go_on: impl FnOnce(&mut Map<String, Value>)) {
        let id = json.get("id").filter(|id| id.is_string());
        let index = json.count("output_index");
        let known = self.entries.iter().position(|(place, entry)| {
            entry.get("type").and_then(Value::as_str) == Some(kind)
                && if id.is_some() { entry.get("id") == id } else { index == Some(*place) }
        });
        let last = self.entries.len();
        if known.is_none() {
            let next = self.entries.iter().map(|(place, _)| place.saturating_add(1)).max();
            let but = ["type", "created_at", "output_index", "content_index", "content", "arguments", "info"];
            let mut entry = rest(json, &but);
            entry.insert("type".to_owned(), kind.into());
            self.entries.push((index.or(next).unwrap_or_default(), entry));
        }
        if let Some((_, entry)) = self.entries.get_mut(known.unwrap_or(last)) {
            go_on(entry);
        }
    }
}

/// Arguments come in pieces, as text.
fn grow(entry: &mut Map<String, Value>, json: &Value) {
    match (entry.get_mut("arguments"), json.get("arguments")) {
        (Some(Value::String(text)), Some(Value::String(more))) => text.push_str(more),
        (_, Some(more)) => {
            entry.insert("arguments".to_owned(), more.clone());
        }
        (_, None) => {}
    }
}

/// A piece of a message's content: text and thoughts go on in the chunk of their place, anything else is a chunk of its
/// own.
fn piece_of(list: &mut Vec<Value>, piece: &Value, index: Option<u64>) {
    if let Some(more) = piece.get("thinking").filter(|_| piece.text("type") == Some("thinking")) {
        return thought(list, piece, more, index);
    }
    let text = piece.as_str().or_else(|| piece.text("text").filter(|_| piece.text("type") == Some("text")));
    let Some(text) = text else {
        return list.push(piece.clone());
    };
    match list.last_mut() {
        Some(last) if last.text("type") == Some("text") && last.count("at") == index => {
            if let Some(Value::String(known)) = last.get_mut("text") {
                known.push_str(text);
            }
        }
        _ => list.push(match index {
            Some(index) => json!({"type": "text", "text": text, "at": index}),
            None => json!({"type": "text", "text": text}),
        }),
    }
}

/// A piece of what was thought: texts in a list, or one.
fn thought(list: &mut Vec<Value>, piece: &Value, more: &Value, index: Option<u64>) {
    let last =
        list.last_mut().filter(|last| last.text("type") == Some("thinking") && last.count("at") == index);
    match (last.and_then(|last| last.get_mut("thinking")), more) {
        (Some(Value::Array(known)), Value::Array(more)) => known.extend(more.iter().cloned()),
        (Some(Value::String(known)), Value::String(more)) => known.push_str(more),
        _ => {
            let mut begun = piece.clone();
            if let (Some(object), Some(index)) = (begun.as_object_mut(), index) {
                object.insert("at".to_owned(), index.into());
            }
            list.push(begun);
        }
    }
}

/// An entry without the marks that told which of its chunks a piece goes on with.
fn without_places(mut entry: Map<String, Value>) -> Value {
    let chunks = entry.get_mut("content").and_then(Value::as_array_mut);
    for chunk in chunks.into_iter().flatten().filter_map(Value::as_object_mut) {
        chunk.remove("at");
    }
    entry.into()
}

/// Connectors' tokens are read by the model beside the prompt, and their calls are billed by the piece.
fn used(raw: &Value, provider: &str) -> Option<Usage> {
    let mut usage = usage(raw, provider)?;
    if let Some(tokens) = raw.count("connector_tokens").filter(|tokens| *tokens > 0) {
        usage.tool_input = Some(tokens);
        let (input, output) = (usage.input.unwrap_or_default(), usage.output.unwrap_or_default());
        if usage.total == Some(input.saturating_add(output).saturating_add(tokens)) {
            usage.input = Some(input.saturating_add(tokens));
            usage.anomalies.retain(|anomaly| !anomaly.starts_with("total"));
        }
    }
    for (name, calls) in raw.get("connectors").and_then(Value::as_object).into_iter().flatten() {
        if let Some(calls) = crate::dialect::json::count(calls).filter(|calls| *calls > 0) {
            usage.requests.push((name.clone(), calls));
        }
    }
    Some(usage)
}
