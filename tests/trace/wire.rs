//! Played calls as they go over the wire: whole HTTP exchanges, as two providers have them.

use serde_json::{Value, json};
use wiretape::model::{
    Body, Chunk, Closer, Ending, Exchange, ExchangeId, Head, Headers, Label, Message, Micros, PartKind,
    Status,
};
use wiretape::trace::Role;

use crate::agent::{Answer, Line};

/// Clocks of plays begin here: some noon.
pub const NOON: u64 = 1_795_262_400_000_000;

/// Whose form a call has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Anthropic,
    OpenAi,
}

impl Api {
    pub const ALL: [Self; 2] = [Self::Anthropic, Self::OpenAi];

    const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Anthropic => "/v1/messages",
            Self::OpenAi => "/v1/chat/completions",
        }
    }
}

/// What was played, before it has a form.
#[derive(Clone)]
pub struct Spoken {
    pub number: u64,
    pub at: u64,
    pub line: Line,
    pub answer: Answer,
    pub took: u64,
    pub status: Status,
}

impl Spoken {
    pub fn exchange(&self, api: Api) -> Exchange {
        let request = match api {
            Api::Anthropic => anthropic_request(&self.line),
            Api::OpenAi => openai_request(&self.line),
        };
        let response = match (self.status, api) {
            (Status::Error, _) => {
                json!({"type": "error", "error": {"type": "overloaded_error", "message": "Later."}})
            }
            (_, Api::Anthropic) => anthropic_response(self.number, &self.answer),
            (_, Api::OpenAi) => openai_response(self.number, &self.answer),
        };
        let mut response = response.to_string();
        let ending = match self.status {
            Status::Interrupted => {
                response.truncate(response.len() / 3);
                Ending::Broken { by: Closer::Upstream, why: "reset".to_owned() }
            }
            _ => Ending::Complete,
        };
        let began = NOON + self.at;
        let ended = Micros(began + self.took);
        let body = |bytes: String, after: u64, end: Micros, ending: Ending| Body {
            chunks: vec![Chunk { after, length: bytes.len() as u64 }],
            bytes: bytes.into(),
            end: Some((end, ending)),
            ..Body::default()
        };
        Exchange {
            id: ExchangeId::from_bytes(
                (u128::from(began / 1000) << 80 | u128::from(self.number)).to_be_bytes(),
            ),
            upstream: api.name().to_owned(),
            provider: api.name().to_owned(),
            dialect: None,
            method: "POST".to_owned(),
            target: Some(format!("/{}{}", api.name(), api.path())),
            forwarded: api.path().to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: headers(&[("authorization", &self.line.key), ("user-agent", "agent/1.0")]),
            labels: labels(&self.line),
            upgrade: false,
            began: Micros(began),
            request: body(request.to_string(), 10, Micros(began + 20), Ending::Complete),
            informational: Vec::new(),
            head: Some(Head {
                at: Micros(began + self.took / 2),
                status: if self.status == Status::Error { 529 } else { 200 },
                version: "HTTP/1.1".to_owned(),
                headers: headers(&[("content-type", "application/json")]),
                ours: false,
            }),
            response: body(response, self.took - 1, ended, ending),
            redactions: Vec::new(),
        }
    }
}

fn headers(lines: &[(&str, &str)]) -> Headers {
    Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

/// What callers say stands in labels.
fn labels(line: &Line) -> Vec<Label> {
    let said = &line.said;
    let ids = [
        ("session", &said.session),
        ("parent_session", &said.parent_session),
        ("thread", &said.thread),
        ("parent_thread", &said.parent_thread),
        ("turn", &said.turn),
        ("trace", &said.trace),
        ("user", &said.user),
    ];
    let label = |key: &str, value: &str| Label { key: key.to_owned(), value: value.to_owned() };
    let mut labels: Vec<Label> =
        ids.iter().filter_map(|(key, id)| Some(label(key, &id.as_ref()?.value))).collect();
    labels.extend(said.role.as_ref().map(|(role, _)| {
        label(
            "role",
            match role {
                Role::Main => "main",
                Role::Subagent => "subagent",
                Role::Side => "side",
                Role::Compaction => "compaction",
            },
        )
    }));
    labels
}

fn anthropic_request(line: &Line) -> Value {
    let messages: Vec<Value> = line
        .messages
        .iter()
        .map(|message| {
            let role = if message.role == "assistant" { "assistant" } else { "user" };
            json!({"role": role, "content": anthropic_parts(message)})
        })
        .collect();
    let mut body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 1000, "system": line.system, "messages": messages,
    });
    if line.with_tools {
        body["tools"] =
            json!([{"name": "Bash", "description": "Runs it.", "input_schema": {"type": "object"}}]);
    }
    body
}

