//! Who started an agent: the call of a tool that its conversation was begun by.

use super::book::{Book, Known, Wanted};
use super::facts::Facts;
use super::mark::MarkKind;
use super::place::{INFERRED_SESSION, SUMMED_WITHIN};
use super::tool::Tool;
use crate::model::{Micros, ObservationId};

/// A tool is called as soon as the model has asked for it: its answer may go on for this long.
const HASTE: u64 = 30 * 1_000_000;
/// An agent begins this soon after it was asked for, where no id says that they belong together.
const BEGIN_WITHIN: u64 = 10 * 60 * 1_000_000;
/// And where one does, no later than this.
const ASKED_WITHIN: u64 = 24 * 60 * 60 * 1_000_000;

/// What started an agent.
pub struct Started {
    pub known: Known,
    /// The tool's call, where it is known which.
    pub parent: Option<ObservationId>,
    pub reason: String,
    pub confidence: f64,
}

/// The call of a tool that a conversation was begun by.
pub fn starter<B: Book>(book: &mut B, facts: &Facts) -> Result<Option<Started>, B::Error> {
    if facts.is_first && facts.speaks {
        for prompt in &facts.begins {
            let since = Micros(facts.start.0.saturating_sub(ASKED_WITHIN));
            let until = Micros(facts.start.0 + HASTE);
            let wanted = Wanted { from: since, ..Wanted::before(MarkKind::Prompts, *prompt, until) };
            let calls = book.find(wanted)?;
            let mut able = Vec::new();
            for call in calls.iter().filter(|call| may_start(facts, call)) {
                let asker = call.parent.map(|asker| book.known(asker)).transpose()?.flatten();
                if asker.is_some_and(|asker| asker.start < facts.start) {
                    able.push(call);
                }
            }
            // An agent is started by its own program if that asked for one of these words at all.
            let own = |known: &Known| known.client == facts.client;
            let is_own = able.iter().any(|call| own(call));
            let calls: Vec<&Known> = able.into_iter().filter(|call| !is_own || own(call)).collect();
            if calls.is_empty() {
                continue;
            }
            let begun = book.find(Wanted::before(MarkKind::Begins, *prompt, facts.start))?;
            // Attempts of one beginning are one.
            let begun = begun.iter().filter(|known| {
                let is_one = known.attempt == 1 && !known.is_double && !known.is_beside;
                is_one && (!is_own || own(known)) && is_of_session(facts, known)
            });
            let mut children: Vec<(Micros, ObservationId)> =
                begun.map(|known| (known.start, known.id)).collect();
            children.push((facts.start, facts.id));
            if let Some(call) = pairing_in_order(&calls, children, facts.id) {
                return Ok(Some(Started {
                    known: call.clone(),
                    parent: Some(call.id),
                    reason: "inferred:prompt".to_owned(),
                    confidence: 0.95,
                }));
            }
        }
    }
    if let Some(started) = said_starter(book, facts)? {
        return Ok(Some(started));
    }
    resulted(book, facts)
}

/// The call of a tool that ran while this call was made, and whose result is what it says.
fn resulted<B: Book>(book: &mut B, facts: &Facts) -> Result<Option<Started>, B::Error> {
    let (true, Some(says), Some(end)) = (facts.is_first && facts.speaks, facts.says, facts.end) else {
        return Ok(None);
    };
    let until = Micros(end.0.saturating_add(SUMMED_WITHIN));
    let wanted = Wanted { to: until, ..Wanted::since(MarkKind::Brings, says, end) };
    for bringer in book.find(wanted)? {
        let Some(asker) = bringer.prior.map(|prior| book.known(prior)).transpose()?.flatten() else {
            continue;
        };
        if asker.start >= facts.start || asker.id == facts.id {
            continue;
        }
        let tools = book.tools(asker.id)?;
        let is_its = |tool: &&Tool| {
            let answer = tool.answer.as_ref().filter(|answer| answer.by == bringer.id);
            let runs = tool.start.0 <= facts.start.0 + HASTE;
            runs && answer.is_some_and(|answer| answer.preview == facts.says_preview)
        };
        let Some(tool) = tools.iter().find(is_its) else { continue };
        let known = Known {
            id: tool.id,
            start: tool.start,
            parent: Some(asker.id),
            prior: None,
            place: tool.place,
            ..asker
        };
        if may_start(facts, &known) {
            return Ok(Some(Started {
                parent: Some(known.id),
                known,
                reason: "inferred:result".to_owned(),
                confidence: 0.9,
            }));
        }
    }
    Ok(None)
}

