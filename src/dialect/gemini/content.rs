//! Contents and their parts, and tools, as `generateContent` has them.

use serde_json::{Value, json};

use super::names::{Either, rest, snake};
use crate::model::{Message, Part, PartKind};

/// Contents of a request as messages. A tool's result stands among a user's parts, and is a message of its own.
pub fn messages(contents: &Value) -> Vec<Message> {
    match contents {
        Value::Array(list) => list.iter().flat_map(message).collect(),
        Value::Null => Vec::new(),
        other => message(other),
    }
}

fn message(content: &Value) -> Vec<Message> {
    if let Value::String(text) = content {
        return vec![Message::new("user", vec![Part::text(text.as_str())])];
    }
    let role = role(content.either_word("role"));
    let mut messages: Vec<Message> = Vec::new();
    let mut speech: Vec<Part> = Vec::new();
    for part in parts(content) {
        if matches!(part.kind, PartKind::ToolCallResponse { .. }) {
            if !speech.is_empty() {
                messages.push(Message::new(role, std::mem::take(&mut speech)));
            }
            messages.push(Message::new("tool", vec![part]));
        } else {
            speech.push(part);
        }
    }
    if !speech.is_empty() || messages.is_empty() {
        messages.push(Message::new(role, speech));
    }
    messages
}

/// Who speaks: Google's word for the assistant is another.
pub fn role(word: Option<&str>) -> &str {
    match word {
        Some("model") => "assistant",
        Some(word) => word,
        None => "user",
    }
}

