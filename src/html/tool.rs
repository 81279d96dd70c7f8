//! Calls of tools and what came of them.

use maud::{Markup, html};
use serde_json::Value;

use super::fields::{fields, verbatim};
use super::get::{items, text, truth};
use super::part::{part, teaser};
use super::text::plain;
use super::view::View;

/// A call: its name and the first of its arguments on one line, all of them below.
pub(super) fn asked(call: &Value, is_at_provider: bool, view: View<'_>) -> Markup {
    let key = if is_at_provider { "server_tool_call" } else { "arguments" };
    let nothing = Value::Null;
    let arguments = call.get(key).unwrap_or(&nothing);
    let pointer = view.pointer(key);
    html! {
        details.fold.call {
            summary {
                span.mark aria-hidden="true" { "▸" }
                span.tool { (plain(text(call, "name").unwrap_or("tool"))) }
                @if is_at_provider { span.tag { "at the provider" } }
                " " span.teaser { (given(arguments)) }
            }
            @if arguments.is_null() { p.quiet { "no arguments" } } @else { (fields(arguments, view.at(&pointer))) }
            @if let Some(id) = text(call, "id") { p.id { (plain(id)) } }
        }
    }
}

/// A result.
pub(super) fn answered(result: &Value, is_at_provider: bool, view: View<'_>) -> Markup {
    let key = if is_at_provider { "server_tool_call_response" } else { "response" };
    let nothing = Value::Null;
    let response = result.get(key).unwrap_or(&nothing);
    let is_error = truth(result, "is_error");
    let pointer = view.pointer(key);
    let said = first_text(response);
    html! {
        details.fold.result.bad[is_error] {
            summary {
                span.mark aria-hidden="true" { "◂" }
                @if let Some(name) = text(result, "name") { span.tool { (plain(name)) } }
                @if is_error { span.tag.bad { "error" } }
                @if is_at_provider { span.tag { "at the provider" } }
                " " span.teaser { (teaser(&said)) }
            }
            (self::result(response, view.at(&pointer)))
            @if let Some(id) = text(result, "id") { p.id { (plain(id)) } }
        }
    }
}

/// What came of a tool: a text as it stands, parts one by one, anything else as JSON.
pub fn result(response: &Value, view: View<'_>) -> Markup {
    match response {
        Value::Null => html! { p.quiet { "nothing" } },
        Value::String(text) => verbatim(text, view),
        Value::Array(parts) if !parts.is_empty() && parts.iter().all(|part| text(part, "type").is_some()) => {
            html! {
                @for (at, one) in parts.iter().enumerate() {
                    @let pointer = view.pointer(&at.to_string());
                    @match one.get("text").and_then(Value::as_str) {
                        Some(text) => { @let pointer = format!("{pointer}/text"); (verbatim(text, view.at(&pointer))) },
                        None => (part(one, false, view.at(&pointer))),
                    }
                }
            }
        }
        other => fields(other, view),
    }
}

/// The first arguments on one line.
pub(super) fn given(arguments: &Value) -> Markup {
    let line = match arguments {
        Value::Object(members) => {
            let shown = members.iter().take(4).map(|(key, value)| match value {
                Value::String(text) => format!("{key}: {}", crate::model::shortened(text, 80)),
                other => format!("{key}: {}", crate::model::shortened(&other.to_string(), 60)),
            });
            shown.collect::<Vec<_>>().join("  ")
        }
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    teaser(&line)
}

/// The first text in a result.
pub(super) fn first_text(response: &Value) -> String {
    match response {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| text(part, "text").or_else(|| text(part, "content")));
            texts.take(1).collect()
        }
        Value::Object(_) if !items(response, "content").is_empty() => first_text(&response["content"]),
        other => other.to_string(),
    }
}
