//! What is new in a call against the call that it goes on from.
//!
//! Agents send their whole history again, and not as it was: marks of a cache move, reasoning is dropped, texts are joined,
//! ids are lost. Messages are compared by what they say, so that none of this counts as a change.

mod said;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value, json};

use self::said::{Turn, turns};
use super::diff::common;
use super::prompt;
use super::spot::Place;
use crate::model::{Part, PartKind, Reading};

/// What is new in a call. Indexes are those of its own `input`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub tools: ToolChanges,
    /// The system prompt says something else, what changes by itself left aside.
    pub system: bool,
    /// How many messages stand in the history as they did.
    pub kept_messages: usize,
    /// Where it first departs from the history, in the order tools, system, messages; `None` where it only goes on.
    pub first_difference: Option<Place>,
    /// The messages at its end that are not of the history.
    pub new_input: Range<usize>,
    /// How many messages of the history are gone.
    pub removed: usize,
    /// Messages of the history that say something else now: cleared results, appended reminders.
    pub edited: Vec<usize>,
    /// New messages that stand within the history.
    pub inserted: Vec<usize>,
}

/// Tools by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolChanges {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

/// What is new in `after`, which goes on from `before`.
pub fn changes(before: &Reading, after: &Reading) -> Changes {
    let tools = tool_changes(&before.asked.tools, &after.asked.tools);
    let system = !same_system(before, after);
    let mut changes = Changes { tools, system, ..Changes::default() };
    let asked = &after.asked;
    let mut message = None;
    if asked.continues.is_some() && !asked.whole {
        // The provider has the history: all that is said is new.
        changes.new_input = 0..asked.input.len();
    } else {
        message = compare_messages(before, after, &mut changes);
    }
    changes.first_difference = first_difference(before, after, &changes, message);
    changes
}

impl ToolChanges {
    pub fn is_empty(&self) -> bool {
        let Self { added, removed, changed } = self;
        added.is_empty() && removed.is_empty() && changed.is_empty()
    }
}

impl Changes {
    pub fn to_json(&self) -> Value {
        let Self { tools, system, kept_messages, first_difference, new_input, removed, edited, inserted } =
            self;
        let mut object = Map::new();
        if !tools.is_empty() {
            let ToolChanges { added, removed, changed } = tools;
            let lists = [("added", added), ("removed", removed), ("changed", changed)];
            let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
            let lists = lists.map(|(key, names)| (key.to_owned(), json!(names)));
            object.insert("tools".to_owned(), Value::Object(lists.collect()));
        }
        object.insert("system_changed".to_owned(), (*system).into());
        object.insert("kept_messages".to_owned(), (*kept_messages).into());
        if let Some(place) = first_difference {
            object.insert("first_difference".to_owned(), place.to_json());
        }
        object.insert("new_input".to_owned(), json!([new_input.start, new_input.end]));
        if *removed > 0 {
            object.insert("removed_messages".to_owned(), (*removed).into());
        }
        for (key, indexes) in [("edited_messages", edited), ("inserted_messages", inserted)] {
            if !indexes.is_empty() {
                object.insert(key.to_owned(), json!(indexes));
            }
        }
        Value::Object(object)
    }
}

fn tool_changes(before: &[Value], after: &[Value]) -> ToolChanges {
    if before == after {
        return ToolChanges::default();
    }
    let by_name = |tools: &[Value]| {
        let mut names: BTreeMap<String, Vec<[u8; 32]>> = BTreeMap::new();
        for tool in tools {
            names.entry(prompt::name_of(tool).to_owned()).or_default().push(prompt::essence(tool));
        }
        names.values_mut().for_each(|same_name| same_name.sort_unstable());
        names
    };
    let (before, after) = (by_name(before), by_name(after));
    let missing = |from: &BTreeMap<String, _>, of: &BTreeMap<String, _>| {
        of.keys().filter(|name| !from.contains_key(*name)).cloned().collect()
    };
    let changed = after.iter().filter(|(name, tools)| before.get(*name).is_some_and(|own| own != *tools));
    ToolChanges {
        added: missing(&before, &after),
        removed: missing(&after, &before),
        changed: changed.map(|(name, _)| name.clone()).collect(),
    }
}

