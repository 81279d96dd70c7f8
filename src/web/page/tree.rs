//! A trace or session as a tree of steps beside their times, with the selected step.

use maud::{Markup, html};
use serde_json::Value;

use super::annotate::annotate;
use super::facts::{chip, cost, name, status, sums, tokens, took};
use super::layout::document;
use super::list::class;
use super::{Nav, Page, address};
use crate::html::{Axis, Span, axis, bar, count, items, number, plain, text_of, truth, visible};
use crate::model::Micros;

/// Steps are indented no further.
const DEEPEST: u64 = 16;

/// A trace or a session.
pub fn trace(page: &Page, data: &Value) -> Markup {
    let summary = data.get("summary").unwrap_or(&Value::Null);
    let is_session = text_of(data, "kind") == Some("session");
    let page = &Page { nav: if is_session { Nav::Sessions } else { Nav::Traces }, ..page.clone() };
    let title = title(summary, is_session);
    let body = html! {
        (head(page, data, "steps"))
        div.split {
            section.tree aria-label="Steps" {
                div.legend aria-hidden="true" { span.model { "model" } span.wait { "waiting for it" } span.tool { "tool" } span.agent { "sub-agent" } span.bad { "failed" } }
                div.axis-row { div {} (axis(whole(summary))) }
                (steps_part(page, data))
            }
            // A script fills it; without one a step leads to its own page.
            aside.step aria-label="The selected step" data-step-panel tabindex="-1" hidden {}
        }
        (annotate(page, &page.path, if is_session { "This session" } else { "This trace" }, items(data, "annotations")))
    };
    document(page, &title, &body)
}

pub(super) fn title(summary: &Value, is_session: bool) -> String {
    let name = text_of(summary, "name").or_else(|| text_of(summary, "input_preview"));
    name.map_or_else(|| if is_session { "Session" } else { "Trace" }.to_owned(), str::to_owned)
}

/// What stands above the steps and above the conversation of a trace or session.
pub(super) fn head(page: &Page, data: &Value, shown: &str) -> Markup {
    let summary = data.get("summary").unwrap_or(&Value::Null);
    let is_session = text_of(data, "kind") == Some("session");
    let id = text_of(summary, "id").unwrap_or_default();
    let own = if is_session { address::session(id) } else { address::trace(id) };
    let title = title(summary, is_session);
    html! {
        header.head.of-one {
            p.path {
                @if is_session { a href="/sessions" data-up { "Sessions" } } @else {
                    a href="/traces" data-up { "Traces" }
                    @if let Some(session) = text_of(summary, "session_id") { " / " a href=(address::session(session)) { "session " (visible(session)) } }
                }
                " / " code data-id { (visible(id)) }
            }
            h1 { (plain(&title)) " " (status(summary)) }
            (sums(summary))
            @if !items(data, "annotations").is_empty() { p.chips { @for own in items(data, "annotations") { (chip(own)) " " } } }
            nav.tabs aria-label="Views" {
                a href=(own) aria-current=[(shown == "steps").then_some("page")] { "Steps" }
                a href=(format!("{own}/conversation")) aria-current=[(shown == "conversation").then_some("page")] { "Conversation" }
                @let filter = if is_session { "session" } else { "trace" };
                a href=(address::with_query("/calls", [(filter, id)].into_iter())) { "Calls" }
                @if is_session { a href=(address::with_query("/traces", [(filter, id)].into_iter())) { "Traces" } }
                span.gap {}
                a href=(format!("{}.json", page.path)) { "JSON" }
                a href=(address::with_query("/export", [("format", "jsonl"), (filter, id)].into_iter())) download { "Export" }
            }
        }
    }
}

fn moment(value: &Value, key: &str) -> Option<u64> {
    text_of(value, key).and_then(Micros::parse_rfc3339).map(|time| time.0)
}

fn whole(summary: &Value) -> Axis {
    let start = moment(summary, "first_time").unwrap_or_default();
    Axis { start, end: moment(summary, "last_time").unwrap_or(start) }
}

/// A part of the steps, with the way to the next.
pub fn steps_part(page: &Page, data: &Value) -> Markup {
    let steps = items(data, "steps");
    let axis = whole(data.get("summary").unwrap_or(&Value::Null));
    // What a step has below it, the one behind it tells.
    let depth = |at: usize| steps.get(at).and_then(|step| count(step, "depth")).unwrap_or_default();
    let next = count(data, "next_from").map(|next| next.to_string());
    html! {
        ol.steps start=(count(data, "from").unwrap_or_default() + 1) {
            @for (at, one) in steps.iter().enumerate() { (step(one, axis, depth(at + 1) > depth(at))) }
        }
        @if let Some(next) = next {
            @let total = count(data, "total").unwrap_or_default();
            p.more { a href=(page.from("from", &next)) data-more data-scroll { "Further steps" } span.quiet { " " (next) " of " (total) " are shown" } }
        }
        @if truth(data, "more_not_shown") { p.more.quiet { "Only the first " (count(data, "total").unwrap_or_default()) " steps are shown; an export has all." } }
    }
}

