//! Conversations to fine-tune OpenAI's chat models with: one a line, each once, as long as it became.

use serde_json::{Map, Value, json};

use super::chat::{ChatMessage, Role, conversation, functions};
use super::encode::{EncodeError, Encoder, Step};
use super::format::{Format, Takes};

pub const FORMAT: Format = Format {
    name: "openai-finetune",
    extension: "jsonl",
    media_type: "application/x-ndjson",
    help: "Conversations and tools to fine-tune OpenAI's chat models with, each as long as it became.",
    is_binary: false,
    takes: Takes::Conversations(|_| Box::new(Finetune)),
};

struct Finetune;

impl Encoder<Step> for Finetune {
    fn put(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        let Some(example) = example(&step.record) else { return Ok(0) };
        out.extend_from_slice(example.to_string().as_bytes());
        out.push(b'\n');
        Ok(1)
    }
}

/// What is learned is an answer, so that there must be one.
fn example(record: &Map<String, Value>) -> Option<Value> {
    let messages = conversation(record);
    if messages.last()?.role != Role::Assistant || !messages.iter().any(|message| message.role == Role::User)
    {
        return None;
    }
    let last = messages.len() - 1;
    let ended = record.get("finish_reason").and_then(Value::as_str);
    let is_cut = matches!(ended, Some("length" | "content_filter" | "error"));
    let messages = messages.iter().enumerate().map(|(at, own)| {
        let mut own = message(own);
        // How to break off is not to be learned.
        if at == last && is_cut {
            own["weight"] = 0.into();
        }
        own
    });
    let mut example = Map::new();
    example.insert("messages".to_owned(), messages.collect());
    let tools: Vec<Value> = functions(record)
        .into_iter()
        .map(|function| json!({"type": "function", "function": function}))
        .collect();
    if !tools.is_empty() {
        example.insert("tools".to_owned(), tools.into());
        let parallel = record.get("parameters").and_then(|parameters| parameters.get("parallel_tool_calls"));
        if let Some(parallel) = parallel.filter(|value| value.is_boolean()) {
            example.insert("parallel_tool_calls".to_owned(), parallel.clone());
        }
    }
    Some(example.into())
}

fn message(own: &ChatMessage) -> Value {
    let ChatMessage { role, text, pictures, calls, call_id, name } = own;
    let mut message = Map::new();
    let role = match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    message.insert("role".to_owned(), role.into());
    let content = if !pictures.is_empty() && role == "user" {
        let text = (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
        let pictures = pictures.iter().map(|url| json!({"type": "image_url", "image_url": {"url": url}}));
        text.into_iter().chain(pictures).collect()
    } else if text.is_empty() && !calls.is_empty() {
        Value::Null
    } else {
        text.as_str().into()
    };
    message.insert("content".to_owned(), content);
    if let Some(name) = name.as_deref().and_then(plain_name) {
        message.insert("name".to_owned(), name.into());
    }
    if !calls.is_empty() {
        let calls = calls.iter().map(|call| {
            // Arguments are JSON as text.
            let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
            json!({"id": call.id, "type": "function", "function": function})
        });
        message.insert("tool_calls".to_owned(), calls.collect());
    }
    if role == "tool" {
        message.insert("tool_call_id".to_owned(), call_id.as_str().into());
    }
    message.into()
}

/// A name as the format has it: letters, digits, `_` and `-`, 64 of them.
fn plain_name(name: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (!name.is_empty() && name.len() <= 64 && name.chars().all(fits)).then_some(name)
}
