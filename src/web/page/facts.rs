//! What lists and pages say of a call, a trace or a session: each fact in one way everywhere.

use maud::{Markup, html};
use serde_json::Value;

use crate::html::{count, dollars, items, millis, number, plain, short, text_of, visible};
use crate::model::shortened;

/// So many characters of a name or message are shown where one line would do.
const LONGEST: usize = 400;

/// A step's name: the model or tool, and what sets it apart.
pub(super) fn name(head: &Value) -> Markup {
    let attempt = count(head, "attempt").filter(|attempt| *attempt > 1);
    html! {
        @if let Some(side) = text_of(head, "side") { span.tag { (visible(side)) } " " }
        (plain(&short_name(head)))
        @if let Some(attempt) = attempt { " " span.tag.warn { "attempt " (attempt) } }
    }
}

/// The model of a generation, the name of a tool, else what the record is called.
pub(super) fn short_name(head: &Value) -> String {
    let model = text_of(head, "response_model").or_else(|| text_of(head, "request_model"));
    let tool = head.get("tool").and_then(|tool| text_of(tool, "name"));
    let is_generation = text_of(head, "type") == Some("generation");
    let name = tool.or_else(|| model.filter(|_| is_generation)).or_else(|| text_of(head, "name"));
    brief(name.or(model).or_else(|| text_of(head, "operation")).unwrap_or("call"))
}

/// What a tool was given, from the beginning of it in JSON: `src/main.rs`, or `pattern: fn main  glob: *.rs`.
pub(super) fn given(preview: &str) -> String {
    let whole = preview.trim_end_matches('…');
    // Where it is cut, as a rule within a text, its end is put back.
    let parsed = serde_json::from_str(whole).or_else(|_| serde_json::from_str(&format!("{whole}…\"}}")));
    let Ok(Value::Object(members)) = parsed else { return preview.to_owned() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match members.iter().next() {
        Some((_, value)) if members.len() == 1 => text(value),
        _ => members
            .iter()
            .map(|(key, value)| format!("{key}: {}", text(value)))
            .collect::<Vec<_>>()
            .join("  "),
    }
}

/// A text that should be short, as names and messages of errors, and need not be.
pub(super) fn brief(text: &str) -> String {
    shortened(text, LONGEST)
}

/// How it ended. What went well is quiet.
pub(super) fn status(head: &Value) -> Markup {
    let status = text_of(head, "status").unwrap_or_default();
    let http = count(head, "http_status").filter(|http| *http >= 400);
    let class = match status {
        "ok" => "ok",
        "error" => "bad",
        "cancelled" | "interrupted" | "unfinished" => "warn",
        _ => "",
    };
    html! {
        @if !status.is_empty() {
            span class=(format!("status {class}")) { (visible(status)) @if let Some(http) = http { " " (http) } }
        }
    }
}

/// A count of tokens, with a mark where it is not what the provider reported.
pub(super) fn tokens(head: &Value, key: &str) -> Markup {
    let usage = head.get("usage");
    let found = usage.and_then(|usage| count(usage, key));
    let (mark, why) = match usage.and_then(|usage| text_of(usage, "source")) {
        Some("estimated") => ("~", Some("estimated: the provider did not say")),
        Some("partial") => (">", Some("at least: the end of the answer is missing")),
        _ => ("", None),
    };
    html! { @if let Some(found) = found { span title=[why] { (mark) (short(found)) } } }
}

pub(super) fn cost(head: &Value) -> Markup {
    let cost = head.get("cost");
    let total = cost.and_then(|cost| number(cost, "total"));
    let why = cost.map(|cost| {
        let missing: Vec<&str> = items(cost, "missing").iter().filter_map(Value::as_str).collect();
        if missing.is_empty() { "unknown".to_owned() } else { visible(&missing.join("; ")) }
    });
    html! {
        @match (total, why) {
            (Some(total), _) => (dollars(total)),
            (None, Some(why)) => span.quiet title=(why) { "?" },
            (None, None) => {},
        }
    }
}

pub(super) fn took(value: &Value, key: &str) -> Markup {
    html! { @if let Some(took) = number(value, key) { (millis(took)) } }
}

/// A sum of a trace or session; nothing is not told.
pub(super) fn some(value: &Value, key: &str) -> Markup {
    html! { @if let Some(count) = count(value, key).filter(|count| *count > 0) { (short(count)) } }
}

pub(super) fn sum_cost(summary: &Value) -> Markup {
    let unknown = count(summary, "unknown_cost").filter(|count| *count > 0);
    html! {
        @if let Some(cost) = number(summary, "cost") { (dollars(cost)) }
        @if let Some(unknown) = unknown { span.quiet title=(format!("the cost of {unknown} calls is unknown")) { " +?" } }
    }
}

/// Tags, and what people and scripts said of it.
pub(super) fn chips(value: &Value) -> Markup {
    let tags = items(value, "tags").iter().filter_map(Value::as_str);
    html! {
        @for tag in tags.take(6) { span.chip { (plain(tag)) } " " }
        @for own in items(value, "annotations").iter().take(6) { (chip(own)) " " }
    }
}

/// One annotation, short.
pub(super) fn chip(own: &Value) -> Markup {
    let name = text_of(own, "name").unwrap_or_default();
    let comment = text_of(own, "comment").map(visible);
    html! {
        @match text_of(own, "kind").unwrap_or_default() {
            "pin" => span.chip.pin title=[comment] { "pinned" },
            "tag" => span.chip title=[comment] { (plain(&shown(own).unwrap_or_else(|| name.to_owned()))) },
            "score" => span.chip.score title=[comment] { (plain(name)) " " b { (plain(&shown(own).unwrap_or_default())) } },
            "approval" => span.chip.score title=[comment] { (plain(&shown(own).unwrap_or_else(|| "approved".to_owned()))) },
            "note" => span.chip.note title=[comment] { "note" },
            other => span.chip { (visible(other)) },
        }
    }
}

/// An annotation's value as text.
pub(super) fn shown(own: &Value) -> Option<String> {
    match own.get("value")? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("yes".to_owned()),
        Value::Bool(false) => Some("no".to_owned()),
        other => Some(other.to_string()),
    }
}

