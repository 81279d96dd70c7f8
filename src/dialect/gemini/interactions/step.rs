//! Steps and contents of interactions as messages.

use serde_json::{Map, Value, json};

use crate::dialect::json::{Look, arguments, rest};
use crate::model::{Message, Part, PartKind};

/// What was put in: a text, contents, steps, or turns.
pub fn messages(input: &Value) -> Vec<Message> {
    let mut messages = Vec::new();
    match input {
        Value::Array(list) => list.iter().for_each(|entry| add(&mut messages, entry)),
        other => add(&mut messages, other),
    }
    messages
}

/// What came out: the model's parts, and what else an interaction lists of its history.
pub fn output(steps: &[Value]) -> (Vec<Part>, Vec<Message>) {
    let (mut out, mut history) = (Vec::new(), Vec::new());
    for step in steps {
        match step.text("type") {
            Some("user_input" | "function_result") => add(&mut history, step),
            _ => out.extend(parts(step)),
        }
    }
    (out, history)
}

/// One element of an input. What one speaker says in a row is one message; a tool's result is always one.
fn add(messages: &mut Vec<Message>, entry: &Value) {
    if let Some(role) = entry.word("role") {
        let said = contents(entry.some("content").or_else(|| entry.some("parts")));
        return turn(messages, super::super::content::role(Some(role)), said);
    }
    match entry.text("type") {
        Some("user_input") => turn(messages, "user", contents(entry.some("content"))),
        Some("function_result") => messages.push(Message::new("tool", parts(entry))),
        Some(kind) if kind == "model_output" || kind == "thought" || is_tool(kind) => {
            turn(messages, "assistant", parts(entry));
        }
        _ => turn(messages, "user", contents(Some(entry))),
    }
}

fn is_tool(kind: &str) -> bool {
    kind.ends_with("_call") || kind.ends_with("_result")
}

/// Says more as this speaker. Results that stand among a turn's contents are messages of their own.
fn turn(messages: &mut Vec<Message>, role: &str, parts: Vec<Part>) {
    for part in parts {
        let role = if matches!(part.kind, PartKind::ToolCallResponse { .. }) { "tool" } else { role };
        match messages.last_mut() {
            Some(last) if last.role == role && role != "tool" => last.parts.push(part),
            _ => messages.push(Message::new(role, vec![part])),
        }
    }
}

/// A content, or a list of them, or a text.
fn contents(content: Option<&Value>) -> Vec<Part> {
    match content {
        Some(Value::String(text)) => vec![Part::text(text.as_str())],
        Some(Value::Array(list)) => list.iter().flat_map(|content| contents(Some(content))).collect(),
        Some(Value::Object(_)) => content.map(parts).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The parts of a step, or of a content that stands where a step could.
fn parts(step: &Value) -> Vec<Part> {
    let kind = step.text("type").unwrap_or_default();
    let one = |kind: PartKind, said: &[&str]| {
        let mut part = Part::from(kind);
        part.extra = rest(step, &[said, &["type"]].concat());
        vec![part]
    };
    match kind {
        "model_output" => {
            let mut parts = contents(step.some("content"));
            let left = rest(step, &["type", "content"]);
            match parts.last_mut().filter(|_| !left.is_empty()) {
                Some(last) => last.extra.extend(left),
                None if !left.is_empty() => {
                    let value = Value::Object(left);
                    parts.push(PartKind::Other { kind: kind.to_owned(), value }.into());
                }
                None => {}
            }
            parts
        }
        "thought" => one(PartKind::Reasoning(summary(step.get("summary"))), &["summary"]),
        "text" => one(PartKind::Text(step.text("text").unwrap_or_default().to_owned()), &["text"]),
        "image" => one(media(step, "image"), &["data", "uri", "mime_type"]),
        "audio" => one(media(step, "audio"), &["data", "uri", "mime_type"]),
        "video" => one(media(step, "video"), &["data", "uri", "mime_type"]),
        "document" => one(media(step, "document"), &["data", "uri", "mime_type"]),
        "function_call" => {
            let id = step.word("id").map(str::to_owned);
            let name = step.text("name").unwrap_or_default().to_owned();
            let call = PartKind::ToolCall { id, name, arguments: given(step.some("arguments")) };
            one(call, &["id", "name", "arguments"])
        }
        "function_result" => {
            let response = PartKind::ToolCallResponse {
                id: step.word("call_id").map(str::to_owned),
                name: step.word("name").map(str::to_owned),
                response: step.some("result").cloned().unwrap_or(Value::Null),
                is_error: step.truth("is_error"),
            };
            one(response, &["call_id", "name", "result", "is_error"])
        }
        kind => vec![of_provider(step, kind)],
    }
}

/// Tools that the provider ran itself, and what nobody knows yet.
fn of_provider(step: &Value, kind: &str) -> Part {
    let typed = |tool: &str, said: &[&str]| {
        let mut object: Map<String, Value> = rest(step, said);
        object.insert("type".to_owned(), tool.into());
        Value::Object(object)
    };
    let signed = |part: Part| part.with("signature", step.get("signature").cloned().unwrap_or_default());
    if let Some(tool) = kind.strip_suffix("_call") {
        let id = step.word("id").map(str::to_owned);
        // A server's tool has a name of its own.
        let name = step.word("name").unwrap_or(tool).to_owned();
        return signed(
            PartKind::ServerToolCall { id, name, call: typed(tool, &["id", "signature", "type"]) }.into(),
        );
    }
    if let Some(tool) = kind.strip_suffix("_result") {
        let id = step.word("call_id").map(str::to_owned);
        let name = Some(step.word("name").unwrap_or(tool).to_owned());
        let response = typed(tool, &["call_id", "signature", "type"]);
        return signed(PartKind::ServerToolCallResponse { id, name, response }.into());
    }
    PartKind::Other { kind: kind.to_owned(), value: step.clone() }.into()
}

/// Arguments as JSON, also where they come as text.
fn given(given: Option<&Value>) -> Value {
    match given {
        Some(Value::String(text)) => arguments(text),
        Some(other) => other.clone(),
        None => json!({}),
    }
}

/// A thought's text: one, or a list of contents.
fn summary(summary: Option<&Value>) -> String {
    match summary {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(list)) => list.iter().filter_map(|content| content.text("text")).collect(),
        Some(content) => content.text("text").unwrap_or_default().to_owned(),
        None => String::new(),
    }
}

fn media(content: &Value, modality: &'static str) -> PartKind {
    let mime_type = content.word("mime_type").map(str::to_owned);
    match (content.word("data"), content.word("uri")) {
        (Some(data), _) => PartKind::Blob { modality, mime_type, content: data.to_owned() },
        (None, Some(uri)) => PartKind::Uri { modality, mime_type, uri: uri.to_owned() },
        (None, None) => PartKind::Other { kind: modality.to_owned(), value: content.clone() },
    }
}
