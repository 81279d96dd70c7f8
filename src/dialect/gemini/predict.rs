//! `gemini.predict`: `:predict` and `:predictLongRunning`, by which pictures and films are asked for, and old models' texts.

use serde_json::{Map, Value};

use super::content::{modality, part};
use super::names::{Either, rest};
use super::path::{posts_to, target};
use super::request::parsed;
use super::whole::Whole;
use crate::dialect::json::{check, sum};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage};

pub struct Predict;

const METHODS: &[&str] = &["predict", "predictLongRunning", "fetchPredictOperation"];

/// What a model's name has in it, and what it is asked for. What is not here is of a kind of its own.
const ASKED_FOR: &[(&str, Operation)] = &[
    ("imagen", Operation::Image),
    ("imagegeneration", Operation::Image),
    ("imagetext", Operation::Image),
    ("virtual-try-on", Operation::Image),
    ("text-bison", Operation::TextCompletion),
    ("text-unicorn", Operation::TextCompletion),
    ("code-bison", Operation::TextCompletion),
    ("code-gecko", Operation::TextCompletion),
    ("chat-bison", Operation::Chat),
    ("codechat-bison", Operation::Chat),
];

/// The longest text that is kept of a prediction nobody knows the form of, and the longest list.
const LONGEST: usize = 10_000;

impl Dialect for Predict {
    fn name(&self) -> &'static str {
        "gemini.predict"
    }

    fn claims(&self, call: &Call) -> bool {
        posts_to(call, METHODS) || polls(call)
    }

    fn operation(&self, call: &Call) -> Operation {
        if polls(call) || posts_to(call, &["fetchPredictOperation"]) {
            return Operation::FetchResponse;
        }
        let model = target(call).and_then(|target| target.model).unwrap_or_default();
        let found = ASKED_FOR.iter().find(|(word, _)| model.contains(word));
        found.map_or(Operation::Other, |(_, operation)| *operation)
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        if polls(call) {
            let parameters = operation_of(call).map(|name| ("operationName".to_owned(), name.into()));
            let parameters = parameters.into_iter().collect();
            return Asked { model: call.behind("models"), parameters, ..Asked::default() };
        }
        let (mut asked, json) = parsed(call, body);
        let Some(json) = json else { return asked };
        for instance in json.either_list("instances") {
            asked.system.extend(instance.either_word("context").map(Part::text));
            asked.input.extend(messages(instance));
        }
        asked.parameters = rest(&json, &["instances", "parameters"]);
        if let Some(settings) = json.either("parameters") {
            asked.parameters.append(&mut rest(settings, &[]));
        }
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Whole::boxed(read)
    }
}

/// A GET for an operation that goes on: `…/models/M/operations/O`.
fn polls(call: &Call) -> bool {
    let segments = call.segments();
    call.is_get() && matches!(segments.as_slice(), [.., "models", _, "operations", _])
}

/// The operation's name as the answer that began it gave it.
fn operation_of(call: &Call) -> Option<String> {
    Some(format!("models/{}/operations/{}", call.behind("models")?, call.behind("operations")?))
}

/// What an instance says: a prompt with pictures, or a chat.
fn messages(json: &Value) -> Vec<Message> {
    let mut messages = Vec::new();
    for message in json.either_list("messages") {
        let role = message.either_word("author").map_or("user", |author| match author {
            "bot" | "model" => "assistant",
            other => other,
        });
        let text = message.either_text("content").unwrap_or_default();
        messages.push(Message::new(role, vec![Part::text(text)]));
    }
    let mut parts: Vec<Part> = Vec::new();
    for key in ["prompt", "content", "prefix", "suffix"] {
        parts.extend(json.either_word(key).map(Part::text));
    }
    for key in ["image", "lastFrame", "video"] {
        parts.extend(json.either(key).and_then(media));
    }
    let said =
        ["context", "messages", "prompt", "content", "prefix", "suffix", "image", "lastFrame", "video"];
    let left = rest(json, &said);
    if parts.is_empty() && messages.is_empty() {
        parts.extend(part(json));
    } else if !left.is_empty() {
        let value = bounded(&Value::Object(left));
        parts.push(PartKind::Other { kind: "instance".to_owned(), value }.into());
    }
    if !parts.is_empty() {
        messages.push(Message::new("user", parts));
    }
    messages
}

