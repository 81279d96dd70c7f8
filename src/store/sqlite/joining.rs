//! Calls and the spans that their callers made: which span a call stands under, and which is the same call.

use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::columns::{Columns, REQUEST_MODEL, RESPONSE_MODEL};
use super::fault::Result;
use super::observation::{Found, find, find_all};
use super::placing::Placing;
use super::reading::Reading;
use super::writing::word_id;
use crate::model::{Micros, ObservationId, TraceId};
use crate::store::Observed;
use crate::trace::{self, Book as _, Facts, MarkKind, TOLD_PARENT, Told, Wanted, folded, is_told, span_mark};

/// A span of a caller's, with what its head says.
struct Span {
    found: Found,
    head: serde_json::Map<String, serde_json::Value>,
}

impl Span {
    fn text(&self, key: &str) -> Option<&str> {
        self.head.get(key).and_then(serde_json::Value::as_str)
    }

    /// What it stood under when it came.
    fn parent(&self) -> Option<ObservationId> {
        let key = if self.text("side").is_some() { TOLD_PARENT } else { "parent_id" };
        self.text(key).and_then(ObservationId::parse)
    }

    fn is_call(&self) -> bool {
        self.text("request_model").or(self.text("response_model")).is_some()
    }
}

/// Spans of one answer, or calls: nobody has more of them.
const MOST: usize = 4;

