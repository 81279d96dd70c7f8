//! Where a call belongs: what its caller says, else what it has in common with other calls. Nothing here depends on the
//! order in which calls came to be known.

use super::book::{Book, Known, Placed, Wanted};
use super::facts::{Facts, Need, Needed};
use super::mark::{Mark, MarkKind, Marking, later};
use super::start::{Started, starter};
use super::told;
use crate::model::{Link, Micros, ObservationId, TraceId};

/// A request is another attempt where the one before failed no longer ago, in microseconds.
const RETRY_WITHIN: u64 = 15 * 60 * 1_000_000;
/// A call that another recorder saw too takes no longer.
const SAME_WITHIN: u64 = 60 * 60 * 1_000_000;
/// A program may ask the same a thousand times: of those no more are looked at.
const MOST_SAME: usize = 8;
/// What is beside the main line comes with it.
const BESIDE_WITHIN: u64 = 2 * 60 * 1_000_000;
/// A summary is gone on from this soon.
pub const SUMMED_WITHIN: u64 = 60 * 60 * 1_000_000;
/// Sessions that are known by their content alone begin like this.
pub const INFERRED_SESSION: &str = "thread-";

/// What was found for a call to go on from.
struct Prior {
    known: Known,
    need: Need,
    /// The how-manieth need that is.
    at: usize,
    confidence: f64,
}

impl Prior {
    /// It answers the same words of the user.
    fn is_same_turn(&self, facts: &Facts) -> bool {
        match self.need.turn {
            Needed::Last | Needed::FirstOfTurn => !facts.opens,
            Needed::EarlierInTurn => true,
            Needed::FirstOfAll | Needed::Earlier | Needed::Unanswered | Needed::Summary => false,
        }
    }
}

/// Finds a call's place.
pub fn place<B: Book>(book: &mut B, facts: &Facts) -> Result<Placed, B::Error> {
    let same = same(book, facts)?;
    if let Some(first) = double(book, facts, &same)? {
        let link = link("generation", "inferred:response-id", 0.99);
        return Ok(Placed {
            trace: first.trace,
            session: first.session,
            parent: Some(first.id),
            callers: None,
            prior: first.prior,
            need: None,
            attempt: first.attempt,
            side: None,
            double_of: Some(first.id),
            links: vec![link],
        });
    }
    let prior = prior(book, facts)?;
    let need = prior.as_ref().map(|prior| prior.at);
    let mut placed = Placed { need, ..single(book, facts, &same, prior.as_ref())? };
    if let Some(told) = book.told(facts)? {
        told::apply(facts, told, &mut placed);
    }
    Ok(placed)
}

/// The place of a call that was seen once, given what it goes on from.
fn single<B: Book>(
    book: &mut B,
    facts: &Facts,
    same: &[Known],
    prior: Option<&Prior>,
) -> Result<Placed, B::Error> {
    let failed = retried(facts, same);
    if let Some(placed) = beside(book, facts, prior)? {
        return Ok(placed);
    }
    // An earlier attempt of the same is in the place already.
    if let Some(failed) = failed {
        let mut placed = same_as(&failed, prior.map(|prior| prior.known.id).or(failed.prior));
        placed.attempt = failed.attempt + 1;
        placed.links.push(link("generation", "inferred:same-request", 0.95));
        placed.side = facts.side.filter(|side| side.is_sure).map(|side| side.name);
        return Ok(said_trace(facts, placed));
    }
    if let Some(prior) = prior.filter(|prior| prior.is_same_turn(facts)) {
        let mut placed = same_as(&prior.known, Some(prior.known.id));
        placed.attempt = facts.retries + 1;
        placed.links.push(link("trace", prior.need.reason, prior.confidence));
        say_session(facts, &mut placed);
        return Ok(said_trace(facts, placed));
    }
    begun(book, facts, prior)
}

