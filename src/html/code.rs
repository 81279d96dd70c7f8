//! Code and JSON, readable.

use maud::{Markup, PreEscaped, html};
use serde_json::Value;

use super::text::{plain, put, visible};

/// Deeper than this, values stand on one line.
const DEEPEST: usize = 40;

/// A block of code, with the language that its author named.
pub(super) fn block(code: &str, info: &str) -> Markup {
    let language: String = info.chars().take_while(|c| !c.is_whitespace() && *c != '{').take(24).collect();
    let parsed = if matches!(language.as_str(), "json" | "") { parsed(code) } else { None };
    html! {
        figure.code {
            @if !language.is_empty() { figcaption { (visible(&language)) } }
            pre tabindex="0" { code { @match &parsed { Some(value) => (json(value)), None => (coloured(code, &language)) } } }
        }
    }
}

/// Diffs have colours, other languages have none.
fn coloured(code: &str, language: &str) -> Markup {
    if !matches!(language, "diff" | "patch") {
        return plain(code);
    }
    let mut out = String::new();
    for line in code.split_inclusive('\n') {
        let class = match line.as_bytes().first() {
            Some(b'+') => "added",
            Some(b'-') => "removed",
            _ => "same",
        };
        out.push_str(&format!("<span class=\"{class}\">"));
        put(&mut out, line);
        out.push_str("</span>");
    }
    PreEscaped(out)
}

/// A text that is a JSON object or list.
pub(super) fn parsed(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) || !text.ends_with(['}', ']']) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// A value as JSON with a line a member.
pub fn json(value: &Value) -> Markup {
    let mut out = String::new();
    put_value(&mut out, value, 0);
    PreEscaped(out)
}

/// The same without markup.
pub fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

fn put_value(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => coloured_as(out, "j-null", "null"),
        Value::Bool(own) => coloured_as(out, "j-bool", if *own { "true" } else { "false" }),
        Value::Number(number) => coloured_as(out, "j-number", &number.to_string()),
        Value::String(text) => coloured_as(out, "j-text", &quoted(text)),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(members) if members.is_empty() => out.push_str("{}"),
        deep if depth >= DEEPEST => put(out, &deep.to_string()),
        Value::Array(items) => {
            // Numbers stand side by side: vectors are long.
            let is_flat = items.iter().all(Value::is_number);
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                separate(out, at, (!is_flat).then_some(depth + 1));
                put_value(out, item, depth + 1);
            }
            if !is_flat {
                line(out, depth);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                separate(out, at, Some(depth + 1));
                coloured_as(out, "j-key", &quoted(key));
                out.push_str(": ");
                put_value(out, value, depth + 1);
            }
            line(out, depth);
            out.push('}');
        }
    }
}

fn separate(out: &mut String, at: usize, new_line: Option<usize>) {
    if at > 0 {
        out.push(',');
    }
    match new_line {
        Some(depth) => line(out, depth),
        None if at > 0 => out.push(' '),
        None => {}
    }
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn coloured_as(out: &mut String, class: &str, text: &str) {
    out.push_str(&format!("<span class=\"{class}\">"));
    put(out, text);
    out.push_str("</span>");
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{block, json};

    #[test]
    fn json_has_a_line_a_member_and_vectors_are_flat() {
        let made = json(&json!({"a": "<b>", "v": [1, 2], "l": [{"x": null}]})).into_string();
        let text: String =
            made.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect();
        assert_eq!(
            text,
            "{\n  &quot;a&quot;: &quot;&lt;b&gt;&quot;,\n  &quot;v&quot;: [1, 2],\n  &quot;l&quot;: [\n    {\n      &quot;x&quot;: null\n    }\n  ]\n}"
        );
    }

    #[test]
    fn depth_has_a_limit() {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep, "x"]);
        }
        assert!(json(&deep).into_string().len() < 20_000);
    }

    #[test]
    fn a_language_is_a_word_and_diffs_have_colours() {
        let made = block("+a\n-b", "diff \"><script>").into_string();
        assert!(made.contains("<figcaption>diff</figcaption>") && made.contains("\"added\""), "{made}");
        assert!(block("{\"a\":1}", "").into_string().contains("j-key"));
    }
}
