//! One call is put in its place, and those that its coming moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::book::{Book, Known, Placed, Wanted};
use super::facts::{Facts, Need, Outcome};
use super::likeness::call_mark;
use super::mark::{Mark, MarkKind, later};
use super::place::{self, dependants, place};
use super::told::span_mark;
use super::tool::{self, Answer, Took, Tool};
use crate::model::{Micros, ObservationId};

/// However calls hang together, putting one in its place ends: no more are moved for it than this.
const MOST_MOVED: usize = 20_000;

/// Puts a call in its place. It may be in the book already, and read anew.
pub fn settle<B: Book>(book: &mut B, facts: Arc<Facts>) -> Result<(), B::Error> {
    let new = facts.id;
    let mut waiting: BTreeMap<(Micros, ObservationId), Option<Arc<Facts>>> = BTreeMap::new();
    waiting.insert((facts.start, facts.id), Some(facts));
    let mut is_new = true;
    for _ in 0..MOST_MOVED {
        // What began first comes first: others hang on it.
        let Some(((_, id), facts)) = waiting.pop_first() else { break };
        let facts = match facts {
            Some(facts) => facts,
            None => match book.facts(id)? {
                Some(facts) => facts,
                None => continue,
            },
        };
        let is_first_time = is_new && id == new;
        if is_first_time {
            is_new = false;
        }
        let old = book.known(id)?;
        // Its own marks are not among them yet.
        let dependants: Vec<Wanted> =
            dependants(&facts).into_iter().filter(|wanted| book.may_find(wanted)).collect();
        let placed = place(book, &facts)?;
        let moved = is_first_time
            || old.as_ref().is_none_or(|old| differs(old, &placed))
            || !book.has_links(id, &placed.links)?;
        if moved {
            book.put(&facts, &placed)?;
        }
        let brought = bring_results(book, &facts, &placed)?;
        if let Some(left) = old.as_ref().and_then(|old| old.prior).filter(|left| Some(*left) != placed.prior)
        {
            // Results that stood there are taken back.
            if let Some(facts) = book.facts(left)? {
                let placed = place(book, &facts)?;
                book.put(&facts, &placed)?;
                enqueue(book, &facts, &placed, place::dependants(&facts), &mut waiting)?;
            }
        }
        if moved || brought {
            enqueue(book, &facts, &placed, dependants, &mut waiting)?;
        }
    }
    Ok(())
}

/// Those that hang on a call, to be looked at again.
fn enqueue<B: Book>(
    book: &mut B,
    facts: &Facts,
    placed: &Placed,
    dependants: Vec<Wanted>,
    waiting: &mut BTreeMap<(Micros, ObservationId), Option<Arc<Facts>>>,
) -> Result<(), B::Error> {
    let asked = |wanted: &Wanted| facts.calls.iter().any(|call| call.prompts.contains(&wanted.mark));
    for wanted in dependants {
        // Who of several goes on from which answer goes by all of them; where there is no answer, by none.
        if is_likely(facts, &wanted) && !is_given(book, facts, wanted.mark)? {
            continue;
        }
        // Who was started by no one takes no one's place.
        if wanted.kind == MarkKind::Begins && placed.parent.is_none() && !asked(&wanted) {
            continue;
        }
        for known in book.find(wanted)? {
            let is_later = (known.start, known.id) > (facts.start, facts.id);
            let may_hang = match wanted.kind {
                // Those that a tool's result may be of began before it came.
                MarkKind::Gives => known.is_beside || facts.brings.contains(&wanted.mark),
                // The same again is an attempt where this one failed, or this one seen by another process.
                MarkKind::Asks => {
                    let is_other = known.process.is_some_and(|process| process != facts.process);
                    known.is_beside || is_later && (facts.failed || is_other)
                }
                _ => is_later || known.is_beside || is_beside(wanted.kind),
            };
            if known.id != facts.id && may_hang {
                waiting.entry((known.start, known.id)).or_insert(None);
            }
        }
    }
    Ok(())
}

/// Whether it is for those that are likely to go on from what this one goes on from.
fn is_likely(facts: &Facts, wanted: &Wanted) -> bool {
    let is_need = |need: &Need| !need.exact && need.mark == wanted.mark;
    wanted.kind == MarkKind::Needs && !facts.gives.contains(&wanted.mark) && facts.needs.iter().any(is_need)
}

/// Whether there is an answer that has a mark.
fn is_given<B: Book>(book: &mut B, facts: &Facts, mark: Mark) -> Result<bool, B::Error> {
    let before = Wanted { limit: 1, ..Wanted::before(MarkKind::Gives, mark, facts.start) };
    let since = Wanted { limit: 1, ..Wanted::since(MarkKind::Gives, mark, facts.start) };
    Ok(!book.find(before)?.is_empty() || !book.find(since)?.is_empty())
}

fn is_beside(kind: MarkKind) -> bool {
    kind == MarkKind::Beside
}