/// A call that begins a turn.
fn begun<B: Book>(book: &mut B, facts: &Facts, prior: Option<&Prior>) -> Result<Placed, B::Error> {
    let started = starter(book, facts)?;
    let before = prior.map(|prior| &prior.known);
    let mut placed = Placed {
        trace: own_trace(facts.id),
        session: None,
        parent: None,
        callers: None,
        prior: before.map(|before| before.id),
        need: None,
        attempt: facts.retries + 1,
        side: facts.side.filter(|side| side.is_sure).map(|side| side.name),
        double_of: None,
        links: Vec::new(),
    };
    session(facts, prior, started.as_ref(), &mut placed);
    trace(facts, prior, started.as_ref(), &mut placed);
    Ok(placed)
}

fn session(facts: &Facts, prior: Option<&Prior>, started: Option<&Started>, placed: &mut Placed) {
    let started = started.filter(|started| started.known.session.is_some());
    if let Some(started) = started {
        placed.session.clone_from(&started.known.session);
        placed.links.push(link("session", &started.reason, started.confidence));
    } else if facts.said.session.is_some() || facts.said.parent_session.is_some() {
        say_session(facts, placed);
    } else if let Some(prior) = prior {
        placed.session.clone_from(&prior.known.session);
        placed.links.push(link("session", prior.need.reason, prior.confidence));
    } else if facts.speaks {
        // Named after its first call that was seen. The ids in the model's first turn would name it as well, but histories
        // are made up, too: of examples that all conversations of a program begin with.
        let id = Marking::of("session").and(&facts.id.to_string()).mark();
        placed.session = Some(format!("{INFERRED_SESSION}{:016x}", id.0));
        placed.links.push(link("session", "inferred:first-call", 0.9));
    }
}

/// The session that the caller names.
fn say_session(facts: &Facts, placed: &mut Placed) {
    if let Some(said) = facts.said.parent_session.as_ref().or(facts.said.session.as_ref()) {
        placed.session = Some(said.value.clone());
        placed.links.push(link("session", &format!("said:{}", said.place), 1.0));
    }
}

fn trace(facts: &Facts, prior: Option<&Prior>, started: Option<&Started>, placed: &mut Placed) {
    let said = &facts.said;
    let is_open = |place: &str| place.contains("traceparent");
    if let Some(id) = said.trace.as_ref().filter(|id| !is_open(&id.place)) {
        placed.trace = named_trace(&id.value);
        placed.links.push(link("trace", &format!("said:{}", id.place), 1.0));
    }
    if let Some(started) = started {
        if placed.links.iter().all(|link| link.to != "trace") {
            placed.trace = started.known.trace;
            placed.links.push(link("trace", &started.reason, started.confidence));
        }
        placed.parent = started.parent;
        if started.parent.is_some() {
            placed.links.push(link("parent", &started.reason, started.confidence));
        }
        return;
    }
    if placed.links.iter().any(|link| link.to == "trace") {
        return;
    }
    if let Some(id) = &said.trace {
        placed.trace = named_trace(&id.value);
        placed.links.push(link("trace", &format!("said:{}", id.place), 1.0));
    } else if let Some(turn) = &said.turn {
        let session = said.session.as_ref().map_or("", |session| session.value.as_str());
        placed.trace = TraceId(Marking::of("said turn").and(session).and(&turn.value).id());
        placed.links.push(link("trace", &format!("said:{}", turn.place), 1.0));
    } else if let Some(prior) = prior.filter(|prior| prior.known.parent.is_some() && facts.speaks) {
        // An agent that another started is told more.
        placed.trace = prior.known.trace;
        placed.parent = prior.known.parent;
        placed.links.push(link("trace", prior.need.reason, prior.confidence));
    } else if facts.speaks {
        placed.links.push(link("trace", "inferred:user-turn", 0.95));
    }
}

/// A trace of its own.
fn own_trace(id: ObservationId) -> TraceId {
    TraceId(Marking::of("trace").and(&id.to_string()).id())
}

/// The trace that a caller names: its id as it stands where it is one.
fn named_trace(name: &str) -> TraceId {
    let bare: String = name.chars().filter(|c| *c != '-').collect();
    TraceId::parse(&bare.to_ascii_lowercase())
        .unwrap_or_else(|| TraceId(Marking::of("said trace").and(name).id()))
}

