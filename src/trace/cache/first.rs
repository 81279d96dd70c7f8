//! The first place where two prompts are not the same to the letter, marks of the cache itself left aside.

use serde_json::{Map, Value};

use super::{Reason, is_asked_for};
use crate::model::{Message, Part, PartKind, Reading};
use crate::trace::prompt;
use crate::trace::spot::Place;

/// What marks a cache's end, and is no part of what is cached.
const MARK: &str = "cache_control";
const MARK_PART: &str = "cachePoint";

/// Settings that change what stands before or between the parts of a prompt, as the providers say: those that come before
/// the system prompt, and those that come before the messages.
struct Settings {
    before_tools: &'static [&'static [&'static str]],
    before_system: &'static [&'static [&'static str]],
    before_messages: &'static [&'static [&'static str]],
}

/// Where caches are asked for: Anthropic's models.
const ANTHROPIC: Settings = Settings {
    before_tools: &[],
    before_system: &[&["speed"]],
    before_messages: &[&["tool_choice"], &["toolChoice"], &["thinking"], &["output_config", "format"]],
};
/// Elsewhere: a schema for the answer stands at the front, and a key says which machine's cache is asked.
const OTHERS: Settings = Settings {
    before_tools: &[&["prompt_cache_key"], &["response_format"], &["text", "format"], &["cachedContent"]],
    before_system: &[],
    before_messages: &[],
};

pub fn difference(before: &Reading, after: &Reading) -> Option<(Place, Reason)> {
    let settings = if is_asked_for(after) { &ANTHROPIC } else { &OTHERS };
    let (was, is) = (&before.asked, &after.asked);
    if was.model != is.model {
        return Some((Place::Model, Reason::Changed));
    }
    let setting = |paths: &[&[&str]]| changed_setting(&was.parameters, &is.parameters, paths);
    setting(settings.before_tools)
        .or_else(|| tools(&was.tools, &is.tools))
        .or_else(|| setting(settings.before_system))
        .or_else(|| system(&was.system, &is.system))
        .or_else(|| setting(settings.before_messages))
        .or_else(|| {
            let has_history = is.continues.is_none() || is.whole;
            has_history.then(|| messages(&was.input, &is.input)).flatten()
        })
}

fn changed_setting(
    was: &Map<String, Value>,
    is: &Map<String, Value>,
    paths: &[&[&str]],
) -> Option<(Place, Reason)> {
    let path = paths.iter().find(|path| {
        let (was, is) = (value_at(was, path), value_at(is, path));
        match (was, is) {
            (Some(was), Some(is)) => !same_value(was, is),
            (was, is) => was.is_some() != is.is_some(),
        }
    })?;
    let reason = match (value_at(was, path), value_at(is, path)) {
        (None, _) => Reason::Added,
        (_, None) => Reason::Removed,
        _ => Reason::Changed,
    };
    Some((Place::Settings { name: path.join(".") }, reason))
}

fn value_at<'a>(parameters: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(parameters.get(*first)?, |value, key| value.get(key))?;
    Some(value).filter(|value| !value.is_null())
}

fn tools(was: &[Value], is: &[Value]) -> Option<(Place, Reason)> {
    let at = (0..was.len().max(is.len())).find(|at| match (was.get(*at), is.get(*at)) {
        (Some(was), Some(is)) => !same_value(was, is),
        _ => true,
    })?;
    let has = |tools: &[Value], name: &str| tools.iter().any(|tool| prompt::name_of(tool) == name);
    let (old, new) = (was.get(at), is.get(at));
    let (old_name, new_name) = (old.map(prompt::name_of), new.map(prompt::name_of));
    let (name, reason) = match (old_name, new_name) {
        (Some(one), Some(other)) if one == other => (one, Reason::Changed),
        (_, Some(new)) if !has(was, new) => (new, Reason::Added),
        (Some(old), _) if !has(is, old) => (old, Reason::Removed),
        (_, Some(new)) => (new, Reason::Reordered),
        (Some(old), None) => (old, Reason::Removed),
        (None, None) => return None,
    };
    let same_in_essence = reason == Reason::Changed && old.map(prompt::essence) == new.map(prompt::essence);
    let reason = if same_in_essence { Reason::Volatile } else { reason };
    Some((Place::Tools { name: Some(name.to_owned()) }, reason))
}

fn system(was: &[Part], is: &[Part]) -> Option<(Place, Reason)> {
    let (was, is) = (unmarked(was), unmarked(is));
    // Numbers are those of the list as it was sent.
    let place = |at: usize| Place::System { block: at };
    for (at, (old, new)) in was.iter().zip(&is).enumerate() {
        if !same_part(old.1, new.1) {
            return Some((place(is[at].0), how(&[old.1], &[new.1])));
        }
    }
    match (was.get(is.len()), is.get(was.len())) {
        (Some(gone), _) => Some((place(gone.0), Reason::Removed)),
        (_, Some(new)) => Some((place(new.0), Reason::Added)),
        _ => None,
    }
}

fn unmarked(parts: &[Part]) -> Vec<(usize, &Part)> {
    parts.iter().enumerate().filter(|(_, part)| part.kind.name() != MARK_PART).collect()
}

/// Messages behind the history are new and lose nothing; so are parts that were appended to its last message.
fn messages(was: &[Message], is: &[Message]) -> Option<(Place, Reason)> {
    for (index, old) in was.iter().enumerate() {
        let place = Place::Message { index };
        let Some(new) = is.get(index) else { return Some((place, Reason::Removed)) };
        let last = index + 1 == was.len();
        let [old_parts, new_parts] = [old, new].map(|message| unmarked(&message.parts));
        let same_length = new_parts.len() == old_parts.len() || (last && new_parts.len() > old_parts.len());
        let same = same_length && old_parts.iter().zip(&new_parts).all(|(old, new)| same_part(old.1, new.1));
        if !same || old.role != new.role || old.name != new.name {
            let [old_parts, new_parts] = [old_parts, new_parts]
                .map(|parts| parts.into_iter().map(|(_, part)| part).collect::<Vec<_>>());
            let reason = if old.role == new.role { how(&old_parts, &new_parts) } else { Reason::Changed };
            return Some((place, reason));
        }
    }
    None
}

/// Whether something changed that was meant to.
fn how(old: &[&Part], new: &[&Part]) -> Reason {
    let same = |old: &Part, new: &Part| match (&old.kind, &new.kind) {
        (PartKind::Text(old), PartKind::Text(new)) => prompt::normalised(old) == prompt::normalised(new),
        _ => same_part(old, new),
    };
    let volatile = old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new));
    if volatile { Reason::Volatile } else { Reason::Changed }
}

