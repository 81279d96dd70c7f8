//! Markdown within a line: code, emphasis, links. Work is bounded for any text: what finds no end is not looked for again,
//! and nesting has a limit.

use super::text::put;

/// Deeper than this, marks are text.
const DEEPEST: usize = 5;
/// A link's words and its address are no longer than this, in bytes.
const LONGEST_WORDS: usize = 400;
const LONGEST_ADDRESS: usize = 2_000;

/// Marks of emphasis, the longer first, and the element each becomes.
const MARKS: [(&str, &str); 5] =
    [("**", "strong"), ("__", "strong"), ("~~", "del"), ("*", "em"), ("_", "em")];

/// Appends a line of Markdown.
pub(super) fn inline(out: &mut String, text: &str) {
    Line::default().put(out, text, 0);
}

/// What was looked for in vain in this text: there is no use in looking again further on.
#[derive(Default)]
struct Line {
    no_mark: [bool; MARKS.len()],
    no_code: [bool; 8],
}

impl Line {
    fn put(&mut self, out: &mut String, text: &str, depth: usize) {
        let bytes = text.as_bytes();
        let mut start = 0;
        let mut at = 0;
        while at < bytes.len() {
            let rest = text.get(at..).unwrap_or_default();
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let mut made = String::new();
            let taken = match bytes[at] {
                b'\\' if bytes.get(at + 1).is_some_and(u8::is_ascii_punctuation) => {
                    put(&mut made, rest.get(1..2).unwrap_or_default());
                    Some(2)
                }
                b'`' => self.code(&mut made, rest),
                b'!' if rest.starts_with("![") => {
                    link(&mut made, rest.get(1..).unwrap_or_default(), true).map(|taken| taken + 1)
                }
                b'[' => link(&mut made, rest, false),
                b'h' if !before.is_some_and(char::is_alphanumeric) => bare(&mut made, rest),
                b'*' | b'_' | b'~' if depth < DEEPEST => self.emphasis(&mut made, rest, before, depth),
                _ => None,
            };
            match taken {
                Some(taken) => {
                    put(out, text.get(start..at).unwrap_or_default());
                    out.push_str(&made);
                    at += taken;
                    start = at;
                }
                // A run of marks that mean nothing is passed at once.
                None => {
                    let is_run = |own: &u8| *own == bytes[at] && own.is_ascii_punctuation();
                    at += rest.bytes().take_while(is_run).count().max(1);
                }
            }
        }
        put(out, text.get(start..).unwrap_or_default());
    }

    fn code(&mut self, out: &mut String, rest: &str) -> Option<usize> {
        let length = rest.bytes().take_while(|own| *own == b'`').count();
        let is_missing = self.no_code.get_mut(length - 1)?;
        if *is_missing {
            return None;
        }
        let mut at = length;
        while let Some(found) = rest.get(at..).and_then(|rest| rest.find('`')) {
            at += found;
            let run = rest.get(at..).map(|rest| rest.bytes().take_while(|own| *own == b'`').count())?;
            if run == length {
                out.push_str("<code>");
                put(out, rest.get(length..at).unwrap_or_default().trim());
                out.push_str("</code>");
                return Some(at + run);
            }
            at += run;
        }
        *is_missing = true;
        None
    }

    fn emphasis(
        &mut self,
        out: &mut String,
        rest: &str,
        before: Option<char>,
        depth: usize,
    ) -> Option<usize> {
        let (which, (mark, element)) =
            MARKS.iter().enumerate().find(|(_, (mark, _))| rest.starts_with(mark))?;
        let behind = rest.get(mark.len()..)?;
        // `snake_case` has no emphasis, nor have marks with space behind them.
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if self.no_mark[which]
            || behind.starts_with(|c: char| c.is_whitespace() || mark.starts_with(c))
            || (mark.starts_with('_') && is_word(before))
        {
            return None;
        }
        let closes = |found: &usize| {
            let (inner, after) = behind.split_at(*found);
            let after = after.get(mark.len()..).and_then(|after| after.chars().next());
            let is_in_word = mark.starts_with('_') && is_word(after);
            // Of two marks in a row one is not the end of a single one.
            let is_double = after.is_some_and(|after| mark.starts_with(after)) || inner.ends_with(mark);
            let is_space = inner.is_empty() || inner.ends_with(char::is_whitespace);
            !is_space && !is_in_word && (mark.len() > 1 || !is_double)
        };
        // Where three stand in a row, the outer two are the end of a double one.
        let outer = |(found, _): (usize, &str)| {
            let is_three =
                mark.len() == 2 && behind.get(found + 1..).is_some_and(|rest| rest.starts_with(mark));
            found + usize::from(is_three)
        };
        let Some(end) = behind.match_indices(mark).map(outer).find(closes) else {
            self.no_mark[which] = true;
            return None;
        };
        out.push_str(&format!("<{element}>"));
        Self::default().put(out, behind.get(..end)?, depth + 1);
        out.push_str(&format!("</{element}>"));
        Some(end + 2 * mark.len())
    }
}

