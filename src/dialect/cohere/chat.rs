//! `cohere.chat`: `/v2/chat`, which is like chat completions, and `/v1/chat`, which has the history beside the message.

use serde_json::{Value, json};

use super::listen::Listening;
use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content;
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Asked, Message, Operation, Part, PartKind};

pub struct Chat;

/// What of a request is said elsewhere in the record.
const SAID: &[&str] = &[
    "model",
    "message",
    "messages",
    "chat_history",
    "preamble",
    "tools",
    "tool_results",
    "conversation_id",
    "stream",
];

impl Dialect for Chat {
    fn name(&self) -> &'static str {
        "cohere.chat"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/v2/chat") || call.posts_to("/v1/chat")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.conversation = json.word("conversation_id").map(str::to_owned);
        asked.system.extend(json.word("preamble").map(Part::text));
        asked.input = json.list("messages").iter().map(content::message).collect();
        asked.input.extend(json.list("chat_history").iter().map(past));
        asked.input.extend(json.word("message").map(|text| Message::new("user", vec![Part::text(text)])));
        asked.input.extend(json.list("tool_results").iter().map(tool_result));
        asked.tools = json.list("tools").iter().map(tool).collect();
        asked.parameters = rest(&json, SAID);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::default())
    }
}

/// One of the first version's past messages.
fn past(json: &Value) -> Message {
    let role = json.text("role").unwrap_or("user").to_ascii_lowercase();
    let role = if role == "chatbot" { "assistant" } else { role.as_str() };
    let mut parts: Vec<Part> = json.word("message").map(Part::text).into_iter().collect();
    parts.extend(json.list("tool_calls").iter().map(call));
    parts.extend(json.list("tool_results").iter().flat_map(|result| tool_result(result).parts));
    content::hang(&mut parts, rest(json, &["role", "message", "tool_calls", "tool_results"]));
    Message::new(role, parts)
}

/// The first version's calls have no ids.
pub fn call(json: &Value) -> Part {
    let name = json.text("name").unwrap_or_default().to_owned();
    let arguments = json.some("parameters").cloned().unwrap_or_else(|| json!({}));
    Part {
        kind: PartKind::ToolCall { id: json.word("id").map(str::to_owned), name, arguments },
        extra: rest(json, &["id", "name", "parameters"]),
    }
}

/// The first version's results repeat the call.
fn tool_result(json: &Value) -> Message {
    let name = json.get("call").and_then(|call| call.word("name")).map(str::to_owned);
    let response = json.some("outputs").unwrap_or(json).clone();
    let part: Part = PartKind::ToolCallResponse { id: None, name, response, is_error: None }.into();
    Message::new("tool", vec![part.with("call", json.get("call").cloned().unwrap_or_default())])
}

/// The first version's tools have definitions of a form of their own.
fn tool(json: &Value) -> Value {
    let mut tool = content::tool(json);
    if let Some(object) = tool.as_object_mut()
        && let Some(parameters) = object.remove("parameter_definitions")
    {
        object.insert("parameters".to_owned(), parameters);
    }
    tool
}
