//! The page of one call: what was said, and everything known of it.

mod bill;
mod placing;
mod wire;

use maud::{Markup, html};
use serde_json::Value;

use super::annotate::annotate;
use super::facts::{chip, chips, cost, facts, name, short_name, status, tokens, took};
use super::layout::document;
use super::{Nav, Page, address};
use crate::html::{
    Message, More, View, cut, items, json_text, message, number, part, plain, rest_of, text_of, time, truth,
    visible,
};
use crate::model::shortened;

/// So many characters of an error's message are shown.
const MESSAGE: usize = 2_000;
/// So much of a long text is shown at a time, in bytes.
const PIECE: usize = 64_000;
/// And so much where all of it is asked for.
const AT_ONCE: usize = 8_000_000;

/// One call, all of it.
pub fn call(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Calls, ..page.clone() };
    let record = data.get("record").unwrap_or(&Value::Null);
    let id = text_of(record, "id").unwrap_or_default();
    // A tool's call has no exchange of its own: it is read from those that ask and answer.
    let is_tool = record.get("tool").is_some();
    let body = html! {
        (head(page, data, record))
        nav.tabs.inside aria-label="Sections" {
            a href="#said" { "Said" }
            @if !is_tool { a href="#use" { "Use and cost" } a href="#time" { "Timing" } }
            a href="#place" { "Placing" }
            @if !is_tool { a href="#wire" { "On the wire" } }
            a href="#record" { "Record" }
            span.gap {}
            a href=(format!("{}.json", address::call(id))) { "JSON" }
            @if !is_tool {
                button type="button" data-compare=(id) title="mark this call and then another one, to see the two side by side (x)" hidden { "Compare" }
                @if let Some(before) = text_of(data, "previous") { a href=(address::with_query("/compare", [("a", before), ("b", id)].into_iter())) { "Compare with the one before" } }
            }
        }
        div.call-page {
            section #said aria-label="Said" { (said(data, record)) }
            div.known {
                @if !is_tool {
                    section #use aria-label="Use and cost" { h2 { "Use and cost" } (bill::bill(record)) }
                    section #time aria-label="Timing" { h2 { "Timing" } (wire::timing(record)) }
                }
                section #place aria-label="Placing" { h2 { "Placing" } (placing::placing(data, record)) }
            }
        }
        @if !is_tool { section #wire aria-label="On the wire" { h2 { "On the wire" } (wire::wire(data, record, id)) } }
        section #record aria-label="Record" { h2 { "Record" } (wire::record(record)) }
        (annotate(page, &address::call(id), "This call", items(data, "annotations")))
    };
    document(page, &short_name(record), &body)
}

/// What is shown of a step beside its trace.
pub fn step_part(page: &Page, data: &Value) -> Markup {
    let record = data.get("record").unwrap_or(&Value::Null);
    let id = text_of(record, "id").unwrap_or_default();
    html! {
        header.head {
            button.close type="button" data-close hidden aria-label="Close" title="close (Esc)" { "✕" }
            h2 { a href=(address::call(id)) { (name(record)) } " " (status(record)) }
            (main_facts(record))
            p.chips { (chips(record)) @for own in items(data, "annotations") { (chip(own)) " " } }
            p.actions {
                a href=(address::call(id)) { "Open" }
                @if record.get("tool").is_none() { a href=(format!("{}#wire", address::call(id))) { "Wire" } a href=(format!("{}#time", address::call(id))) { "Timing" } }
            }
        }
        (said(data, record))
        (annotate(page, &address::call(id), "This step", &[]))
    }
}

fn head(page: &Page, data: &Value, record: &Value) -> Markup {
    let trace = text_of(record, "trace_id");
    let id = text_of(record, "id").unwrap_or_default();
    html! {
        header.head.of-one {
            p.path {
                @if let Some(session) = text_of(record, "session_id") { a href=(address::session(session)) { "session " (visible(session)) } " / " }
                @if let Some(trace) = trace { a href=(format!("{}#s{}", address::trace(trace), address::encode(id))) data-up { "trace " (visible(trace.get(..8).unwrap_or(trace))) } " / " }
                code data-id { (visible(id)) }
                span.gap {}
                @if let Some(previous) = text_of(data, "previous") { a rel="prev" href=(address::call(previous)) { "← goes on from" } }
                @if let Some(next) = text_of(data, "next") { " " a rel="next" href=(address::call(next)) { "goes on in →" } }
            }
            h1 { (name(record)) " " (status(record)) }
            (main_facts(record))
            (trouble(record))
            p.chips { (chips(record)) @for own in items(data, "annotations") { (chip(own)) " " } }
        }
        @if page.asked("written").is_some() { p.quiet role="status" { "Kept." } }
    }
}

