//! `ollama.chat`: `/api/chat`.

use serde_json::Value;

use super::listen::{Listening, call, image, parameters};
use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content;
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Asked, Message, Operation, Part, PartKind};

pub struct Chat;

impl Dialect for Chat {
    fn name(&self) -> &'static str {
        "ollama.chat"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/api/chat")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or(true);
        asked.input = json.list("messages").iter().map(message).collect();
        asked.tools = json.list("tools").iter().map(content::tool).collect();
        asked.parameters = parameters(&json, &["model", "messages", "tools", "stream"]);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::default())
    }
}

fn message(json: &Value) -> Message {
    let role = json.text("role").unwrap_or("user");
    let known = ["role", "content", "thinking", "images", "tool_calls", "tool_name", "name", "tool_call_id"];
    let mut parts = Vec::new();
    if role == "tool" {
        let id = json.word("tool_call_id").map(str::to_owned);
        let name = json.word("tool_name").or_else(|| json.word("name")).map(str::to_owned);
        let response = json.get("content").cloned().unwrap_or_default();
        parts.push(PartKind::ToolCallResponse { id, name, response, is_error: None }.into());
    } else {
        let thought = json.word("thinking").map(|text| Part::from(PartKind::Reasoning(text.to_owned())));
        parts.extend(thought);
        parts.extend(json.some("content").map(content::content).unwrap_or_default());
        parts.extend(json.list("images").iter().filter_map(Value::as_str).map(image));
        parts.extend(json.list("tool_calls").iter().filter_map(call));
    }
    content::hang(&mut parts, rest(json, &known));
    Message::new(role, parts)
}
