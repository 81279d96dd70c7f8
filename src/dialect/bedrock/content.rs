//! A conversation's content blocks, each as a part. A block's kind is the name of its one field.

use serde_json::{Map, Value, json};

use crate::dialect::json::{Look, rest};
use crate::model::{Message, Part, PartKind};

/// A message of a request. Tools' results stand in a user's message among other things: each becomes a message of its own.
pub fn messages(json: &Value) -> Vec<Message> {
    let role = json.text("role").unwrap_or("user");
    let mut found = Vec::new();
    let mut parts = Vec::new();
    // What is no message at all is kept as if it were the content of one.
    let inside = if json.is_object() { json.get("content").unwrap_or(&Value::Null) } else { json };
    for part in content(inside) {
        if matches!(part.kind, PartKind::ToolCallResponse { .. }) {
            if !parts.is_empty() {
                found.push(Message::new(role, std::mem::take(&mut parts)));
            }
            found.push(Message::new("tool", vec![part]));
        } else {
            parts.push(part);
        }
    }
    if !parts.is_empty() || found.is_empty() {
        found.push(Message::new(role, parts));
    }
    found
}

/// A list of blocks: a message's content, or the system prompt.
pub fn content(content: &Value) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().filter_map(block).collect(),
        other => block(other).into_iter().collect(),
    }
}

/// One block; `None` where it is empty.
pub fn block(block: &Value) -> Option<Part> {
    let object = match block {
        Value::String(text) => return Some(Part::text(text.as_str())),
        Value::Object(object) => object,
        other => return Some(PartKind::Other { kind: "content".to_owned(), value: other.clone() }.into()),
    };
    // What says something of a block may stand beside what it is.
    let beside = ["cachePoint", "citations", "type"];
    let mut fields = object.iter().filter(|(_, value)| !value.is_null());
    let main = fields.clone().find(|(key, _)| !beside.contains(&key.as_str())).or_else(|| fields.next())?;
    let (kind, value) = main;
    let mut part = part(kind, value);
    for (key, value) in rest(block, &[kind.as_str()]) {
        part.extra.insert(key, value);
    }
    Some(part)
}

fn part(kind: &str, value: &Value) -> Part {
    let made = match kind {
        "text" => value.as_str().map(Part::text),
        "image" => media("image", value),
        "video" => media("video", value),
        "audio" => media("audio", value),
        "document" => media("document", value),
        "toolUse" => Some(tool_use(value)),
        "toolResult" => Some(tool_result(value)),
        "reasoningContent" => Some(reasoning(value)),
        "citationsContent" => {
            let texts = value.list("content").iter().filter_map(|piece| piece.text("text"));
            Some(with_rest(Part::text(texts.collect::<String>()), value, &["content"]))
        }
        // What a guardrail shall look at is part of the message all the same.
        "guardContent" => value.get("text").and_then(|text| {
            Some(with_rest(Part::text(text.text("text")?), text, &["text"]).with("guardContent", true.into()))
        }),
        _ => None,
    };
    made.unwrap_or_else(|| PartKind::Other { kind: kind.to_owned(), value: value.clone() }.into())
}

fn with_rest(mut part: Part, object: &Value, but: &[&str]) -> Part {
    part.extra.extend(rest(object, but));
    part
}

fn tool_use(value: &Value) -> Part {
    let id = value.word("toolUseId").map(str::to_owned);
    let name = value.text("name").unwrap_or_default().to_owned();
    if value.text("type") == Some("server_tool_use") {
        let call = rest(value, &["toolUseId", "name"]).into();
        return PartKind::ServerToolCall { id, name, call }.into();
    }
    let arguments = value.some("input").cloned().unwrap_or_else(|| json!({}));
    let part = PartKind::ToolCall { id, name, arguments }.into();
    with_rest(part, value, &["toolUseId", "name", "input", "type"])
}

/// A result. Those of tools that the provider runs have a type: the tool's name with `_result` behind it.
fn tool_result(value: &Value) -> Part {
    let id = value.word("toolUseId").map(str::to_owned);
    if let Some(kind) = value.word("type").filter(|kind| *kind != "tool_result") {
        let name = kind.strip_suffix("_result").map(str::to_owned);
        let response = rest(value, &["toolUseId"]).into();
        return PartKind::ServerToolCallResponse { id, name, response }.into();
    }
    let bare_text = |part: &Value| {
        part.text("text").is_some() && part.as_object().is_some_and(|object| object.len() == 1)
    };
    let response = match value.some("content") {
        // A list of texts is as good as its text.
        Some(Value::Array(list)) if !list.is_empty() && list.iter().all(bare_text) => {
            list.iter().filter_map(|part| part.text("text")).collect::<String>().into()
        }
        other => other.cloned().unwrap_or(Value::Null),
    };
    let is_error = value.word("status").map(|status| status == "error");
    let part = PartKind::ToolCallResponse { id, name: None, response, is_error }.into();
    with_rest(part, value, &["toolUseId", "content", "status", "type"])
}

fn reasoning(value: &Value) -> Part {
    if let Some(text) = value.some("reasoningText") {
        let thought = text.text("text").unwrap_or_default().to_owned();
        return with_rest(PartKind::Reasoning(thought).into(), text, &["text"]);
    }
    with_rest(PartKind::Reasoning(String::new()).into(), value, &[])
}

/// An image, a document, sound or a film: bytes, an address in S3, or a document's own text.
fn media(modality: &'static str, value: &Value) -> Option<Part> {
    let format = value.word("format");
    let mime_type = format.map(|format| mime_type(modality, format));
    let source = value.get("source")?;
    let kind = if let Some(content) = source.text("bytes") {
        PartKind::Blob { modality, mime_type, content: content.to_owned() }
    } else {
        let place = source.get("s3Location")?;
        PartKind::Uri { modality, mime_type, uri: place.text("uri")?.to_owned() }
    };
    Some(with_rest(kind.into(), value, &["format", "source"]))
}

/// Formats whose type is not what they are called.
const TYPES: &[(&str, &str)] = &[
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("three_gp", "video/3gpp"),
    ("jpg", "image/jpeg"),
];

fn mime_type(modality: &str, format: &str) -> String {
    let known = TYPES.iter().find(|(name, _)| *name == format);
    known.map_or_else(|| format!("{modality}/{format}"), |(_, mime_type)| (*mime_type).to_owned())
}

/// A tool's definition in OpenTelemetry's form. A cache mark stands among them, too.
pub fn tool(tool: &Value) -> Value {
    let mut definition = Map::new();
    if let Some(spec) = tool.some("toolSpec") {
        definition.insert("type".to_owned(), "function".into());
        definition.insert("name".to_owned(), spec.text("name").unwrap_or_default().into());
        for (key, value) in rest(spec, &["name", "type"]) {
            match key.as_str() {
                "inputSchema" => {
                    let schema = value.some("json").cloned().unwrap_or(value);
                    definition.insert("parameters".to_owned(), schema);
                }
                _ => {
                    definition.insert(key, value);
                }
            }
        }
    } else if let Some((kind, value)) = tool.as_object().and_then(|object| object.iter().next()) {
        definition.insert("type".to_owned(), kind.as_str().into());
        definition.insert("name".to_owned(), value.word("name").unwrap_or(kind).into());
        definition.extend(rest(value, &["name", "type"]));
    }
    definition.into()
}
