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
    // An error that is no exception has its message as it is.
    let bare = || std::str::from_utf8(heard.data).ok().filter(|text| body.is_null() && !text.is_empty());
    Some(ApiError {
        kind: Some(name.to_owned()).filter(|name| !name.is_empty()),
        code: None,
        message: message.or_else(bare).map(str::to_owned),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_they_are() {
        let read = |name: &str, data: &str, error: bool| {
            let json = serde_json::from_str(data).unwrap_or(Value::Null);
            let heard = Heard { name, json, data: data.as_bytes(), at: Micros(0), error, streamed: true };
            exception(&heard).map(|error| (error.message.unwrap_or_default(), error.status))
        };
        let said = |message: &str, status| Some((message.to_owned(), status));
        assert_eq!(read("throttlingException", r#"{"message":"slow"}"#, true), said("slow", Some(429)));
        assert_eq!(read("InternalError", "We broke.", true), said("We broke.", None));
        assert_eq!(read("InternalError", "", true), said("", None));
        assert_eq!(read("chunk", r#"{"bytes":""}"#, false), None);
    }
}
