//! A trace or session as the conversation it was: each message once.

use maud::{Markup, html};
use serde_json::Value;

use super::layout::document;
use super::tree::{head, title};
use super::{Nav, Page, address};
use crate::html::{Message, More, View, count, items, message, plain, text_of, time, truth};

/// Conversations are indented no further.
const DEEPEST: u64 = 6;

pub fn conversation(page: &Page, data: &Value) -> Markup {
    let summary = data.get("summary").unwrap_or(&Value::Null);
    let is_session = text_of(data, "kind") == Some("session");
    let page = &Page { nav: if is_session { Nav::Sessions } else { Nav::Traces }, ..page.clone() };
    let body = html! {
        (head(page, data, "conversation"))
        section.talk aria-label="Conversation" {
            (messages_part(page, data))
        }
    };
    document(page, &title(summary, is_session), &body)
}

/// A part of the messages, with the way to the next.
pub fn messages_part(page: &Page, data: &Value) -> Markup {
    let messages = items(data, "messages");
    let next = count(data, "next_from").map(|next| next.to_string());
    html! {
        div.messages {
            @for (at, one) in messages.iter().enumerate() {
                @let before = at.checked_sub(1).and_then(|before| messages.get(before));
                @if let Some(trace) = text_of(one, "trace_id").filter(|own| before.is_some_and(|before| text_of(before, "trace_id") != Some(own))) {
                    p.turn { a href=(address::trace(trace)) { "the next turn" } @if let Some(at) = text_of(one, "start_time") { " " (time(at)) } }
                }
                (said(one))
            }
            @if messages.is_empty() { p.quiet { "Nothing was said that could be read." } }
        }
        @if let Some(next) = next { p.more { a href=(page.from("from", &next)) data-more data-scroll { "Further messages" } } }
    }
}

fn said(one: &Value) -> Markup {
    let level = count(one, "level").unwrap_or_default().min(DEEPEST);
    let id = text_of(one, "observation_id");
    let own = id.map(address::call).unwrap_or_default();
    // Where a message is in its record is not known here: the rest of a long one is on the page of its call.
    let rest = |_: &str, _: usize| More { address: own.clone(), is_part: false };
    let view = View { more: Some(&rest), at: "" };
    let title = text_of(one, "title");
    let beside = html! {
        @if let Some(title) = title {
            // Behind the dash stands how it ended, where that was not well.
            @match title.split_once(" – ") {
                Some((name, end)) => { span.speaker { (plain(name)) } span.status.bad { (plain(end)) } },
                None => span.speaker { (plain(title)) },
            }
        }
        @if !own.is_empty() { a.step href=(own) aria-label="the call that said this" { "↗" } }
    };
    let around = Message { beside: Some(beside), ..Message::default() };
    html! {
        div data-row=[id] class=(format!("beat l{level}")) {
            @if text_of(one, "role") == Some("note") {
                p.note { (plain(title.unwrap_or_default())) }
            } @else {
                (message(one, &around, view))
            }
            @if truth(one, "truncated") { p.more { a href=(own) { "All of it is on the page of its call" } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conversation_shows_who_said_what_and_where_turns_begin() {
        let said = |trace: &str, role: &str, text: &str| json!({"trace_id": trace, "observation_id": "0f", "level": 99, "role": role, "title": "<t>", "parts": [{"type": "text", "content": text}]});
        let data = json!({"kind": "session", "summary": {"id": "s/1"}, "next_from": 60, "messages": [
            said("a", "user", "*hi*"), said("b", "assistant", &"long ".repeat(10_000)), json!({"role": "note", "title": "<n>"}),
        ]});
        let page = Page { path: "/sessions/s%2F1/conversation".to_owned(), ..Page::default() };
        let made = conversation(&page, &data).into_string();
        assert!(
            made.contains("<em>hi</em>") && made.contains("beat l6") && made.contains("href=\"/traces/b\""),
            "{made}"
        );
        assert!(made.contains("Show more") && made.contains("href=\"/calls/0f\""));
        assert!(made.contains("href=\"/sessions/s%2F1/conversation?from=60\""));
        assert!(!made.contains("<t>") && !made.contains("<n>"));
    }
}
