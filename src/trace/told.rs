//! What a caller's own spans tell of a call: which of them it was made in, and which of them is the same call as an SDK saw
//! it. They come by themselves, before the call or after it.

use serde_json::{Map, Value};

use super::book::Placed;
use super::facts::Facts;
use super::head::{COUNTED_ONCE, DOUBLE};
use super::mark::{Mark, Marking};
use crate::model::{Kind, Link, ObservationId, TraceId};

/// What a caller's spans tell of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The span that it stands under.
    pub under: Option<ObservationId>,
    pub trace: TraceId,
    pub session: Option<String>,
    /// How it is known: `told:response-id`, `told:span` where the SDK saw the same call; else `None`, and the caller said it.
    pub same: Option<&'static str>,
}

/// Under this a span's head says what it stood under, once it stands under the call that it is a double of.
pub const TOLD_PARENT: &str = "told_parent_id";
/// Under this a head says which of the caller's spans it stands under.
pub const CALLER_SPAN: &str = "caller_span_id";

/// The mark of calls that were made in a span.
pub fn span_mark(span: ObservationId) -> Mark {
    Marking::of("span").and(&span.to_string()).mark()
}

/// Whether a head is of a span that an SDK sent.
pub fn is_told(head: &Map<String, Value>) -> bool {
    head.contains_key("instrumentation")
}

/// Puts a call where the caller's spans say.
pub fn apply(facts: &Facts, told: Told, placed: &mut Placed) {
    let Told { under, trace, session, same } = told;
    let link = |to: &'static str, reason: &str| Link { to, reason: reason.to_owned(), confidence: 1.0 };
    if let Some(reason) = same {
        let is_said = |link: &Link| link.to == "trace" && link.reason.starts_with("said:");
        let is_plain = |link: &Link| is_said(link) && !link.reason.contains("traceparent");
        // A sub-agent's steps stay with the call of the tool that started it.
        if placed.trace != trace && !placed.links.iter().any(is_plain) && placed.parent.is_none() {
            placed.trace = trace;
            placed.links.retain(|link| link.to != "trace");
            placed.links.push(link("trace", reason));
        }
    }
    let reason = same.unwrap_or("told:span");
    let has_own = placed.links.iter().any(|link| link.to == "session" && link.reason.starts_with("said:"));
    if let Some(session) = session.filter(|_| !has_own && placed.trace == trace) {
        placed.session = Some(session);
        placed.links.retain(|link| link.to != "session");
        placed.links.push(link("session", reason));
    }
    if placed.parent.is_none() && placed.trace == trace && under.is_some() {
        placed.callers = under;
        let said = facts.said.span.as_ref().map(|span| format!("said:{}", span.place));
        placed.links.push(link("parent", same.or(said.as_deref()).unwrap_or("said")));
    }
}

/// Makes the span of an SDK a double of the call that was seen on the wire: what both count is counted once, and all else
/// that the SDK says stays. `None` where it is one already.
pub fn folded(head: &Map<String, Value>, into: ObservationId) -> Option<Map<String, Value>> {
    let into = into.to_string();
    let parent = head.get("parent_id").and_then(Value::as_str).map(str::to_owned);
    let is_double = head.get("side").is_some_and(|side| side == DOUBLE);
    if is_double && parent.as_deref() == Some(into.as_str()) {
        return None;
    }
    let mut folded = head.clone();
    for key in COUNTED_ONCE {
        folded.shift_remove(*key);
    }
    if let Some(parent) = parent.filter(|_| !is_double) {
        folded.insert(TOLD_PARENT.to_owned(), parent.into());
    }
    folded.insert("parent_id".to_owned(), into.into());
    folded.insert("side".to_owned(), DOUBLE.into());
    folded.insert("type".to_owned(), Kind::Span.name().into());
    Some(folded)
}