fn step(step: &Value, axis: Axis, has_children: bool) -> Markup {
    let id = text_of(step, "id").unwrap_or_default();
    let depth = count(step, "depth").unwrap_or_default();
    let start = moment(step, "start_time").unwrap_or(axis.start);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration of a call")]
    let end =
        moment(step, "end_time").or_else(|| Some(start + (number(step, "duration_ms")? * 1_000.0) as u64));
    let span = Span { start, first: moment(step, "first_token_time"), end };
    let kind = kind(step, has_children);
    html! {
        li {
            a href=(address::call(id)) #(format!("s{id}")) data-row=(id) data-step=(id) class=(format!("row d{} {kind}", depth.min(DEEPEST))) {
                span.hidden { "level " (depth + 1) ", " (kind) ": " }
                span.label {
                    span.dot aria-hidden="true" {}
                    span.name { (name(step)) }
                    @if truth(step, "orphan") { span.tag.warn title="the step above it is not in the store" { "parent missing" } }
                    @if !matches!(text_of(step, "status"), Some("ok") | None) { (status(step)) }
                    span.teaser { (teaser(step)) }
                    @for own in items(step, "annotations") { (chip(own)) }
                }
                span.number.tokens { (tokens(step, "input")) @if step.get("usage").is_some() { span.quiet { "→" } } (tokens(step, "output")) }
                span.number.cost { (cost(step)) }
                span.number.took { (took(step, "duration_ms")) }
                (bar(axis, span, &kind))
            }
        }
    }
}

/// What a step is, as words that styles know.
fn kind(step: &Value, has_children: bool) -> String {
    let own = match text_of(step, "type").unwrap_or_default() {
        "generation" => "model",
        "tool" if has_children => "agent",
        other => class(other),
    };
    let is_bad = matches!(text_of(step, "status"), Some("error" | "cancelled" | "interrupted"));
    let side = if text_of(step, "side").is_some() { " side" } else { "" };
    let gap = step.get("tool").and_then(|tool| text_of(tool, "duration_source")) == Some("gap");
    format!("{own}{side}{}{}", if is_bad { " bad" } else { "" }, if gap { " gap" } else { "" })
}

/// Of a tool what it was given, of a call what it answered.
fn teaser(step: &Value) -> Markup {
    let (asked, answered) = (text_of(step, "input_preview"), text_of(step, "output_preview"));
    let shown = if text_of(step, "type") == Some("tool") { asked.or(answered) } else { answered.or(asked) };
    plain(shown.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Value {
        json!({
            "kind": "trace", "from": 0, "total": 900, "next_from": 300,
            "summary": {"id": "ab", "name": "<i>fix</i>", "first_time": "2026-01-01T00:00:00.000000Z", "last_time": "2026-01-01T00:00:10.000000Z"},
            "steps": [
                {"id": "01", "type": "generation", "depth": 0, "start_time": "2026-01-01T00:00:01.000000Z", "first_token_time": "2026-01-01T00:00:02.000000Z", "end_time": "2026-01-01T00:00:03.000000Z", "status": "ok"},
                {"id": "02", "type": "tool", "depth": 1, "tool": {"name": "Agent", "duration_source": "gap"}, "start_time": "2026-01-01T00:00:03.000000Z", "duration_ms": 2000.0, "status": "error"},
                {"id": "03", "type": "<x>", "depth": 2, "start_time": "soon", "status": "<y>"},
            ],
        })
    }

    #[test]
    fn steps_stand_in_their_place_and_time() {
        let made = trace(&Page { path: "/traces/ab".to_owned(), ..Page::default() }, &data()).into_string();
        assert!(
            made.contains("d0 model") && made.contains("d1 agent bad gap") && made.contains("d2 other"),
            "{made}"
        );
        assert!(
            made.contains("x=\"10.000%\"")
                && made.contains("x=\"30.000%\" y=\"5\" height=\"8\" width=\"20.000%\""),
            "{made}"
        );
        assert!(made.contains("href=\"/traces/ab?from=300\""), "{made}");
        assert!(!made.contains("<i>") && !made.contains("<x>") && !made.contains("<y>"), "{made}");
    }

    #[test]
    fn a_part_is_no_document() {
        let made = steps_part(&Page::default(), &data()).into_string();
        assert!(made.starts_with("<ol class=\"steps\" start=\"1\">") && !made.contains("<html"), "{made}");
    }
}
