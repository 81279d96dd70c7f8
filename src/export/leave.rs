//! What may leave the house with an export: all of it, or no content.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::encode::Step;
use super::talk::Said;
use super::words::called;
use crate::model::{CONTENT_KEYS, Exchange};
use crate::redact::Redactor;
use crate::store::{Row, Summary};

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

    /// What leaves of a row of a list.
    pub(super) fn row(&self, row: &mut Row) {
        let Row { head, input_preview, output_preview, .. } = row;
        let take = std::mem::take::<String>;
        let mut step = Step {
            record: std::mem::take(head),
            input_preview: take(input_preview),
            output_preview: take(output_preview),
        };
        self.step(&mut step);
        Step { record: *head, input_preview: *input_preview, output_preview: *output_preview } = step;
    }

    /// What leaves of what was said at a step.
    pub(super) fn said(&self, row: &Row, said: &mut Said) {
        if self.no_content {
            said.parts.clear();
            // A tool's title has its arguments, and an answer's what went wrong.
            said.title = called(&row.head);
        }
        if let Some(redactor) = &self.redactor {
            let parts = Value::from(std::mem::take(&mut said.parts)).to_string();
            let parts = redactor.json(&parts).unwrap_or(parts);
            said.parts = serde_json::from_str(&parts).unwrap_or_default();
            said.title = redactor.text(&said.title).unwrap_or_else(|| std::mem::take(&mut said.title));
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
    for annotation in record.get_mut("annotations").and_then(Value::as_array_mut).into_iter().flatten() {
        remove(annotation, &["comment"]);
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
