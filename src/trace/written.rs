//! Calls of tools and their results that are written into texts: by clients that know no other way to send them back, and
//! by agents that have a model ask in plain words.

use serde_json::Value;

use super::story::Story;
use crate::model::{Message, PartKind};

/// What results begin with that come as a user's words.
const RESULTS: &[&str] = &[
    "Observation:",
    "OBSERVATION:",
    "Call id: ",
    "<returncode>",
    "<tool_response>",
    "<tool_result>",
    "<tool_results>",
    "<function_result>",
    "<function_results>",
    "<observation>",
    "<interpreter_output>",
    "EXECUTION RESULT of [",
    "exitcode: ",
    "Tool result:",
    "Tool output:",
    "Code output:",
];

/// What clients write behind a model's own words: they have it stop before that.
const BEHIND: &[&str] = &["\nObservation:", "\nCalling tools:\n"];
const CALLING: &str = "Calling tools:\n";
/// How a call's id stands in what is written behind it.
const ID: &str = "{'id': '";
/// So many calls of one answer are looked for.
const MOST_CALLS: usize = 64;

/// Whether a user's text is a tool's result.
pub fn is_result(text: &str) -> bool {
    let text = text.trim_start();
    RESULTS.iter().any(|begin| text.starts_with(begin)) || text.starts_with('[') && is_titled(text)
}

/// `[read_file for 'a.rs'] Result:`, with the result behind it.
fn is_titled(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default().trim_end();
    let name = line.strip_prefix('[').and_then(|line| line.split_once("] Result:")).map(|(name, _)| name);
    name.and_then(|name| name.chars().next()).is_some_and(|first| first.is_ascii_lowercase())
}

/// What a model said itself, of a text that a client added to.
pub fn own_words(text: &str) -> &str {
    if text.starts_with(CALLING) {
        return "";
    }
    let ends = BEHIND.iter().filter_map(|mark| text.find(mark));
    ends.min().and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The ids of calls that are written into a turn of the model.
pub fn call_ids(block: &[Message]) -> impl Iterator<Item = &str> {
    let parts = block.iter().flat_map(|message| &message.parts);
    let texts = parts.filter_map(|part| match &part.kind {
        PartKind::Text(text) => text.split_once(CALLING).filter(|(own, _)| is_line_end(own)),
        _ => None,
    });
    let ids = texts.flat_map(|(_, calls)| calls.split(ID).skip(1));
    ids.filter_map(|rest| rest.split_once('\'').map(|(id, _)| id)).take(MOST_CALLS)
}

fn is_line_end(text: &str) -> bool {
    text.is_empty() || text.ends_with('\n')
}

/// A result that came as words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Result<'a> {
    pub text: &'a str,
    pub is_error: Option<bool>,
}

/// The results that came as words, behind the model's last turn.
pub fn results<'a>(story: &Story<'a>) -> impl Iterator<Item = Result<'a>> {
    let tail = if story.last().is_some() { story.tail() } else { &[] };
    let parts = tail.iter().filter(|message| message.role == "user").flat_map(|message| &message.parts);
    parts.filter_map(|part| match &part.kind {
        PartKind::Text(text) if is_result(text) => Some(result(text)),
        _ => None,
    })
}

fn result(text: &str) -> Result<'_> {
    let text = text.trim();
    let text = match text.strip_prefix("Call id: ") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, rest)| rest),
        None => text,
    };
    let is_error = text.starts_with("Error:").then_some(true);
    let bare = text.strip_prefix("Observation:").or_else(|| text.strip_prefix("OBSERVATION:"));
    Result { text: bare.unwrap_or(text).trim(), is_error }
}

/// What came of the one call that is known by this id, or of the so-manieth.
pub fn result_of(story: &Story, place: usize) -> Option<Value> {
    let mut all: Vec<Result> = results(story).collect();
    let at = if all.len() == 1 { 0 } else { place };
    (at < all.len()).then(|| all.swap_remove(at).text.into())
}

/// What frames a task that an agent is told about: what stands before it, and what behind it.
const FRAMES: &[(&str, &str)] =
    &[("New task:\n", ""), ("\nTask:\n", "\n---\n"), ("Current Task: ", "\n\nThis is the expected criteria")];

/// Tasks that stand in an agent's first words.
pub fn tasks(text: &str) -> impl Iterator<Item = &str> {
    FRAMES.iter().filter_map(move |(before, behind)| {
        let (_, rest) = text.split_once(before)?;
        let task = if behind.is_empty() { rest } else { rest.split_once(behind)?.0 };
        Some(task.trim()).filter(|task| !task.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Part;

    #[test]
    fn results_are_told_from_words() {
        for text in [
            "Observation:\nsunny",
            " <returncode>0</returncode>\n<output>x</output>",
            "[read_file for 'a.rs'] Result:\nfn main() {}",
            "[execute_command for 'ls'] Result:",
            "exitcode: 0 (execution succeeded)\nCode output: 1",
        ] {
            assert!(is_result(text), "{text}");
        }
        for text in ["Observations of mine", "[Note] Result: good", "What is the result?", "[x", ""] {
            assert!(!is_result(text), "{text}");
        }
    }

    #[test]
    fn what_a_client_added_is_left_out() {
        assert_eq!(own_words("Thought: look\nAction: ls\nObservation: a.txt"), "Thought: look\nAction: ls");
        assert_eq!(own_words("I look.\nCalling tools:\n[{'id': 'a'}]"), "I look.");
        assert_eq!(own_words("Calling tools:\n[{'id': 'a'}]"), "");
        assert_eq!(own_words("My Observation: none"), "My Observation: none");
    }

    #[test]
    fn ids_and_results_are_found() {
        let says = |role: &str, text: &str| Message::new(role, vec![Part::text(text)]);
        let calls = "Calling tools:\n[{'id': 'call_1a', 'type': 'function', 'function': {'name': 'x', 'arguments': {'id': \
                     'y'}}}, {'id': 'call_2b'}]";
        let mut messages = vec![says("user", "Do"), says("assistant", calls)];
        assert_eq!(call_ids(&messages[1..]).collect::<Vec<_>>(), ["call_1a", "y", "call_2b"]);
        messages.push(says("user", "Call id: call_1a\nError:\nno such thing"));
        messages.push(says("user", "Observation:\nb"));
        let story = Story::of(&messages);
        assert!(!story.opens);
        let found: Vec<Result> = results(&story).collect();
        assert_eq!(found[0], Result { text: "Error:\nno such thing", is_error: Some(true) });
        assert_eq!((result_of(&story, 1), result_of(&story, 2)), (Some("b".into()), None));
    }

    #[test]
    fn tasks_are_found_in_their_frames() {
        let text = "New task:\nYou are an agent.\n---\nTask:\nCount the files\n---\nBe brief.";
        assert_eq!(tasks(text).nth(1), Some("Count the files"));
        let crew =
            "\nCurrent Task: Count the files\n\nThis is the expected criteria for your final answer: x";
        assert_eq!(tasks(crew).collect::<Vec<_>>(), ["Count the files"]);
        assert_eq!(tasks("Count").count(), 0);
    }
}
