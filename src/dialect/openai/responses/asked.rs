//! What a request for a response asks for.

use serde_json::Value;

use super::item;
use crate::dialect::Call;
use crate::dialect::json::{Look, parse, rest};
use crate::dialect::openai::content::tool;
use crate::model::{Asked, Message, Part};

/// What of a request is said elsewhere in the record.
const KNOWN: &[&str] = &[
    "type",
    "event_id",
    "stream_id",
    "model",
    "input",
    "instructions",
    "tools",
    "stream",
    "previous_response_id",
    "conversation",
];

/// Of a POST, which has a body, or of a GET, where all is in the address.
pub fn of_call(call: &Call, body: &[u8]) -> Asked {
    let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
    if let Some(id) = call.behind("responses").filter(|id| !matches!(id.as_str(), "compact" | "input_tokens"))
    {
        of_address(call, id, &mut asked);
    }
    if body.is_empty() && (!call.is_post() || asked.parameters.contains_key("response_id")) {
        return asked;
    }
    match parse(body) {
        Ok(json) => of_json(&json, &mut asked),
        Err(why) => asked.problems.push(format!("request: {why}")),
    }
    asked
}

/// An answer that is kept is asked for by its id; a stream of it may be taken up behind an event.
fn of_address(call: &Call, id: String, asked: &mut Asked) {
    asked.parameters.insert("response_id".to_owned(), id.into());
    asked.streamed = call.parameter("stream").as_deref() == Some("true");
    for name in ["starting_after", "include", "include[]"] {
        if let Some(value) = call.parameter(name) {
            asked.parameters.insert(name.to_owned(), value.into());
        }
    }
}

/// Of a request's body, or of an event that has the same fields.
pub fn of_json(json: &Value, asked: &mut Asked) {
    if let Some(model) = json.word("model") {
        asked.model = Some(model.to_owned());
    }
    asked.streamed |= json.truth("stream").unwrap_or_default();
    asked.system = instructions(json);
    asked.input = input(json);
    asked.tools = json.list("tools").iter().map(tool).collect();
    for item in json.list("input").iter().filter(|item| item.text("type") == Some("additional_tools")) {
        asked.tools.extend(item.list("tools").iter().map(tool));
    }
    asked.continues = json.word("previous_response_id").map(str::to_owned);
    let conversation = json.some("conversation");
    asked.conversation =
        conversation.and_then(|own| own.as_str().or_else(|| own.text("id"))).map(str::to_owned);
    asked.parameters.extend(rest(json, KNOWN));
}

/// A request's `input`: a text, or a list of items.
pub fn input(json: &Value) -> Vec<Message> {
    match json.some("input") {
        Some(Value::String(text)) => vec![Message::new("user", vec![Part::text(text.as_str())])],
        Some(Value::Array(items)) => item::messages(items),
        Some(item @ Value::Object(_)) => item::messages([item]),
        _ => Vec::new(),
    }
}

/// `instructions`: a text; in answers also the messages that a stored prompt became.
pub fn instructions(json: &Value) -> Vec<Part> {
    match json.some("instructions") {
        Some(Value::String(text)) if !text.is_empty() => vec![Part::text(text.as_str())],
        Some(Value::Array(items)) => {
            item::messages(items).into_iter().flat_map(|message| message.parts).collect()
        }
        _ => Vec::new(),
    }
}
