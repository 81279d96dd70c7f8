//! Where a call belongs and why, what is new in it, and where the cache broke.

use maud::{Markup, html};
use serde_json::Value;

use crate::html::{count, items, lists, number, plain, short, text_of, truth, visible};
use crate::web::page::address;
use crate::web::page::facts::{name, status, took};

pub(super) fn placing(data: &Value, record: &Value) -> Markup {
    html! {
        (cache_break(data))
        (changes(data))
        (links(record))
        (ids(data))
        (related(data))
    }
}

fn links(record: &Value) -> Markup {
    html! {
        @if !items(record, "links").is_empty() {
            table.small {
                caption { "How it was placed" }
                tbody { @for link in items(record, "links") { tr {
                    th scope="row" { (visible(text_of(link, "to").unwrap_or_default())) }
                    td { (plain(text_of(link, "reason").unwrap_or_default())) }
                    td.number { @if let Some(sure) = number(link, "confidence") { (format!("{:.0} %", sure * 100.0)) } }
                } } }
            }
        }
    }
}

fn related(data: &Value) -> Markup {
    let children = items(data, "children");
    html! {
        @if let Some(parent) = text_of(data, "parent") { p { "Under " a href=(address::call(parent)) { "step " (visible(parent)) } } }
        @if !children.is_empty() {
            h3 { "Below it" }
            ul.below { @for child in children.iter().take(100) { li {
                a href=(address::call(text_of(child, "id").unwrap_or_default())) { (name(child)) } " " (status(child)) " " span.quiet { (took(child, "duration_ms")) }
            } } }
        }
    }
}

fn changes(data: &Value) -> Markup {
    let Some(changes) = data.get("changes") else { return html! {} };
    let from = changes.get("new_input").and_then(|new| new.get(0)?.as_u64());
    let to = changes.get("new_input").and_then(|new| new.get(1)?.as_u64());
    let many = |key: &str| items(changes, key).len();
    html! {
        h3 { "Against the call that it goes on from" }
        ul.told {
            @if let (Some(from), Some(to)) = (from, to) { li { (to.saturating_sub(from)) " of " (to) " messages are new" } }
            @if let Some(kept) = count(changes, "kept_messages") { li { (kept) " stand as they stood" } }
            @if let Some(removed) = count(changes, "removed_messages") { li { (removed) " are gone" } }
            @if many("edited_messages") > 0 { li { (many("edited_messages")) " say something else" } }
            @if many("inserted_messages") > 0 { li { (many("inserted_messages")) " were put in between" } }
            @if truth(changes, "system_changed") { li.warn { "the system prompt is another" } }
            @if let Some(place) = changes.get("first_difference").and_then(|place| text_of(place, "text")) { li { "it departs at " (plain(place)) } }
        }
        @if let Some(tools) = changes.get("tools") { (lists(tools)) }
    }
}

fn cache_break(data: &Value) -> Markup {
    let Some(broke) = data.get("cache_break") else { return html! {} };
    let at = broke.get("at").and_then(|at| text_of(at, "text")).filter(|at| *at != "nothing");
    html! {
        p.trouble.warn {
            b { "cache broke" } " "
            @if let Some(lost) = count(broke, "tokens_lost") { (short(lost)) " tokens read anew" }
            @if let Some(at) = at { ", at " (plain(at)) }
            @if let Some(reason) = text_of(broke, "reason") { ": " (plain(reason)) }
            @if let Some(since) = number(broke, "seconds_since") { ", " (format!("{since:.0}")) " s after the call before" }
        }
    }
}

fn ids(data: &Value) -> Markup {
    html! {
        @if !items(data, "ids").is_empty() {
            table.small {
                caption { "What its caller said" }
                tbody { @for id in items(data, "ids") { tr {
                    th scope="row" { (visible(text_of(id, "means").unwrap_or_default())) }
                    td { (plain(text_of(id, "value").unwrap_or_default())) }
                    td.quiet { (plain(text_of(id, "place").unwrap_or_default())) }
                } } }
            }
        }
    }
}