fn same_part(was: &Part, is: &Part) -> bool {
    let beside = same_fields(&was.extra, &is.extra);
    beside
        && match (&was.kind, &is.kind) {
            (
                PartKind::ToolCallResponse { id, name, response, is_error },
                PartKind::ToolCallResponse {
                    id: new_id,
                    name: new_name,
                    response: new_response,
                    is_error: new_is_error,
                },
            ) => {
                (id, name, is_error) == (new_id, new_name, new_is_error)
                    && (same_value(response, new_response) || same_texts(response, new_response))
            }
            (was, is) => was == is,
        }
}

/// A list of bare texts is read as one text; with a mark on it, as a list.
fn same_texts(was: &Value, is: &Value) -> bool {
    let texts = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(blocks) => {
            blocks.iter().map(|block| block.get("text").and_then(Value::as_str)).collect::<Option<String>>()
        }
        _ => None,
    };
    texts(was).is_some_and(|was| texts(is) == Some(was))
}

/// Whether two values are the same to the letter: the order of keys counts.
fn same_value(was: &Value, is: &Value) -> bool {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => same_fields(was, is),
        (Value::Array(was), Value::Array(is)) => {
            was.len() == is.len() && was.iter().zip(is).all(|(was, is)| same_value(was, is))
        }
        (was, is) => was == is,
    }
}

fn same_fields(was: &Map<String, Value>, is: &Map<String, Value>) -> bool {
    let bare = |(key, _): &(&String, &Value)| key.as_str() != MARK && key.as_str() != MARK_PART;
    let (mut was, mut is) = (was.iter().filter(bare), is.iter().filter(bare));
    loop {
        match (was.next(), is.next()) {
            (None, None) => return true,
            (Some((key, was)), Some((new_key, is))) if key == new_key && same_value(was, is) => {}
            _ => return false,
        }
    }
}
