//! A safe subset of Markdown, as agents and models write it: paragraphs, headings, lists, quotes, code, tables. What is not
//! understood is text; HTML is text.

use maud::{Markup, PreEscaped};

use super::code::block;
use super::inline::inline;

/// Lists in lists and quotes in quotes no deeper than this; beyond it they are text.
const DEEPEST: usize = 8;
/// A table has no more columns.
const WIDEST: usize = 40;

/// A text as Markdown.
pub fn markdown(text: &str) -> Markup {
    let mut out = String::with_capacity(text.len() * 5 / 4);
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    blocks(&mut out, &lines, 0);
    PreEscaped(out)
}

fn blocks(out: &mut String, lines: &[&str], depth: usize) {
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let rest = lines.get(at..).unwrap_or_default();
        at += match begins(line, depth) {
            Begins::Nothing => 1,
            Begins::Fence(mark, length) => fence(out, rest, mark, length),
            Begins::Heading(level) => heading(out, line, level),
            Begins::Rule => {
                out.push_str("<hr>");
                1
            }
            Begins::Quote => quote(out, rest, depth),
            Begins::Item(_) => list(out, rest, depth),
            Begins::Text if is_table(rest) => table(out, rest),
            Begins::Text => paragraph(out, rest, depth),
        }
        .max(1);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Begins {
    Nothing,
    Fence(u8, usize),
    Heading(usize),
    Rule,
    Quote,
    Item(Item),
    Text,
}

/// How an item of a list begins.
#[derive(Clone, Copy, PartialEq)]
struct Item {
    /// Spaces in front of its mark.
    indent: usize,
    /// Where its text begins.
    inside: usize,
    /// The number of an ordered list's.
    number: Option<u32>,
    mark: u8,
}

fn begins(line: &str, depth: usize) -> Begins {
    let indent = line.len() - line.trim_start().len();
    let text = line.trim_start();
    let Some(first) = text.bytes().next() else { return Begins::Nothing };
    let run = text.bytes().take_while(|own| *own == first).count();
    match first {
        b'`' | b'~'
            if run >= 3 && !text.get(run..).is_some_and(|info| first == b'`' && info.contains('`')) =>
        {
            Begins::Fence(first, run)
        }
        b'#' if run <= 6 && text.as_bytes().get(run).is_none_or(|own| *own == b' ') => Begins::Heading(run),
        b'-' | b'*' | b'_' if is_rule(text, first) => Begins::Rule,
        b'>' if depth < DEEPEST => Begins::Quote,
        b'-' | b'*' | b'+' | b'0'..=b'9' if depth < DEEPEST => {
            item(text, indent).map_or(Begins::Text, Begins::Item)
        }
        _ => Begins::Text,
    }
}

fn is_rule(text: &str, mark: u8) -> bool {
    text.bytes().filter(|own| *own == mark).count() >= 3 && text.bytes().all(|own| own == mark || own == b' ')
}

fn item(text: &str, indent: usize) -> Option<Item> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, mark_at) = match digits {
        0 => (None, 0),
        1..=9 => (text.get(..digits)?.parse().ok(), digits),
        _ => return None,
    };
    let mark = *text.as_bytes().get(mark_at)?;
    let is_mark =
        if number.is_some() { matches!(mark, b'.' | b')') } else { matches!(mark, b'-' | b'*' | b'+') };
    let behind = text.get(mark_at + 1..)?;
    if !is_mark || !(behind.is_empty() || behind.starts_with([' ', '\t'])) {
        return None;
    }
    let spaces = (behind.len() - behind.trim_start().len()).clamp(1, 4);
    Some(Item { indent, inside: indent + mark_at + 1 + spaces, number, mark })
}

