//! A message: who speaks, and its parts.

use maud::{Markup, html};
use serde_json::Value;

use super::get::{items, text};
use super::part::{part, teaser};
use super::text::{plain, visible};
use super::tool::first_text;
use super::view::View;

/// Prompts longer than this, in characters, are folded.
const FOLDED: usize = 600;

/// What stands around a message's parts.
#[derive(Debug, Default)]
pub struct Message {
    /// What is said beside the role, as markup: who answered, when, how long it took.
    pub beside: Option<Markup>,
    /// An id that a link can lead to.
    pub anchor: Option<String>,
    /// It is part of what was there before: shown folded.
    pub is_old: bool,
}

/// A message, in OpenTelemetry's GenAI form.
pub fn message(value: &Value, around: &Message, view: View<'_>) -> Markup {
    let role = text(value, "role").unwrap_or("unknown");
    let class = match role {
        "user" | "human" => "user",
        "assistant" | "model" => "assistant",
        "tool" | "result" | "function" => "tool",
        "call" => "call",
        "system" | "developer" => "system",
        "note" => "note",
        _ => "other",
    };
    let is_folded = around.is_old || (class == "system" && length(value) > FOLDED);
    html! {
        article class=(format!("message {class}")) id=[around.anchor.as_deref()] {
            header {
                span.role { (visible(role)) }
                @if let Some(name) = text(value, "name") { span.speaker { (plain(name)) } }
                @if let Some(beside) = &around.beside { (beside) }
            }
            @if is_folded {
                details.fold { summary { span.teaser { (teaser(&beginning(value))) } } (parts(value, class, view)) }
            } @else {
                (parts(value, class, view))
            }
        }
    }
}

fn parts(value: &Value, class: &str, view: View<'_>) -> Markup {
    let is_prose = matches!(class, "user" | "assistant" | "system" | "other");
    let base = view.pointer("parts");
    html! {
        div.parts {
            @for (at, one) in items(value, "parts").iter().enumerate() {
                @let pointer = format!("{base}/{at}");
                (part(one, is_prose, view.at(&pointer)))
            }
        }
    }
}

fn length(value: &Value) -> usize {
    items(value, "parts").iter().filter_map(|part| text(part, "content")).map(str::len).sum()
}

/// What its first part says.
fn beginning(value: &Value) -> String {
    let first = items(value, "parts").iter().map(|part| {
        let said = text(part, "content").or_else(|| text(part, "name")).map(str::to_owned);
        said.unwrap_or_else(|| first_text(part.get("response").unwrap_or(&Value::Null)))
    });
    first.into_iter().find(|said| !said.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_prompts_are_folded_and_others_are_not() {
        let of = |role: &str, length: usize| {
            let value = json!({"role": role, "parts": [{"type": "text", "content": "x ".repeat(length)}]});
            message(&value, &Message::default(), View::WHOLE).into_string()
        };
        assert!(of("system", 1_000).contains("<details"));
        assert!(!of("system", 10).contains("<details"));
        assert!(!of("user", 1_000).contains("<details"));
        let old = Message { is_old: true, ..Message::default() };
        let value = json!({"role": "<b>", "name": "<i>", "parts": []});
        let made = message(&value, &old, View::WHOLE).into_string();
        assert!(made.contains("<details") && !made.contains("<b>") && !made.contains("<i>"), "{made}");
    }
}
