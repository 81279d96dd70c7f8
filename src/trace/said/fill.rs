//! What was found, sorted by trust and put into its places.

use serde_json::Value;

use super::look::{Found, Look, decoded};
use super::means::{Means, role};
use super::place::{Place, Source};
use super::table::{Convention, KEYS, Trust, reads_member};
use super::value::{clean, is_key, is_nobody, is_shared, is_short, is_stand_in, text};
use super::{Id, Role, Said, Seen, cut};

/// So many labels, tags, and ids seen are kept of one call.
const MOST: usize = 64;
const MOST_DURATIONS: usize = 64;
/// Nothing that is longer has a place for it; half a list would be wrong.
const LONGEST_LIST: usize = 8 << 10;

/// Something said, with how far it is trusted.
pub struct Finding {
    rank: Rank,
    means: Means,
    place: String,
    value: String,
    /// What a label is called.
    label: String,
    /// It was said of the socket, and is another for each call on it.
    stale: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    trust: Trust,
    /// It was said once, for all calls on a socket: the call itself knows better.
    of_socket: bool,
}

/// Everything that one convention finds.
pub fn findings(line: &Convention, look: &Look, socket: bool, out: &mut Vec<Finding>) {
    if !look.is_from(line.agents) {
        return;
    }
    let of_head = matches!(line.place.source, Source::Header | Source::Query | Source::Baggage);
    let of_socket = socket && of_head;
    // Whatever a head says on purpose, the call that says its own is nearer.
    let trust = if of_socket && line.trust == Trust::Vendor { Trust::Native } else { line.trust };
    let rank = Rank { trust, of_socket };
    let mut all = look.find(line.place, line.trust != Trust::Configured);
    if line.means == Means::Tag && line.place.source == Source::Label {
        // They do not override one another, and stand as they were said.
        all.reverse();
    }
    for found in all {
        match line.means {
            Means::Metadata => metadata(line, rank, &found, out),
            means => {
                let label = match line.label {
                    Some(label) => label,
                    None if found.star.is_empty() => line.place.name,
                    None => &found.star,
                };
                value(rank, means, line.cut, &found.place, label, &found.value, out);
            }
        }
    }
}

/// The members of an object: known names first, in their order, then labels.
fn metadata(line: &Convention, rank: Rank, found: &Found, out: &mut Vec<Finding>) {
    let Some(object) = found.value.as_object() else { return };
    let dot = if line.place.source == Source::Body { '.' } else { ':' };
    let place = |key: &str| format!("{}{dot}{key}", found.place);
    for (key, means) in KEYS {
        if let Some(own) = object.get(*key) {
            value(rank, *means, None, &place(key), key, own, out);
        }
    }
    let name = Place { path: "", ..line.place };
    let others = object.iter().filter(|(key, _)| !KEYS.iter().any(|(known, _)| known == key));
    for (key, own) in others.filter(|(key, _)| !reads_member(&name, key)).take(MOST) {
        value(rank, Means::Label, None, &place(key), key, own, out);
    }
}

fn value(
    rank: Rank,
    means: Means,
    cut: Option<cut::Cut>,
    place: &str,
    label: &str,
    value: &Value,
    out: &mut Vec<Finding>,
) {
    let mut push = |value: String| {
        let stale = rank.of_socket && means.is_of_one_call();
        out.push(Finding { rank, means, place: place.to_owned(), value, label: label.to_owned(), stale });
    };
    match (means, value) {
        (Means::Tag, Value::Array(tags)) => tags.iter().filter_map(text).take(MOST).for_each(push),
        (Means::Tag, Value::String(tags)) => match serde_json::from_str::<Vec<String>>(tags) {
            Ok(tags) => tags.into_iter().take(MOST).for_each(push),
            Err(_) => tags.split(',').take(MOST).map(str::to_owned).for_each(push),
        },
        _ => {
            let said = text(value).and_then(|text| cut.map_or(Some(text.clone()), |cut| cut(&text)));
            said.into_iter().for_each(&mut push);
        }
    }
}