/// A picture or a film: its bytes, or where it lies.
fn media(json: &Value) -> Option<Part> {
    let mime_type = json.either_word("mimeType").map(str::to_owned);
    let modality = modality(mime_type.as_deref().or(Some("image/*")));
    let bytes = ["bytesBase64Encoded", "encodedVideo", "imageBytes", "videoBytes"];
    if let Some(content) = bytes.iter().find_map(|key| json.either_word(key)) {
        return Some(PartKind::Blob { modality, mime_type, content: content.to_owned() }.into());
    }
    let uri = ["gcsUri", "uri"].iter().find_map(|key| json.either_word(key))?;
    Some(PartKind::Uri { modality, mime_type, uri: uri.to_owned() }.into())
}

fn read(body: &Value, _asked: &mut Asked) -> Finished {
    let mut answered = Answered { usage: usage(body), ..Answered::default() };
    answered.id = body.either_word("name").map(str::to_owned);
    answered.model =
        body.either_word("modelDisplayName").or_else(|| body.either_word("model")).map(str::to_owned);
    for prediction in body.either_list("predictions") {
        answered.output.push(predicted(prediction));
    }
    if let Some(response) = body.either("response") {
        answered.output.extend(films(response));
    }
    let said = ["predictions", "response", "name", "model", "modelDisplayName", "error"];
    let left = rest(body, &said);
    answered.extra = left.into_iter().map(|(key, value)| (key, bounded(&value))).collect();
    answered.into()
}

fn predicted(prediction: &Value) -> Message {
    let mut parts: Vec<Part> = Vec::new();
    let said: &[&str] = &["bytesBase64Encoded", "gcsUri", "mimeType", "content", "candidates"];
    if let Value::String(text) = prediction {
        parts.push(Part::text(text.as_str()));
    }
    parts.extend(media(prediction));
    parts.extend(prediction.either_text("content").map(Part::text));
    for candidate in prediction.either_list("candidates") {
        parts.extend(candidate.either_text("content").map(Part::text));
    }
    let left = match bounded(&Value::Object(rest(prediction, said))) {
        Value::Object(left) => left,
        _ => Map::new(),
    };
    match parts.first_mut() {
        Some(first) => first.extra = left,
        None => {
            let value = bounded(prediction);
            parts.push(PartKind::Other { kind: "prediction".to_owned(), value }.into());
        }
    }
    Message::new("assistant", parts)
}

/// The films that an operation made, as the Gemini API and as Vertex lists them.
fn films(response: &Value) -> Option<Message> {
    let inner = response.either("generateVideoResponse").unwrap_or(response);
    let samples = inner.either_list("generatedSamples").iter();
    let listed = inner.either_list("videos").iter().chain(inner.either_list("predictions"));
    let films = samples.filter_map(|sample| sample.either("video")).chain(listed);
    let mut parts: Vec<Part> = films.filter_map(media).collect();
    for part in &mut parts {
        if let PartKind::Blob { modality, mime_type: None, .. }
        | PartKind::Uri { modality, mime_type: None, .. } = &mut part.kind
        {
            *modality = "video";
        }
    }
    let left = rest(inner, &["generatedSamples", "videos", "predictions", "@type"]);
    if !left.is_empty() {
        let value = bounded(&Value::Object(left));
        parts.push(PartKind::Other { kind: "response".to_owned(), value }.into());
    }
    (!parts.is_empty()).then(|| Message::new("assistant", parts))
}

/// What old models say of their tokens, beside the predictions.
fn usage(body: &Value) -> Option<Usage> {
    let raw = body.either("metadata")?.either("tokenMetadata")?;
    let tokens = |key: &str| raw.either(key)?.either_count("totalTokens");
    let (input, output) = (tokens("inputTokenCount"), tokens("outputTokenCount"));
    sum(&[input, output])?;
    let mut usage = Usage { input, output, raw: Some(raw.clone()), ..Usage::default() };
    check(&mut usage);
    Some(usage)
}

/// The same without what is too long to keep: it says how long that was.
fn bounded(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > LONGEST => format!("({} bytes)", text.len()).into(),
        Value::Array(list) if list.len() > LONGEST / 100 => format!("({} elements)", list.len()).into(),
        Value::Array(list) => list.iter().map(bounded).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), bounded(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
