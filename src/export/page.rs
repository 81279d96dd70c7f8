//! Traces as one page of HTML that stands alone: no script, and nothing that a browser would fetch.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};

use super::encode::{EncodeError, Encoder, InTalk, Trace};
use super::format::{Format, Takes};
use super::summary::{name, wall};
use super::talk::Said;
use super::words::{dollars, duration, short, shown_time};
use crate::html::{Message, STYLE, View, message, plain, visible};
use crate::store::Summary;

pub const FORMAT: Format = Format {
    name: "html",
    extension: "html",
    media_type: "text/html; charset=utf-8",
    help: "Traces as one page to read, with nothing to be fetched from elsewhere.",
    is_binary: false,
    takes: Takes::Talks(|_| Box::new(Page::default())),
};

/// Whatever stands in it, a browser loads nothing from anywhere and runs nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:";

/// What the page needs beside the style of messages.
const OWN: &str = "body{background:var(--paper);color:var(--ink);font:15px/1.5 var(--sans);margin:0}\
main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem 4rem}\
section+section{margin-top:4rem}\
h1{font-size:1.35rem;line-height:1.3;overflow-wrap:anywhere}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0 0 1.5rem}\
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}\
.l1{margin-left:1.5rem}.l2{margin-left:3rem}.l3{margin-left:4.5rem}.l4{margin-left:6rem}\
pre{overflow-x:auto}";
/// Agents that are deeper than this stand as far in as this.
const DEEPEST: usize = 4;

#[derive(Default)]
struct Page {
    is_begun: bool,
    is_open: bool,
}

impl Encoder<InTalk> for Page {
    fn put(&mut self, item: &InTalk, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        match item {
            InTalk::Begin(trace) => {
                self.head(&called(trace), out);
                self.is_open = true;
                out.extend_from_slice(b"<section>");
                out.extend_from_slice(facts(trace).into_string().as_bytes());
                return Ok(1);
            }
            InTalk::Said { row: _, said, is_answer: _ } => {
                out.extend_from_slice(shown(said).into_string().as_bytes());
                out.push(b'\n');
            }
            InTalk::End => {
                self.is_open = false;
                out.extend_from_slice(b"</section>\n");
            }
        }
        Ok(0)
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !self.is_begun {
            self.head("wiretape", out);
            out.extend_from_slice(b"<p>Nothing passed the filters.</p>\n");
        }
        out.extend_from_slice(b"</main></body></html>\n");
        Ok(())
    }
}

impl Page {
    /// What stands before everything, which has the name of the first trace.
    fn head(&mut self, title: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.is_begun, true) {
            return;
        }
        let head = html! {
            (DOCTYPE)
            (PreEscaped("<html lang=\"en\">"))
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("wiretape ", env!("CARGO_PKG_VERSION")));
                title { (visible(title)) }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN)) }
            }
            (PreEscaped("<body><main>\n"))
        };
        out.extend_from_slice(head.into_string().as_bytes());
    }
}

fn called(trace: &Trace) -> String {
    let name = name(&trace.summary);
    if name.is_empty() { trace.summary.id.clone() } else { name.to_owned() }
}

/// What a trace came to.
fn facts(trace: &Trace) -> Markup {
    let Summary { id, session, first, totals, models, status, .. } = &trace.summary;
    let at_least = |unknown: u64| if unknown > 0 { "at least " } else { "" };
    let tokens = at_least(totals.unknown_usage);
    let cost = totals.cost.to_json().as_f64().unwrap_or_default();
    let facts = [
        ("trace", id.clone()),
        ("session", session.clone().unwrap_or_default()),
        ("began", shown_time(&first.rfc3339())),
        ("took", duration(Some(&json!(wall(&trace.summary))))),
        ("ended", (*status).to_owned()),
        ("models", models.join(", ")),
        ("calls", format!("{} of models, {} of tools", totals.generations, totals.tools)),
        ("tokens", format!("{tokens}{} in, {tokens}{} out", short(totals.input), short(totals.output))),
        ("cost", format!("{}{}", at_least(totals.unknown_cost), dollars(cost))),
    ];
    html! {
        h1 { (plain(&called(trace))) }
        dl {
            @for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
                dt { (name) } dd { (plain(value)) }
            }
        }
    }
}

fn shown(said: &Said) -> Markup {
    let Said { level, role, title, parts, is_cut: _ } = said;
    let value: Value = json!({"role": role, "parts": parts});
    let beside = html! { @if !title.is_empty() { span.speaker { (plain(title)) } } };
    let around = Message { beside: Some(beside), ..Message::default() };
    html! { div class=(format!("l{}", level.min(&DEEPEST))) { (message(&value, &around, View::WHOLE)) } }
}