fn same_system(before: &Reading, after: &Reading) -> bool {
    prompt::system_text(before) == prompt::system_text(after)
        || prompt::version(before) == prompt::version(after)
}

/// Lines the two histories up, turn by turn. Says which message is the first where they differ.
fn compare_messages(before: &Reading, after: &Reading, changes: &mut Changes) -> Option<usize> {
    let answer = before.answered.output.first();
    let history = turns(before.asked.input.iter().chain(answer));
    let now = turns(after.asked.input.iter());
    let end = after.asked.input.len();
    let keys = |turns: &[Turn]| turns.iter().map(|turn| turn.key).collect::<Vec<_>>();
    let (mut of_history, mut of_now) = (0, 0);
    let mut first = None;
    for (next_history, next_now) in common(&keys(&history), &keys(&now)) {
        let (was, is) = (&history[of_history..next_history], &now[of_now..next_now]);
        if !was.is_empty() || !is.is_empty() {
            first = first.or(Some(now[of_now].messages.start));
            between(was, is, changes);
        }
        changes.kept_messages += now[next_now].messages.len();
        (of_history, of_now) = (next_history + 1, next_now + 1);
    }
    let (was, is) = (&history[of_history..], &now[of_now..]);
    if !was.is_empty() {
        first = first.or(Some(is.first().map_or(end, |turn| turn.messages.start)));
    }
    changes.new_input = at_end(was, is, changes).unwrap_or(end)..end;
    first
}

/// Turns between two that both histories have: what was is taken for what is where the same role speaks, in order.
fn between(was: &[Turn], is: &[Turn], changes: &mut Changes) {
    let mut was = was;
    for turn in is {
        let Some(at) = was.iter().position(|old| old.role == turn.role) else {
            changes.inserted.extend(turn.messages.clone());
            continue;
        };
        changes.edited.extend(turn.messages.clone());
        changes.removed += count(&was[..at]);
        was = &was[at + 1..];
    }
    changes.removed += count(was);
}

/// Turns behind the last that both have: they go on from the history, unless one is plainly what one of it became. Says
/// where the first message is that goes on.
fn at_end(was: &[Turn], is: &[Turn], changes: &mut Changes) -> Option<usize> {
    let mut was = was;
    let mut new = None;
    for turn in is {
        let Some(at) = was.iter().position(|old| turn.is_later_form_of(old)) else {
            new = Some(turn.messages.start);
            break;
        };
        changes.edited.extend(turn.messages.clone());
        changes.removed += count(&was[..at]);
        was = &was[at + 1..];
    }
    changes.removed += count(was);
    new
}

fn count(turns: &[Turn]) -> usize {
    turns.iter().map(|turn| turn.messages.len()).sum()
}

fn first_difference(
    before: &Reading,
    after: &Reading,
    changes: &Changes,
    message: Option<usize>,
) -> Option<Place> {
    let ToolChanges { added, removed, changed } = &changes.tools;
    let touched = |tool: &&Value| {
        let name = prompt::name_of(tool);
        [added, removed, changed].iter().any(|names| names.iter().any(|each| each == name))
    };
    let tools = after.asked.tools.iter().chain(&before.asked.tools);
    if let Some(tool) = tools.into_iter().find(touched) {
        return Some(Place::Tools { name: Some(prompt::name_of(tool).to_owned()) });
    }
    if changes.system
        && let Some(block) = system_block(&before.asked.system, &after.asked.system)
    {
        return Some(Place::System { block });
    }
    message.map(|index| Place::Message { index })
}

/// The first block that says something else.
fn system_block(before: &[Part], after: &[Part]) -> Option<usize> {
    let said = |part: &Part| match &part.kind {
        PartKind::Text(text) => prompt::normalised(text),
        kind => Part::from(kind.clone()).to_json().to_string(),
    };
    let differs = |at: &usize| match (before.get(*at), after.get(*at)) {
        (Some(before), Some(after)) => before.kind != after.kind && said(before) != said(after),
        _ => true,
    };
    (0..before.len().max(after.len())).find(differs)
}
