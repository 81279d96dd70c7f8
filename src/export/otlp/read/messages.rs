//! What was said, out of whichever form an SDK put it in, in OpenTelemetry's.

use serde_json::{Map, Value, json};

use super::super::message::Event;
use super::bag::{Bag, parsed};

/// What was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub system: Vec<Value>,
    pub input: Vec<Value>,
    pub output: Vec<Value>,
    pub tools: Vec<Value>,
}

/// Reads what was said.
pub fn said(bag: &Bag, events: &[Event]) -> Said {
    let mut said = Said {
        system: bag.json(&["gen_ai.system_instructions"]).map(|value| parts_of(&value)).unwrap_or_default(),
        input: input(bag),
        output: output(bag),
        tools: tools(bag),
    };
    if said.input.is_empty() && said.output.is_empty() {
        from_events(events, &mut said);
    }
    for message in &mut said.output {
        if message.get("role").is_none_or(Value::is_null) {
            message["role"] = "assistant".into();
        }
    }
    said
}

fn input(bag: &Bag) -> Vec<Value> {
    let whole = bag.json(&["gen_ai.input.messages", "gen_ai.prompt", "ai.prompt.messages"]);
    let flat = || bag.nested("gen_ai.prompt").or_else(|| bag.nested("llm.input_messages"));
    let own =
        || bag.json(&["langfuse.observation.input", "ai.prompt", "input.value", "traceloop.entity.input"]);
    let found = whole.or_else(flat).or_else(own);
    found.map(|value| messages(&value, "user")).unwrap_or_default()
}

fn output(bag: &Bag) -> Vec<Value> {
    let whole = bag.json(&["gen_ai.output.messages", "gen_ai.completion"]);
    let flat = || bag.nested("gen_ai.completion").or_else(|| bag.nested("llm.output_messages"));
    let vercel = || {
        let text = bag.text(&["ai.response.text"]);
        let calls = bag.json(&["ai.response.toolCalls"]);
        (text.is_some() || calls.is_some())
            .then(|| json!([{"role": "assistant", "content": text, "tool_calls": calls}]))
    };
    let own = || bag.json(&["langfuse.observation.output", "output.value", "traceloop.entity.output"]);
    let found = whole.or_else(flat).or_else(vercel).or_else(own);
    found.map(|value| messages(&value, "assistant")).unwrap_or_default()
}

/// Messages, a list of them, or what stands for one. A provider's whole request or answer holds them, too.
fn messages(value: &Value, role: &str) -> Vec<Value> {
    match value {
        Value::Array(list) if list.iter().any(is_message) => {
            list.iter().filter_map(|one| message(one, role)).collect()
        }
        Value::Object(object) => {
            if let Some(inner) = ["messages", "input", "choices"].iter().find_map(|key| object.get(*key)) {
                return messages(inner, role);
            }
            message(value, role).into_iter().collect()
        }
        Value::Null => Vec::new(),
        Value::String(text) => vec![json!({"role": role, "parts": [text_part(text)]})],
        other => vec![json!({"role": role, "parts": [text_part(&other.to_string())]})],
    }
}

fn is_message(value: &Value) -> bool {
    ["role", "parts", "content", "message", "tool_calls"].iter().any(|key| value.get(*key).is_some())
}

fn text_part(text: &str) -> Value {
    json!({"type": "text", "content": text})
}