fn fence(out: &mut String, lines: &[&str], mark: u8, length: usize) -> usize {
    let first = lines.first().copied().unwrap_or_default();
    let indent = first.len() - first.trim_start().len();
    let info = first.trim_start().get(length..).unwrap_or_default().trim();
    let closes = |line: &&str| {
        let text = line.trim();
        text.len() >= length && text.bytes().all(|own| own == mark)
    };
    let inside = lines.get(1..).unwrap_or_default();
    let end = inside.iter().position(closes).unwrap_or(inside.len());
    let code: Vec<&str> = inside.iter().take(end).map(|line| without_indent(line, indent)).collect();
    out.push_str(&block(&code.join("\n"), info).into_string());
    end + 2
}

/// A line less so many spaces, as far as it has them.
fn without_indent(line: &str, most: usize) -> &str {
    let spaces = line.bytes().take(most).take_while(|own| matches!(own, b' ' | b'\t')).count();
    line.get(spaces..).unwrap_or_default()
}

fn heading(out: &mut String, line: &str, level: usize) -> usize {
    let text = line.trim_start().get(level..).unwrap_or_default().trim().trim_end_matches('#').trim_end();
    // The page's own headings are the first ones.
    out.push_str(&format!("<p class=\"heading h{level}\" role=\"heading\" aria-level=\"{}\">", level + 2));
    inline(out, text);
    out.push_str("</p>");
    1
}

fn quote(out: &mut String, lines: &[&str], depth: usize) -> usize {
    let quoted: Vec<&str> = lines
        .iter()
        .map_while(|line| line.trim_start().strip_prefix('>'))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    out.push_str("<blockquote>");
    blocks(out, &quoted, depth + 1);
    out.push_str("</blockquote>");
    quoted.len()
}

/// Items of one kind, each with what is indented behind it.
fn list(out: &mut String, lines: &[&str], depth: usize) -> usize {
    let Some(Begins::Item(first)) = lines.first().map(|line| begins(line, depth)) else { return 0 };
    let start = first.number.filter(|number| *number != 1).map(|number| format!(" start=\"{number}\""));
    let element = if first.number.is_some() { "ol" } else { "ul" };
    out.push_str(&format!("<{element}{}>", start.unwrap_or_default()));
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let own = match begins(line, depth) {
            Begins::Item(own) if own.mark == first.mark && own.indent <= first.indent + 1 => own,
            _ => break,
        };
        let rest = lines.get(at + 1..).unwrap_or_default();
        let behind = belongs(rest, own.inside, depth);
        let mut inside = vec![line.get(own.inside.min(line.len())..).unwrap_or_default()];
        inside.extend(rest.iter().take(behind).map(|line| without_indent(line, own.inside)));
        out.push_str("<li>");
        match inside.as_slice() {
            [text] => inline(out, text),
            several => blocks(out, several, depth + 1),
        }
        out.push_str("</li>");
        at += 1 + behind;
    }
    out.push_str(&format!("</{element}>"));
    at
}

/// How many lines behind an item's first are part of it: what is indented as far, and text that goes on.
fn belongs(lines: &[&str], inside: usize, depth: usize) -> usize {
    let mut count = 0;
    let mut is_text = true;
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let goes_on = is_text && matches!(begins(line, depth), Begins::Text);
        if line.trim().is_empty() {
            is_text = false;
        } else if indent >= inside.min(2) && indent > 0 || goes_on {
            count = at + 1;
        } else {
            break;
        }
    }
    count
}

fn paragraph(out: &mut String, lines: &[&str], depth: usize) -> usize {
    let goes_on = |(at, line): &(usize, &&str)| *at == 0 || begins(line, depth) == Begins::Text;
    let count = lines.iter().enumerate().take_while(goes_on).count();
    out.push_str("<p>");
    let text: Vec<&str> = lines.iter().take(count).map(|line| line.trim_end()).collect();
    inline(out, &text.join("\n"));
    out.push_str("</p>");
    count
}

