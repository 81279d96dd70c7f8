//! Messages in the form of OpenAI's chat completions, which several backends show best.

use serde_json::{Map, Value, json};

use super::words::parts;

/// Messages, from OpenTelemetry's form. A tool's results are messages of their own.
pub fn messages(all: &[Value]) -> Vec<Value> {
    all.iter().flat_map(message).collect()
}

/// A message, in front of which its tools' results stand where it brings some.
fn message(message: &Value) -> Vec<Value> {
    let role = message.get("role").and_then(Value::as_str).unwrap_or("user");
    let mut made = Vec::new();
    let (mut contents, mut calls, mut reasoning) = (Vec::new(), Vec::new(), String::new());
    for part in parts(message) {
        let text = |key: &str| part.get(key).and_then(Value::as_str);
        match text("type").unwrap_or_default() {
            "tool_call_response" => made.push(response(part)),
            "tool_call" => calls.push(call(part)),
            "reasoning" => reasoning.push_str(text("content").unwrap_or_default()),
            "text" | "refusal" => contents.push(json!({"type": "text", "text": text("content")})),
            _ => contents.push(other(part)),
        }
    }
    if contents.is_empty() && calls.is_empty() && reasoning.is_empty() && !made.is_empty() {
        return made;
    }
    let mut object = Map::new();
    object.insert("role".to_owned(), role.into());
    object.insert("content".to_owned(), joined(contents));
    if !reasoning.is_empty() {
        object.insert("reasoning_content".to_owned(), reasoning.into());
    }
    if !calls.is_empty() {
        object.insert("tool_calls".to_owned(), calls.into());
    }
    if let Some(name) = message.get("name") {
        object.insert("name".to_owned(), name.clone());
    }
    made.push(Value::Object(object));
    made
}

/// Text alone is text; anything else makes a list of parts.
fn joined(contents: Vec<Value>) -> Value {
    let texts: Option<Vec<&str>> = contents.iter().map(|part| part.get("text")?.as_str()).collect();
    match texts {
        Some(texts) => texts.concat().into(),
        None => contents.into(),
    }
}

fn call(part: &Value) -> Value {
    let arguments = part.get("arguments").unwrap_or(&Value::Null);
    let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
    let function = json!({"name": part.get("name"), "arguments": arguments});
    json!({"id": part.get("id"), "type": "function", "function": function})
}

fn response(part: &Value) -> Value {
    let response = part.get("response").unwrap_or(&Value::Null);
    let text = response.as_str().map_or_else(|| response.to_string(), str::to_owned);
    json!({"role": "tool", "tool_call_id": part.get("id"), "content": text})
}

fn other(part: &Value) -> Value {
    let text = |key: &str| part.get(key).and_then(Value::as_str);
    let is_image = text("modality") == Some("image");
    match (text("type"), is_image) {
        (Some("uri"), true) => json!({"type": "image_url", "image_url": {"url": text("uri")}}),
        (Some("blob"), true) => {
            let mime = text("mime_type").unwrap_or("image/png");
            let url = format!("data:{mime};base64,{}", text("content").unwrap_or_default());
            json!({"type": "image_url", "image_url": {"url": url}})
        }
        _ => part.clone(),
    }
}

/// Definitions of tools in that form.
pub fn tools(all: &[Value]) -> Vec<Value> {
    let tools = all.iter().map(|tool| {
        let mut function = tool.clone();
        if let Some(object) = function.as_object_mut() {
            object.shift_remove("type");
        }
        match tool.get("type").and_then(Value::as_str) {
            Some("function") | None => json!({"type": "function", "function": function}),
            Some(_) => tool.clone(),
        }
    });
    tools.collect()
}
