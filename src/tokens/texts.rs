//! The texts of messages that tokens are counted of, and what has none.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::{Part, PartKind};

#[derive(Default)]
pub(super) struct Texts<'a> {
    pub(super) texts: Vec<Cow<'a, str>>,
    pub(super) reasoning: Vec<Cow<'a, str>>,
    /// What cannot be counted, in words.
    pub(super) left_out: Vec<String>,
}

impl<'a> Texts<'a> {
    pub(super) fn text(&mut self, text: &'a str) {
        if !text.is_empty() {
            self.texts.push(Cow::Borrowed(text));
        }
    }

    pub(super) fn parts(&mut self, parts: &'a [Part]) {
        for part in parts {
            self.part(&part.kind);
        }
    }

    fn part(&mut self, part: &'a PartKind) {
        match part {
            PartKind::Text(text) | PartKind::Refusal(text) => self.text(text),
            PartKind::Reasoning(text) if text.is_empty() => {
                self.left_out.push("reasoning that is not shown is not counted".to_owned());
            }
            PartKind::Reasoning(text) => self.reasoning.push(Cow::Borrowed(text)),
            PartKind::ToolCall { id: _, name, arguments } => {
                self.text(name);
                self.value(arguments);
            }
            PartKind::ToolCallResponse { id: _, name: _, response, is_error: _ }
            | PartKind::ServerToolCallResponse { id: _, name: _, response } => self.value(response),
            PartKind::ServerToolCall { id: _, name, call } => {
                self.text(name);
                self.value(call);
            }
            PartKind::Blob { modality, mime_type: _, content: _ }
            | PartKind::Uri { modality, mime_type: _, uri: _ }
            | PartKind::File { modality, mime_type: _, file_id: _ } => self.without(modality),
            PartKind::Other { kind, value: _ } => self.without(kind),
        }
    }

    fn without(&mut self, kind: &str) {
        self.left_out.push(format!("what is of the kind {kind} is not counted"));
    }

    /// A text as it is, anything else as JSON.
    fn value(&mut self, value: &'a Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.text(text),
            other => self.texts.push(Cow::Owned(other.to_string())),
        }
    }

    /// Definitions of tools. Providers write them down in forms of their own, about as long as JSON.
    pub(super) fn tools(&mut self, tools: &'a [Value]) {
        tools.iter().for_each(|tool| self.value(tool));
    }
}