fn anthropic_parts(message: &Message) -> Vec<Value> {
    let part = |kind: &PartKind| match kind {
        PartKind::Text(text) => json!({"type": "text", "text": text}),
        PartKind::ToolCall { id, name, arguments } => {
            with_id(json!({"type": "tool_use", "name": name, "input": arguments}), "id", id.as_deref())
        }
        PartKind::ToolCallResponse { id, response, .. } => {
            with_id(json!({"type": "tool_result", "content": response}), "tool_use_id", id.as_deref())
        }
        PartKind::Uri { uri, .. } => json!({"type": "image", "source": {"type": "url", "url": uri}}),
        other => panic!("no play has {}", other.name()),
    };
    message.parts.iter().map(|one| part(&one.kind)).collect()
}

fn with_id(mut value: Value, key: &str, id: Option<&str>) -> Value {
    if let Some(id) = id {
        value[key] = id.into();
    }
    value
}

fn anthropic_response(number: u64, answer: &Answer) -> Value {
    let mut content = Vec::new();
    if !answer.text.is_empty() {
        content.push(json!({"type": "text", "text": answer.text}));
    }
    content.extend(answer.calls.iter().map(|(id, name, arguments)| {
        with_id(json!({"type": "tool_use", "name": name, "input": arguments}), "id", id.as_deref())
    }));
    json!({
        "id": crate::agent::answer_id(answer, number), "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": content, "stop_reason": if answer.calls.is_empty() { "end_turn" } else { "tool_use" },
        "usage": {"input_tokens": 100 + number, "output_tokens": 7},
    })
}

fn openai_request(line: &Line) -> Value {
    let mut messages = vec![json!({"role": "system", "content": line.system})];
    for message in &line.messages {
        messages.extend(openai_messages(message));
    }
    let mut body = json!({"model": "gpt-5", "messages": messages});
    if line.with_tools {
        body["tools"] =
            json!([{"type": "function", "function": {"name": "Bash", "parameters": {"type": "object"}}}]);
    }
    body
}

fn openai_messages(message: &Message) -> Vec<Value> {
    let results: Vec<Value> = message
        .parts
        .iter()
        .filter_map(|part| match &part.kind {
            PartKind::ToolCallResponse { id, response, .. } => {
                Some(with_id(json!({"role": "tool", "content": response}), "tool_call_id", id.as_deref()))
            }
            _ => None,
        })
        .collect();
    if !results.is_empty() {
        return results;
    }
    let pictures = message.parts.iter().filter_map(|part| match &part.kind {
        PartKind::Uri { uri, .. } => Some(json!({"type": "image_url", "image_url": {"url": uri}})),
        _ => None,
    });
    let pictures: Vec<Value> = pictures.collect();
    let text = message.text();
    if !pictures.is_empty() {
        let content = [vec![json!({"type": "text", "text": text})], pictures].concat();
        return vec![json!({"role": message.role, "content": content})];
    }
    let calls: Vec<Value> = message
        .parts
        .iter()
        .filter_map(|part| match &part.kind {
            PartKind::ToolCall { id, name, arguments } => Some(openai_call(id.as_deref(), name, arguments)),
            _ => None,
        })
        .collect();
    vec![openai_message(&message.role, &text, calls)]
}

fn openai_message(role: &str, text: &str, calls: Vec<Value>) -> Value {
    let mut message = json!({"role": role, "content": text});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

fn openai_call(id: Option<&str>, name: &str, arguments: &Value) -> Value {
    let call = json!({"type": "function", "function": {"name": name, "arguments": arguments.to_string()}});
    with_id(call, "id", id)
}

fn openai_response(number: u64, answer: &Answer) -> Value {
    let calls: Vec<Value> = answer
        .calls
        .iter()
        .map(|(id, name, arguments)| openai_call(id.as_deref(), name, arguments))
        .collect();
    let reason = if calls.is_empty() { "stop" } else { "tool_calls" };
    json!({
        "id": crate::agent::answer_id(answer, number), "object": "chat.completion", "created": 1, "model": "gpt-5",
        "choices": [{
            "index": 0, "message": openai_message("assistant", &answer.text, calls), "finish_reason": reason,
        }],
        "usage": {"prompt_tokens": 100 + number, "completion_tokens": 7, "total_tokens": 107 + number},
    })
}
