//! What a call used and what it cost, with where each number comes from.

use maud::{Markup, html};
use serde_json::Value;

use crate::html::{View, count, dollars, fields, items, number, plain, text_of, visible};

/// Parts of the use, each below the whole that it is part of.
const USE: [(&str, &str, &str); 9] = [
    ("input", "input", ""),
    ("cache_read", "read from the cache", "part"),
    ("cache_write", "written to the cache", "part"),
    ("audio_input", "sound", "part"),
    ("image_input", "images", "part"),
    ("output", "output", ""),
    ("reasoning", "reasoning", "part"),
    ("audio_output", "sound", "part"),
    ("total", "total, as the provider says", ""),
];

pub(super) fn bill(record: &Value) -> Markup {
    html! {
        (usage(record))
        (cost(record))
    }
}

fn usage(record: &Value) -> Markup {
    let Some(usage) = record.get("usage") else { return html! { p.quiet { "What it used is unknown." } } };
    let source = match text_of(usage, "source") {
        Some("reported") => "reported by the provider",
        Some("estimated") => "estimated: the provider did not say",
        Some("partial") => "at least: the end of the answer is missing",
        _ => "of unknown source",
    };
    html! {
        table.small {
            caption { "Tokens, " (source) }
            tbody { @for (key, name, class) in USE { @if let Some(count) = count(usage, key) {
                tr class=(class) { th scope="row" { (name) } td.number { (thousands(count)) } }
            } } }
        }
        @for anomaly in items(usage, "anomalies").iter().filter_map(Value::as_str) { p.trouble.warn { (plain(anomaly)) } }
        @if let Some(raw) = usage.get("raw") { details.fold { summary { "as the provider sent it" } (fields(raw, View::WHOLE)) } }
    }
}

fn cost(record: &Value) -> Markup {
    let Some(cost) = record.get("cost") else {
        return html! { p.quiet { "What it cost is unknown: there is no price, or no use to price." } };
    };
    let source = match text_of(cost, "source") {
        Some("provider") => "the figure that the provider bills",
        Some("override") => "by your own prices",
        _ => "by the price table",
    };
    html! {
        table.small {
            caption { "Cost in dollars, " (source) }
            @if !items(cost, "details").is_empty() {
                thead { tr { th scope="col" { "of" } th.number scope="col" { "count" } th.number scope="col" title="for a million tokens, a thousand requests or an hour" { "price" } th.number scope="col" { "amount" } } }
            }
            tbody {
                @for detail in items(cost, "details") {
                    tr.part {
                        th scope="row" { (visible(&text_of(detail, "unit").unwrap_or_default().replace('_', " "))) }
                        td.number { (count(detail, "count").map(thousands).unwrap_or_default()) }
                        td.number { (number(detail, "price").map(dollars).unwrap_or_default()) }
                        td.number { (number(detail, "amount").map(dollars).unwrap_or_default()) }
                    }
                }
                @for key in ["input", "output", "extra", "total"] { @if let Some(amount) = number(cost, key) {
                    tr.sum[key == "total"] { th scope="row" { (key) } td colspan="2" {} td.number { (dollars(amount)) } }
                } }
            }
        }
        @for missing in items(cost, "missing").iter().filter_map(Value::as_str) { p.trouble.warn { (plain(missing)) } }
    }
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(digit);
    }
    out
}