fn main_facts(record: &Value) -> Markup {
    let text = |key: &str| text_of(record, key).map(plain);
    let client = record.get("client").and_then(|client| {
        let version = text_of(client, "version").unwrap_or_default();
        Some(plain(&format!("{} {version}", text_of(client, "name")?)))
    });
    let models = (text_of(record, "request_model"), text_of(record, "response_model"));
    let asked = models.0.filter(|asked| models.1.is_some_and(|answered| answered != *asked)).map(plain);
    let use_of = |key: &str| record.get("usage").map(|_| tokens(record, key));
    facts(&[
        ("began", text_of(record, "start_time").map(time)),
        ("took", Some(took(record, "duration_ms"))),
        ("first token", Some(took(record, "ttft_ms"))),
        ("in", use_of("input")),
        ("out", use_of("output")),
        ("cost", Some(cost(record))),
        ("ended", text("finish_reason")),
        ("asked for", asked),
        ("provider", text("provider")),
        ("agent", client),
        ("user", text("user")),
    ])
}

/// What went wrong, and what is missing: never to be overlooked.
fn trouble(record: &Value) -> Markup {
    let error = record.get("error");
    let listed = |key: &str| {
        items(record, key).iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    html! {
        @if let Some(error) = error {
            p.trouble.bad role="note" {
                b { (plain(text_of(error, "type").unwrap_or("error"))) } " " (plain(&shortened(text_of(error, "message").unwrap_or_default(), MESSAGE)))
            }
        }
        @for loss in listed("losses") { p.trouble.warn role="note" { b { "lost" } " " (plain(&loss)) } }
        @for problem in listed("problems") { p.trouble.warn role="note" { b { "not read" } " " (plain(&problem)) } }
        @for redaction in listed("redactions") { p.trouble role="note" { b { "redacted" } " " (plain(&redaction)) } }
    }
}

/// What was asked and answered: the history folded, what is new open.
fn said(data: &Value, record: &Value) -> Markup {
    let id = text_of(record, "id").unwrap_or_default().to_owned();
    let rest = |pointer: &str, from: usize| {
        let from = from.to_string();
        let query = [("at", pointer), ("from", from.as_str())];
        More {
            address: address::with_query(&format!("{}/text", address::call(&id)), query.into_iter()),
            is_part: true,
        }
    };
    let view = View { more: Some(&rest), at: "" };
    let input = items(record, "input");
    let new = data.get("changes").and_then(|changes| changes.get("new_input")?.get(0)?.as_u64());
    let new = usize::try_from(new.unwrap_or_default()).unwrap_or_default().min(input.len());
    let (history, new_input) = input.split_at(new);
    html! {
        @if let Some(tool) = record.get("tool") { (of_tool(tool, view)) }
        @if !items(record, "system").is_empty() {
            @let pointer = "/system";
            article.message.system {
                header { span.role { "system" } }
                details.fold { summary { span.teaser { (plain(&beginning(items(record, "system")))) } }
                    @for (at, one) in items(record, "system").iter().enumerate() { @let pointer = format!("{pointer}/{at}"); (part(one, true, view.at(&pointer))) }
                }
            }
        }
        (tools(record, view))
        @if !history.is_empty() {
            details.fold.history {
                summary { (history.len()) " messages of the history, which the call before had already" }
                (messages(history, "/input", 0, view))
            }
        }
        (messages(new_input, "/input", new, view))
        @if !items(record, "output").is_empty() { div.answer { (messages(items(record, "output"), "/output", 0, view)) } }
        @if record.get("tool").is_none() && input.is_empty() && items(record, "output").is_empty() { p.quiet { "Nothing was said that could be read." } }
    }
}

fn beginning(parts: &[Value]) -> String {
    let text = parts.iter().find_map(|part| text_of(part, "content")).unwrap_or_default();
    shortened(text, 160)
}

/// So many messages are shown before the rest is folded.
const SHOWN: usize = 200;

fn messages(list: &[Value], base: &str, first: usize, view: View<'_>) -> Markup {
    let (shown, rest) = list.split_at(list.len().min(SHOWN));
    let one = |at: usize, value: &Value| {
        let pointer = format!("{base}/{}", first + at);
        message(value, &Message::default(), view.at(&pointer))
    };
    html! {
        @for (at, value) in shown.iter().enumerate() { (one(at, value)) }
        @if !rest.is_empty() {
            details.fold { summary { (rest.len()) " more messages" } @for (at, value) in rest.iter().enumerate() { (one(SHOWN + at, value)) } }
        }
    }
}

fn of_tool(tool: &Value, view: View<'_>) -> Markup {
    let told = |key: &str, said: &'static str| truth(tool, key).then_some(said);
    let source = text_of(tool, "duration_source").map(|source| {
        if source == "client" {
            "its time is what the client says"
        } else {
            "its time is the gap between the two calls"
        }
    });
    let told: Vec<&str> = [
        told("is_error", "its result is an error"),
        told("in_background", "ran in the background"),
        told("at_provider", "ran at the provider"),
        source,
    ]
    .into_iter()
    .flatten()
    .collect();
    html! {
        article.message.call {
            header { span.role { "given" } }
            div.parts { @if let Some(arguments) = tool.get("arguments") { (crate::html::fields(arguments, view.at("/tool/arguments"))) } @else { p.quiet { "nothing" } } }
        }
        article.message.tool.bad[truth(tool, "is_error")] {
            header { span.role { "result" } span.speaker { (told.join(", ")) } }
            div.parts {
                @if let Some(result) = tool.get("result") { (crate::html::result(result, view.at("/tool/result"))) } @else { p.quiet { "none came" } }
            }
        }
    }
}

/// The tools that the model could call.
fn tools(record: &Value, view: View<'_>) -> Markup {
    let tools = items(record, "tools");
    let names: Vec<&str> = tools.iter().filter_map(tool_name).take(30).collect();
    html! {
        @if !tools.is_empty() {
            article.message.system {
                header { span.role { "tools" } }
                details.fold {
                    summary { (tools.len()) " " span.teaser { (plain(&names.join(", "))) } }
                    @for (at, tool) in tools.iter().enumerate().take(SHOWN) {
                        @let pointer = format!("/tools/{at}");
                        details.fold { summary { span.tool { (plain(tool_name(tool).unwrap_or("tool"))) } " " span.teaser { (plain(&shortened(description(tool), 120))) } } (crate::html::fields(tool, view.at(&pointer))) }
                    }
                }
            }
        }
    }
}

pub(super) fn tool_name(tool: &Value) -> Option<&str> {
    text_of(tool, "name").or_else(|| text_of(tool.get("function")?, "name")).or_else(|| text_of(tool, "type"))
}

fn description(tool: &Value) -> &str {
    text_of(tool, "description").or_else(|| text_of(tool.get("function")?, "description")).unwrap_or_default()
}

/// The text that the query's `at`, a JSON pointer into the record, leads to, from `from` on: a piece, or with `all` as many as
/// a page bears. And where it goes on, and how long all of it is.
fn pieces(page: &Page, data: &Value) -> Option<(Vec<String>, usize, usize)> {
    let record = data.get("record")?;
    let text = json_text(record.pointer(page.asked("at")?)?);
    let mut from = page.asked("from").and_then(|from| from.parse().ok()).unwrap_or(0usize).min(text.len());
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    let most = if page.asked("all").is_some() { AT_ONCE } else { PIECE };
    let last = from.saturating_add(most);
    let mut pieces = Vec::new();
    let mut at = from;
    while at < last && at < text.len() {
        let rest = text.get(at..)?;
        let end = cut(rest, PIECE);
        pieces.push(rest.get(..end)?.to_owned());
        at += end;
    }
    Some((pieces, at, text.len()))
}

/// The next pieces of a long text, for the place where it was cut.
pub fn text_part(page: &Page, data: &Value) -> Markup {
    let Some((pieces, end, length)) = pieces(page, data) else {
        return html! { p.quiet { "That is not there." } };
    };
    let at = page.asked("at").unwrap_or_default();
    let from = end.to_string();
    let address = address::with_query(&page.path, [("at", at), ("from", from.as_str())].into_iter());
    html! {
        @for piece in &pieces { pre.value.piece tabindex="0" { (plain(piece)) } }
        @if end < length { (rest_of(&More { address, is_part: true }, length - end)) }
    }
}

/// The same as a page of its own.
pub fn text(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Calls, ..page.clone() };
    let id = data.get("record").and_then(|record| text_of(record, "id")).unwrap_or_default();
    let body = html! {
        header.head.of-one { p.path { a href=(address::call(id)) data-up { "call " (visible(id)) } " / " code { (visible(page.asked("at").unwrap_or_default())) } } }
        section { (text_part(page, data)) }
    };
    document(page, "Text", &body)
}

