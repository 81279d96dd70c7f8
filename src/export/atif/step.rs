//! Steps of a trajectory.

use serde_json::{Map, Value, json};

use super::super::chat::{object, result_text};
use super::super::encode::Trace;
use super::super::parts::part_text;
use super::super::talk::Said;
use crate::store::Row;

pub fn text<'a>(head: &'a Map<String, Value>, key: &str) -> &'a str {
    head.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Who acted: the program that called, as it says.
pub fn agent(trace: &Trace, steps: &[Value]) -> Value {
    let client = trace.rows.iter().find_map(|row| row.head.get("client"));
    let of =
        |key: &str| client.and_then(|client| client.get(key)).and_then(Value::as_str).unwrap_or("unknown");
    let mut agent = json!({"name": of("name"), "version": of("version")});
    if let Some(model) = steps.iter().find_map(|own| own.get("model_name")) {
        agent["model_name"] = model.clone();
    }
    agent
}

/// What a user or an agent's maker said.
pub fn other(row: &Row, said: &Said) -> Value {
    let source = match said.role.as_str() {
        "system" | "developer" | "note" => "system",
        // Part of the history that was sent, and said by no call that was seen.
        "assistant" | "model" => "agent",
        _ => "user",
    };
    let message = if said.role == "note" { said.title.clone() } else { message(&said.parts) };
    let mut step = json!({"step_id": 0, "timestamp": text(&row.head, "start_time"), "source": source, "message": message});
    if source == "agent" {
        step["is_copied_context"] = true.into();
    }
    step
}

/// What a model said, and what that took.
pub fn answer(row: &Row, said: &Said) -> Value {
    let head = &row.head;
    let mut step = json!({"step_id": 0, "timestamp": text(head, "start_time"), "source": "agent"});
    for key in ["response_model", "request_model"] {
        if let Some(model) = head.get(key).filter(|model| model.is_string()) {
            step["model_name"] = model.clone();
            break;
        }
    }
    let is = |part: &&Value, kind: &str| part.get("type").is_some_and(|own| own == kind);
    let reasoning = said.parts.iter().filter(|part| is(part, "reasoning"));
    let reasoning: Vec<&str> =
        reasoning.filter_map(|part| part.get("content")?.as_str()).filter(|text| !text.is_empty()).collect();
    let calls = said.parts.iter().filter(|part| is(part, "tool_call"));
    let calls: Vec<Value> =
        calls.map(|part| tool_call(part.get("id"), part.get("name"), part.get("arguments"))).collect();
    let rest = said.parts.iter().filter(|part| !is(part, "reasoning") && !is(part, "tool_call"));
    step["message"] = message(&rest.cloned().collect::<Vec<_>>()).into();
    if !reasoning.is_empty() {
        step["reasoning_content"] = reasoning.join("\n\n").into();
    }
    if !calls.is_empty() {
        step["tool_calls"] = calls.into();
    }
    step["metrics"] = metrics(head);
    step["llm_call_count"] = 1.into();
    step["extra"] = extra(head);
    step
}

/// A step that asked for a tool and was not seen itself.
pub fn unseen(row: &Row) -> Value {
    let at = text(&row.head, "start_time");
    json!({"step_id": 0, "timestamp": at, "source": "agent", "message": "", "llm_call_count": 0})
}

fn metrics(head: &Map<String, Value>) -> Value {
    let usage = |key: &str| head.get("usage").and_then(|usage| usage.get(key)).filter(|count| count.is_u64());
    let mut metrics = Map::new();
    for (key, own) in
        [("prompt_tokens", "input"), ("completion_tokens", "output"), ("cached_tokens", "cache_read")]
    {
        if let Some(count) = usage(own) {
            metrics.insert(key.to_owned(), count.clone());
        }
    }
    if let Some(cost) = head.get("cost").and_then(|cost| cost.get("total")) {
        metrics.insert("cost_usd".to_owned(), cost.clone());
    }
    let mut extra = Map::new();
    for key in ["cache_write", "reasoning", "source"] {
        if let Some(value) = head.get("usage").and_then(|usage| usage.get(key)) {
            extra.insert(key.to_owned(), value.clone());
        }
    }
    for key in ["duration_ms", "ttft_ms"] {
        if let Some(value) = head.get(key) {
            extra.insert(key.to_owned(), value.clone());
        }
    }
    if !extra.is_empty() {
        metrics.insert("extra".to_owned(), extra.into());
    }
    metrics.into()
}

fn extra(head: &Map<String, Value>) -> Value {
    let keys = ["id", "provider", "status", "error", "finish_reason", "attempt", "annotations"];
    let known = keys.iter().filter_map(|key| {
        let name = if *key == "id" { "observation_id" } else { key };
        Some((name.to_owned(), head.get(*key)?.clone()))
    });
    Value::Object(known.collect())
}

/// What a tool was given.
pub fn call(row: &Row, said: &Said) -> Value {
    let part = said.parts.first();
    let of = |key: &str| part.and_then(|part| part.get(key));
    let tool = |key: &str| row.head.get("tool").and_then(|tool| tool.get(key));
    let id = tool("call_id").or(of("id")).or(row.head.get("id"));
    tool_call(id, tool("name").or(of("name")), of("arguments"))
}

fn tool_call(id: Option<&Value>, name: Option<&Value>, arguments: Option<&Value>) -> Value {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    json!({"tool_call_id": text(id), "function_name": text(name), "arguments": object(arguments)})
}

/// What came of it, as far as that is known.
pub fn result(row: &Row, said: Option<&Said>) -> Value {
    let head = &row.head;
    let id = head.get("tool").and_then(|tool| tool.get("call_id")).or(head.get("id"));
    let mut result = json!({"source_call_id": id});
    let response = said.and_then(|said| said.parts.first()).and_then(|part| part.get("response"));
    if let Some(response) = response {
        result["content"] = result_text(response).into();
    }
    let mut extra = Map::new();
    for key in ["status", "duration_ms", "annotations"] {
        if let Some(value) = head.get(key) {
            extra.insert(key.to_owned(), value.clone());
        }
    }
    result["extra"] = extra.into();
    result
}

/// Parts in words.
fn message(parts: &[Value]) -> String {
    let texts = parts.iter().map(|part| match part.get("type").and_then(Value::as_str) {
        Some("blob" | "uri" | "file") => {
            format!("[{}]", part.get("modality").and_then(Value::as_str).unwrap_or("file"))
        }
        _ => part_text(part),
    });
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Adds to a list within a step, which is made where it is not there.
pub fn push(step: &mut Value, path: &[&str], item: Value) {
    let mut place = step;
    for key in path {
        place = &mut place[*key];
    }
    match place {
        Value::Array(list) => list.push(item),
        other => *other = vec![item].into(),
    }
}
