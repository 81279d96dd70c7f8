//! What a record's head says of its place, and the heads of calls of tools.

use serde_json::{Map, Value, json};

use super::book::Placed;
use super::told::CALLER_SPAN;
use super::tool::{Answer, Tool};
use crate::model::{Kind, Link, Micros, ObservationId, Status};

/// The word that stands for a call seen by another recorder, too, among those for calls beside the main line.
pub const DOUBLE: &str = "double";

/// Calls of tools have their place in an exchange behind the observation's own, in these bits.
pub const TOOL_PLACE: u32 = 1 << 16;

/// The how-manieth call of which of an exchange's observations a place stands for.
pub fn tool_place(place: u32) -> (usize, usize) {
    let wide = |number: u32| usize::try_from(number).unwrap_or(0);
    (wide(place / TOOL_PLACE).saturating_sub(1), wide(place % TOOL_PLACE))
}

/// Keys that say what a call used: of one that was seen twice, one record says it.
pub(super) const COUNTED_ONCE: &[&str] = &["usage", "cost", "tool_calls", "server_tool_calls"];

/// Puts a call's place into its head.
pub fn put_place(head: &mut Map<String, Value>, placed: &Placed, title: Option<&str>) {
    for (key, value) in place_in_head(placed, title) {
        if value.is_null() {
            head.shift_remove(key);
        } else {
            head.insert(key.to_owned(), value);
        }
    }
}

/// What a head says of a call's place: nothing stands for what it must not say.
pub fn place_in_head(placed: &Placed, title: Option<&str>) -> Vec<(&'static str, Value)> {
    let Placed { trace, session, parent, callers, prior, need: _, attempt, side, double_of, links } = placed;
    let mut all = Vec::with_capacity(14);
    let mut put = |key: &'static str, value: Value| all.push((key, value));
    let id = |id: &Option<ObservationId>| json!(id.map(|id| id.to_string()));
    put("trace_id", trace.to_string().into());
    put("session_id", json!(session));
    put("parent_id", id(&parent.or(*callers)));
    put(CALLER_SPAN, id(callers));
    put("prior_id", id(prior));
    put("attempt", (*attempt).into());
    put("side", json!(double_of.map(|_| DOUBLE).or(*side)));
    put("links", links.iter().map(Link::to_json).collect());
    put("title", side.and(title).map_or(Value::Null, Value::from));
    if double_of.is_some() {
        put("type", Kind::Span.name().into());
        COUNTED_ONCE.iter().for_each(|key| put(key, Value::Null));
    }
    all
}

/// What an asker's head says of who called, which holds for the tools it calls as well.
const CALLERS: &[&str] = &["user", "tags", "client"];

/// The head of a tool's call.
pub fn of_tool(tool: &Tool, placed: &Placed, asker: &Map<String, Value>) -> Map<String, Value> {
    let Tool { id, asker: parent, place: _, call_id, name, kind, start, preview: _, at_provider, answer: _ } =
        tool;
    let mut head = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            head.insert(key.to_owned(), value);
        }
    };
    put("id", id.to_string().into());
    put("trace_id", placed.trace.to_string().into());
    put("session_id", json!(placed.session));
    put("parent_id", parent.to_string().into());
    put("type", kind.name().into());
    put("name", name.as_str().into());
    put("start_time", start.rfc3339().into());
    put("status", Status::Open.name().into());
    let mut said = Map::new();
    if let Some(call_id) = call_id {
        said.insert("call_id".to_owned(), call_id.as_str().into());
    }
    said.insert("name".to_owned(), name.as_str().into());
    if *at_provider {
        said.insert("at_provider".to_owned(), true.into());
    }
    put("tool", Value::Object(said));
    for key in CALLERS {
        put(key, asker.get(*key).cloned().unwrap_or(Value::Null));
    }
    if *at_provider {
        // It began and ended within its generation: when, the provider does not say.
        for key in ["end_time", "duration_ms"] {
            put(key, asker.get(key).cloned().unwrap_or(Value::Null));
        }
        put("status", Status::Ok.name().into());
    }
    head
}

/// Puts a tool's result into its head.
pub fn put_answer(head: &mut Map<String, Value>, tool: &Tool, answer: &Answer) {
    let Answer { by, at, took, is_error, preview: _, is_late } = answer;
    let end = Micros(tool.start.0.saturating_add(took.micros()));
    head.insert("end_time".to_owned(), end.rfc3339().into());
    #[expect(clippy::cast_precision_loss, reason = "a tool does not take centuries")]
    let millis = took.micros() as f64 / 1000.0;
    head.insert("duration_ms".to_owned(), json!(millis));
    let status = if *is_error == Some(true) { Status::Error } else { Status::Ok };
    head.insert("status".to_owned(), status.name().into());
    let said = head.entry("tool").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(said) = said {
        said.insert("is_error".to_owned(), json!(is_error.unwrap_or(false)));
        said.insert("duration_source".to_owned(), took.source().into());
        said.insert("answered_by".to_owned(), by.to_string().into());
        said.insert("result_time".to_owned(), at.rfc3339().into());
        if *is_late {
            said.insert("in_background".to_owned(), true.into());
        }
    }
    let reason = match (is_late, &tool.call_id) {
        (true, _) => "inferred:notification",
        (false, Some(_)) => "inferred:tool-call-id",
        (false, None) => "inferred:tool-name-and-order",
    };
    let confidence = if tool.call_id.is_some() { 0.99 } else { 0.9 };
    head.insert("links".to_owned(), json!([{"to": "result", "reason": reason, "confidence": confidence}]));
}

/// The answer that a tool's head tells of.
pub fn answer_in(head: &Map<String, Value>, preview: &str) -> Option<Answer> {
    let said = head.get("tool")?;
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    let by = ObservationId::parse(text("answered_by")?)?;
    let at = Micros::parse_rfc3339(text("result_time")?)?;
    let time = |key: &str| head.get(key).and_then(Value::as_str).and_then(Micros::parse_rfc3339);
    let took = time("end_time")?.0.saturating_sub(time("start_time")?.0);
    Some(Answer {
        by,
        at,
        took: match text("duration_source") {
            Some("client") => super::Took::Client(took),
            _ => super::Took::Gap(took),
        },
        is_error: said.get("is_error").and_then(Value::as_bool),
        preview: preview.to_owned(),
        is_late: said.get("in_background").and_then(Value::as_bool).unwrap_or(false),
    })
}