/// A message in any of the forms that are about.
fn message(value: &Value, role: &str) -> Option<Value> {
    // OpenInference wraps each, and so does a choice of OpenAI's.
    if let Some(inner) = value.get("message") {
        let mut inner = message(inner, role)?;
        if let Some(reason) = value.get("finish_reason") {
            inner["finish_reason"] = reason.clone();
        }
        return Some(inner);
    }
    if !is_message(value) {
        return Some(json!({"role": role, "parts": [text_part(&value.to_string())]}));
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let own = text("role").filter(|own| !own.is_empty()).unwrap_or(role);
    let mut parts: Vec<Value> = match value.get("parts").map(parsed) {
        Some(Value::Array(parts)) => parts,
        _ => Vec::new(),
    };
    if let Some(id) = text("tool_call_id").or(text("id")).filter(|_| own == "tool" && parts.is_empty()) {
        let response = value.get("content").map(parsed).unwrap_or_default();
        parts.push(json!({"type": "tool_call_response", "id": id, "response": response}));
    } else if parts.is_empty() {
        let content = value.get("contents").or_else(|| value.get("content"));
        parts.extend(content.map(|content| parts_of(&parsed(content))).unwrap_or_default());
    }
    let calls = value.get("tool_calls").map(parsed);
    parts.extend(calls.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(call));
    if let Some(reasoning) = text("reasoning_content").or(text("reasoning")) {
        parts.insert(0, json!({"type": "reasoning", "content": reasoning}));
    }
    let mut made = Map::new();
    made.insert("role".to_owned(), own.into());
    made.insert("parts".to_owned(), parts.into());
    if let Some(reason) = text("finish_reason") {
        made.insert("finish_reason".to_owned(), reason.into());
    }
    Some(Value::Object(made))
}

/// Content as parts: a text, or parts in OpenAI's, Anthropic's or OpenInference's form.
fn parts_of(content: &Value) -> Vec<Value> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text_part(text)],
        Value::Array(list) => list.iter().map(part).collect(),
        Value::Object(_) => vec![part(content)],
        other => vec![text_part(&other.to_string())],
    }
}

fn part(value: &Value) -> Value {
    let value = value.get("message_content").unwrap_or(value);
    if let Some(text) = value.as_str() {
        return text_part(text);
    }
    let get = |key: &str| value.get(key).cloned().unwrap_or_default();
    match value.get("type").and_then(Value::as_str) {
        Some("text" | "input_text" | "output_text") if value.get("text").is_some() => {
            json!({"type": "text", "content": get("text")})
        }
        Some("thinking") => json!({"type": "reasoning", "content": get("thinking")}),
        Some("reasoning") if value.get("text").is_some() => {
            json!({"type": "reasoning", "content": get("text")})
        }
        Some("tool_use") => {
            json!({"type": "tool_call", "id": get("id"), "name": get("name"), "arguments": get("input")})
        }
        Some("tool-call") => {
            let arguments = value.get("input").or_else(|| value.get("args")).cloned().unwrap_or_default();
            json!({"type": "tool_call", "id": get("toolCallId"), "name": get("toolName"), "arguments": arguments})
        }
        Some("tool_result") => {
            json!({"type": "tool_call_response", "id": get("tool_use_id"), "response": get("content")})
        }
        Some("tool-result") => {
            let result = value.get("output").or_else(|| value.get("result")).cloned().unwrap_or_default();
            json!({"type": "tool_call_response", "id": get("toolCallId"), "response": result})
        }
        Some("image_url") => {
            let url = value.get("image_url").map(|image| image.get("url").unwrap_or(image).clone());
            json!({"type": "uri", "modality": "image", "uri": url})
        }
        _ => value.clone(),
    }
}

/// A call of a tool in any of the forms that are about.
fn call(value: &Value) -> Option<Value> {
    let value = value.get("tool_call").unwrap_or(value);
    let inner = value.get("function").unwrap_or(value);
    let first = |keys: &[&str]| keys.iter().find_map(|key| inner.get(*key).or_else(|| value.get(*key)));
    let name = first(&["name", "toolName"])?.as_str()?;
    let arguments = first(&["arguments", "args", "input"]).map(parsed).unwrap_or_default();
    let id = value.get("id").or_else(|| value.get("toolCallId"));
    Some(json!({"type": "tool_call", "id": id, "name": name, "arguments": arguments}))
}