/// Names and values, those that are there.
pub(super) fn facts(pairs: &[(&str, Option<Markup>)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in pairs {
                @if let Some(value) = value.as_ref().filter(|value| !value.0.is_empty()) { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

/// The sums that stand on top of a trace, a session or a conversation.
pub(super) fn sums(summary: &Value) -> Markup {
    let part = |whole: &str, parts: &[(&str, &str)]| {
        let parts = parts.iter().filter_map(|(key, name)| {
            let found = count(summary, key).filter(|count| *count > 0)?;
            Some(format!("{} {name}", short(found)))
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        count(summary, whole)
            .map(|whole| html! { (short(whole)) @if !parts.is_empty() { span.quiet { " " (parts) } } })
    };
    let joined = |key: &str| {
        let names: Vec<&str> = items(summary, key).iter().filter_map(Value::as_str).take(8).collect();
        (!names.is_empty()).then(|| plain(&names.join(", ")))
    };
    let time =
        |key: &str| number(summary, key).filter(|time| *time > 0.0).map(|time| html! { (millis(time)) });
    let trouble = [
        ("errors", "errors"),
        ("cancelled", "cancelled"),
        ("interrupted", "interrupted"),
        ("retries", "retries"),
    ];
    facts(&[
        ("began", text_of(summary, "first_time").map(crate::html::time)),
        ("took", time("duration_ms")),
        ("in models", time("model_ms")),
        ("in tools", time("tool_ms")),
        ("calls", part("generations", &trouble)),
        ("tools", part("tools", &[])),
        ("tokens in", part("input", &[("cache_read", "cached"), ("cache_write", "written")])),
        ("out", part("output", &[("reasoning", "reasoning")])),
        ("cost", Some(sum_cost(summary))),
        ("wasted", time("wasted_ms")),
        ("models", joined("models")),
        ("user", joined("users")),
    ])
}

#[cfg(test)]
mod tests {
    use super::given;

    #[test]
    fn arguments_are_read_also_where_they_are_cut() {
        assert_eq!(given(r#"{"path":"a b"}"#), "a b");
        assert_eq!(given(r#"{"pattern":"x","count":3}"#), "pattern: x  count: 3");
        assert_eq!(given(r#"{"path":"a","text":"and so…"#), "path: a  text: and so…");
        for other in ["{}", "plain", "[1]", r#"{"a":{"b":"c…"#] {
            assert_eq!(given(other), if other == "{}" { "" } else { other });
        }
    }
}