/// What a caller says of its trace in so many words holds wherever the call was found to belong.
fn said_trace(facts: &Facts, mut placed: Placed) -> Placed {
    if let Some(id) = facts.said.trace.as_ref().filter(|id| !id.place.contains("traceparent")) {
        placed.trace = named_trace(&id.value);
        placed.links.retain(|link| link.to != "trace");
        placed.links.push(link("trace", &format!("said:{}", id.place), 1.0));
    }
    placed
}

fn same_as(known: &Known, prior: Option<ObservationId>) -> Placed {
    Placed {
        trace: known.trace,
        session: known.session.clone(),
        parent: known.parent,
        callers: None,
        prior,
        need: None,
        attempt: 1,
        side: None,
        double_of: None,
        links: Vec::new(),
    }
}

fn link(to: &'static str, reason: &str, confidence: f64) -> Link {
    Link { to, reason: reason.to_owned(), confidence }
}

/// Calls of not long ago that asked the same.
fn same<B: Book>(book: &mut B, facts: &Facts) -> Result<Vec<Known>, B::Error> {
    let Some(asks) = facts.asks else { return Ok(Vec::new()) };
    let since = Micros(facts.start.0.saturating_sub(SAME_WITHIN));
    book.find(Wanted { from: since, limit: MOST_SAME, ..Wanted::before(MarkKind::Asks, asks, facts.start) })
}

/// The same call as another recorder saw it, nearer to the client.
fn double<B: Book>(book: &mut B, facts: &Facts, same: &[Known]) -> Result<Option<Known>, B::Error> {
    let Some(end) = facts.end else { return Ok(None) };
    for known in same {
        let is_around = known.end.is_some_and(|outer| outer >= end) && known.start <= facts.start;
        if known.id == facts.id || !is_around || known.is_double || known.is_beside {
            continue;
        }
        // The outer of two that are of the same time is the one whose id comes first.
        if (known.start, known.id) >= (facts.start, facts.id) {
            continue;
        }
        // No process sees a call twice, and no two calls have all their names in common.
        if facts.named.0.is_none() || known.process.is_none_or(|process| process == facts.process) {
            continue;
        }
        if book.facts(known.id)?.is_some_and(|outer| outer.named == facts.named) {
            return Ok(Some(known.clone()));
        }
    }
    Ok(None)
}

/// The failed attempt that this one repeats.
fn retried(facts: &Facts, same: &[Known]) -> Option<Known> {
    let since = Micros(facts.start.0.saturating_sub(RETRY_WITHIN));
    let same: Vec<&Known> = same.iter().filter(|known| !known.is_double && known.start >= since).collect();
    let could = |known: &&Known| known.failed && !known.is_refused && known.id != facts.id;
    let failed: Vec<&Known> = same.iter().copied().filter(could).collect();
    if failed.is_empty() {
        return None;
    }
    let mut children: Vec<(Micros, ObservationId)> =
        same.iter().map(|known| (known.start, known.id)).collect();
    children.push((facts.start, facts.id));
    pairing(&failed, children, facts.id, false).cloned()
}

