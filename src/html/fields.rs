//! Arguments and other objects as a list of names and values: texts of several lines as such, the rest as JSON.

use maud::{Markup, html};
use serde_json::Value;

use super::code::{json, parsed};
use super::text::plain;
use super::view::{View, long};

/// Values longer than this as JSON are not coloured: as text they can be cut.
const COLOURED: usize = 12_000;

/// A value: an object member by member.
pub fn fields(value: &Value, view: View<'_>) -> Markup {
    match value {
        Value::Object(members) if !members.is_empty() => html! {
            dl.fields {
                @for (key, value) in members {
                    @let pointer = view.pointer(key);
                    div { dt { (plain(key)) } dd { (member(value, view.at(&pointer))) } }
                }
            }
        },
        other => member(other, view),
    }
}

/// One value: a text as it is, anything else as JSON.
pub(super) fn member(value: &Value, view: View<'_>) -> Markup {
    match value {
        Value::String(text) if is_short(text) => html! { span.value { (plain(text)) } },
        Value::String(text) => verbatim(text, view),
        Value::Null | Value::Bool(_) | Value::Number(_) => html! { span.value { (json(value)) } },
        deep => {
            let text = deep.to_string();
            if text.len() <= COLOURED {
                html! { pre.value tabindex="0" { (json(deep)) } }
            } else {
                let text = serde_json::to_string_pretty(deep).unwrap_or(text);
                html! { (long(&text, view, |text| html! { pre.value tabindex="0" { (plain(text)) } })) }
            }
        }
    }
}

/// A text as it stands, or as JSON where it is.
pub(super) fn verbatim(text: &str, view: View<'_>) -> Markup {
    let value = if text.len() <= COLOURED { parsed(text) } else { None };
    match value {
        Some(value) => html! { pre.value tabindex="0" { (json(&value)) } },
        None => html! { (long(text, view, |text| html! { pre.value tabindex="0" { (plain(text)) } })) },
    }
}

fn is_short(text: &str) -> bool {
    text.len() <= 120 && !text.contains('\n') && parsed(text).is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::html::More;

    #[test]
    fn texts_of_several_lines_keep_them() {
        let made =
            fields(&json!({"path": "a.rs", "content": "fn a() {\n}\n", "n": 3}), View::WHOLE).into_string();
        assert!(
            made.contains("<dt>content</dt><dd><pre class=\"value\" tabindex=\"0\">fn a() {\n}\n</pre>"),
            "{made}"
        );
        assert!(made.contains("<span class=\"value\">a.rs</span>"), "{made}");
    }

    #[test]
    fn long_members_say_where_the_rest_is() {
        let more = |pointer: &str, from: usize| More { address: format!("{pointer}@{from}"), is_part: true };
        let view = View { more: Some(&more), at: "/tool/arguments" };
        let made = fields(&json!({"a/b": "x".repeat(90_000), "deep": vec!["y"; 9_000]}), view).into_string();
        assert!(made.contains("href=\"/tool/arguments/a~1b@16000\""));
        assert!(made.contains("href=\"/tool/arguments/deep@"));
        assert!(made.len() < 90_000);
    }
}