fn differs(old: &Known, new: &Placed) -> bool {
    let place = (old.trace, &old.session, old.parent, old.prior, old.attempt, old.is_beside, old.is_double);
    let new = (
        new.trace,
        &new.session,
        new.parent,
        new.prior,
        new.attempt,
        new.side.is_some(),
        new.double_of.is_some(),
    );
    place != new
}

/// Results that a call brings go beside the calls of tools that asked for them.
/// Says whether any was new.
fn bring_results<B: Book>(book: &mut B, facts: &Facts, placed: &Placed) -> Result<bool, B::Error> {
    let mut brought = false;
    if placed.side.is_some() || placed.double_of.is_some() {
        return Ok(false);
    }
    if let Some(prior) = placed.prior.filter(|_| !facts.outcomes.is_empty()) {
        let tools = book.tools(prior)?;
        for (tool, outcome) in tool::paired(&tools, &facts.outcomes) {
            let answer = tool.answered(facts, outcome);
            if tool.takes(&answer) {
                book.answer(tool, &answer)?;
                brought = true;
            }
        }
    }
    for stray in &facts.strays {
        for asker in book.find(Wanted::before(MarkKind::Gives, *stray, facts.start))? {
            let tools = book.tools(asker.id)?;
            let is_named = |tool: &Tool| tool.call_id.as_deref().map(call_mark) == Some(*stray);
            let named: Vec<Tool> = tools.into_iter().filter(is_named).collect();
            let is_its = |outcome: &&Outcome| outcome.id.as_deref().map(call_mark) == Some(*stray);
            for (tool, outcome) in named.iter().zip(facts.outcomes.iter().filter(is_its)) {
                let answer = tool.answered(facts, outcome);
                if tool.takes(&answer) {
                    book.answer(tool, &answer)?;
                    brought = true;
                }
            }
        }
    }
    for late in &facts.late {
        for asker in book.find(Wanted::before(MarkKind::Gives, late.mark, facts.start))? {
            let tools = book.tools(asker.id)?;
            let Some(tool) = tools.iter().find(|tool| tool.call_id.as_deref() == Some(&late.id)) else {
                continue;
            };
            let answer = Answer {
                by: facts.id,
                at: facts.start,
                took: Took::Gap(facts.start.0.saturating_sub(tool.start.0)),
                is_error: late.is_error.then_some(true),
                preview: late.preview.clone(),
                is_late: true,
            };
            if tool.takes(&answer) {
                book.answer(tool, &answer)?;
                brought = true;
            }
        }
    }
    Ok(brought)
}

/// The marks to keep with a call, and with the calls of tools that it asks for.
pub fn marks(facts: &Facts, placed: &Placed) -> Vec<(ObservationId, MarkKind, Mark)> {
    // Whoever has found for sure what it goes on from waits for what would have been better, and for nothing else.
    let sure = placed.need.filter(|at| facts.needs.get(*at).is_some_and(|need| need.exact));
    let needs = sure.map_or(usize::MAX, |at| at + 1);
    marks_of(facts, needs, placed.side.is_none(), facts.opens || placed.prior.is_none())
}

/// All marks that may be kept with a call, wherever it is put.
pub fn possible_marks(facts: &Facts) -> Vec<(ObservationId, MarkKind, Mark)> {
    marks_of(facts, usize::MAX, true, true)
}

fn marks_of(
    facts: &Facts,
    most_needs: usize,
    is_step: bool,
    begins: bool,
) -> Vec<(ObservationId, MarkKind, Mark)> {
    let own = |kind, marks: &[Mark]| -> Vec<(ObservationId, MarkKind, Mark)> {
        marks.iter().map(|mark| (facts.id, kind, *mark)).collect()
    };
    let mut all = own(MarkKind::Gives, &facts.gives);
    let needs = facts.needs.iter().take(most_needs);
    all.extend(needs.map(|need| (facts.id, MarkKind::Needs, need.mark)));
    all.extend(facts.late.iter().map(|late| (facts.id, MarkKind::Needs, late.mark)));
    all.extend(own(MarkKind::Needs, &facts.strays));
    all.extend(facts.asks.map(|asks| (facts.id, MarkKind::Asks, asks)));
    all.extend(own(MarkKind::Begins, &facts.begins));
    if is_step {
        all.extend(own(MarkKind::Words, &facts.words));
        all.extend(own(MarkKind::Thread, &facts.thread));
    }
    all.extend(own(MarkKind::Beside, &facts.beside));
    all.extend(own(MarkKind::Brings, &facts.brings));
    all.extend(facts.span().map(|span| (facts.id, MarkKind::Span, span_mark(span))));
    if facts.is_first {
        all.extend(own(MarkKind::Under, &facts.under));
    } else if begins {
        // Whose agent it is may be found out later.
        all.extend(facts.under.iter().map(|mark| (facts.id, MarkKind::Under, later(*mark))));
    }
    for (place, call) in facts.calls.iter().enumerate() {
        let tool = tool::id_of(facts.id, place);
        all.extend(call.prompts.iter().map(|mark| (tool, MarkKind::Prompts, *mark)));
    }
    all.sort_unstable_by_key(|(id, kind, mark)| (*id, kind.number(), *mark));
    all.dedup();
    all
}