/// Tools that start agents, by what their names hold.
const STARTS: &[&str] = &["agent", "task", "spawn", "delegate"];
/// So many calls back the one is looked for that started an agent.
const STARTED_WITHIN: usize = 8;

/// The call of a tool that an agent was started by whose caller says whose it is.
fn said_starter<B: Book>(book: &mut B, facts: &Facts) -> Result<Option<Started>, B::Error> {
    let said = facts.said.parent_thread.as_ref().or(facts.said.parent_session.as_ref());
    let (Some(said), Some(mark)) = (said, facts.under.first().copied()) else { return Ok(None) };
    let wanted = Wanted { limit: STARTED_WITHIN, ..Wanted::before(MarkKind::Thread, mark, facts.start) };
    let above = book.find(wanted)?;
    let Some(newest) = above.first().cloned() else { return Ok(None) };
    let mut calls: Vec<Known> = Vec::new();
    for asker in &above {
        let tools = book.tools(asker.id)?;
        let starts = |name: &str| STARTS.iter().any(|word| name.to_ascii_lowercase().contains(word));
        let agents = tools.iter().filter(|tool| starts(&tool.name));
        calls.extend(agents.map(|tool| Known {
            id: tool.id,
            start: tool.start,
            parent: Some(asker.id),
            prior: None,
            place: tool.place,
            ..asker.clone()
        }));
    }
    let begun = book.find(Wanted::before(MarkKind::Under, mark, facts.start))?;
    let mut children: Vec<(Micros, ObservationId)> =
        begun.iter().filter(|known| known.attempt == 1).map(|known| (known.start, known.id)).collect();
    children.push((facts.start, facts.id));
    let calls: Vec<&Known> = calls.iter().collect();
    let call = pairing_in_order(&calls, children, facts.id);
    Ok(Some(Started {
        parent: call.map(|call| call.id),
        known: call.cloned().unwrap_or(newest),
        reason: format!("said:{}", said.place),
        confidence: 0.9,
    }))
}

/// Whether a call may be of the session that this one says it is of.
fn is_of_session(facts: &Facts, known: &Known) -> bool {
    let said = [&facts.said.session, &facts.said.parent_session];
    let is_said = |session: &String| said.iter().any(|id| id.as_ref().is_some_and(|id| id.value == *session));
    match (&facts.said.session, &known.session) {
        (Some(_), Some(session)) => is_said(session),
        (None, Some(session)) => session.starts_with(INFERRED_SESSION),
        _ => true,
    }
}

fn may_start(facts: &Facts, call: &Known) -> bool {
    let said = &facts.said;
    let named = [&said.session, &said.parent_session];
    let is_named = named.iter().any(|id| id.as_ref().map(|id| &id.value) == call.session.as_ref());
    match said.session.is_some() || said.parent_session.is_some() {
        // Who names a session and is in another was not started from there.
        true => is_named,
        false => {
            facts.start.0.saturating_sub(call.start.0) <= BEGIN_WITHIN
                && call.session.as_ref().is_none_or(|session| session.starts_with(INFERRED_SESSION))
        }
    }
}

/// Calls of the same words are answered in the order they were asked in.
fn pairing_in_order<'a>(
    calls: &[&'a Known],
    mut children: Vec<(Micros, ObservationId)>,
    wanted: ObservationId,
) -> Option<&'a Known> {
    children.sort_unstable();
    children.dedup();
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| (call.start, call.parent, call.place, call.id));
    for (start, child) in children {
        let at = calls.iter().position(|call| call.start.0 <= start.0 + HASTE);
        let call = at.map(|at| if calls.len() > 1 { calls.remove(at) } else { calls[at] });
        if child == wanted {
            return call;
        }
    }
    None
}
