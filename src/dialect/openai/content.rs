//! Messages and tools as chat completions have them.

use serde_json::{Map, Value, json};

use crate::dialect::json::{Look, arguments, rest};
use crate::model::{Message, Part, PartKind};

/// What of a message is said in its parts.
pub const HELD: &[&str] = &[
    "role",
    "content",
    "refusal",
    "audio",
    "tool_calls",
    "tool_call_id",
    "function_call",
    "reasoning",
    "reasoning_content",
    "reasoning_text",
    "name",
];
/// Where thoughts are told, by different providers; who uses two says the same in both.
pub const THOUGHTS: &[&str] = &["reasoning_content", "reasoning", "reasoning_text"];
/// What of it is said elsewhere: by the choice, or by what reads it.
const ELSEWHERE: &[&str] = &["images", "executed_tools"];

/// A message of a request, or the answer's.
pub fn message(json: &Value) -> Message {
    let mut message = bare(json);
    let mut beside = rest(json, HELD);
    beside.retain(|key, _| !ELSEWHERE.contains(&key.as_str()));
    hang(&mut message.parts, beside);
    message
}

/// Hangs what else was said of a message on its text: citations, annotations, signatures. Where there is none, on its
/// first part, and where there is none of that either it stands alone.
pub fn hang(parts: &mut Vec<Part>, mut beside: Map<String, Value>) {
    // What says nothing: empty lists, and objects of nulls.
    beside.retain(|_, value| !matches!(value, Value::Array(list) if list.is_empty()));
    if beside.is_empty() {
        return;
    }
    let thought = parts.iter().position(|part| matches!(part.kind, PartKind::Reasoning(_)));
    if let Some((details, part)) =
        beside.remove("reasoning_details").zip(thought.and_then(|at| parts.get_mut(at)))
    {
        part.extra.insert("reasoning_details".to_owned(), details);
    }
    let text = parts.iter().position(|part| matches!(part.kind, PartKind::Text(_))).unwrap_or_default();
    match parts.get_mut(text) {
        Some(part) => beside.into_iter().for_each(|(key, value)| {
            let key = if part.extra.contains_key(&key) { format!("message_{key}") } else { key };
            part.extra.insert(key, value);
        }),
        None => {
            let value = Value::Object(beside);
            parts.push(PartKind::Other { kind: "message".to_owned(), value }.into());
        }
    }
}

fn bare(json: &Value) -> Message {
    let role = json.text("role").unwrap_or("user");
    let name = json.word("name").map(str::to_owned);
    let mut parts = Vec::new();
    if let Some(text) = THOUGHTS.iter().find_map(|key| json.word(key)) {
        parts.push(PartKind::Reasoning(text.to_owned()).into());
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
            let detail = url.and_then(|url| url.get("detail")).cloned().unwrap_or_default();
            let url = url.and_then(|url| url.as_str().or_else(|| url.text("url")));
            url.map(|url| linked("image", url).with("detail", detail))
        }
        "video_url" => {
            let url = part.get("video_url").and_then(|url| url.as_str().or_else(|| url.text("url")));
            url.map(|url| linked("video", url))
        }
        "input_audio" => part.get("input_audio").and_then(audio),
        "document_url" => part.text("document_url").map(|url| linked("document", url)),
        "file" => file(part.some("file").unwrap_or(part)),
        // Databricks', in summaries.
        "reasoning" if !part.list("summary").is_empty() => {
            let pieces = part.list("summary");
            let thought = pieces.iter().filter_map(|piece| piece.text("text")).collect();
            let signature = pieces.iter().find_map(|piece| piece.word("signature"));
            Some(Part::from(PartKind::Reasoning(thought)).with("signature", json!(signature)))
        }
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
    let known = [
        "type",
        "text",
        "refusal",
        "image_url",
        "video_url",
        "document_url",
        "input_audio",
        "file",
        "thinking",
    ];
    let own: &[&str] = match kind {
        "file" => &["file_id", "file_data", "filename"],
        "reasoning" => &["summary"],
        _ => &[],
    };
    match made {
        Some(mut made) => {
            made.extra.append(&mut rest(part, &[&known[..], own].concat()));
            vec![made]
        }
        None => {
            let kind = if kind.is_empty() { "content" } else { kind };
            vec![PartKind::Other { kind: kind.to_owned(), value: part.clone() }.into()]
        }
    }
}

/// Sound in base64, which Mistral has without a wrapper, or where it is found.
fn audio(json: &Value) -> Option<Part> {
    if let Some(said) = json.as_str().filter(|said| said.contains("://") || said.starts_with("data:")) {
        return Some(linked("audio", said));
    }
    let mime_type = json.word("format").map(|format| format!("audio/{format}"));
    let content = json.as_str().or_else(|| json.text("data"))?.to_owned();
    Some(PartKind::Blob { modality: "audio", mime_type, content }.into())
}

fn file(json: &Value) -> Option<Part> {
    let made = match (json.word("file_id"), json.word("file_data")) {
        (Some(id), _) => {
            PartKind::File { modality: "document", mime_type: None, file_id: id.to_owned() }.into()
        }
        (None, Some(data)) => linked("document", data),
        (None, None) => return None,
    };
    Some(made.with("filename", json.get("filename").cloned().unwrap_or_default()))
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
        // Without a wrapper, as gateways to other dialects have it.
        (None, None) => {
            let asked = match call.get("arguments").or_else(|| call.get("input")) {
                Some(Value::String(text)) => arguments(text),
                Some(other) => other.clone(),
                None => json!({}),
            };
            (call.word("name")?, asked)
        }
    };
    if name.is_empty() && id.is_none() {
        return None;
    }
    let mut part = Part::from(PartKind::ToolCall { id, name: name.to_owned(), arguments });
    // Google's signature of what the model thought before the call.
    part = part.with("extra_content", call.get("extra_content").cloned().unwrap_or_default());
    Some(part)
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
