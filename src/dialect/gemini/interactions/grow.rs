//! Puts the steps of an interaction together, from a stream's deltas, into what they would have been in one body.

use serde_json::{Value, json};

use crate::dialect::json::{Look, arguments};

/// Steps under way, in the order in which they began.
#[derive(Debug, Default)]
pub struct Growing {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    index: u64,
    /// As one body would have it.
    json: Value,
    /// A call's arguments, as far as they came as text.
    arguments: String,
}

/// Kinds of content that come in pieces, each a content of its own.
const MEDIA: &[&str] = &["image", "audio", "video", "document"];

impl Growing {
    /// Steps that came whole. A stream's last event repeats them at times, and older ones never do.
    pub fn whole(&mut self, steps: &[Value]) {
        if self.steps.is_empty() {
            let whole = (0_u64..).zip(steps);
            let made =
                whole.map(|(index, json)| Step { index, json: json.clone(), arguments: String::new() });
            self.steps.extend(made);
        }
    }

    /// `step.start` and `step.delta`, and the `content.…` that they were before. Says whether the model generated
    /// something in it.
    pub fn hear(&mut self, event: &Value) -> bool {
        let index = event.count("index").unwrap_or_else(|| self.steps.last().map_or(0, |step| step.index));
        if let Some(begun) = event.some("step").or_else(|| event.some("content")) {
            let json = if begun.is_object() { begun.clone() } else { json!({}) };
            let says =
                json.text("text").is_some_and(|text| !text.is_empty()) || !json.list("content").is_empty();
            let calls = json.text("type") == Some("function_call");
            self.steps.push(Step { index, json, arguments: String::new() });
            return says || calls;
        }
        let Some(delta) = event.some("delta").filter(|delta| delta.is_object()) else { return false };
        let at = match self.steps.iter().rposition(|step| step.index == index) {
            Some(at) => at,
            None => {
                let json = json!({"type": step_of(delta.text("type").unwrap_or_default())});
                self.steps.push(Step { index, json, arguments: String::new() });
                self.steps.len() - 1
            }
        };
        self.steps.get_mut(at).is_some_and(|step| step.grow(delta))
    }

    pub fn finish(self) -> Vec<Value> {
        let finished = self.steps.into_iter().map(|step| {
            let Step { mut json, arguments: text, .. } = step;
            if let Some(object) = json.as_object_mut().filter(|_| !text.is_empty()) {
                object.insert("arguments".to_owned(), arguments(&text));
            }
            json
        });
        finished.collect()
    }
}

/// Which step a delta belongs to whose step was never begun.
fn step_of(delta: &str) -> &str {
    match delta {
        "text" | "text_annotation_delta" => "model_output",
        "thought_summary" | "thought_signature" => "thought",
        "arguments_delta" => "function_call",
        other => other,
    }
}

impl Step {
    fn grow(&mut self, delta: &Value) -> bool {
        let kind = delta.text("type").unwrap_or_default();
        match kind {
            "text" => {
                let text = delta.text("text").unwrap_or_default();
                if let Some(content) = self.text_content() {
                    append(content, text);
                    annotate(content, delta);
                }
                !text.is_empty()
            }
            "text_annotation_delta" => {
                if let Some(content) = self.text_content() {
                    annotate(content, delta);
                }
                false
            }
            "thought_summary" => {
                let piece = delta.some("content").unwrap_or(delta);
                let text = piece.text("text").unwrap_or_default();
                if let Some(content) = last_text(&mut self.json, "summary") {
                    append(content, text);
                }
                !text.is_empty()
            }
            "arguments_delta" => {
                let text = delta.text("arguments").or_else(|| delta.text("partial_arguments"));
                self.arguments.push_str(text.unwrap_or_default());
                text.is_some_and(|text| !text.is_empty())
            }
            kind if MEDIA.contains(&kind) && self.json.text("type") != Some(kind) => {
                if let Some(contents) = list(&mut self.json, "content") {
                    contents.push(delta.clone());
                }
                true
            }
            "thought_signature" => {
                self.merge(delta);
                false
            }
            _ => {
                self.merge(delta);
                true
            }
        }
    }

    /// Where text goes on: in the last content of a step, or in a content that is no step's.
    fn text_content(&mut self) -> Option<&mut Value> {
        if self.json.text("type") == Some("text") {
            return Some(&mut self.json);
        }
        last_text(&mut self.json, "content")
    }

    /// A delta that says more of its step: lists grow, all else is replaced.
    fn merge(&mut self, delta: &Value) {
        let Some(object) = self.json.as_object_mut() else { return };
        for (key, value) in delta.as_object().into_iter().flatten() {
            match (object.get_mut(key), value) {
                _ if key == "type" || value.is_null() => {}
                (Some(Value::Array(own)), Value::Array(more)) => own.extend(more.iter().cloned()),
                _ => {
                    object.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

/// The list at this key, which is made where there is none.
fn list<'a>(json: &'a mut Value, key: &str) -> Option<&'a mut Vec<Value>> {
    let place = json.as_object_mut()?.entry(key).or_insert(Value::Null);
    if !place.is_array() {
        *place = Value::Array(Vec::new());
    }
    place.as_array_mut()
}

/// The last content of the list at this key where that is text, else a new one.
fn last_text<'a>(json: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    let contents = list(json, key)?;
    if contents.last().is_none_or(|content| content.text("type") != Some("text")) {
        contents.push(json!({"type": "text", "text": ""}));
    }
    contents.last_mut()
}

fn append(content: &mut Value, more: &str) {
    match content.get_mut("text") {
        Some(Value::String(text)) => text.push_str(more),
        _ => {
            if let Some(object) = content.as_object_mut() {
                object.insert("text".to_owned(), more.into());
            }
        }
    }
}

fn annotate(content: &mut Value, delta: &Value) {
    let more = delta.list("annotations");
    if more.is_empty() {
        return;
    }
    if let Some(list) = list(content, "annotations") {
        list.extend(more.iter().cloned());
    }
}
