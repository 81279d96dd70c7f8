//! The list of calls, and what every list has.

use maud::{Markup, html};
use serde_json::Value;

use super::address;
use super::empty::empty;
use super::export::menu;
use super::facts::{brief, chips, cost, given, name, status, tokens, took};
use super::filter::{chips as held, filters};
use super::layout::document;
use super::{Nav, Page};
use crate::html::{items, plain, text_of, time};

/// Calls, newest first.
pub fn calls(page: &Page, data: &Value) -> Markup {
    list(page, data, Nav::Calls, "Calls", &table(page, items(data, "items"), false))
}

/// Calls as a table. The live one is there even if it is empty: a script fills it.
pub(super) fn table(page: &Page, calls: &[Value], is_live: bool) -> Markup {
    html! {
        table.list.calls data-live-list[is_live] hidden[is_live && calls.is_empty()] {
            caption.hidden { "Calls" }
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Call" } th scope="col" { "Status" } th.grow scope="col" { "Said" } th scope="col" { "Tags" }
                th.number scope="col" { "In" } th.number scope="col" { "Out" } th.number scope="col" { "Cost" }
                th.number scope="col" title="time to the first token" { "First" } th.number scope="col" { "Took" }
            } }
            tbody { @for call in calls { (row(page, call)) } }
        }
    }
}

/// One call as a row of a table.
pub(super) fn row(page: &Page, item: &Value) -> Markup {
    let id = text_of(item, "id").unwrap_or_default();
    let kind = text_of(item, "type").unwrap_or_default();
    html! {
        tr data-row=(id) class=(format!("kind-{}", class(kind))) {
            td.when { @if let Some(at) = text_of(item, "start_time") { (time(at)) } }
            td.what { a href=(address::call(id)) { (name(item)) } @if let Some(provider) = text_of(item, "provider") { span.provider { (plain(provider)) } } }
            td.state { (status(item)) }
            td.said { (said(page, item)) }
            td.tags { (chips(item)) }
            td.number { (tokens(item, "input")) }
            td.number { (tokens(item, "output")) }
            td.number { (cost(item)) }
            td.number.first { (took(item, "ttft_ms")) }
            td.number { (took(item, "duration_ms")) }
        }
    }
}

/// A word that is safe as part of a class.
pub(super) fn class(word: &str) -> &str {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
        word
    } else {
        "other"
    }
}

/// What was asked and answered, or where the searched words were found.
fn said(page: &Page, item: &Value) -> Markup {
    let error =
        item.get("error").and_then(|error| text_of(error, "message").or_else(|| text_of(error, "type")));
    let (asked, answered) = (text_of(item, "input_preview"), text_of(item, "output_preview"));
    let is_tool = text_of(item, "type") == Some("tool");
    let asked = asked.map(|asked| if is_tool { given(asked) } else { asked.to_owned() });
    html! {
        @if let Some(snippet) = text_of(item, "snippet") {
            span.snippet { (marked(snippet, page.asked("search").unwrap_or_default())) }
        } @else {
            @if let Some(asked) = &asked { span.asked { (plain(asked)) } }
            @if let Some(answered) = answered { @if asked.is_some() { span.arrow { " → " } } span.answered { (plain(answered)) } }
            @if let Some(error) = error.filter(|_| answered.is_none()) { " " span.bad { (plain(&brief(error))) } }
        }
    }
}

/// So much of a snippet stands before the first word that was found, in bytes.
const BEFORE: usize = 24;

