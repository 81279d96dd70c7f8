//! A trace or session as a tree of steps beside their times, with the selected step.

use maud::{Markup, html};
use serde_json::Value;

use super::annotate::annotate;
use super::export::menu;
use super::facts::{brief, chip, cost, given, name, status, sums, tokens, took};
use super::layout::document;
use super::list::class;
use super::{Nav, Page, address};
use crate::html::{Axis, Span, axis, bar, count, items, number, plain, text_of, time, truth, visible};
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
                @if !is_session { div.axis-row { div {} (axis(whole(summary))) } }
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
    name.map_or_else(|| if is_session { "Session" } else { "Trace" }.to_owned(), brief)
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
                (menu(&[(filter, id)]))
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

/// A part of the steps, with the way to the next. A session's turns have a time axis each: between them may lie days.
pub fn steps_part(page: &Page, data: &Value) -> Markup {
    let from = count(data, "from").unwrap_or_default();
    let turns = items(data, "turns");
    let is_session = text_of(data, "kind") == Some("session") && !turns.is_empty();
    html! {
        @if is_session {
            @for turn in turns { (turn_of(data, turn, from)) }
        } @else {
            (list(items(data, "steps"), from, whole(data.get("summary").unwrap_or(&Value::Null))))
        }
        (further(page, data))
    }
}

/// What of a turn is in this part.
fn turn_of(data: &Value, turn: &Value, from: u64) -> Markup {
    let steps = items(data, "steps");
    let place = |at: u64| usize::try_from(at.saturating_sub(from)).unwrap_or(usize::MAX).min(steps.len());
    let begin = count(turn, "from").unwrap_or_default();
    let own = place(begin)..place(begin + count(turn, "steps").unwrap_or_default()).max(place(begin));
    let axis = whole(turn);
    let own_steps = steps.get(own.clone()).unwrap_or_default();
    let asked = own_steps
        .iter()
        .filter(|step| text_of(step, "side").is_none())
        .find_map(|step| text_of(step, "input_preview"));
    let trace = text_of(turn, "trace_id").unwrap_or_default();
    html! {
        // A turn that began in the part before has its name there.
        @if begin >= from {
            div.axis-row.turn-head {
                div {
                    @if let Some(at) = text_of(turn, "first_time") { span.quiet { (time(at)) } " " }
                    a href=(address::trace(trace)) { (plain(asked.unwrap_or("a turn"))) }
                }
                (crate::html::axis(axis))
            }
        }
        (list(own_steps, begin.max(from), axis))
    }
}

fn list(steps: &[Value], from: u64, axis: Axis) -> Markup {
    // What a step has below it, the one behind it tells.
    let depth = |at: usize| steps.get(at).and_then(|step| count(step, "depth")).unwrap_or_default();
    html! {
        ol.steps.many[steps.len() > 40] start=(from + 1) {
            @for (at, one) in steps.iter().enumerate() { (step(one, axis, depth(at + 1) > depth(at))) }
        }
    }
}

fn further(page: &Page, data: &Value) -> Markup {
    let total = count(data, "total").unwrap_or_default();
    html! {
        @if let Some(next) = count(data, "next_from").map(|next| next.to_string()) {
            p.more { a href=(page.from("from", &next)) data-more data-scroll { "Further steps" } span.quiet { " " (next) " of " (total) " are shown" } }
        }
        @if truth(data, "more_not_shown") { p.more.quiet { "Only the first " (total) " steps are shown; an export has all." } }
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
    if text_of(step, "type") == Some("tool") {
        return plain(&asked.map(given).or_else(|| answered.map(str::to_owned)).unwrap_or_default());
    }
    plain(answered.or(asked).unwrap_or_default())
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
    fn turns_of_a_session_have_an_axis_each() {
        let mut data = data();
        data["kind"] = "session".into();
        data["from"] = 5.into();
        let turn = |from: u64, steps: u64| json!({"trace_id": "t", "from": from, "steps": steps, "first_time": "2026-01-01T00:00:00.000000Z", "last_time": "2026-01-01T00:00:04.000000Z"});
        data["turns"] = json!([turn(3, 4), turn(7, 1), turn(8, 100)]);
        let made = trace(&Page { path: "/sessions/ab".to_owned(), ..Page::default() }, &data).into_string();
        // The first began before this part, the last has nothing in it yet.
        assert_eq!(made.matches("turn-head").count(), 2, "{made}");
        assert_eq!(made.matches("data-step=").count(), 3);
        assert!(made.contains("x=\"25.000%\""), "{made}");
        assert!(made.contains("start=\"6\"") && made.contains("start=\"8\""), "{made}");
    }

    #[test]
    fn a_part_is_no_document() {
        let made = steps_part(&Page::default(), &data()).into_string();
        assert!(made.starts_with("<ol class=\"steps\" start=\"1\">") && !made.contains("<html"), "{made}");
    }
}
