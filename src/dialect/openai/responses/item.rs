//! The items that responses and realtime conversations are made of, as messages and their parts.

use serde_json::{Map, Value};

use super::part;
use crate::dialect::json::{Look, arguments, is_empty, rest};
use crate::model::{Message, Part, PartKind};

/// Calls that the client is asked to run, and where their arguments are. A custom tool's input is text, JSON or not.
const CLIENT_CALLS: &[(&str, &str)] = &[
    ("function_call", "arguments"),
    ("custom_tool_call", "input"),
    ("local_shell_call", "action"),
    ("shell_call", "action"),
    ("apply_patch_call", "operation"),
    ("computer_call", "action"),
];

/// Where calls that the provider runs itself carry what came of them.
const RESULTS: &[&str] = &["outputs", "results", "output", "error", "result"];

/// Items that the client adds to set something, not to say something.
const SETTINGS: &[&str] = &["configuration_update", "additional_tools"];

/// What of an item is said by its kind.
const NAMELESS: &[&str] = &["id", "type", "object", "status", "role", "item_id", "output_index"];

fn kind(item: &Value) -> &str {
    item.text("type").unwrap_or("message")
}

/// Who speaks in an item. What is not known comes from answers, most likely: those are sent back as they were.
fn role(item: &Value) -> &str {
    let said = item.word("role");
    match kind(item) {
        "message" => said.unwrap_or("user"),
        kind if SETTINGS.contains(&kind) => said.unwrap_or("developer"),
        "mcp_approval_response" => "tool",
        "tool_search_output" if item.text("execution") != Some("client") => "assistant",
        "program_output" => "assistant",
        kind if kind.ends_with("_output") => "tool",
        kind if kind.starts_with("input_") => "user",
        _ => "assistant",
    }
}

/// Items as messages: what the model did in one go, which the API lists one by one, is one message.
pub fn messages<'a>(items: impl IntoIterator<Item = &'a Value>) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for item in items {
        let (role, parts) = match item {
            Value::String(text) => ("user", vec![Part::text(text.as_str())]),
            item => (role(item), parts(item)),
        };
        match messages.last_mut().filter(|last| role == "assistant" && last.role == role) {
            Some(last) => last.parts.extend(parts),
            None => messages.push(Message::new(role, parts)),
        }
    }
    messages
}

/// Whether an item of a list says something in the model's name.
pub fn is_models(item: &Value) -> bool {
    role(item) == "assistant"
}

/// The parts of one item.
pub fn parts(item: &Value) -> Vec<Part> {
    let kind = kind(item);
    if let Some((_, key)) = CLIENT_CALLS.iter().find(|(call, _)| *call == kind) {
        return vec![client_call(item, kind, key)];
    }
    match kind {
        "message" => message(item),
        "reasoning" => reasoning(item),
        "tool_search_output" | "program_output" => vec![server_result(item, kind)],
        kind if kind.ends_with("_output") => vec![result(item, kind)],
        "mcp_list_tools" | "program" => server_call(item, kind),
        kind if kind.ends_with("_call") => server_call(item, kind),
        kind if kind.starts_with("input_") => vec![part::part(item)],
        kind => vec![PartKind::Other { kind: kind.to_owned(), value: item.clone() }.into()],
    }
}

/// What else is said of an item: its id, a status that is not the usual one, and whatever nobody has heard of.
fn about(item: &Value, known: &[&str]) -> Map<String, Value> {
    let mut about = rest(item, NAMELESS);
    about.retain(|key, value| !known.contains(&key.as_str()) && !is_empty(value));
    if let Some(id) = item.word("id") {
        about.insert("item_id".to_owned(), id.into());
    }
    if let Some(status) = item.word("status").filter(|status| *status != "completed") {
        about.insert("status".to_owned(), status.into());
    }
    about
}

fn message(item: &Value) -> Vec<Part> {
    let mut parts = match item.some("content") {
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        Some(Value::String(text)) => vec![Part::text(text.as_str())],
        Some(Value::Array(list)) => list.iter().map(part::part).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![PartKind::Other { kind: "content".to_owned(), value: other.clone() }.into()],
    };
    if let Some(first) = parts.first_mut() {
        for (key, value) in about(item, &["content"]) {
            first.extra.entry(key).or_insert(value);
        }
    }
    parts
}

/// Reasoning as summaries, as it was, or sealed: then there is no text, but there is a part.
fn reasoning(item: &Value) -> Vec<Part> {
    let text = |entry: &Value| match entry {
        Value::String(text) => text.clone(),
        entry => entry.text("text").unwrap_or_default().to_owned(),
    };
    let summary = item
        .list("summary")
        .iter()
        .map(|entry| Part::from(PartKind::Reasoning(text(entry))).with("summary", true.into()));
    let whole = item.list("content").iter().map(|entry| Part::from(PartKind::Reasoning(text(entry))));
    let mut parts: Vec<Part> = summary.chain(whole).collect();
    if let Some(text) = item.word("content") {
        parts.push(PartKind::Reasoning(text.to_owned()).into());
    }
    if parts.is_empty() {
        parts.push(PartKind::Reasoning(String::new()).into());
    }
    if let Some(first) = parts.first_mut() {
        first.extra.extend(about(item, &["summary", "content"]));
    }
    parts
}

