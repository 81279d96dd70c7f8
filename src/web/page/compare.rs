//! Two calls side by side.

use maud::{Markup, html};
use serde_json::Value;

use super::facts::{brief, cost, name, status, tokens, took};
use super::layout::document;
use super::{Page, address};
use crate::html::{diff, items, lists, plain, text_of, time};

pub fn compare(page: &Page, data: &Value) -> Markup {
    let nothing = Value::Null;
    let of = |key: &str| data.get(key).unwrap_or(&nothing);
    let (a, b, changed) = (of("a"), of("b"), of("diff"));
    let swapped = address::with_query(
        "/compare",
        [("a", text_of(b, "id").unwrap_or_default()), ("b", text_of(a, "id").unwrap_or_default())]
            .into_iter(),
    );
    let body = html! {
        header.head { h1 { "Compare" } div.actions { a href=(swapped) { "Swap" } } }
        (sides(a, b))
        (part("System prompt", items(changed, "system")))
        @if let Some(tools) = changed.get("tools").filter(|tools| differs(tools)) {
            section { h2 { "Tools" } (lists(tools)) }
        }
        (part("Input", items(changed, "input")))
        (part("Output", items(changed, "output")))
    };
    document(page, "Compare", &body)
}

/// Whether any tool was added, removed or changed.
pub(super) fn differs(tools: &Value) -> bool {
    ["added", "removed", "changed"].iter().any(|key| !items(tools, key).is_empty())
}

fn sides(a: &Value, b: &Value) -> Markup {
    let row = |label: &str, of: &dyn Fn(&Value) -> Markup| {
        let (of_a, of_b) = (of(a), of(b));
        let is_same = of_a.0 == of_b.0;
        html! { @if !of_a.0.is_empty() || !of_b.0.is_empty() { tr.differs[!is_same] { th scope="row" { (label) } td { (of_a) } td { (of_b) } } } }
    };
    let text = |key: &'static str| move |record: &Value| plain(text_of(record, key).unwrap_or_default());
    let parameters = |record: &Value| {
        record.get("parameters").map(|own| plain(&brief(&own.to_string()))).unwrap_or_default()
    };
    html! {
        div.wide tabindex="0" { table.sides {
            thead { tr { td {} @for one in [a, b] { th scope="col" { a href=(address::call(text_of(one, "id").unwrap_or_default())) { (name(one)) } " " (status(one)) } } } }
            tbody {
                (row("began", &|record| text_of(record, "start_time").map(time).unwrap_or_default()))
                (row("provider", &text("provider")))
                (row("asked for", &text("request_model")))
                (row("answered", &text("response_model")))
                (row("parameters", &parameters))
                (row("took", &|record| took(record, "duration_ms")))
                (row("first token", &|record| took(record, "ttft_ms")))
                (row("in", &|record| tokens(record, "input")))
                (row("cached", &|record| tokens(record, "cache_read")))
                (row("out", &|record| tokens(record, "output")))
                (row("cost", &cost))
                (row("ended", &text("finish_reason")))
                (row("prompt", &text("prompt_version")))
                (row("tools", &text("tools_version")))
            }
        } }
    }
}

/// Lines of one part, or that it is the same.
pub(super) fn part(name: &str, lines: &[Value]) -> Markup {
    let is_same = |line: &Value| {
        matches!(line.get(0).and_then(Value::as_str).or_else(|| text_of(line, "is")), Some("=" | "same"))
    };
    html! {
        section {
            h2 { (name) }
            @if lines.is_empty() { p.quiet { "nothing to compare" } }
            @else if lines.iter().all(is_same) { p.quiet { "the same" } }
            @else { (diff(lines)) }
        }
    }
}