/// A snippet with the searched words marked.
pub(super) fn marked(snippet: &str, search: &str) -> Markup {
    let words: Vec<String> = search
        .split(|c: char| c.is_whitespace() || c == '"')
        .filter(|word| word.len() > 1)
        .map(str::to_ascii_lowercase)
        .take(12)
        .collect();
    let lower = snippet.to_ascii_lowercase();
    let next = |from: usize| {
        let rest = lower.get(from..)?;
        words
            .iter()
            .filter_map(|word| Some((from + rest.find(word.as_str())?, word.len())))
            .min_by_key(|(at, length)| (*at, usize::MAX - length))
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    // A row has room for one line: it begins shortly before the first word found.
    if let Some((found, _)) = next(0).filter(|(found, _)| *found > 2 * BEFORE) {
        at = (found - BEFORE..found).find(|at| snippet.is_char_boundary(*at)).unwrap_or(found);
        pieces.push((false, "…"));
    }
    while let Some((found, length)) = next(at).filter(|_| pieces.len() < 200) {
        pieces.push((false, snippet.get(at..found).unwrap_or_default()));
        pieces.push((true, snippet.get(found..found + length).unwrap_or_default()));
        at = found + length;
    }
    pieces.push((false, snippet.get(at..).unwrap_or_default()));
    html! { @for (is_match, text) in pieces { @if is_match { mark { (plain(text)) } } @else { (plain(text)) } } }
}

/// A list with its filters and the ways to its other parts.
pub(super) fn list(page: &Page, data: &Value, nav: Nav, title: &str, rows: &Markup) -> Markup {
    let page = &Page { nav, ..page.clone() };
    let count = items(data, "items").len();
    let what = title.to_lowercase();
    let body = html! {
        div.with-filters {
            (filters(page, data))
            section.results aria-label=(title) {
                header.head {
                    h1 { (title) }
                    (held(page))
                    div.actions {
                        a href=(address::with_query(&format!("{}.json", page.path), page.filters())) { "JSON" }
                        (menu(&page.filters().collect::<Vec<_>>()))
                    }
                }
                @if count == 0 { (empty(page, &what)) } @else {
                    div.wide tabindex="0" { (rows) }
                    (pager(page, data))
                }
            }
        }
    };
    document(page, title, &body)
}

fn pager(page: &Page, data: &Value) -> Markup {
    let is_first = page.asked("after").is_none_or(str::is_empty);
    html! {
        nav.pager aria-label="Parts of the list" {
            @if !is_first { a.button href=(page.with("after", None)) rel="first" { "Newest" } }
            @if let Some(next) = text_of(data, "next") { a.button href=(page.from("after", next)) rel="next" { "Older →" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn searched_words_are_marked_and_nothing_else_is() {
        let made = marked("The <b>Quick</b> fox, quickly", "\"quick fox\"").into_string();
        assert_eq!(made, "The &lt;b&gt;<mark>Quick</mark>&lt;/b&gt; <mark>fox</mark>, <mark>quick</mark>ly");
        assert_eq!(marked("x", "").into_string(), "x");
        let late = marked(&format!("{} fox", "é".repeat(100)), "fox").into_string();
        assert_eq!(late, format!("…{} <mark>fox</mark>", "é".repeat(11)));
        assert_eq!(marked("İSTANBUL ab", "ab").into_string(), "İSTANBUL <mark>ab</mark>");
    }

    #[test]
    fn a_list_keeps_its_filters_when_it_goes_on() {
        let page = Page {
            path: "/calls".to_owned(),
            query: vec![("model".to_owned(), "m".to_owned())],
            ..Page::default()
        };
        let data = json!({"items": [{"id": "00ff", "type": "\"><script>", "status": "ok", "output_preview": "<script>"}], "next": "c 1"});
        let made = calls(&page, &data).into_string();
        assert!(made.contains("href=\"/calls?model=m&amp;after=c%201\""), "{made}");
        assert!(made.contains("href=\"/calls/00ff\""));
        assert!(!made.contains("<script>"));
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        let page =
            Page { path: "/calls".to_owned(), proxy: "http://127.0.0.1:4750".to_owned(), ..Page::default() };
        let made = calls(&page, &json!({"items": []})).into_string();
        assert!(made.contains("export ANTHROPIC_BASE_URL=http://127.0.0.1:4750<"), "{made}");
        let page = Page { query: vec![("user".to_owned(), "u".to_owned())], ..page };
        assert!(calls(&page, &json!({"items": []})).into_string().contains("Take the filters off"));
    }
}