/// A number of milliseconds in a record.
fn ms(record: &Value, key: &str) -> Option<String> {
    number(record, key).map(crate::html::millis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Value {
        json!({
            "record": {
                "id": "0a", "trace_id": "<t>", "type": "generation", "status": "error", "response_model": "<m>",
                "error": {"type": "<e>", "message": "<e>"}, "losses": ["<l>"],
                "system": [{"type": "text", "content": "be <b>good</b>"}], "tools": [{"name": "<n>", "description": "<d>"}],
                "input": [
                    {"role": "user", "parts": [{"type": "text", "content": "old"}]},
                    {"role": "user", "parts": [{"type": "text", "content": "x".repeat(200_000)}]},
                ],
                "output": [{"role": "assistant", "parts": [{"type": "tool_call", "name": "t", "arguments": {"<k>": "<v>"}}]}],
                "usage": {"input": 10, "output": 2, "cache_read": 5, "source": "reported", "raw": {"<r>": 1}},
                "cost": {"total": 0.5, "source": "table", "details": [{"unit": "<u>", "count": 1, "price": 2.0, "amount": 3.0}]},
                "links": [{"to": "trace", "reason": "inferred:<x>", "confidence": 0.5}],
                "raw": {"request": {"method": "<M>", "url": "/<u>", "headers": [["<h>", "<v>"], ["b", {"b64": "AA=="}]], "body": "{\"<a>\": 1}"},
                        "response": {"status": 200, "headers": [], "body": "data: <x>\n", "chunks_us": [[5, 3]]}},
            },
            "changes": {"new_input": [1, 2], "kept_messages": 1, "system_changed": true, "tools": {"added": ["<a>"]}},
            "cache_break": {"at": {"text": "<q>"}, "tokens_lost": 9, "reason": "<r>"},
            "ids": [{"means": "session", "place": "<q>", "value": "<v>"}],
            "curl": "curl '<x>'", "children": [{"id": "0b", "name": "<c>"}], "previous": "0c",
        })
    }

    #[test]
    fn a_call_shows_all_there_is_and_nothing_of_it_runs() {
        let page = Page { path: "/calls/0a".to_owned(), ..Page::default() };
        let made = call(&page, &data()).into_string();
        for element in [
            "<b>good", "<t>", "<m>", "<e>", "<l>", "<n>", "<k>", "<r>", "<u>", "<M>", "<h>", "<a>", "<q>",
            "<x>", "<c>",
        ] {
            assert!(!made.contains(element), "{element}");
        }
        assert!(made.contains("1 messages of the history"));
        assert!(made.contains("/calls/0a/text?at=%2Finput%2F1%2Fparts%2F0%2Fcontent&amp;from=16000"));
        assert!(made.contains("inferred:&lt;x&gt;") && made.contains("curl &#39;&lt;x&gt;&#39;"));
        assert!(made.len() < 120_000);
    }

    #[test]
    fn a_long_text_is_read_piece_by_piece_to_its_end() {
        let text = "é\n".repeat(100_000);
        let data = json!({"record": {"id": "0a", "output_text": text}});
        let (mut from, mut read) = (0, String::new());
        loop {
            let query =
                vec![("at".to_owned(), "/output_text".to_owned()), ("from".to_owned(), from.to_string())];
            let page = Page { path: "/calls/0a/text".to_owned(), query, ..Page::default() };
            let (found, end, length) = pieces(&page, &data).unwrap();
            read.push_str(&found.concat());
            let is_last = end == length;
            assert_eq!(text_part(&page, &data).into_string().contains("Show more"), !is_last);
            if is_last {
                break;
            }
            from = end;
        }
        assert_eq!(read, text);
        let query = [("at", "/output_text"), ("from", "2"), ("all", "1")];
        let query = query.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        let (found, end, length) = pieces(&Page { query, ..Page::default() }, &data).unwrap();
        assert_eq!((found.concat().as_str(), end), (&text[2..], length));
        let page = Page { query: vec![("at".to_owned(), "/nowhere".to_owned())], ..Page::default() };
        assert!(text_part(&page, &data).into_string().contains("not there"));
    }
}
