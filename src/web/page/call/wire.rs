//! What was on the wire, exactly, and when.

use maud::{Markup, html};
use serde_json::Value;

use super::ms;
use crate::html::{bytes, chunks, count, cut, items, json_text, plain, text_of, time, visible};
use crate::web::page::address;

/// So much of a body or record is in the page, in bytes.
const SHOWN: usize = 40_000;

/// When things happened.
pub(super) fn timing(record: &Value) -> Markup {
    let response = record.get("raw").and_then(|raw| raw.get("response"));
    let nothing = Value::Null;
    let response = response.unwrap_or(&nothing);
    let rate = rate(record);
    html! {
        dl.facts {
            @if let Some(took) = ms(record, "duration_ms") { div { dt { "took" } dd { (took) } } }
            @if let Some(first) = ms(record, "ttft_ms") { div { dt { "first token after" } dd { (first) } } }
            @if let Some(rate) = rate { div { dt { "tokens a second, behind the first" } dd { (rate) } } }
            @if let Some(at) = text_of(response, "time") { div { dt { "head of the answer" } dd { (time(at)) } } }
            @if let Some(by) = text_of(record, "ended_by") { div { dt { "ended by" } dd { (visible(by)) } } }
            @if let Some(broken) = response.get("broken") { div { dt { "broken" } dd.bad { (plain(text_of(broken, "why").unwrap_or_default())) } } }
        }
        (chunks(items(response, "chunks_us")))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is no exact number")]
fn rate(record: &Value) -> Option<String> {
    let output = count(record.get("usage")?, "output")? as f64;
    let time = crate::html::number(record, "duration_ms")? - crate::html::number(record, "ttft_ms")?;
    (time > 1.0 && output > 1.0).then(|| format!("{:.0}", output / time * 1_000.0))
}

pub(super) fn wire(data: &Value, record: &Value, id: &str) -> Markup {
    let Some(raw) = record.get("raw") else {
        return html! { p.quiet { "What was on the wire is not here: it was imported, or its content is gone." } };
    };
    let nothing = Value::Null;
    let (request, response) =
        (raw.get("request").unwrap_or(&nothing), raw.get("response").unwrap_or(&nothing));
    let asked = format!(
        "{} {} {}",
        text_of(request, "method").unwrap_or_default(),
        text_of(request, "url").unwrap_or_default(),
        text_of(request, "version").unwrap_or_default()
    );
    let answered = match count(response, "status") {
        Some(status) => format!("{} {status}", text_of(response, "version").unwrap_or("HTTP")),
        None => "no answer".to_owned(),
    };
    html! {
        (side(request, &asked, "Request", &format!("{}/request", address::call(id))))
        (side(response, &answered, "Response", &format!("{}/response", address::call(id))))
        @if let Some(curl) = text_of(data, "curl") {
            details.fold.block {
                summary { "curl to repeat it" }
                div.paste { pre tabindex="0" { code { (plain(curl)) } } button type="button" data-copy=(curl) hidden { "Copy" } }
            }
        }
    }
}

fn side(side: &Value, line: &str, name: &str, whole: &str) -> Markup {
    let body = text_of(side, "body").or_else(|| text_of(side, "body_b64")).unwrap_or_default();
    let length =
        count(side, "body_truncated").unwrap_or_else(|| u64::try_from(body.len()).unwrap_or_default());
    let headers = items(side, "headers");
    let shown = body.get(..cut(body, SHOWN)).unwrap_or_default();
    html! {
        details.fold.block {
            summary { b { (name) } " " code { (plain(line)) } span.quiet { " " (headers.len()) " headers, " (bytes(length)) } }
            table.headers {
                caption.hidden { "Headers" }
                tbody { @for pair in headers { tr { th scope="row" { (plain(pair.get(0).and_then(Value::as_str).unwrap_or_default())) } td { (header(pair.get(1))) } } } }
            }
            @if !body.is_empty() {
                @if side.get("body_b64").is_some() { p.quiet { "bytes that are no text, in base64" } }
                pre.value.body tabindex="0" { (plain(shown)) }
                p.more { a href=(whole) { "The whole body" } span.quiet { " " (bytes(length)) } }
            }
            @for pair in items(side, "trailers") { p.quiet { "trailer " code { (plain(pair.get(0).and_then(Value::as_str).unwrap_or_default())) ": " (header(pair.get(1))) } } }
            @if let Some(lost) = count(side, "lost_bytes") { p.trouble.warn { b { "lost" } " " (bytes(lost)) " of this body were not recorded" } }
        }
    }
}

fn header(value: Option<&Value>) -> Markup {
    html! {
        @match value {
            Some(Value::String(text)) => (plain(text)),
            Some(other) => { span.quiet { "base64 " } (plain(text_of(other, "b64").unwrap_or_default())) },
            None => {},
        }
    }
}

/// The record's own members, without what is shown elsewhere.
pub(super) fn record(record: &Value) -> Markup {
    let mut own = record.clone();
    if let Some(members) = own.as_object_mut() {
        for key in ["raw", "input", "output", "system", "tools", "output_text", "reasoning_text"] {
            members.shift_remove(key);
        }
    }
    let text = json_text(&own);
    html! {
        details.fold.block {
            summary { "What the record says beside messages and bytes" }
            @if text.len() <= SHOWN { pre.value tabindex="0" { (crate::html::json(&own)) } }
            @else { pre.value tabindex="0" { (plain(text.get(..cut(&text, SHOWN)).unwrap_or_default())) } p.quiet { "and more: see the JSON" } }
        }
    }
}
