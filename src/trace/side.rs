//! Calls beside the main line: what an agent asks for itself.

use super::story::Story;
use super::{Role, Said, facts};
use crate::model::{Operation, Reading};

/// What a call beside the main line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    pub name: &'static str,
    /// The caller says so, or the endpoint. Else it is one where it is found to be beside something.
    pub is_sure: bool,
    /// It is about a history that it brings: it belongs to what that ends with.
    pub is_behind: bool,
}

/// Words that tell what a call without tools and without a history is for: all of a line's must be there.
const TELLING: &[(&str, &[&str])] = &[
    ("topic", &["new topic", "conversation"]),
    ("topic", &["isnewtopic"]),
    ("suggestion", &["[suggestion mode"]),
    ("title", &["title", "conversation"]),
    ("title", &["title", "session"]),
    ("title", &["title", "chat"]),
    ("title", &["title", "concise"]),
    ("title", &["short description", "user's", "words or less"]),
    ("title", &["4 words or less"]),
    ("route", &["task routing"]),
    ("route", &["router", "complexity"]),
    ("route", &["classif", "complexity"]),
    ("summary", &["summar", "conversation", "words or less"]),
    ("title", &["generate a short title"]),
];

/// What agents ask for themselves behind a history.
const BEHIND: &[(&str, &str)] = &[
    ("suggestion", "[suggestion mode"),
    ("title", "generate a concise 3-7 word title for this conversation"),
    ("progress", "describe your most recent action in 3-5 words"),
    ("recap", "the user stepped away and is coming back"),
    ("memory", "you are now acting as the memory extraction subagent"),
    ("memory", "this message and these instructions are not part of the actual user conversation"),
    ("route", "analyze *only* the content and structure of your immediately preceding response"),
];

/// How agents ask for a summary to go on from.
const COMPACTING: &[&str] = &[
    "your task is to create a detailed summary of the conversation",
    "create a detailed summary of the conversation so far",
    "you are performing a context checkpoint compaction",
    "first, reason in your scratchpad. then, generate the <state_snapshot>",
    "summarize the conversation so far",
    "provide a detailed prompt for continuing our conversation above",
    "provide a detailed summary of our conversation above",
    "provide a detailed but concise summary of our conversation above",
    "the messages above are a conversation to summarize",
    "the current conversation is rapidly running out of context",
    "create a comprehensive, detailed summary of the entire conversation",
];

/// No more of a prompt than this is looked at.
const LOOKED_AT: usize = 4000;

/// What a call is for, where it is no step of what the user asked.
pub fn side(reading: &Reading, said: &Said, story: &Story) -> Option<Side> {
    let is_behind = !story.is_first();
    let sure = |name| Some(Side { name, is_sure: true, is_behind });
    let role = said.role.as_ref().map(|(role, _)| *role);
    match (reading.operation, role) {
        (Operation::CountTokens, _) => return sure("count"),
        (Operation::Compact, _) | (_, Some(Role::Compaction)) => return sure("compaction"),
        _ if is_prewarm(reading, said) => return sure("prewarm"),
        (_, Some(Role::Main | Role::Subagent)) => {
            return compacts(reading, story).then_some("compaction").and_then(sure);
        }
        _ => {}
    }
    let told = told(reading, story);
    if role == Some(Role::Side) {
        return sure(told.unwrap_or("side"));
    }
    if compacts(reading, story) {
        return sure("compaction");
    }
    told.map(|name| Side { name, is_sure: name == "probe" || is_behind, is_behind })
}

/// A request that only makes the provider ready.
pub fn is_prewarm(reading: &Reading, said: &Said) -> bool {
    let role = said.role.as_ref().map(|(role, _)| *role);
    let silent = reading.asked.parameters.get("generate").is_some_and(|generate| generate == false);
    reading.operation == Operation::Other
        && reading.answered.id.is_some()
        && (role == Some(Role::Side) || silent)
}

/// The user did not ask for it: the agent's own words come last, and they ask for a summary.
fn compacts(reading: &Reading, story: &Story) -> bool {
    if story.is_first() && !reading.asked.input.is_empty() {
        return false;
    }
    let words = story.turn_words();
    let Some(last) = words.last() else { return false };
    let text = beginning(last);
    COMPACTING.iter().any(|words| text.contains(words))
}

fn told(reading: &Reading, story: &Story) -> Option<&'static str> {
    let asked = &reading.asked;
    if !story.is_first() {
        return behind(story);
    }
    if !asked.tools.is_empty() {
        return None;
    }
    let limit = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    let limit = limit.iter().find_map(|key| asked.parameters.get(*key)?.as_u64());
    if limit == Some(1) {
        return Some("probe");
    }
    let mut text = beginning(&facts::said_in(&asked.system));
    for message in asked.input.iter().take(3) {
        text.push('\n');
        text.push_str(&beginning(&message.text()));
    }
    let schema = ["output_config", "response_format", "text", "responseSchema", "responseJsonSchema"];
    for key in schema {
        if let Some(schema) = asked.parameters.get(key) {
            text.push_str(&beginning(&schema.to_string()));
        }
    }
    let found = TELLING.iter().find(|(_, words)| words.iter().all(|word| text.contains(word)));
    found.map(|(name, _)| *name)
}

/// The agent's own words come last, behind a history that is sent with its tools as ever.
fn behind(story: &Story) -> Option<&'static str> {
    let words = story.turn_words();
    let text = beginning(words.last().filter(|_| story.opens)?);
    BEHIND.iter().find(|(_, words)| text.contains(words)).map(|(name, _)| *name)
}

fn beginning(text: &str) -> String {
    let is_short = text.len() <= LOOKED_AT;
    let end = (!is_short).then(|| text.char_indices().nth(LOOKED_AT)).flatten();
    let end = end.map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default().to_lowercase()
}

/// The title that an answer gives: a text, or JSON with one in it.
pub fn title(answer: &str) -> Option<String> {
    let json: Option<serde_json::Value> = serde_json::from_str(answer.trim()).ok();
    let text = match &json {
        Some(json) => json.get("title")?.as_str()?,
        None => answer.trim().lines().next()?,
    };
    let text = text.trim().trim_matches(['"', '#', '*', '`']).trim();
    (!text.is_empty() && text.chars().count() <= 120).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn titles_are_taken_from_json_or_text() {
        assert_eq!(title("{\"title\": \"Fix the lock\"}").as_deref(), Some("Fix the lock"));
        assert_eq!(title("\"Fix the lock\"\nmore").as_deref(), Some("Fix the lock"));
        assert_eq!(title("{\"isNewTopic\": true}"), None);
        assert_eq!(title(" "), None);
    }
}