/// Puts what was found in its places: of several the most trusted, of equals the first.
pub fn filled(mut findings: Vec<Finding>) -> Said {
    findings.sort_by_key(|finding| finding.rank);
    let mut said = Said::default();
    let mut role_rank = None;
    for finding in findings {
        if finding.means == Means::ToolDurations {
            if said.tool_durations.is_empty() && !finding.stale {
                said.tool_durations = durations(&finding.value);
            }
            continue;
        }
        let Some(value) = clean(&finding.value).filter(|value| !is_key(value)) else { continue };
        let finding = Finding { value, ..finding };
        match finding.means {
            Means::Tag => tag(&mut said, finding.value),
            Means::Label => labelled(&mut said, &finding.label, finding.value),
            Means::Retries if !finding.stale => {
                said.retries = said.retries.or(finding.value.parse().ok());
            }
            _ if is_stand_in(&finding.value) => {}
            _ => id(&mut said, finding, &mut role_rank),
        }
    }
    // A span is one of its trace: where another convention names the trace, it is a stranger's.
    let of_trace = |parent: &Id| said.trace.as_ref().is_some_and(|trace| trace.place == parent.place);
    if said.parent.as_ref().is_some_and(|parent| parent.place.ends_with("traceparent") && !of_trace(parent)) {
        said.parent = None;
    }
    said
}

fn id(said: &mut Said, finding: Finding, role_rank: &mut Option<Rank>) {
    let Finding { rank, means, place, value, label, stale } = finding;
    if means == Means::User && rank.trust > Trust::Configured && cut::is_joined(&value) {
        return;
    }
    if means.is_noted() {
        let seen = Seen { means: means.name(), place: place.clone(), value: value.clone() };
        if said.seen.len() < MOST && !said.seen.contains(&seen) {
            said.seen.push(seen);
        }
    }
    if stale || !is_usable(means, rank.trust, &value) {
        return;
    }
    if means == Means::Role {
        match role(&value) {
            Some(role) => part(said, role, place, rank, role_rank),
            // A word of the caller's own is kept as one.
            None if rank.trust <= Trust::Configured => labelled(said, &label, value),
            None => {}
        }
    } else if let Some(slot) = slot(said, means) {
        slot.get_or_insert(Id { value, place });
    }
}

/// Whether a value may be what it is said to be.
fn is_usable(means: Means, trust: Trust, value: &str) -> bool {
    if trust <= Trust::Configured {
        return true;
    }
    match means {
        Means::User => !is_nobody(value),
        _ if means.is_id() => !is_shared(value) && (trust < Trust::Generic || !is_short(value)),
        _ => true,
    }
}

fn slot(said: &mut Said, means: Means) -> Option<&mut Option<Id>> {
    Some(match means {
        Means::Session => &mut said.session,
        Means::ParentSession => &mut said.parent_session,
        Means::Thread => &mut said.thread,
        Means::ParentThread => &mut said.parent_thread,
        Means::Turn => &mut said.turn,
        Means::Trace => &mut said.trace,
        Means::ParentSpan => &mut said.parent,
        Means::User => &mut said.user,
        Means::PromptVersion => &mut said.prompt_version,
        Means::TraceName => &mut said.trace_name,
        Means::SessionName => &mut said.session_name,
        Means::Agent => &mut said.agent,
        _ => return None,
    })
}

/// Of several words of one rank the most particular counts: a sub-agent's history is made shorter as a main one's is.
fn part(said: &mut Said, role: Role, place: String, rank: Rank, role_rank: &mut Option<Rank>) {
    let particular = |role: Role| match role {
        Role::Main => 0,
        Role::Subagent => 1,
        Role::Side => 2,
        Role::Compaction => 3,
    };
    let better = match (&said.role, *role_rank) {
        (Some((own, _)), Some(known)) => known == rank && particular(role) > particular(*own),
        _ => true,
    };
    if better {
        said.role = Some((role, place));
        *role_rank = Some(rank);
    }
}

fn tag(said: &mut Said, tag: String) {
    if said.tags.len() < MOST && !said.tags.contains(&tag) {
        said.tags.push(tag);
    }
}

fn labelled(said: &mut Said, label: &str, value: String) {
    let Some(label) = clean(label) else { return };
    if said.labels.len() < MOST {
        said.labels.entry(label).or_insert(value);
    }
}

/// `Bash=742;Read=9`: milliseconds. Names may be percent-encoded, or all of it is.
fn durations(list: &str) -> Vec<(String, f64)> {
    if list.len() > LONGEST_LIST {
        return Vec::new();
    }
    let list = if list.contains('=') { list.to_owned() } else { decoded(list, false) };
    let pairs = list.split(';').filter_map(|pair| {
        let (name, millis) = pair.rsplit_once('=')?;
        let millis =
            millis.trim().parse::<f64>().ok().filter(|millis| millis.is_finite() && *millis >= 0.0)?;
        Some((clean(&decoded(name, false))?, millis))
    });
    pairs.take(MOST_DURATIONS).collect()
}