fn client_call(item: &Value, kind: &str, key: &str) -> Part {
    let arguments = match item.some(key) {
        Some(Value::String(text)) if key == "arguments" => arguments(text),
        Some(other) => other.clone(),
        // A computer's newer calls hold several actions.
        None => item.get("actions").cloned().unwrap_or_default(),
    };
    let id = item.word("call_id").or_else(|| item.word("id")).map(str::to_owned);
    let name = item.word("name").unwrap_or(kind).to_owned();
    let mut part = Part::from(PartKind::ToolCall { id, name, arguments });
    part.extra = about(item, &["call_id", "name", key, "actions"]);
    part
}

/// What came of a call that the client ran.
fn result(item: &Value, kind: &str) -> Part {
    let id = item.word("call_id").or_else(|| item.word("id")).map(str::to_owned);
    let name = item.word("name").map(str::to_owned);
    let response = match item.some("output").or_else(|| item.some("tools")).or_else(|| item.some("result")) {
        // A list of texts is as good as its text.
        Some(Value::Array(list))
            if !list.is_empty()
                && list
                    .iter()
                    .all(|part| matches!(part.text("type"), Some("input_text" | "output_text" | "text"))) =>
        {
            list.iter().filter_map(|part| part.text("text")).collect::<String>().into()
        }
        other => other.cloned().unwrap_or_default(),
    };
    // Of a patch the status says whether it could be applied; of the others, whether the item is whole.
    let is_error = (kind == "apply_patch_call_output")
        .then(|| item.text("status").map(|status| status == "failed"))
        .flatten();
    let mut part = Part::from(PartKind::ToolCallResponse { id, name, response, is_error });
    part.extra = about(item, &["call_id", "name", "output", "tools", "result"]);
    part
}

/// What came of a call that the provider ran, where it is an item of its own.
fn server_result(item: &Value, kind: &str) -> Part {
    let id = item.word("call_id").or_else(|| item.word("id")).map(str::to_owned);
    let response = item.some("tools").or_else(|| item.some("result")).cloned().unwrap_or_default();
    let name = kind.strip_suffix("_output").map(str::to_owned);
    let mut part = Part::from(PartKind::ServerToolCallResponse { id, name, response });
    part.extra = about(item, &["call_id", "tools", "result"]);
    part
}

/// A tool that the provider ran itself, and what came of it as a part of its own.
fn server_call(item: &Value, kind: &str) -> Vec<Part> {
    let id = item.word("call_id").or_else(|| item.word("id")).map(str::to_owned);
    let name = item.word("name").unwrap_or_else(|| kind.strip_suffix("_call").unwrap_or(kind)).to_owned();
    let mut call = rest(item, &["id", "call_id", "name"]);
    call.retain(|key, value| !RESULTS.contains(&key.as_str()) && !is_empty(value));
    if let Some(Value::String(text)) = call.get("arguments") {
        let parsed = arguments(text);
        call.insert("arguments".to_owned(), parsed);
    }
    let listed = (kind == "mcp_list_tools").then(|| call.remove("tools")).flatten();
    let call = PartKind::ServerToolCall { id: id.clone(), name: name.clone(), call: Value::Object(call) };
    let mut first = Part::from(call);
    // The call's own id goes before; the item's is what other items refer to.
    if let Some(item_id) = item.word("id").filter(|own| id.as_deref() != Some(*own)) {
        first.extra.insert("item_id".to_owned(), item_id.into());
    }
    let mut parts = vec![first];
    if let (Some(image), "image_generation_call") = (item.word("result"), kind) {
        let format = item.word("output_format").unwrap_or("png");
        let mime_type = Some(format!("image/{format}"));
        let image = PartKind::Blob { modality: "image", mime_type, content: image.to_owned() };
        parts.push(Part::from(image).with("item_id", item.get("id").cloned().unwrap_or_default()));
        return parts;
    }
    let came = RESULTS.iter().find_map(|key| item.some(key).filter(|value| !is_empty(value)));
    if let Some(response) = listed.or_else(|| came.cloned()) {
        parts.push(PartKind::ServerToolCallResponse { id, name: Some(name), response }.into());
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_model_did_in_one_go_is_one_message() {
        let items = [
            json!({"role": "user", "content": "Hi"}),
            json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}),
            json!({"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}),
            json!({"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"}),
            json!({"type": "function_call_output", "call_id": "c1", "output": "1"}),
            json!({"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "2"}]}),
            json!({"type": "never_heard_of"}),
        ];
        let messages = messages(&items);
        let roles: Vec<(&str, usize)> =
            messages.iter().map(|message| (message.role.as_str(), message.parts.len())).collect();
        assert_eq!(roles, [("user", 1), ("assistant", 3), ("tool", 1), ("tool", 1), ("assistant", 1)]);
    }

    #[test]
    fn unknown_calls_are_the_providers() {
        let parts = parts(&json!({"type": "moon_call", "id": "m1", "phase": "full", "output": "dark"}));
        let [call, response] = parts.as_slice() else { panic!("{parts:?}") };
        let expected = PartKind::ServerToolCall {
            id: Some("m1".to_owned()),
            name: "moon".to_owned(),
            call: json!({"type": "moon_call", "phase": "full"}),
        };
        assert_eq!(call.kind, expected);
        assert_eq!(response.to_json()["server_tool_call_response"], "dark");
    }
}
