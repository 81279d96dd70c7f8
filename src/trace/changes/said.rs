//! What a message says, without how it is written down.

use std::ops::Range;

use blake3::Hasher;
use serde_json::Value;

use super::super::prompt;
use crate::model::{Message, Part, PartKind};

/// Messages that are compared as one: all that the model said in one go, or one message of anyone else.
#[derive(Debug)]
pub struct Turn<'a> {
    pub role: &'static str,
    /// The same where the same is said.
    pub key: [u8; 32],
    /// Its indexes in the list that it is from.
    pub messages: Range<usize>,
    first: &'a Message,
}

/// Parts that say nothing.
const SILENT: &[&str] = &["cachePoint"];

/// A list of messages as turns.
pub fn turns<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<Turn<'a>> {
    let messages: Vec<&Message> = messages.collect();
    let mut turns = Vec::new();
    let mut start = 0;
    for group in messages.chunk_by(|one, next| role(one) == ASSISTANT && role(next) == ASSISTANT) {
        let end = start + group.len();
        if let Some(first) = group.first() {
            turns.push(Turn { role: role(first), key: key(group), messages: start..end, first });
        }
        start = end;
    }
    turns
}

const ASSISTANT: &str = "assistant";

fn role(message: &Message) -> &'static str {
    match message.role.as_str() {
        "assistant" | "model" => ASSISTANT,
        "system" | "developer" => "system",
        "tool" | "function" => "tool",
        _ => "user",
    }
}

impl Turn<'_> {
    /// Whether this is what a turn of the history became: the model's answer written down otherwise, the result of the same
    /// call, or a message that something was appended to.
    pub fn is_later_form_of(&self, old: &Self) -> bool {
        if self.role != old.role {
            return false;
        }
        match self.role {
            "assistant" | "system" => true,
            "tool" => result_id(self.first).is_some_and(|id| result_id(old.first) == Some(id)),
            _ => {
                let (old, new) = (old.first.text(), self.first.text());
                !old.trim().is_empty() && new.trim_start().starts_with(old.trim())
            }
        }
    }
}

fn result_id(message: &Message) -> Option<&str> {
    message.parts.iter().find_map(|part| match &part.kind {
        PartKind::ToolCallResponse { id, .. } => id.as_deref(),
        _ => None,
    })
}

/// What is said, as a hash: ids and all that stands beside the parts left out.
fn key(group: &[&Message]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    let speaker = group.first().map(|message| role(message)).unwrap_or_default();
    hasher.update(speaker.as_bytes());
    let parts = group.iter().flat_map(|message| &message.parts);
    match speaker {
        ASSISTANT => models(&mut hasher, parts),
        "system" => {
            let text = group.iter().map(|message| prompt::normalised(&message.text())).collect::<String>();
            hasher.update(text.as_bytes());
            others(&mut hasher, parts.filter(|part| !matches!(part.kind, PartKind::Text(_))));
        }
        _ => others(&mut hasher, parts),
    }
    *hasher.finalize().as_bytes()
}

/// What the model said comes back with its texts joined, trimmed and before its calls. Its reasoning and what the provider
/// ran for it often do not come back at all.
fn models<'a>(hasher: &mut Hasher, parts: impl Iterator<Item = &'a Part> + Clone) {
    for part in parts.clone() {
        if let PartKind::Text(text) | PartKind::Refusal(text) = &part.kind {
            text.split_whitespace().for_each(|word| {
                hasher.update(word.as_bytes());
            });
        }
    }
    for part in parts {
        match &part.kind {
            PartKind::ToolCall { id: _, name, arguments } => {
                hasher.update(b"\0call");
                hasher.update(name.as_bytes());
                hasher.update(&prompt::essence(arguments));
            }
            PartKind::Blob { content, .. } => {
                hasher.update(b"\0blob");
                hasher.update(content.as_bytes());
            }
            _ => {}
        }
    }
}

fn others<'a>(hasher: &mut Hasher, parts: impl Iterator<Item = &'a Part>) {
    // Texts next to each other are one.
    let mut in_text = false;
    for part in parts.filter(|part| !SILENT.contains(&part.kind.name())) {
        if let PartKind::Text(text) = &part.kind {
            if !std::mem::replace(&mut in_text, true) {
                hasher.update(b"\0text");
            }
            hasher.update(text.trim_end().as_bytes());
            continue;
        }
        in_text = false;
        hasher.update(b"\0part");
        match &part.kind {
            PartKind::ToolCallResponse { id: _, name: _, response, is_error } => {
                hasher.update(&[u8::from(*is_error == Some(true))]);
                hasher.update(&result(response));
            }
            kind => {
                hasher.update(&prompt::essence(&Part::from(kind.clone()).to_json()));
            }
        }
    }
}

/// A result: marks of a cache may stand within its blocks, and a list of one text is as good as the text.
fn result(response: &Value) -> [u8; 32] {
    match response {
        Value::String(text) => *blake3::hash(text.trim_end().as_bytes()).as_bytes(),
        Value::Array(blocks) => {
            let text = |block: &Value| block.get("text").and_then(Value::as_str).map(str::to_owned);
            match blocks.iter().map(text).collect::<Option<String>>() {
                Some(texts) => *blake3::hash(texts.trim_end().as_bytes()).as_bytes(),
                None => {
                    let mut hasher = Hasher::new();
                    blocks.iter().for_each(|block| {
                        hasher.update(&prompt::essence(block));
                    });
                    *hasher.finalize().as_bytes()
                }
            }
        }
        other => prompt::essence(other),
    }
}
