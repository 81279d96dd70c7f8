//! One part of a message.

use maud::{Markup, html};
use serde_json::Value;

use super::fields::verbatim;
use super::get::{items, text};
use super::markdown::markdown;
use super::media::blob;
use super::text::{plain, visible};
use super::tool::{answered, asked};
use super::view::{View, long};

/// So many characters of what is folded are shown on its line.
pub(super) const TEASER: usize = 110;

/// A part of a message, in OpenTelemetry's GenAI form. `is_prose` says that its text is for people, as Markdown.
pub fn part(part: &Value, is_prose: bool, view: View<'_>) -> Markup {
    let kind = text(part, "type").unwrap_or("unknown");
    let pointer = view.pointer("content");
    let content = view.at(&pointer);
    html! {
        @match kind {
            "text" => (said(text(part, "content").unwrap_or_default(), is_prose, content)),
            "refusal" => div.refusal { span.tag.bad { "refusal" } (said(text(part, "content").unwrap_or_default(), is_prose, content)) },
            "reasoning" => (reasoning(text(part, "content").unwrap_or_default(), content)),
            "tool_call" | "server_tool_call" => (asked(part, kind == "server_tool_call", view)),
            "tool_call_response" | "server_tool_call_response" => (answered(part, kind == "server_tool_call_response", view)),
            "blob" => (blob(part)),
            "uri" => p.media { span.tag { (text(part, "modality").map_or("address".to_owned(), visible)) } " " span.address { (plain(text(part, "uri").unwrap_or_default())) } },
            "file" => p.media { span.tag { (text(part, "modality").map_or("file".to_owned(), visible)) } " " (plain(text(part, "file_id").unwrap_or_default())) },
            other => (unknown(other, part, content)),
        }
        (citations(part))
    }
}

fn said(text: &str, is_prose: bool, view: View<'_>) -> Markup {
    match text.trim() {
        "" => html! { p.quiet { "empty text" } },
        // What is JSON is easier to read as such.
        json if json.len() < 12_000 && super::code::parsed(json).is_some() => verbatim(text, view),
        _ if is_prose => {
            html! { (long(text, view, |text| html! { div.md dir="auto" { (markdown(text)) } })) }
        }
        _ => verbatim(text, view),
    }
}

fn reasoning(text: &str, view: View<'_>) -> Markup {
    if text.is_empty() {
        return html! { p.reasoning.quiet { "reasoning, which the provider keeps to itself" } };
    }
    html! {
        details.fold.reasoning {
            summary { span.tag { "reasoning" } " " span.teaser { (teaser(text)) } }
            (long(text, view, |text| html! { div.md dir="auto" { (markdown(text)) } }))
        }
    }
}

/// How a folded text begins.
pub(super) fn teaser(text: &str) -> Markup {
    plain(&crate::model::shortened(text, TEASER))
}

fn unknown(kind: &str, part: &Value, view: View<'_>) -> Markup {
    let shown = part.get("content").unwrap_or(part);
    html! {
        details.fold {
            summary { span.tag { (visible(kind)) } }
            (super::fields::fields(shown, view))
        }
    }
}

/// Where an answer says that it has something from.
fn citations(part: &Value) -> Markup {
    let sources = items(part, "citations").iter().filter_map(|one| {
        let title = text(one, "title").or_else(|| text(one, "document_title"));
        Some((title, text(one, "url").or(title)?))
    });
    let sources: Vec<_> = sources.take(50).collect();
    html! {
        @if !sources.is_empty() {
            ul.sources { @for (title, address) in sources { li { (plain(title.unwrap_or_default())) " " span.address { (plain(address)) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: &Value) -> String {
        part(value, true, View::WHOLE).into_string()
    }

    #[test]
    fn every_kind_of_part_is_shown() {
        let parts = [
            (json!({"type": "text", "content": "**x**"}), "<strong>x</strong>"),
            (json!({"type": "reasoning", "content": "hm"}), "<details"),
            (json!({"type": "refusal", "content": "no"}), "refusal"),
            (json!({"type": "tool_call", "name": "read", "arguments": {"path": "a"}}), "read"),
            (json!({"type": "tool_call_response", "response": "done"}), "done"),
            (
                json!({"type": "server_tool_call", "name": "web_search", "server_tool_call": {"query": "q"}}),
                "web_search",
            ),
            (json!({"type": "uri", "modality": "image", "uri": "https://x/y"}), "https://x/y"),
            (json!({"type": "file", "file_id": "file_1"}), "file_1"),
            (json!({"type": "compaction", "content": {"a": 1}}), "compaction"),
            (json!({}), "unknown"),
        ];
        for (value, expected) in parts {
            let made = shown(&value);
            assert!(made.contains(expected), "{made}");
        }
    }

    #[test]
    fn nothing_recorded_is_an_element_or_fetched() {
        let evil = "<script>alert(1)</script><img src=https://x/y>";
        let parts = [
            json!({"type": "text", "content": evil}),
            json!({"type": evil, "content": {evil: evil}}),
            json!({"type": "tool_call", "name": evil, "id": evil, "arguments": evil}),
            json!({"type": "tool_call", "name": evil, "arguments": {evil: [evil]}}),
            json!({"type": "tool_call_response", "name": evil, "response": [{"type": "text", "text": evil}]}),
            json!({"type": "uri", "modality": evil, "uri": evil}),
            json!({"type": "blob", "modality": evil, "mime_type": evil, "content": evil}),
            json!({"type": "text", "content": "x", "citations": [{"title": evil, "url": evil}]}),
        ];
        for value in parts {
            let made = shown(&value);
            assert!(!made.contains("<script") && !made.contains("<img"), "{made}");
        }
    }
}