/// The parts of a content, or of a system instruction, which may be a text or a list.
pub fn parts(content: &Value) -> Vec<Part> {
    match content {
        Value::String(text) => vec![Part::text(text.as_str())],
        Value::Array(list) => list.iter().flat_map(parts).collect(),
        Value::Object(object) => match object.get("parts") {
            Some(Value::Array(list)) => list.iter().filter_map(part).collect(),
            Some(one @ Value::Object(_)) => part(one).into_iter().collect(),
            Some(Value::String(text)) => vec![Part::text(text.as_str())],
            // A part without a content around it.
            _ if !object.contains_key("role") => part(content).into_iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What of a part is said by its kind; all else is kept beside it.
const KNOWN: &[&str] = &[
    "text",
    "thought",
    "functionCall",
    "functionResponse",
    "inlineData",
    "fileData",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

/// One part; `None` where there is nothing in it.
pub fn part(json: &Value) -> Option<Part> {
    if let Value::String(text) = json {
        return Some(Part::text(text.as_str()));
    }
    let thought = json.either_truth("thought").unwrap_or_default();
    let text = json.either_text("text");
    let kind = if let Some(call) = json.either("functionCall") {
        function_call(call)
    } else if let Some(response) = json.either("functionResponse") {
        function_response(response)
    } else if let Some(kind) = media(json) {
        kind
    } else if let Some(kind) = server_tool(json) {
        kind
    } else if thought {
        PartKind::Reasoning(text.unwrap_or_default().to_owned())
    } else if let Some(text) = text {
        PartKind::Text(text.to_owned())
    } else {
        let object = json.as_object().filter(|object| !object.is_empty())?;
        if object.keys().all(|key| matches!(key.as_str(), "thoughtSignature" | "thought_signature")) {
            PartKind::Text(String::new())
        } else {
            let kind = object.keys().next().map_or_else(String::new, |key| snake(key));
            return Some(PartKind::Other { kind, value: json.clone() }.into());
        }
    };
    let mut part = Part::from(kind);
    part.extra = rest(json, KNOWN);
    if let Some(signature) = part.extra.remove("thought_signature") {
        part.extra.insert("thoughtSignature".to_owned(), signature);
    }
    if thought && !matches!(part.kind, PartKind::Reasoning(_)) {
        part = part.with("thought", true.into());
    }
    for (key, value) in beside(json) {
        part.extra.insert(key, value);
    }
    Some(part)
}

/// What stands inside a call or a response and has no place in its kind.
fn beside(json: &Value) -> serde_json::Map<String, Value> {
    if let Some(call) = json.either("functionCall") {
        return rest(call, &["id", "name", "args", "partialArgs", "willContinue"]);
    }
    if let Some(response) = json.either("functionResponse") {
        return rest(response, &["id", "name", "response"]);
    }
    match json.either("inlineData").or_else(|| json.either("fileData")) {
        Some(media) => rest(media, &["mimeType", "data", "fileUri"]),
        None => serde_json::Map::new(),
    }
}

/// The client is asked to run a function. Many models give their calls no ids.
pub fn function_call(call: &Value) -> PartKind {
    PartKind::ToolCall {
        id: call.either_word("id").map(str::to_owned),
        name: call.either_text("name").unwrap_or_default().to_owned(),
        arguments: call.either("args").cloned().unwrap_or_else(|| json!({})),
    }
}

/// What a function gave back. An object with an error, and no result, says that it failed.
pub fn function_response(response: &Value) -> PartKind {
    let given = response.either("response").cloned().unwrap_or(Value::Null);
    let failed = given.get("error").is_some_and(|error| !error.is_null())
        && given.get("output").is_none()
        && given.get("result").is_none();
    PartKind::ToolCallResponse {
        id: response.either_word("id").map(str::to_owned),
        name: response.either_word("name").map(str::to_owned),
        response: given,
        is_error: failed.then_some(true),
    }
}

fn media(json: &Value) -> Option<PartKind> {
    let mime_type = |media: &Value| media.either_word("mimeType").map(str::to_owned);
    if let Some(blob) = json.either("inlineData") {
        let mime_type = mime_type(blob);
        let content = blob.either_text("data").unwrap_or_default().to_owned();
        return Some(PartKind::Blob { modality: modality(mime_type.as_deref()), mime_type, content });
    }
    let file = json.either("fileData")?;
    let mime_type = mime_type(file);
    let uri = file.either_text("fileUri").unwrap_or_default().to_owned();
    Some(PartKind::Uri { modality: modality(mime_type.as_deref()), mime_type, uri })
}

/// What a media type is of.
pub fn modality(mime_type: Option<&str>) -> &'static str {
    let essence = mime_type.unwrap_or_default().split('/').next().unwrap_or_default();
    match essence {
        "image" => "image",
        "audio" => "audio",
        "video" => "video",
        _ => "document",
    }
}

/// What the provider ran itself: code, or a tool of its own.
fn server_tool(json: &Value) -> Option<PartKind> {
    let id = |json: &Value| json.either_word("id").map(str::to_owned);
    let typed = |json: &Value, kind: &str| {
        let mut object = rest(json, &["id", "toolType"]);
        object.insert("type".to_owned(), kind.into());
        Value::Object(object)
    };
    if let Some(code) = json.either("executableCode") {
        let name = "code_execution".to_owned();
        return Some(PartKind::ServerToolCall { id: id(code), call: typed(code, &name), name });
    }
    if let Some(result) = json.either("codeExecutionResult") {
        let name = "code_execution".to_owned();
        let response = typed(result, &name);
        return Some(PartKind::ServerToolCallResponse { id: id(result), name: Some(name), response });
    }
    if let Some(call) = json.either("toolCall") {
        let name = call.either_text("toolType").unwrap_or("tool").to_owned();
        let kind = name.to_ascii_lowercase();
        return Some(PartKind::ServerToolCall { id: id(call), name, call: typed(call, &kind) });
    }
    let response = json.either("toolResponse")?;
    let name = response.either_text("toolType").unwrap_or("tool").to_owned();
    let kind = name.to_ascii_lowercase();
    let typed = typed(response, &kind);
    Some(PartKind::ServerToolCallResponse { id: id(response), name: Some(name), response: typed })
}

/// Tools of a request in OpenTelemetry's form. One object may hold several, and a list of functions.
pub fn tools(tools: &Value) -> Vec<Value> {
    let list = match tools {
        Value::Array(list) => list.as_slice(),
        Value::Object(_) => std::slice::from_ref(tools),
        _ => &[],
    };
    let mut found = Vec::new();
    for (key, value) in list.iter().filter_map(Value::as_object).flatten() {
        let kind = snake(key);
        match value {
            Value::Null => {}
            Value::Array(functions) if kind == "function_declarations" => {
                found.extend(functions.iter().map(function));
            }
            Value::Object(settings) => {
                let mut tool = json!({"type": kind, "name": kind});
                for (key, value) in settings {
                    tool.as_object_mut().map(|tool| tool.entry(key.clone()).or_insert_with(|| value.clone()));
                }
                found.push(tool);
            }
            other => found.push(json!({"type": kind, "name": kind, kind.as_str(): other})),
        }
    }
    found
}

fn function(function: &Value) -> Value {
    let mut tool = json!({"type": "function", "name": function.either_text("name").unwrap_or_default()});
    let schema = function.either("parameters").or_else(|| function.either("parametersJsonSchema"));
    if let Some(tool) = tool.as_object_mut() {
        for (key, value) in rest(function, &["name", "parameters", "parametersJsonSchema"]) {
            tool.insert(key, value);
        }
        if let Some(schema) = schema {
            tool.insert("parameters".to_owned(), schema.clone());
        }
    }
    tool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_messages_of_their_own() {
        let contents = json!([
            {"role": "user", "parts": [
                {"text": "before"},
                {"function_response": {"name": "a", "response": {"result": 1}}},
                {"functionResponse": {"id": "2", "name": "b", "response": {"error": "no"}}},
                {"text": "after"},
            ]},
            {"role": "model", "parts": [{"functionCall": {"name": "a"}, "thoughtSignature": "s"}]},
            "plain",
        ]);
        let messages = messages(&contents);
        let roles: Vec<&str> = messages.iter().map(|message| message.role.as_str()).collect();
        assert_eq!(roles, ["user", "tool", "tool", "user", "assistant", "user"]);
        let failed = |message: &Message| match message.parts.first().map(|part| &part.kind) {
            Some(PartKind::ToolCallResponse { is_error, .. }) => *is_error,
            _ => None,
        };
        assert_eq!(messages.iter().map(failed).collect::<Vec<_>>()[1..3], [None, Some(true)]);
        assert_eq!(messages[4].parts[0].extra.get("thoughtSignature"), Some(&json!("s")));
    }

    #[test]
    fn tools_take_one_form() {
        let tools = tools(&json!([
            {"functionDeclarations": [{"name": "a", "parametersJsonSchema": {"type": "object"}}]},
            {"google_search": {}, "codeExecution": {}},
        ]));
        let expected = [
            json!({"type": "function", "name": "a", "parameters": {"type": "object"}}),
            json!({"type": "google_search", "name": "google_search"}),
            json!({"type": "code_execution", "name": "code_execution"}),
        ];
        for tool in &expected {
            assert!(tools.contains(tool), "{tool}");
        }
        assert_eq!(tools.len(), expected.len());
    }
}
