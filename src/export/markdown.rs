//! Traces as documents to read: what each came to, and what was said, each message once.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use super::encode::{EncodeError, Encoder, InTalk, Trace};
use super::format::{Format, Takes};
use super::parts::part_text;
use super::summary::{name, wall};
use super::talk::Said;
use super::words::{dollars, duration, short, shown_time};
use crate::store::Summary;

pub const FORMAT: Format = Format {
    name: "markdown",
    extension: "md",
    media_type: "text/markdown; charset=utf-8",
    help: "Traces as documents to read, each message once.",
    is_binary: false,
    takes: Takes::Talks(|_| Box::new(Markdown::default())),
};

#[derive(Default)]
struct Markdown {
    is_next: bool,
    /// System prompts that were shown.
    shown: HashSet<u64>,
}

impl Encoder<InTalk> for Markdown {
    fn put(&mut self, item: &InTalk, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        let mut text = String::new();
        match item {
            InTalk::Begin(trace) => {
                if std::mem::replace(&mut self.is_next, true) {
                    text.push_str("\n---\n\n");
                }
                head(trace, &mut text);
            }
            InTalk::Said { row: _, said, is_answer: _ } => self.said(said, &mut text),
            InTalk::End => {}
        }
        out.extend_from_slice(text.as_bytes());
        Ok(u64::from(matches!(item, InTalk::Begin(_))))
    }
}

impl Markdown {
    fn said(&mut self, said: &Said, out: &mut String) {
        let Said { level, role, title, parts, is_cut: _ } = said;
        let mut body = String::new();
        match role.as_str() {
            "call" => heading(&mut body, "▸", title),
            "result" => heading(&mut body, "◂", title),
            "note" => {
                let _ = writeln!(body, "*{}*", plain(title));
            }
            _ => heading(&mut body, &plain(role), title),
        }
        if role == "system" && !self.shown.insert(hash(parts)) {
            body.push_str("\n*The same prompt as above.*\n");
        } else {
            parts.iter().for_each(|own| part(role, own, &mut body));
        }
        // What an agent said that another started stands further in.
        let indent = "> ".repeat(*level);
        for line in body.lines() {
            let _ = writeln!(out, "{}", format!("{indent}{line}").trim_end());
        }
        out.push('\n');
    }
}

fn hash(parts: &[Value]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// What a trace came to.
fn head(trace: &Trace, out: &mut String) {
    let summary = &trace.summary;
    let Summary { id, session, first, totals, models, status, .. } = summary;
    let name = name(summary);
    let _ = writeln!(out, "# {}\n", if name.is_empty() { id.clone() } else { plain(name) });
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "| {name} | {} |", plain(&value));
        }
    };
    row("trace", id.clone());
    row("---", "---".to_owned());
    row("session", session.clone().unwrap_or_default());
    row("began", shown_time(&first.rfc3339()));
    row("took", duration(Some(&json!(wall(summary)))));
    row("ended", (*status).to_owned());
    row("models", models.join(", "));
    row("calls", format!("{} of models, {} of tools", totals.generations, totals.tools));
    let known = totals.unknown_usage == 0;
    let of = |count: u64| format!("{}{}", if known { "" } else { "at least " }, short(count));
    row("tokens", format!("{} in, {} out", of(totals.input), of(totals.output)));
    let unknown = if totals.unknown_cost > 0 { "at least " } else { "" };
    let cost = totals.cost.to_json().as_f64().unwrap_or_default();
    row("cost", format!("{unknown}{}", dollars(cost)));
    out.push('\n');
}

fn heading(out: &mut String, mark: &str, title: &str) {
    let _ = if title.is_empty() {
        writeln!(out, "### {mark}")
    } else {
        writeln!(out, "### {mark} {}", plain(title))
    };
}

/// A part as text or as code.
fn part(role: &str, part: &Value, out: &mut String) {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    out.push('\n');
    match kind {
        // What people and models write is text with marks of its own, and stands as a quotation.
        "text" | "refusal" if role != "system" => {
            for line in part_text(part).lines() {
                let _ = writeln!(out, "> {line}");
            }
        }
        "text" | "refusal" => code("", &part_text(part), out),
        "reasoning" => {
            for line in part.get("content").and_then(Value::as_str).unwrap_or_default().lines() {
                let _ = writeln!(out, "> *{}*", line.replace('*', "\\*"));
            }
        }
        "tool_call" | "tool_call_response" => {
            let key = if kind == "tool_call" { "arguments" } else { "response" };
            match part.get(key) {
                Some(Value::String(text)) => code("", text, out),
                Some(other) => code("json", &format!("{other:#}"), out),
                None => {}
            }
        }
        _ => code("", &part_text(part), out),
    }
}

/// A block of code, with a fence that is longer than any in it.
fn code(language: &str, text: &str, out: &mut String) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    let _ = writeln!(out, "{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'));
}

/// A text in a line, without marks.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        let mut out = String::new();
        code("json", "a\n````\nb", &mut out);
        assert_eq!(out, "`````json\na\n````\nb\n`````\n");
        assert_eq!(plain("a\n<b> *c*"), "a \\<b\\> \\*c\\*");
    }

    #[test]
    fn a_prompt_is_shown_once_and_agents_stand_further_in() {
        let said = |level: usize, role: &str, text: &str| Said {
            level,
            role: role.to_owned(),
            title: String::new(),
            parts: vec![json!({"type": "text", "content": text})],
            is_cut: false,
        };
        let mut markdown = Markdown::default();
        let mut out = String::new();
        markdown.said(&said(0, "system", "Be brief."), &mut out);
        markdown.said(&said(0, "system", "Be brief."), &mut out);
        markdown.said(&said(1, "user", "a\nb"), &mut out);
        let expected = "### system\n\n```\nBe brief.\n```\n\n### system\n\n*The same prompt as above.*\n\n\
                        > ### user\n>\n> > a\n> > b\n\n";
        assert_eq!(out, expected);
    }
}
