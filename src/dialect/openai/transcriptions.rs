//! `openai.transcriptions`: sound written down, or translated; OpenAI's, and those of Mistral, Groq, Cohere and xAI.

use std::time::Duration;

use serde_json::{Value, json};

use super::head;
use super::images::form;
use super::usage::{billed, usage};
use crate::dialect::assemble::First;
use crate::dialect::error::in_event;
use crate::dialect::json::{Look, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Micros, Operation, Part, PartKind, Usage};

pub struct Transcriptions;

/// Paths that end like this; xAI's has a name of its own.
const SUFFIXES: &[&str] = &["/audio/transcriptions", "/audio/translations", "/v1/stt"];
/// What of an answer or an event is said elsewhere.
const KNOWN: &[&str] = &["type", "text", "delta", "usage", "model", "error", "segments", "id"];

impl Dialect for Transcriptions {
    fn name(&self) -> &'static str {
        "openai.transcriptions"
    }

    fn claims(&self, call: &Call) -> bool {
        SUFFIXES.iter().any(|suffix| call.posts_to(suffix))
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Transcription
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
        let (json, mut parts) = form(call, body, &mut asked);
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.streamed = json.truth("stream").unwrap_or_else(|| json.text("stream") == Some("true"));
        // What may stand for a file: an address, an id, or the sound in base64.
        for key in ["file_url", "url", "file_id", "input_audio", "file"] {
            parts.extend(json.some(key).map(|value| sound(key, value)));
        }
        if !parts.is_empty() {
            asked.input.push(Message::new("user", parts));
        }
        asked.parameters =
            rest(&json, &["model", "stream", "file_url", "url", "file_id", "input_audio", "file"]);
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let (provider, head) = (call.provider.clone(), head::Said::of(head));
        Box::new(Listening { provider, head, ..Listening::default() })
    }
}

fn sound(key: &str, value: &Value) -> Part {
    let (modality, mime_type) = ("audio", None);
    match (key, value) {
        ("file_url" | "url", Value::String(uri)) => {
            PartKind::Uri { modality, mime_type, uri: uri.clone() }.into()
        }
        ("file_id", Value::String(id)) => PartKind::File { modality, mime_type, file_id: id.clone() }.into(),
        (_, other) => {
            let data = other.as_str().or_else(|| other.text("data")).unwrap_or_default();
            let size = crate::dialect::vectors::decoded_length(data);
            let value = json!({"format": other.get("format"), "size": size});
            PartKind::Other { kind: "file".to_owned(), value }.into()
        }
    }
}

#[derive(Default)]
struct Listening {
    provider: String,
    head: head::Said,
    answered: Answered,
    /// As far as it came in pieces.
    pieces: String,
    text: Option<String>,
    segments: Vec<Value>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if heard.is_done() {
            self.answered.complete = true;
            return;
        }
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if !heard.streamed {
            self.whole(json, heard.data);
            return;
        }
        let kind = json.text("type").unwrap_or(heard.name);
        if kind.ends_with(".delta") {
            let more = json.text("delta").or_else(|| json.text("text")).unwrap_or_default();
            self.pieces.push_str(more);
            self.first.saw(heard.at);
        } else if kind.ends_with(".segment") {
            self.segments.push(segment(json));
            self.first.saw(heard.at);
        } else if kind.ends_with(".done") {
            self.answered.complete = true;
            self.read(json);
        } else {
            self.answered.extra.append(&mut rest(json, KNOWN));
        }
    }

    /// Subtitles, or the text alone.
    fn opaque(&mut self, beginning: &[u8], length: u64, _at: Micros) {
        let valid = match std::str::from_utf8(beginning) {
            Ok(text) => text,
            // What is kept may end inside a character.
            Err(why) => {
                let good = beginning.get(..why.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(good).unwrap_or_default()
            }
        };
        if (valid.len() as u64) < length {
            self.answered
                .problems
                .push(format!("response: {length} bytes, of which {} are read", valid.len()));
        }
        self.text = Some(valid.to_owned()).filter(|text| !text.is_empty());
        self.answered.complete = length > 0;
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { head, mut answered, pieces, text, segments, first, .. } = *self;
        answered.first_token = first.0;
        if !segments.is_empty() {
            answered.extra.insert("segments".to_owned(), segments.into());
        }
        let text = text.or(Some(pieces).filter(|pieces| !pieces.is_empty()));
        answered.output.extend(text.map(|text| Message::new("assistant", vec![Part::text(text)])));
        head.put(&mut answered, asked.streamed);
        answered.into()
    }
}

impl Listening {
    fn whole(&mut self, json: &Value, data: &[u8]) {
        match json {
            Value::Null => {}
            Value::Object(_) => {
                self.answered.complete = true;
                self.read(json);
            }
            // A text alone that happens to be JSON.
            _ => self.opaque(data, data.len() as u64, Micros(0)),
        }
    }

    /// A whole answer, or a stream's last event.
    fn read(&mut self, json: &Value) {
        self.text = json.text("text").map(str::to_owned).or(self.text.take());
        for (own, key) in [(&mut self.answered.id, "id"), (&mut self.answered.model, "model")] {
            *own = json.word(key).map(str::to_owned).or(own.take());
        }
        let segments = json.list("segments");
        if self.segments.is_empty() {
            self.segments.extend(segments.iter().map(segment));
        }
        self.answered.usage = used(json, &self.provider);
        self.answered.billed = json.some("usage").and_then(billed);
        self.answered.extra.append(&mut rest(json, KNOWN));
    }
}

/// A piece of the text and when it was said; its tokens nobody can read.
fn segment(json: &Value) -> Value {
    rest(json, &["tokens", "type"]).into()
}

/// Tokens, or how long the sound is. Who says only that bills by it.
fn used(json: &Value, provider: &str) -> Option<Usage> {
    let Some(raw) = json.some("usage") else {
        let audio = Some(seconds(json.some("duration")?)?);
        return Some(Usage {
            audio,
            raw: Some(json!({"duration": json.get("duration")})),
            ..Usage::default()
        });
    };
    let mut usage = usage(raw, provider)?;
    if usage.input.is_none() {
        let length = raw.some("seconds").or_else(|| raw.some("duration")).or_else(|| json.some("duration"));
        usage.audio = usage.audio.or(length.and_then(seconds));
    }
    Some(usage)
}

fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}