fn cells(line: &str) -> Vec<String> {
    let line = line.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line.strip_suffix('|').filter(|rest| !rest.ends_with('\\')).unwrap_or(line);
    let mut cells = vec![String::new()];
    let mut is_escaped = false;
    for c in line.chars() {
        match c {
            '|' if !is_escaped => cells.push(String::new()),
            _ => {
                if let Some(cell) = cells.last_mut() {
                    // A bar in a cell is written with a backslash.
                    if c == '|' {
                        cell.pop();
                    }
                    cell.push(c);
                }
            }
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    cells
}

fn is_table(lines: &[&str]) -> bool {
    let [head, line, ..] = lines else { return false };
    let is_line = |cell: &String| {
        let cell = cell.trim();
        cell.contains('-') && cell.bytes().all(|own| matches!(own, b'-' | b':'))
    };
    if !head.contains('|') || !line.contains('-') || line.len() > 2_000 {
        return false;
    }
    let under = cells(line);
    under.iter().all(is_line) && under.len() == cells(head).len() && under.len() <= WIDEST
}

fn table(out: &mut String, lines: &[&str]) -> usize {
    let rows = lines.iter().take_while(|line| line.contains('|')).count();
    let columns = lines.first().map(|head| cells(head).len()).unwrap_or_default();
    out.push_str("<div class=\"wide\" tabindex=\"0\"><table>");
    for (at, line) in lines.iter().take(rows).enumerate().filter(|(at, _)| *at != 1) {
        let element = if at == 0 { "th" } else { "td" };
        out.push_str("<tr>");
        for cell in cells(line).iter().take(columns) {
            out.push_str(&format!("<{element}>"));
            inline(out, cell.trim());
            out.push_str(&format!("</{element}>"));
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div>");
    rows
}

#[cfg(test)]
mod tests {
    use super::markdown;

    fn shown(text: &str) -> String {
        markdown(text).into_string()
    }

    #[test]
    fn blocks_are_told_apart() {
        let text = "# Title\nfirst\nsecond\n\n> said\n\n---\n1. one\n2. two\n   more\n\n- a\n  - b\n- c";
        let expected = "<p class=\"heading h1\" role=\"heading\" aria-level=\"3\">Title</p><p>first\nsecond</p>\
            <blockquote><p>said</p></blockquote><hr><ol><li>one</li><li><p>two\nmore</p></li></ol>\
            <ul><li><p>a</p><ul><li>b</li></ul></li><li>c</li></ul>";
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn code_is_kept_as_it_is() {
        let made = shown("```rust\nfn a<T>() {}\n\n# no heading\n```\nb");
        assert!(made.contains("fn a&lt;T&gt;() {}\n\n# no heading"), "{made}");
        assert!(made.ends_with("<p>b</p>"), "{made}");
        // A fence that is not closed goes on to the end.
        assert!(shown("~~~\n*a*").contains("*a*"));
        assert!(shown("- x\n  ```\n  y\n  ```").contains("<li>"));
    }

    #[test]
    fn tables_are_tables() {
        let made = shown("| a | b |\n|---|:-:|\n| `x` | y \\| z |\n\nafter");
        assert!(made.contains("<th>a</th><th>b</th>"), "{made}");
        assert!(made.contains("<td><code>x</code></td><td>y | z</td>"), "{made}");
        assert!(made.ends_with("<p>after</p>"), "{made}");
        assert_eq!(shown("a | b\nc"), "<p>a | b\nc</p>");
    }

    #[test]
    fn html_is_text() {
        let made =
            shown("<img src=x onerror=alert(1)>\n\n# <svg/onload=x>\n- <b>\n> <i>\n| <u> | x |\n|---|---|");
        for element in ["<img", "<svg", "<b>", "<i>", "<u>"] {
            assert!(!made.contains(element), "{made}");
        }
    }

    #[test]
    fn any_text_ends_soon_and_nesting_has_a_limit() {
        for piece in ["> ", "- ", "1. ", "#", "|", "```\n", "- a\n ", "|-", ">\n", "* * "] {
            let text = piece.repeat(100_000 / piece.len());
            let made = shown(&text);
            assert!(made.matches("<blockquote>").count() <= 50_000);
            assert!(made.matches("<ul>").count() - made.matches("</ul>").count() == 0);
        }
        assert!(shown(&"> ".repeat(1_000)).matches("<blockquote>").count() <= super::DEEPEST);
    }
}
