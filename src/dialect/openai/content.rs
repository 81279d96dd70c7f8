//! Messages and tools as chat completions have them.

use serde_json::{Value, json};

use crate::dialect::json::{Look, arguments, rest};
use crate::model::{Message, Part, PartKind};

/// A message of a request, or the answer's.
pub fn message(json: &Value) -> Message {
    let role = json.text("role").unwrap_or("user");
    let name = json.word("name").map(str::to_owned);
    let mut parts = Vec::new();
    for key in ["reasoning_content", "reasoning"] {
        if let Some(text) = json.word(key) {
            parts.push(PartKind::Reasoning(text.to_owned()).into());
            break;
        }
    }
    if matches!(role, "tool" | "function") {
        let id = json.word("tool_call_id").map(str::to_owned);
        let response = match json.some("content") {
            // A list of texts is as good as its text.
            Some(Value::Array(list)) if list.iter().all(|part| part.text("type") == Some("text")) => {
                list.iter().filter_map(|part| part.text("text")).collect::<String>().into()
            }
            other => other.cloned().unwrap_or(Value::Null),
        };
        parts.push(PartKind::ToolCallResponse { id, name, response, is_error: None }.into());
        return Message::new("tool", parts);
    }
    parts.extend(json.some("content").map(content).unwrap_or_default());
    if let Some(refusal) = json.word("refusal") {
        parts.push(PartKind::Refusal(refusal.to_owned()).into());
    }
    if let Some(audio) = json.some("audio") {
        parts.extend(spoken(audio));
    }
    parts.extend(json.list("tool_calls").iter().filter_map(tool_call));
    if let Some(function) = json.some("function_call") {
        parts.extend(tool_call(&json!({"function": function})));
    }
    Message { name, ..Message::new(role, parts) }
}

/// A message's content: a text, or a list of parts.
pub fn content(content: &Value) -> Vec<Part> {
    match content {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Part::text(text.as_str())],
        Value::Array(list) => list.iter().flat_map(part).collect(),
        Value::Null => Vec::new(),
        other => vec![PartKind::Other { kind: "content".to_owned(), value: other.clone() }.into()],
    }
}

fn part(part: &Value) -> Vec<Part> {
    let kind = part.text("type").unwrap_or_default();
    let made: Option<Part> = match kind {
        "text" | "input_text" | "output_text" => part.text("text").map(Part::text),
        "refusal" => part.text("refusal").map(|text| PartKind::Refusal(text.to_owned()).into()),
        "image_url" => {
            let url = part.get("image_url");
            url.and_then(|url| url.as_str().or_else(|| url.text("url"))).map(|url| linked("image", url))
        }
        "input_audio" => part.get("input_audio").and_then(|audio| {
            let mime_type = audio.word("format").map(|format| format!("audio/{format}"));
            let content = audio.text("data")?.to_owned();
            Some(PartKind::Blob { modality: "audio", mime_type, content }.into())
        }),
        "file" => part.get("file").and_then(|file| match (file.word("file_id"), file.word("file_data")) {
            (Some(id), _) => {
                Some(PartKind::File { modality: "document", mime_type: None, file_id: id.to_owned() }.into())
            }
            (None, Some(data)) => Some(linked("document", data)),
            (None, None) => None,
        }),
        // Mistral's reasoning, a list of texts in itself.
        "thinking" => {
            let thought = match part.get("thinking") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Array(list)) => list.iter().filter_map(|piece| piece.text("text")).collect(),
                _ => String::new(),
            };
            Some(PartKind::Reasoning(thought).into())
        }
        _ => None,
    };
    let known = ["type", "text", "refusal", "image_url", "input_audio", "file", "thinking"];
    match made {
        Some(mut made) => {
            made.extra = rest(part, &known);
            vec![made]
        }
        None => vec![PartKind::Other { kind: kind.to_owned(), value: part.clone() }.into()],
    }
}

/// What an address leads to: bytes where it is a `data:` URL.
pub fn linked(modality: &'static str, url: &str) -> Part {
    let inline = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
    match inline {
        Some((mime_type, content)) => {
            let mime_type = Some(mime_type.to_owned()).filter(|mime_type| !mime_type.is_empty());
            PartKind::Blob { modality, mime_type, content: content.to_owned() }.into()
        }
        None => PartKind::Uri { modality, mime_type: None, uri: url.to_owned() }.into(),
    }
}

/// An answer's sound, and what is said in it.
pub fn spoken(audio: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(data) = audio.word("data") {
        let blob = PartKind::Blob { modality: "audio", mime_type: None, content: data.to_owned() };
        parts.push(Part::from(blob).with("id", audio.get("id").cloned().unwrap_or_default()));
    } else if let Some(id) = audio.word("id") {
        parts.push(PartKind::File { modality: "audio", mime_type: None, file_id: id.to_owned() }.into());
    }
    if let Some(transcript) = audio.word("transcript") {
        parts.push(Part::text(transcript).with("transcript", true.into()));
    }
    parts
}

/// One of a message's `tool_calls`; a placeholder without a name is none.
pub fn tool_call(call: &Value) -> Option<Part> {
    let id = call.word("id").map(str::to_owned);
    let (name, arguments) = match (call.some("function"), call.some("custom")) {
        (Some(function), _) => {
            let arguments = match function.get("arguments") {
                Some(Value::String(text)) => arguments(text),
                Some(other) => other.clone(),
                None => json!({}),
            };
            (function.text("name").unwrap_or_default(), arguments)
        }
        (None, Some(custom)) => {
            (custom.text("name").unwrap_or_default(), custom.get("input").cloned().unwrap_or_default())
        }
        (None, None) => return None,
    };
    if name.is_empty() && id.is_none() {
        return None;
    }
    Some(PartKind::ToolCall { id, name: name.to_owned(), arguments }.into())
}

/// A tool's definition in OpenTelemetry's form.
pub fn tool(tool: &Value) -> Value {
    let kind = tool.text("type").unwrap_or("function");
    // Chat completions wrap a function's definition, responses do not.
    let inner = tool.some(kind).filter(|inner| inner.is_object()).unwrap_or(tool);
    let mut definition = json!({"type": kind});
    let Some(object) = definition.as_object_mut() else { return definition };
    object.insert("name".to_owned(), inner.word("name").unwrap_or(kind).into());
    for (key, value) in rest(inner, &["type", "name"]) {
        object.insert(key, value);
    }
    definition
}
