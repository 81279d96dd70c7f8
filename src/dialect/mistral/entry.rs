//! Entries of a conversation, asked and answered.

use serde_json::{Value, json};

use crate::dialect::json::{Look, arguments, rest};
use crate::dialect::openai::content;
use crate::model::{Message, Part, PartKind};

/// What of an entry is said by where it stands.
const KNOWN: &[&str] = &[
    "object",
    "type",
    "id",
    "created_at",
    "completed_at",
    "role",
    "content",
    "model",
    "agent_id",
    "name",
    "arguments",
    "info",
    "tool_call_id",
    "result",
    "function",
    "output_index",
    "content_index",
];

/// An entry of a request.
pub fn asked(json: &Value) -> Message {
    match json.text("type") {
        Some("function.result") => {
            let id = json.word("tool_call_id").map(str::to_owned);
            let response = json.get("result").cloned().unwrap_or_default();
            let kind = PartKind::ToolCallResponse { id, name: None, response, is_error: None };
            Message::new("tool", vec![Part { kind, extra: rest(json, KNOWN) }])
        }
        Some(kind) if kind != "message.input" => Message::new("assistant", answered(json)),
        _ => {
            let mut parts = json.some("content").map(content::content).unwrap_or_default();
            content::hang(&mut parts, rest(json, KNOWN));
            Message::new(json.text("role").unwrap_or("user"), parts)
        }
    }
}

/// An entry of an answer, as its parts.
pub fn answered(json: &Value) -> Vec<Part> {
    let id = json.word("id").map(str::to_owned);
    let name = json.text("name").unwrap_or_default().to_owned();
    let asked = match json.get("arguments") {
        Some(Value::String(text)) => arguments(text),
        Some(other) => other.clone(),
        None => json!({}),
    };
    match json.text("type").unwrap_or_default() {
        "message.output" => {
            let mut parts = json.some("content").map(content::content).unwrap_or_default();
            content::hang(&mut parts, rest(json, KNOWN));
            parts
        }
        "function.call" => {
            let id = json.word("tool_call_id").map(str::to_owned).or(id);
            let kind = PartKind::ToolCall { id, name, arguments: asked };
            vec![Part { kind, extra: rest(json, KNOWN) }]
        }
        "tool.execution" => {
            let call = json!({"type": json.get("type"), "arguments": asked});
            let kind = PartKind::ServerToolCall { id: id.clone(), name: name.clone(), call };
            let mut parts = vec![Part { kind, extra: rest(json, KNOWN) }];
            if let Some(info) = json.some("info") {
                let name = Some(name);
                parts.push(PartKind::ServerToolCallResponse { id, name, response: info.clone() }.into());
            }
            parts
        }
        other => vec![PartKind::Other { kind: other.to_owned(), value: json.clone() }.into()],
    }
}
