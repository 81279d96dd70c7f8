//! Filters beside a list: what holds, what could, and how much would be left.

use maud::{Markup, html};
use serde_json::Value;

use super::Page;
use crate::html::{count, items, short, text_of, visible};

/// Facets in the order in which people ask for them, and what each is called.
const FACETS: [(&str, &str); 6] = [
    ("status", "Status"),
    ("provider", "Provider"),
    ("model", "Model"),
    ("type", "Type"),
    ("user", "User"),
    ("tag", "Tag"),
];

const TIMES: [(&str, &str); 5] =
    [("15m", "15 min"), ("1h", "1 hour"), ("24h", "1 day"), ("7d", "7 days"), ("30d", "30 days")];

/// Filters that are written, not picked.
const WRITTEN: [(&str, &str, &str); 6] = [
    ("session", "Session", "id"),
    ("model", "Model", "claude-*"),
    ("user", "User", "name"),
    ("tag", "Tag", "name"),
    ("since", "Since", "2h or 2026-01-31"),
    ("until", "Until", "1h or 2026-01-31"),
];

/// Values of a facet that are shown before the rest is folded.
const SHOWN: usize = 7;

/// The column beside a list.
pub(super) fn filters(page: &Page, data: &Value) -> Markup {
    let facets = data.get("facets").unwrap_or(&Value::Null);
    html! {
        aside.filters aria-label="Filters" {
            details open {
                summary { "Filters" }
                (times(page))
                @for (key, name) in FACETS {
                    @let values = items(facets, key);
                    @if !values.is_empty() { (facet(page, key, name, values)) }
                }
                (written(page))
            }
        }
    }
}

fn times(page: &Page) -> Markup {
    let since = page.asked("since");
    html! {
        h2 { "Time" }
        ul.times {
            @for (value, name) in TIMES {
                li { a href=(page.with("since", (since != Some(value)).then_some(value))) aria-current=[(since == Some(value)).then_some("true")] { (name) } }
            }
            @if since.is_some() { li { a href=(page.with("since", None)) { "all" } } }
        }
    }
}

fn facet(page: &Page, key: &str, name: &str, values: &[Value]) -> Markup {
    let asked = page.asked(key);
    let (first, rest) = values.split_at(values.len().min(SHOWN));
    html! {
        h2 { (name) }
        ul { @for value in first { (choice(page, key, value, asked)) } }
        @if !rest.is_empty() {
            details.fold { summary { (rest.len()) " more" } ul { @for value in rest { (choice(page, key, value, asked)) } } }
        }
    }
}

fn choice(page: &Page, key: &str, value: &Value, asked: Option<&str>) -> Markup {
    let name = text_of(value, "value").unwrap_or_default();
    let is_asked = asked == Some(name);
    html! {
        li {
            a href=(page.with(key, (!is_asked).then_some(name))) aria-current=[is_asked.then_some("true")] {
                span.name { (visible(name)) }
                @if let Some(count) = count(value, "count") { span.count { (short(count)) } }
            }
        }
    }
}

fn written(page: &Page) -> Markup {
    let is_written = |key: &str| WRITTEN.iter().any(|(own, ..)| *own == key);
    html! {
        details.fold.written {
            summary { "Write a filter" }
            form action=(page.path) {
                @for (key, value) in page.filters().filter(|(key, _)| !is_written(key)) { input type="hidden" name=(key) value=(value); }
                @for (key, name, like) in WRITTEN {
                    label { span { (name) } input name=(key) placeholder=(like) value=(page.asked(key).unwrap_or_default()) autocomplete="off" spellcheck="false"; }
                }
                button type="submit" { "Apply" }
            }
        }
    }
}

/// The filters that hold, each with a way to take it off.
pub(super) fn chips(page: &Page) -> Markup {
    html! {
        @if page.filters().next().is_some() {
            ul.held aria-label="Filters that hold" {
                @for (key, value) in page.filters() {
                    li { a href=(page.with(key, None)) title="take it off" { span.quiet { (visible(key)) " " } (visible(value)) " ✕" } }
                }
            }
        }
    }
}