/// The call that this one goes on from.
fn prior<B: Book>(book: &mut B, facts: &Facts) -> Result<Option<Prior>, B::Error> {
    for (at, need) in facts.needs.iter().enumerate() {
        let mut givers = book.find(Wanted::before(MarkKind::Gives, need.mark, facts.start))?;
        givers.retain(|known| known.id != facts.id && !known.is_double && may_follow(facts, known, need));
        if givers.iter().any(|known| !known.is_beside) {
            givers.retain(|known| !known.is_beside);
        }
        if givers.is_empty() {
            continue;
        }
        // Where many say the same, an id further back tells whose conversation it is.
        let mut need = need.clone();
        if !need.exact && need.turn == Needed::Last {
            let session = anchor(book, facts, &need)?;
            let is_its = |known: &Known| session.is_some() && known.session == session;
            if givers.iter().any(is_its) {
                givers.retain(is_its);
                need.again = true;
            }
        }
        let found = if need.exact || givers.len() == 1 && (need.again || need.turn == Needed::Summary) {
            givers.into_iter().next()
        } else {
            // What is only about a turn does not go on from it.
            let is_beside = facts.side.is_some_and(|side| side.is_behind);
            let waiting = book.find(Wanted::before(MarkKind::Needs, need.mark, facts.start))?;
            let waiting = waiting.iter().filter(|known| known.is_beside == is_beside);
            let mut children: Vec<(Micros, ObservationId)> =
                waiting.map(|known| (known.start, known.id)).collect();
            children.push((facts.start, facts.id));
            let givers: Vec<&Known> = givers.iter().collect();
            pairing(&givers, children, facts.id, need.again).cloned()
        };
        // How many others could be meant is not in it: more of them may come to be known.
        let confidence = match (need.exact, need.turn) {
            (true, _) => 0.99,
            (false, Needed::Summary) => 0.7,
            (false, _) => 0.85,
        };
        if let Some(known) = found {
            return Ok(Some(Prior { known, need, at, confidence }));
        }
    }
    Ok(None)
}

/// The session of the call that gave an id of the history.
fn anchor<B: Book>(book: &mut B, facts: &Facts, need: &Need) -> Result<Option<String>, B::Error> {
    let Some(sure) = facts.needs.iter().find(|sure| sure.exact && sure.mark != need.mark) else {
        return Ok(None);
    };
    let wanted = Wanted { limit: 2, ..Wanted::before(MarkKind::Gives, sure.mark, facts.start) };
    let givers = book.find(wanted)?;
    Ok(givers
        .into_iter()
        .find(|known| known.id != facts.id && !known.is_double)
        .and_then(|known| known.session))
}

/// Likeness alone joins no two sessions that callers named.
fn may_follow(facts: &Facts, known: &Known, need: &Need) -> bool {
    if known.start > facts.start || (known.start, known.id) >= (facts.start, facts.id) {
        return false;
    }
    let is_soon = matches!(need.turn, Needed::Summary | Needed::Unanswered);
    if is_soon && facts.start.0.saturating_sub(known.start.0) > SUMMED_WITHIN {
        return false;
    }
    need.exact || facts.said.session.as_ref().is_none_or(|said| known.session.as_ref() == Some(&said.value))
}

/// Of several that could be meant, each child has the latest that had ended by then and that no child before it has;
/// where all are taken, the latest, or none.
fn pairing<'a>(
    parents: &[&'a Known],
    mut children: Vec<(Micros, ObservationId)>,
    wanted: ObservationId,
    again: bool,
) -> Option<&'a Known> {
    children.sort_unstable();
    children.dedup();
    let ended = |known: &Known| (known.end.unwrap_or(known.start), known.id);
    let mut taken: Vec<ObservationId> = Vec::new();
    for (start, child) in children {
        let could = |known: &&&Known| known.id != child && ended(known).0 <= start;
        let free = parents.iter().filter(could).filter(|known| !taken.contains(&known.id));
        let mut found = free.max_by_key(|known| ended(known));
        if found.is_none() && again {
            found = parents.iter().filter(could).max_by_key(|known| ended(known));
        }
        if child == wanted {
            return found.copied();
        }
        taken.extend(found.map(|known| known.id));
    }
    None
}

/// A call beside the main line: where what it is about stands.
fn beside<B: Book>(book: &mut B, facts: &Facts, prior: Option<&Prior>) -> Result<Option<Placed>, B::Error> {
    let Some(side) = facts.side.filter(|side| side.name != "compaction") else { return Ok(None) };
    let main = match about(book, facts)? {
        Some((known, reason)) => Some((known, reason)),
        None => {
            let is_about = |prior: &&Prior| side.is_behind && prior.need.turn == Needed::Last;
            let same = prior.filter(|prior| prior.is_same_turn(facts) || is_about(prior));
            same.map(|prior| (prior.known.clone(), prior.need.reason))
        }
    };
    let Some((known, reason)) = main else { return Ok(None) };
    let mut placed = same_as(&known, prior.map(|prior| prior.known.id));
    placed.side = Some(side.name);
    placed.attempt = facts.retries + 1;
    placed.links.push(link("trace", reason, 0.8));
    say_session(facts, &mut placed);
    Ok(Some(placed))
}

