//! Parts of messages in words, and what was on the wire.

use std::fmt::Write as _;

use serde_json::Value;

/// A part of a message in words.
pub fn part_text(part: &Value) -> String {
    let text = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or_default();
    let shown = |key: &str| match part.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    match text("type") {
        "text" | "refusal" => text("content").to_owned(),
        "reasoning" => format!("[reasoning] {}", text("content")),
        "tool_call" => format!("[call {}] {}({})", text("id"), text("name"), shown("arguments")),
        "tool_call_response" => format!("[result {}] {}", text("id"), shown("response")),
        "server_tool_call" => format!("[{} ran at the provider] {}", text("name"), shown("server_tool_call")),
        "server_tool_call_response" => format!("[its result] {}", shown("server_tool_call_response")),
        "blob" => {
            format!("[{} {}, {} bytes]", text("modality"), text("mime_type"), text("content").len() / 4 * 3)
        }
        "uri" => format!("[{} {}]", text("modality"), text("uri")),
        "file" => format!("[{} {}]", text("modality"), text("file_id")),
        kind => format!("[{kind}] {}", shown("content")),
    }
}

/// One side of what was on the wire.
pub fn wire(side: &Value) -> String {
    let text = |key: &str| side.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut out = match side.get("status") {
        Some(status) => format!("{} {status}\n", text("version")),
        None => format!("{} {} {}\n", text("method"), text("url"), text("version")),
    };
    for pair in side.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let value = pair.get(1).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let _ = writeln!(
            out,
            "{}: {}",
            pair.get(0).and_then(Value::as_str).unwrap_or_default(),
            value.unwrap_or_default()
        );
    }
    out.push('\n');
    match side.get("body_b64").and_then(Value::as_str) {
        Some(base64) => out.push_str(&format!("[base64] {base64}")),
        None => out.push_str(text("body")),
    }
    out
}
