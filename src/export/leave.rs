//! What may leave the house with an export: all of it, or no content.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::encode::Step;
use crate::model::{CONTENT_KEYS, Exchange};
use crate::redact::Redactor;
use crate::store::Summary;

/// Takes out of records and exchanges what must not leave. The default takes out nothing.
#[derive(Default)]
pub struct Leave {
    /// What was said stays here, and what was said of it leaves.
    pub no_content: bool,
    /// Rules that hold on the way out, beside those that held on the way in.
    pub redactor: Option<Arc<Redactor>>,
}

/// A setting that is text and no longer than this is a word, and not something that was said.
const LONGEST_WORD: usize = 64;

impl Leave {
    /// What leaves of an exchange, which content is read from.
    pub(super) fn exchange(&self, exchange: &mut Exchange) {
        if let Some(redactor) = &self.redactor {
            redactor.redact(exchange);
        }
    }

    /// What leaves of what was on the wire.
    pub(super) fn wire(&self, exchange: &mut Exchange) {
        self.exchange(exchange);
        if self.no_content {
            for body in [&mut exchange.request, &mut exchange.response] {
                body.bytes = Default::default();
            }
        }
    }

    /// What leaves of what a list says of a trace.
    pub(super) fn summary(&self, summary: &mut Summary) {
        let Summary { title, input_preview, output_preview, users, tags, session, .. } = summary;
        if self.no_content {
            *title = None;
            input_preview.clear();
            output_preview.clear();
        }
        if let Some(redactor) = &self.redactor {
            let texts = title.iter_mut().chain(session).chain(users).chain(tags);
            for text in texts.chain([input_preview, output_preview]) {
                if let Some(redacted) = redactor.text(text) {
                    *text = redacted;
                }
            }
        }
    }

    /// What leaves of a step.
    pub(super) fn step(&self, step: &mut Step) {
        if self.no_content {
            strip(&mut step.record);
            step.input_preview.clear();
            step.output_preview.clear();
        }
        if let Some(redactor) = &self.redactor {
            redact(redactor, &mut step.record);
            for preview in [&mut step.input_preview, &mut step.output_preview] {
                if let Some(text) = redactor.text(preview) {
                    *preview = text;
                }
            }
        }
    }
}

/// Numbers and times of our own, in which no rule must see a phone's or a card's.
const OURS: [&str; 11] = [
    "id",
    "trace_id",
    "parent_id",
    "prior_id",
    "exchange_id",
    "start_time",
    "first_token_time",
    "end_time",
    "prompt_version",
    "tools_version",
    "usage",
];

fn redact(redactor: &Redactor, record: &mut Map<String, Value>) {
    let line = serde_json::to_string(record).unwrap_or_default();
    let Some(line) = redactor.json(&line) else { return };
    // A rule that breaks the JSON would let out what it should not: then nothing leaves.
    let mut redacted: Map<String, Value> = serde_json::from_str(&line).unwrap_or_default();
    for key in OURS {
        if let (Some(own), Some(place)) = (record.get_mut(key), redacted.get_mut(key)) {
            *place = own.take();
        }
    }
    *record = redacted;
}

/// Takes what was said out of a record.
fn strip(record: &mut Map<String, Value>) {
    for key in CONTENT_KEYS.iter().chain(&["input_from_history", "title", "extra"]) {
        record.shift_remove(*key);
    }
    for (list, keys) in [("tool_calls", "arguments"), ("server_tool_calls", "call")] {
        for call in record.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            remove(call, &[keys]);
        }
    }
    if let Some(tool) = record.get_mut("tool") {
        remove(tool, &["arguments", "result", "preview"]);
    }
    if let Some(error) = record.get_mut("error") {
        remove(error, &["message"]);
    }
    if let Some(parameters) = record.get_mut("parameters").and_then(Value::as_object_mut) {
        parameters.retain(|_, value| match value {
            Value::Array(_) | Value::Object(_) => false,
            Value::String(text) => text.len() <= LONGEST_WORD,
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        });
    }
    for side in ["request", "response"] {
        if let Some(side) = record.get_mut("raw").and_then(|raw| raw.get_mut(side)) {
            remove(side, &["body", "body_b64"]);
        }
    }
}

fn remove(value: &mut Value, keys: &[&str]) {
    if let Some(object) = value.as_object_mut() {
        for key in keys {
            object.shift_remove(*key);
        }
    }
}