/// `[words](address)`: the words, and the address for everyone to see. An image is told of and not fetched.
fn link(out: &mut String, rest: &str, is_image: bool) -> Option<usize> {
    let near = rest.as_bytes().get(..LONGEST_WORDS.min(rest.len()))?;
    let close = near.windows(2).position(|pair| pair == b"](")?;
    let words = rest.get(1..close)?;
    let behind = rest.get(close + 2..)?;
    let near = behind.as_bytes().get(..LONGEST_ADDRESS.min(behind.len()))?;
    let mut open = 0;
    let end = near.iter().position(|own| match own {
        b'(' => {
            open += 1;
            false
        }
        b')' if open == 0 => true,
        b')' => {
            open -= 1;
            false
        }
        b'\n' => true,
        _ => false,
    })?;
    if near.get(end) == Some(&b'\n') {
        return None;
    }
    let inside = behind.get(..end)?.trim();
    // Behind the address there may be a title.
    let address = inside.split_whitespace().next().unwrap_or_default().trim_matches(['<', '>']);
    if is_image {
        out.push_str("<span class=\"tag\">image</span> ");
    }
    put(out, words);
    out.push(' ');
    anchor(out, address);
    Some(close + 2 + end + 1)
}

/// An address that stands alone.
fn bare(out: &mut String, rest: &str) -> Option<usize> {
    if !rest.starts_with("http://") && !rest.starts_with("https://") {
        return None;
    }
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | '|' | '\\' | '^' | '{' | '}');
    let end = rest.find(is_end).unwrap_or(rest.len()).min(LONGEST_ADDRESS);
    let found =
        rest.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*', '_', '~']);
    if found.len() <= "https://".len() {
        return None;
    }
    anchor(out, found);
    Some(found.len())
}

/// A link, where the address is one of the web's and plain to read; else its text.
fn anchor(out: &mut String, address: &str) {
    let is_web = ["http://", "https://"].iter().any(|scheme| {
        address.get(..scheme.len()).is_some_and(|own| own.eq_ignore_ascii_case(scheme))
            && address.len() > scheme.len()
    });
    if !is_web || !address.bytes().all(|byte| byte.is_ascii_graphic()) {
        out.push_str("<span class=\"address\">");
        put(out, address);
        out.push_str("</span>");
        return;
    }
    out.push_str("<a class=\"address\" rel=\"noreferrer noopener nofollow\" target=\"_blank\" href=\"");
    put(out, address);
    out.push_str("\">");
    put(out, address);
    out.push_str("</a>");
}

#[cfg(test)]
mod tests {
    use super::inline;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        inline(&mut out, text);
        out
    }

    #[test]
    fn marks_become_elements() {
        let cases = [
            ("a *b* **c** _d_ ~~e~~", "a <em>b</em> <strong>c</strong> <em>d</em> <del>e</del>"),
            ("`a<b` ``x`y``", "<code>a&lt;b</code> <code>x`y</code>"),
            ("**a `b` *c***", "<strong>a <code>b</code> <em>c</em></strong>"),
            ("snake_case_name 2 * 3 * 4", "snake_case_name 2 * 3 * 4"),
            ("\\*a\\* *open", "*a* *open"),
            ("***", "***"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn links_show_where_they_lead() {
        let link = "<a class=\"address\" rel=\"noreferrer noopener nofollow\" target=\"_blank\" href=\"https://a.b/c?d&amp;e\">https://a.b/c?d&amp;e</a>";
        assert_eq!(shown("[x](https://a.b/c?d&e)"), format!("x {link}"));
        assert_eq!(shown("see https://a.b/c?d&e."), format!("see {link}."));
        let image = shown("![x](https://a.b/c?d&e)");
        assert!(!image.contains("<img") && image.contains(link), "{image}");
    }

    #[test]
    fn no_other_address_is_a_link() {
        for address in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil",
            "https://a\u{202e}b",
            "vbscript:x",
            "https://",
            " java\tscript:x",
        ] {
            let made = shown(&format!("[x]({address})"));
            assert!(!made.contains("href"), "{made}");
        }
        let made = shown("[x](https://a\"onclick=\"b)");
        assert!(!made.contains("\"onclick"), "{made}");
    }

    #[test]
    fn any_text_ends_soon() {
        for piece in ["*", "_a", "[", "`", "**a ", "[x](", "![", "\\", "~~", "*a **b ", "``a`"] {
            let text = piece.repeat(60_000 / piece.len());
            assert!(shown(&text).len() >= text.len() / 2);
        }
    }
}