impl Placing<'_, '_, '_> {
    /// A span, where an SDK sent it.
    fn span(&self, found: Option<Found>) -> Result<Option<Span>> {
        let Some(found) = found.filter(|found| found.exchange.is_none()) else { return Ok(None) };
        let mut reading = Reading::new(self.writing.db)?;
        let rest = reading.detail(&found)?.rest;
        let head = reading.head(&found, rest)?;
        Ok(is_told(&head).then_some(Span { found, head }))
    }

    /// The span that is the same call, and how that is known.
    fn same_call(&self, facts: &Facts) -> Result<Option<(Span, &'static str)>> {
        if self.writing.state.told.is_none() {
            return Ok(None);
        }
        if let Some(answer) = &facts.named.0 {
            let sql = format!(
                "substr(o.response_id, -4) = substr(?1, -4) AND o.response_id = ?1 AND o.exchange IS NULL
                 ORDER BY o.seq LIMIT {MOST}"
            );
            for found in find_all(self.writing.db, &sql, [answer])? {
                if let Some(span) = self.span(Some(found))? {
                    return Ok(Some((span, "told:response-id")));
                }
            }
        }
        let Some(said) = facts.span() else {
            return Ok(self.at_the_time(facts)?.map(|span| (span, "told:time-and-answer")));
        };
        // The call's own span is the current one, or has a span of the HTTP client in it that is.
        let mut next = Some(said);
        for _ in 0..2 {
            let Some(id) = next else { break };
            let Some(span) = self.span(self.row(id)?)? else { break };
            if span.is_call() && !span.head.contains_key("response_id") && is_around(&span.found, facts) {
                return Ok(Some((span, "told:span")));
            }
            next = span.parent();
        }
        Ok(None)
    }

    /// Of SDKs that neither know an answer's id nor send their trace along: the span that was there for all of a call, with
    /// the same model and the same answer.
    fn at_the_time(&self, facts: &Facts) -> Result<Option<Span>> {
        let Some((observed, _)) = self.read.get(&facts.id) else { return Ok(None) };
        if facts.said.trace.is_some() || !facts.speaks {
            return Ok(None);
        }
        let start = number(facts.start);
        let (from, to) = (start - LONGEST, start + CLOCKS);
        if self.writing.state.told.is_none_or(|told| told < from) {
            return Ok(None);
        }
        let sql = format!(
            "o.exchange IS NULL AND o.response_id IS NULL AND o.start BETWEEN ?1 AND ?2
             ORDER BY o.start DESC LIMIT {MOST_AT_ONCE}"
        );
        for found in find_all(self.writing.db, &sql, [from, to])? {
            let Some(span) = self.span(Some(found))? else { continue };
            let own = facts.id.to_string();
            let is_ours = span.text("side").is_some() && span.text("parent_id") == Some(own.as_str());
            let is_free = span.text("side").is_none() && is_around(&span.found, facts);
            if is_ours || is_free && span.is_call() && self.is_like(&span, observed)? {
                return Ok(Some(span));
            }
        }
        Ok(None)
    }

    /// Whether a span says the same of a call as was seen of it: the model, and what it answered.
    fn is_like(&self, span: &Span, call: &Observed) -> Result<bool> {
        let text = |key: &str| call.head.get(key).and_then(serde_json::Value::as_str);
        let models = [text("request_model"), text("response_model")];
        let told = [span.text("request_model"), span.text("response_model")];
        let is_model = told.iter().flatten().any(|model| models.contains(&Some(*model)));
        let shown = Reading::new(self.writing.db)?.detail(&span.found)?.output_preview;
        Ok(is_model && !shown.is_empty() && shown == call.output_preview)
    }

    /// Calls that went by while a span was there.
    fn calls_during(&self, span: &Columns) -> Result<Vec<ObservationId>> {
        let (from, to) = (span.start - CLOCKS, span.start + span.took.unwrap_or(0));
        let models = [&span.words[REQUEST_MODEL], &span.words[RESPONSE_MODEL]];
        let mut calls = Vec::new();
        for model in models.into_iter().flatten() {
            let Some(word) = word_id(self.writing.db, model)? else { continue };
            for column in ["request_model", "response_model"] {
                let sql = format!(
                    "o.{column} = ?1 AND o.start BETWEEN ?2 AND ?3 AND o.exchange IS NOT NULL LIMIT {MOST_AT_ONCE}"
                );
                let found = find_all(self.writing.db, &sql, [word, from, to])?;
                calls.extend(found.iter().map(|found| ObservationId(found.columns.id)));
            }
        }
        Ok(calls)
    }

    pub fn told_of(&self, facts: &Facts) -> Result<Option<Told>> {
        let (span, same) = match self.same_call(facts)? {
            Some((span, reason)) => (span, Some(reason)),
            None => {
                let Some(said) = facts.span() else { return Ok(None) };
                let Some(span) = self.span(self.row(said)?)? else { return Ok(None) };
                (span, None)
            }
        };
        let Some(trace) = span.text("trace_id").and_then(TraceId::parse) else { return Ok(None) };
        let under = if same.is_some() { span.parent() } else { Some(ObservationId(span.found.columns.id)) };
        Ok(Some(Told { under, trace, session: span.text("session_id").map(str::to_owned), same }))
    }

    /// Makes the span that is the same call its double.
    pub fn fold(&mut self, facts: &Facts) -> Result<()> {
        let Some((span, _)) = self.same_call(facts)? else { return Ok(()) };
        let Some(head) = folded(&span.head, facts.id) else { return Ok(()) };
        let mut reading = Reading::new(self.writing.db)?;
        let detail = reading.detail(&span.found)?;
        let content = reading.stored(&span.found)?.content;
        drop(reading);
        let columns = Columns::of(&head)?;
        let observed = Observed {
            content,
            input_preview: detail.input_preview,
            output_preview: detail.output_preview,
            ..Observed::default()
        };
        self.writing.remove_observation(&span.found)?;
        self.writing
            .put_observation(None, &(&head).into(), &observed, &columns, Some(&span.found))
            .map(|_| ())
    }

    /// A span has come: calls that were made in it, or that it is, find their places anew.
    pub fn join(&mut self, span: &Columns) -> Result<()> {
        let mut calls: Vec<ObservationId> = Vec::new();
        let mut spans = vec![ObservationId(span.id)];
        if let Some(answer) = &span.response_id {
            let sql = format!(
                "substr(o.response_id, -4) = substr(?1, -4) AND o.response_id = ?1 AND o.exchange IS NOT NULL
                 ORDER BY o.seq LIMIT {MOST}"
            );
            let found = find_all(self.writing.db, &sql, [answer])?;
            calls.extend(found.iter().map(|found| ObservationId(found.columns.id)));
        } else if span.words[REQUEST_MODEL].is_some() || span.words[RESPONSE_MODEL].is_some() {
            let own = find(self.writing.db, "o.id = ?1", &Cell::Integer(span.id.cast_signed()))?;
            if let Some(trace) = own.and_then(|own| own.trace) {
                let sql = format!("o.trace = ?1 AND o.parent = ?2 LIMIT {MOST}");
                let inner = find_all(self.writing.db, &sql, [trace, span.id.cast_signed()])?;
                spans.extend(inner.iter().map(|found| ObservationId(found.columns.id)));
            }
        }
        if span.response_id.is_none() {
            calls.extend(self.calls_during(span)?);
        }
        for span in spans {
            let wanted = Wanted::since(MarkKind::Span, span_mark(span), Micros(0));
            calls.extend(self.find(wanted)?.into_iter().map(|known| known.id));
        }
        calls.sort_unstable();
        calls.dedup();
        for call in calls {
            let Some(facts) = self.facts(call)? else { continue };
            trace::settle(self, std::sync::Arc::clone(&facts))?;
            self.fold(&facts)?;
        }
        Ok(())
    }
}

/// By so much clocks may differ, in microseconds.
const CLOCKS: i64 = 2_000_000;
/// No call takes longer.
const LONGEST: i64 = 15 * 60 * 1_000_000;
/// So many that could be meant are looked at.
const MOST_AT_ONCE: usize = 16;

fn number(at: Micros) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// Whether a span was there for all of a call, give or take what clocks differ by.
fn is_around(span: &Found, facts: &Facts) -> bool {
    let (start, end) = (span.columns.start, span.columns.start + span.columns.took.unwrap_or(0));
    start <= number(facts.start) + CLOCKS && end + CLOCKS >= facts.end.map_or(end, number)
}
