//! How the recorder is: what waits, what was lost, what is out of order.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::document;
use super::{Nav, Page};
use crate::html::{bytes, millis, plain, short, time, visible};

/// Groups in their order, and what each is called.
const GROUPS: [(&str, &str); 5] = [
    ("losses", "Losses"),
    ("queue", "Queue"),
    ("tape", "Tape"),
    ("recorder", "Recorder"),
    ("store", "Store"),
];

pub fn health(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Health, ..page.clone() };
    let lost = losses(data);
    let others =
        data.as_object().into_iter().flatten().filter(|(key, _)| !GROUPS.iter().any(|(own, _)| own == key));
    let body = html! {
        header.head { h1 { "Health" } div.actions { a href="/metrics" { "Metrics" } a href="/health.json" { "JSON" } } }
        @if lost.is_empty() { p.verdict.ok role="status" { "Nothing was lost." } }
        @else { p.verdict.bad role="alert" { "Something was lost: " (lost.join(", ")) "." } }
        div.groups {
            @for (key, name) in GROUPS { @if let Some(group) = data.get(key) { (one(name, group)) } }
            @for (key, group) in others { (one(&title(key), group)) }
        }
    };
    document(page, "Health", &body)
}

/// What was lost, in words: counters of losses that are not zero, and what is down or full.
fn losses(data: &Value) -> Vec<String> {
    let mut lost = Vec::new();
    for (key, value) in data.get("losses").and_then(Value::as_object).into_iter().flatten() {
        let is_some = value.as_f64().is_some_and(|count| count > 0.0) || value.as_bool() == Some(true);
        if is_some {
            lost.push(format!("{} {}", shown(key, value), words(key)));
        }
    }
    lost
}

fn one(name: &str, group: &Value) -> Markup {
    html! {
        section.group {
            h2 { (name) }
            @match group {
                Value::Object(members) if members.is_empty() => p.quiet { "nothing" },
                Value::Object(members) => dl.numbers { @for (key, value) in members { div.bad[is_bad(key, value)] { dt { (words(key)) } dd { (value_of(key, value)) } } } },
                Value::Array(items) if items.is_empty() => p.quiet { "none" },
                Value::Array(items) => @for item in items { (one("", item)) },
                other => p { (value_of("", other)) },
            }
        }
    }
}

fn title(key: &str) -> String {
    let words = words(key);
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn words(key: &str) -> String {
    let word = ["_us", "_ms"].iter().find_map(|unit| key.strip_suffix(unit)).unwrap_or(key);
    visible(&word.replace('_', " "))
}

fn is_bad(key: &str, value: &Value) -> bool {
    let tells =
        ["lost", "failure", "panic", "cut", "left_out", "down", "full", "error", "dropped", "retries"];
    let is_some = match value {
        Value::Bool(is) => *is,
        Value::String(text) => !text.is_empty(),
        number => number.as_f64().is_some_and(|number| number > 0.0),
    };
    is_some && tells.iter().any(|word| key.contains(word))
}

fn value_of(key: &str, value: &Value) -> Markup {
    match value {
        Value::String(text) if text.get(10..11) == Some("T") && text.ends_with('Z') => time(text),
        Value::String(text) => plain(text),
        other => html! { (shown(key, other)) },
    }
}

fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(count), _) if key.contains("bytes") => bytes(count),
            (_, Some(count)) if key.ends_with("_ms") => millis(count),
            (_, Some(count)) if key.ends_with("_us") => millis(count / 1_000.0),
            (Some(count), _) if count < 100_000 => count.to_string(),
            (Some(count), _) => short(count),
            (_, Some(count)) => format!("{count:.2}"),
            _ => number.to_string(),
        },
        other => visible(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn losses_are_loud_and_their_absence_is_said() {
        let well = json!({"losses": {"lost_exchanges": 0}, "store": {"bytes": 1_500_000, "<x>": "<y>"}});
        let made = health(&Page::default(), &well).into_string();
        assert!(
            made.contains("Nothing was lost")
                && made.contains("1.5 MB")
                && !made.contains("<x>")
                && !made.contains("<y>"),
            "{made}"
        );
        let ill = json!({"losses": {"lost_exchanges": 3}, "exports": [{"name": "otlp", "dropped": 2}]});
        let made = health(&Page::default(), &ill).into_string();
        assert!(made.contains("role=\"alert\"") && made.contains("3 lost exchanges"), "{made}");
        assert!(made.contains("<div class=\"bad\"><dt>dropped</dt><dd>2</dd></div>"), "{made}");
    }
}