fn tools(bag: &Bag) -> Vec<Value> {
    let whole = bag.json(&["gen_ai.tool.definitions", "tools", "ai.prompt.tools"]);
    let inside = || bag.json(&["langfuse.observation.input"])?.get("tools").cloned();
    let flat = || bag.nested("llm.tools").or_else(|| bag.nested("llm.request.functions"));
    let Some(Value::Array(list)) = whole.or_else(inside).or_else(flat) else { return Vec::new() };
    let tools = list.iter().filter_map(|tool| {
        let tool = parsed(tool.get("tool").and_then(|tool| tool.get("json_schema")).unwrap_or(tool));
        let inner = tool.get("function").unwrap_or(&tool);
        let name = inner.get("name")?.as_str()?;
        let parameters = ["parameters", "input_schema"].iter().find_map(|key| inner.get(*key)).map(parsed);
        let mut made = Map::new();
        made.insert("type".to_owned(), "function".into());
        made.insert("name".to_owned(), name.into());
        for (key, value) in [("description", inner.get("description").cloned()), ("parameters", parameters)] {
            if let Some(value) = value {
                made.insert(key.to_owned(), value);
            }
        }
        Some(Value::Object(made))
    });
    tools.collect()
}

/// The conventions before 1.37 had an event for each message.
fn from_events(events: &[Event], said: &mut Said) {
    for event in events {
        let bag = Bag::of(&event.attributes);
        let mut body = Value::Object(bag.0.clone());
        match event.name.as_str() {
            "gen_ai.system.message" => {
                said.system
                    .extend(bag.json(&["content"]).map(|content| parts_of(&content)).unwrap_or_default());
            }
            "gen_ai.user.message" => said.input.extend(message(&body, "user")),
            "gen_ai.assistant.message" => said.input.extend(message(&body, "assistant")),
            "gen_ai.tool.message" => {
                body["role"] = "tool".into();
                said.input.extend(message(&body, "tool"));
            }
            "gen_ai.choice" => {
                if let Some(inner) = body.get("message").map(parsed) {
                    body["message"] = inner;
                }
                said.output.extend(message(&body, "assistant"));
            }
            "gen_ai.content.prompt" => {
                let prompt = bag.json(&["gen_ai.prompt"]);
                said.input.extend(prompt.map(|value| messages(&value, "user")).unwrap_or_default());
            }
            "gen_ai.content.completion" => {
                let answer = bag.json(&["gen_ai.completion"]);
                said.output.extend(answer.map(|value| messages(&value, "assistant")).unwrap_or_default());
            }
            "gen_ai.client.inference.operation.details" => {
                let inner = self::said(&bag, &[]);
                said.system.extend(inner.system);
                said.input.extend(inner.input);
                said.output.extend(inner.output);
            }
            _ => {}
        }
    }
}

/// Keys of attributes that hold what was said: it is kept as content, and not a second time.
pub fn is_content(key: &str) -> bool {
    const WHOLE: &[&str] = &[
        "gen_ai.system_instructions",
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.prompt",
        "gen_ai.completion",
        "langfuse.observation.input",
        "langfuse.observation.output",
        "langfuse.trace.input",
        "langfuse.trace.output",
        "input.value",
        "output.value",
        "traceloop.entity.input",
        "traceloop.entity.output",
        "tool.parameters",
        "tools",
        "ai.prompt",
        "ai.prompt.messages",
        "ai.prompt.tools",
        "ai.response.text",
        "ai.response.toolCalls",
        "ai.toolCall.args",
        "ai.toolCall.result",
    ];
    const BELOW: &[&str] = &[
        "gen_ai.prompt.",
        "gen_ai.completion.",
        "llm.input_messages.",
        "llm.output_messages.",
        "llm.tools.",
        "llm.request.functions.",
        "retrieval.documents.",
        "embedding.embeddings.",
    ];
    WHOLE.contains(&key) || BELOW.iter().any(|prefix| key.starts_with(prefix))
}