/// The step of the main line that a call is about.
fn about<B: Book>(book: &mut B, facts: &Facts) -> Result<Option<(Known, &'static str)>, B::Error> {
    let mut wanted: Vec<(MarkKind, Mark, &'static str)> = Vec::new();
    wanted.extend(facts.asks.map(|asks| (MarkKind::Asks, asks, "inferred:same-request")));
    wanted.extend(facts.gives.iter().map(|mark| (MarkKind::Needs, *mark, "inferred:previous-response-id")));
    wanted.extend(facts.beside.iter().map(|mark| (MarkKind::Words, *mark, "inferred:same-words")));
    for (kind, mark, reason) in wanted {
        let mut found = book.find(Wanted::around(kind, mark, facts.start, BESIDE_WITHIN))?;
        let said = facts.said.session.as_ref();
        found.retain(|known| {
            known.id != facts.id
                && !known.is_beside
                && !known.is_double
                && said.is_none_or(|said| known.session.as_ref() == Some(&said.value))
        });
        let nearest = found.into_iter().min_by_key(|known| (known.start.0.abs_diff(facts.start.0), known.id));
        if let Some(known) = nearest {
            return Ok(Some((known, reason)));
        }
    }
    Ok(None)
}

/// What depends on a call: those that its coming may put elsewhere.
pub fn dependants(facts: &Facts) -> Vec<Wanted> {
    let since = |kind, mark| Wanted::since(kind, mark, facts.start);
    let mut wanted: Vec<Wanted> = Vec::new();
    wanted.extend(facts.gives.iter().map(|mark| since(MarkKind::Needs, *mark)));
    let likely = facts.needs.iter().filter(|need| !need.exact);
    wanted.extend(likely.map(|need| since(MarkKind::Needs, need.mark)));
    wanted
        .extend(facts.calls.iter().flat_map(|call| &call.prompts).map(|mark| since(MarkKind::Begins, *mark)));
    wanted.extend(facts.begins.iter().map(|mark| since(MarkKind::Begins, *mark)));
    let under = facts.thread.iter().flat_map(|mark| [*mark, later(*mark)]);
    wanted.extend(under.map(|mark| since(MarkKind::Under, mark)));
    // Which call of a tool started which agent goes by their order.
    let beside = facts.under.iter().filter(|_| facts.is_first);
    wanted.extend(beside.map(|mark| since(MarkKind::Under, *mark)));
    let around = |kind, mark| Wanted::around(kind, mark, facts.start, BESIDE_WITHIN);
    if let Some(asks) = facts.asks {
        let to = Micros(facts.start.0.saturating_add(RETRY_WITHIN));
        wanted.push(Wanted { to, limit: MOST_SAME, ..since(MarkKind::Asks, asks) });
        let from = Micros(facts.start.0.saturating_sub(BESIDE_WITHIN));
        let before = Wanted::before(MarkKind::Asks, asks, facts.start);
        wanted.push(Wanted { from, limit: MOST_SAME, ..before });
    }
    // An agent that a result is of began while the tool ran.
    let since = Micros(facts.start.0.saturating_sub(SUMMED_WITHIN));
    let of_results = facts.brings.iter();
    wanted.extend(
        of_results.map(|mark| Wanted { from: since, ..Wanted::before(MarkKind::Gives, *mark, facts.start) }),
    );
    if facts.side.is_none() {
        wanted.extend(facts.words.iter().map(|mark| around(MarkKind::Beside, *mark)));
        wanted.extend(facts.needs.iter().map(|need| around(MarkKind::Gives, need.mark)).take(1));
    }
    wanted
}
