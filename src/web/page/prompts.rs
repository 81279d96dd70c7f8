//! Versions of prompts and tools, as traffic shows them.

use maud::{Markup, html};
use serde_json::Value;

use super::call::tool_name;
use super::compare::{differs, part as compared};
use super::empty::empty;
use super::facts::{some, sum_cost, took};
use super::layout::document;
use super::{Nav, Page, address};
use crate::html::{
    More, View, fields, items, lists, long, markdown, part, plain, short, text_of, time, visible,
};

pub fn prompts(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Prompts, ..page.clone() };
    let versions = items(data, "items");
    let body = html! {
        header.head { h1 { "Prompts" } p.quiet { "Versions of system prompts and tools, read from the traffic: no registry, nothing to set up." } }
        @if versions.is_empty() { (empty(page, "prompts")) } @else {
            div.wide tabindex="0" { table.list {
                caption.hidden { "Versions of prompts" }
                thead { tr {
                    th scope="col" { "Last" } th scope="col" { "Prompt" } th scope="col" { "Tools" } th.grow scope="col" { "Says" }
                    th.number scope="col" { "Calls" } th.number scope="col" { "Errors" } th.number scope="col" { "In" } th.number scope="col" { "Out" }
                    th.number scope="col" { "Cost" } th.number scope="col" title="half of them took no longer" { "p50" } th.number scope="col" title="95 of 100 took no longer" { "p95" }
                } }
                tbody { @for one in versions { (row(one)) } }
            } }
        }
    };
    document(page, "Prompts", &body)
}

/// What names a version: the prompt's and the tools', `-` where there is none.
fn key(one: &Value) -> String {
    let of = |key: &str| text_of(one, key).unwrap_or("-").to_owned();
    format!("{}/{}", of("prompt_version"), of("tools_version"))
}

fn leads_to(one: &Value) -> String {
    format!("/prompts/{}", address::encode(&key(one)))
}

fn row(one: &Value) -> Markup {
    let key = key(one);
    let (prompt, tools) = key.split_once('/').unwrap_or((&key, "-"));
    html! {
        tr data-row=(key) {
            td.when { @if let Some(at) = text_of(one, "last_time") { (time(at)) } }
            td { a href=(leads_to(one)) { code { (visible(prompt)) } } }
            td { code { (visible(tools)) } }
            td.said { (plain(text_of(one, "prompt_preview").unwrap_or_default())) }
            td.number { (some(one, "calls")) } td.number.bad { (some(one, "errors")) } td.number { (some(one, "input")) } td.number { (some(one, "output")) }
            td.number { (sum_cost(one)) } td.number { (took(one, "duration_p50_ms")) } td.number { (took(one, "duration_p95_ms")) }
        }
    }
}

/// One version, and what it differs in from another.
pub fn prompt(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Prompts, ..page.clone() };
    let nothing = Value::Null;
    let version = data.get("version").unwrap_or(&nothing);
    let name = text_of(version, "prompt_version").unwrap_or("-");
    let title = format!("Prompt {}", visible(name));
    // A long one goes on where it was sent.
    let example = text_of(version, "example_id").map(address::call).unwrap_or_default();
    let rest = |_: &str, _: usize| More { address: example.clone(), is_part: false };
    let view = View { more: Some(&rest), at: "" };
    let body = html! {
        header.head.of-one {
            p.path { a href="/prompts" data-up { "Prompts" } " / " code data-id { (visible(&key(version))) } }
            h1 { (title) }
            (super::facts::facts(&[
                ("first", text_of(version, "first_time").map(time)), ("last", text_of(version, "last_time").map(time)),
                ("calls", Some(some(version, "calls"))), ("errors", Some(some(version, "errors"))), ("cost", Some(sum_cost(version))),
                ("p50", Some(took(version, "duration_p50_ms"))), ("p95", Some(took(version, "duration_p95_ms"))), ("first token p50", Some(took(version, "ttft_p50_ms"))),
            ]))
            @if let Some(example) = text_of(version, "example_id") { p { a href=(address::call(example)) { "The last call with it" } } }
            (others(page, data, version))
        }
        @if let Some(changed) = data.get("diff") {
            (compared("Prompt against the other", items(changed, "system")))
            @if let Some(tools) = changed.get("tools") { section { h2 { "Tools against the other's" } @if differs(tools) { (lists(tools)) } @else { p.quiet { "the same" } } } }
        }
        section { h2 { "System prompt" } (system(data.get("system").unwrap_or(&nothing), view)) }
        (tools(items(data, "tools"), view))
    };
    document(page, &title, &body)
}

fn others(page: &Page, data: &Value, version: &Value) -> Markup {
    let own = key(version);
    let others: Vec<&Value> =
        items(data, "others").iter().filter(|other| key(other) != own).take(200).collect();
    let asked = page.asked("other").unwrap_or_default();
    html! {
        @if !others.is_empty() {
            form.compare action=(page.path) {
                label { "Compare with " select name="other" {
                    @for other in others {
                        @let key = key(other);
                        option value=(key) selected[key == asked] { (visible(&key)) " · " (text_of(other, "last_time").and_then(|time| time.get(..16)).unwrap_or_default().replace('T', " ")) }
                    }
                } }
                button type="submit" { "Compare" }
            }
        }
    }
}

fn system(system: &Value, view: View<'_>) -> Markup {
    html! {
        @match system {
            Value::String(text) if !text.is_empty() => div.sheet { (long(text, view, |text| html! { div.md dir="auto" { (markdown(text)) } })) },
            Value::Array(parts) if !parts.is_empty() => div.sheet { @for one in parts { (part(one, true, view)) } },
            _ => p.quiet { "none" },
        }
    }
}

fn tools(tools: &[Value], view: View<'_>) -> Markup {
    html! {
        @if !tools.is_empty() {
            section {
                h2 { (short(u64::try_from(tools.len()).unwrap_or_default())) " tools" }
                @for tool in tools { details.fold { summary { span.tool { (plain(tool_name(tool).unwrap_or("tool"))) } } (fields(tool, view)) } }
            }
        }
    }
}
