//! Messages' content blocks, each as a part.

use serde_json::{Map, Value, json};

use crate::dialect::json::{Look, arguments, rest};
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

/// A text, or a list of blocks: a message's content, or the system prompt.
pub fn content(content: &Value) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Part::text(text.as_str())],
        Value::Array(list) => {
            let mut parts = list.iter().map(block).collect();
            name_results(&mut parts);
            parts
        }
        other => vec![block(other)],
    }
}

/// One block.
pub fn block(block: &Value) -> Part {
    if let Value::String(text) = block {
        return Part::text(text.as_str());
    }
    let kind = block.text("type").unwrap_or("content");
    let (made, used): (Option<PartKind>, &[&str]) = match kind {
        "text" => (block.text("text").map(|text| PartKind::Text(text.to_owned())), &["text"]),
        "thinking" => {
            (block.text("thinking").map(|text| PartKind::Reasoning(text.to_owned())), &["thinking"])
        }
        // What was thought is encrypted in `data`.
        "redacted_thinking" => (Some(PartKind::Reasoning(String::new())), &[]),
        "tool_use" => (Some(tool_call(block)), &["id", "name", "input"]),
        "tool_result" => (Some(tool_result(block)), &["tool_use_id", "content", "is_error"]),
        "image" | "document" => (source(kind, block.get("source")), &["source"]),
        "container_upload" => (file("document", block.text("file_id")), &["file_id"]),
        _ if kind.ends_with("tool_use") => return server_call(block),
        _ if kind.ends_with("_tool_result") => return server_result(kind, block),
        _ => (None, &[]),
    };
    let Some(kind_of_part) = made else {
        let value = if block.is_object() { rest(block, &["type"]).into() } else { block.clone() };
        return PartKind::Other { kind: kind.to_owned(), value }.into();
    };
    let mut part = Part::from(kind_of_part);
    part.extra = rest(block, used);
    part.extra.remove("type");
    if part.extra.get("citations").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        part.extra.remove("citations");
    }
    if matches!(kind, "redacted_thinking" | "container_upload") {
        part.extra.insert(kind.to_owned(), true.into());
    }
    part
}

fn tool_call(block: &Value) -> PartKind {
    PartKind::ToolCall {
        id: block.word("id").map(str::to_owned),
        name: block.text("name").unwrap_or_default().to_owned(),
        // Some who took the form over give it as text.
        arguments: match block.some("input") {
            Some(Value::String(text)) => arguments(text),
            Some(other) => other.clone(),
            None => json!({}),
        },
    }
}

fn tool_result(block: &Value) -> PartKind {
    let bare_text = |part: &Value| {
        part.text("type") == Some("text") && part.as_object().is_some_and(|object| object.len() == 2)
    };
    let response = match block.some("content") {
        // A list of texts is as good as its text.
        Some(Value::Array(list)) if !list.is_empty() && list.iter().all(bare_text) => {
            list.iter().filter_map(|part| part.text("text")).collect::<String>().into()
        }
        other => other.cloned().unwrap_or(Value::Null),
    };
    PartKind::ToolCallResponse {
        id: block.word("tool_use_id").map(str::to_owned),
        name: None,
        response,
        is_error: block.truth("is_error"),
    }
}

/// A tool that the provider, or an MCP server at its behest, runs.
fn server_call(block: &Value) -> Part {
    PartKind::ServerToolCall {
        id: block.word("id").map(str::to_owned),
        name: block.text("name").unwrap_or_default().to_owned(),
        call: rest(block, &["id", "name", "cache_control"]).into(),
    }
    .into()
}

fn server_result(kind: &str, block: &Value) -> Part {
    let name = kind.strip_suffix("_tool_result").filter(|name| *name != "mcp");
    PartKind::ServerToolCallResponse {
        id: block.word("tool_use_id").map(str::to_owned),
        name: name.map(str::to_owned),
        response: rest(block, &["tool_use_id", "cache_control"]).into(),
    }
    .into()
}

/// A result's block tells which kind of tool it is of; its call tells the name.
pub fn name_results(parts: &mut Vec<Part>) {
    let calls: Vec<(String, String)> = parts
        .iter()
        .filter_map(|part| match &part.kind {
            PartKind::ServerToolCall { id: Some(id), name, .. } => Some((id.clone(), name.clone())),
            _ => None,
        })
        .collect();
    for part in parts {
        if let PartKind::ServerToolCallResponse { id: Some(id), name, .. } = &mut part.kind
            && let Some((_, of_call)) = calls.iter().find(|(own, _)| own == id)
        {
            *name = Some(of_call.clone());
        }
    }
}

/// Where an image or a document comes from. Plain text and blocks within a document have no form but their own.
fn source(kind: &str, source: Option<&Value>) -> Option<PartKind> {
    let modality = if kind == "image" { "image" } else { "document" };
    let source = source?;
    let mime_type = source.word("media_type").map(str::to_owned);
    match source.text("type")? {
        "base64" => {
            let content = source.text("data")?.to_owned();
            Some(PartKind::Blob { modality, mime_type, content })
        }
        "url" => Some(PartKind::Uri { modality, mime_type, uri: source.text("url")?.to_owned() }),
        "file" => file(modality, source.text("file_id")),
        _ => None,
    }
}

fn file(modality: &'static str, id: Option<&str>) -> Option<PartKind> {
    Some(PartKind::File { modality, mime_type: None, file_id: id?.to_owned() })
}

/// A tool's definition in OpenTelemetry's form. Tools that the provider knows have a dated `type` and no schema.
pub fn tool(tool: &Value) -> Value {
    let kind = tool.word("type").filter(|kind| *kind != "custom").unwrap_or("function");
    let name = tool.word("name").or_else(|| tool.word("mcp_server_name")).unwrap_or(kind);
    let mut definition = Map::new();
    definition.insert("type".to_owned(), kind.into());
    definition.insert("name".to_owned(), name.into());
    for (key, value) in rest(tool, &["type", "name"]) {
        let key = if key == "input_schema" { "parameters".to_owned() } else { key };
        definition.insert(key, value);
    }
    definition.into()
}

/// An MCP server whose tools the provider calls. Its token is no part of the definition.
pub fn mcp_server(server: &Value) -> Value {
    let mut definition = Map::new();
    definition.insert("type".to_owned(), "mcp_server".into());
    definition.insert("name".to_owned(), server.word("name").unwrap_or("mcp_server").into());
    for (key, value) in rest(server, &["type", "name", "authorization_token"]) {
        definition.insert(key, value);
    }
    definition.into()
}
