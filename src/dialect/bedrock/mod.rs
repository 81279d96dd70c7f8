//! What AWS Bedrock speaks: its own conversation for all models, and each model family's own body.

mod content;
pub mod converse;
pub mod count_tokens;
mod families;
pub mod invoke;
mod usage;

use serde_json::Value;

use super::call::decoded;
use super::framing::{Content, EventStream, Framing};
use super::json::{Look, parse};
use super::{Answer, Call, Heard};
use crate::model::{ApiError, Micros};

/// The model and the method in `/model/MODEL/METHOD`. An ARN may have slashes of its own that not every client encodes.
fn target(call: &Call) -> Option<(String, &str)> {
    let (_, behind) = call.trimmed().split_once("/model/")?;
    let (model, method) = behind.rsplit_once('/')?;
    (call.is_post() && !model.is_empty()).then(|| (decoded(model), method))
}

/// The model in the path; nothing else in a call says it.
fn model(call: &Call) -> Option<String> {
    target(call).map(|(model, _)| model)
}

/// HTTP statuses of the exceptions that come as frames.
const STATUSES: &[(&str, u16)] = &[
    ("internalserverexception", 500),
    ("modelerrorexception", 424),
    ("modelnotreadyexception", 429),
    ("modelstreamerrorexception", 424),
    ("modeltimeoutexception", 408),
    ("serviceunavailableexception", 503),
    ("throttlingexception", 429),
    ("validationexception", 400),
];

/// What a frame that is an exception says.
fn exception(heard: &Heard<'_>) -> Option<ApiError> {
    let (name, body) = (heard.name, &heard.json);
    if !heard.error && !name.ends_with("Exception") {
        return None;
    }
    let known = STATUSES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    let said = body.count("originalStatusCode").and_then(|status| u16::try_from(status).ok());
    let message = ["message", "Message", "originalMessage"].iter().find_map(|key| body.word(key));
    Some(ApiError {
        kind: Some(name.to_owned()).filter(|name| !name.is_empty()),
        code: None,
        message: message.map(str::to_owned),
        status: known.map(|(_, status)| *status).or(said),
    })
}

/// What `p` pads a frame with says nothing.
fn without_padding(mut json: Value) -> Value {
    if let Some(object) = json.as_object_mut() {
        object.remove("p");
    }
    json
}

/// The longest frame that is read where no content type said that there are any.
const LARGEST: usize = 1 << 20;

/// Reads a stream whose content type was lost on the way, as far as it was kept.
fn untyped(answer: &mut dyn Answer, beginning: &[u8], at: Micros) {
    let mut framing = EventStream::new(LARGEST);
    framing.push(beginning, &mut |frame| {
        if let Content::Event(event) = frame.content
            && let Ok(name) = std::str::from_utf8(event.name)
            && let Ok(json) = parse(event.data)
        {
            answer.event(Heard { name, json, data: event.data, at, error: event.error, streamed: true });
        }
    });
}
