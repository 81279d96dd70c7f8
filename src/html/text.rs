//! Text as it is, with what could not be seen made visible.

use maud::{Markup, PreEscaped};

/// Escaped text. Characters that a browser would obey or swallow stand there by their names.
pub fn plain(text: &str) -> Markup {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    put(&mut out, text);
    PreEscaped(out)
}

/// The same as text, for attributes and titles.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        match is_odd(c, before) {
            true => out.push_str(&name(c)),
            false => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Appends escaped text.
pub(super) fn put(out: &mut String, text: &str) {
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let escaped = match c {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '"' => Some("&quot;"),
            '\'' => Some("&#39;"),
            _ => None,
        };
        let is_odd = escaped.is_none() && is_odd(c, before);
        if escaped.is_some() || is_odd {
            out.push_str(text.get(start..at).unwrap_or_default());
            start = at + c.len_utf8();
        }
        match escaped {
            Some(escaped) => out.push_str(escaped),
            // A line break of two characters is one.
            None if c == '\r' && text.get(start..).is_some_and(|rest| rest.starts_with('\n')) => {}
            None if is_odd => {
                out.push_str("<span class=\"odd\">");
                out.push_str(&name(c));
                out.push_str("</span>");
            }
            None => {}
        }
        before = Some(c);
    }
    out.push_str(text.get(start..).unwrap_or_default());
}

/// Whether a character is not seen for what it is. Joiners between other than Latin letters are part of words and emoji.
fn is_odd(c: char, before: Option<char>) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{200c}' | '\u{200d}' => before.is_none_or(|before| before.is_ascii() || is_odd(before, None)),
        '\0'..' ' | '\u{7f}'..='\u{9f}' => true,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}' => {
            true
        }
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn name(c: char) -> String {
    match u32::from(c) {
        control @ 0..0x20 => char::from_u32(0x2400 + control).map(String::from).unwrap_or_default(),
        0x7f => "␡".to_owned(),
        other => format!("⟨U+{other:04X}⟩"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        let shown = plain("<script>alert('1')</script> & \"x\"").into_string();
        assert_eq!(shown, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;");
    }

    #[test]
    fn what_cannot_be_seen_is_named() {
        let shown = plain("a\u{202e}b\u{0}c\u{e0041}\r\nd\re").into_string();
        let odd = |name: &str| format!("<span class=\"odd\">{name}</span>");
        let expected = format!("a{}b{}c{}\nd{}e", odd("⟨U+202E⟩"), odd("␀"), odd("⟨U+E0041⟩"), odd("␍"));
        assert_eq!(shown, expected);
        assert_eq!(visible("a\u{2066}\u{1b}"), "a⟨U+2066⟩␛");
    }

    #[test]
    fn words_and_emoji_stay_whole() {
        for whole in ["👨\u{200d}👩\u{200d}👧", "می\u{200c}خواهم", "\ttab\n"] {
            assert_eq!(plain(whole).into_string(), whole);
        }
    }
}
