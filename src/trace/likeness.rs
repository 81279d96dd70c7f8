//! By what calls are likely to hang together: the marks of what they ask, of what they go on from, and of what they give.

use serde_json::Value;

use super::facts::{Need, Needed};
use super::mark::{Mark, Marking};
use super::story::Story;
use super::words::spaced;
use crate::model::{Message, PartKind, Reading};

/// Dialects in which a call can name the answer that it goes on from.
const CONTINUED: &[&str] = &["openai.responses", "gemini.interactions", "mistral.conversations", "lmstudio"];
/// Dialects whose clients leave out the ids of calls that the answer had.
const NAMELESS: &[&str] = &["gemini.", "ollama."];
/// So many words in a row say which answer they are from; of a text those are taken whose hash comes first.
const RUN: usize = 6;
/// A shorter answer may stand in any text: it is known as a whole alone.
const SHORTEST_ANSWER: usize = 16;
/// So many runs of a text are looked for in other calls' answers.
const MOST_RUNS: usize = 6;
/// No more words of a text than these are looked at.
const MOST_WORDS: usize = 4000;
/// History of this length may begin with a summary of another.
const SHORTEST_SUMMARY: usize = 200;
/// A text that a tool is given may be an agent's task from this length on.
const SHORTEST_PROMPT: usize = 12;
/// Of a text so many lines are looked at.
const MOST_LINES: usize = 40;

/// What the marks of a call are made of.
pub struct Of<'a> {
    pub scope: Mark,
    pub story: &'a Story<'a>,
    pub reading: &'a Reading,
}

impl Of<'_> {
    /// The marks of its answer, and of those the one of what it says, where it is words alone.
    pub fn gives(&self) -> (Vec<Mark>, Option<Mark>) {
        let answered = &self.reading.answered;
        // Belonging histories are sent whole, no one goes on from an answer by its id.
        let goes_on = CONTINUED.iter().any(|dialect| self.reading.dialect.starts_with(dialect));
        let id = answered.id.as_deref().filter(|_| goes_on);
        let mut marks: Vec<Mark> = id.map(response_mark).into_iter().collect();
        let asks = answered.tool_calls().next().is_some();
        let mut says = None;
        for (at, message) in answered.output.iter().enumerate() {
            let block = std::slice::from_ref(message);
            let ids = marks.len();
            marks.extend(call_ids(block).map(call_mark));
            let has_ids = marks.len() > ids;
            if !has_ids || NAMELESS.iter().any(|dialect| self.reading.dialect.starts_with(dialect)) {
                marks.extend(self.turn_mark(block, &self.story.turn_words()));
            }
            let is_first = at == 0 && !asks;
            let runs = if has_ids && !is_first { Vec::new() } else { self.run_marks(&message.text(), 1) };
            if is_first {
                says = runs.first().copied();
            }
            marks.extend(runs.into_iter().filter(|_| !has_ids));
        }
        marks.dedup();
        (marks, says)
    }

    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        let last: String = self.story.last().into_iter().flatten().map(Message::text).collect();
        let again = last.split_whitespace().nth(SHORTEST_ANSWER).is_some();
        let mut need = |mark: Option<Mark>, turn, exact, reason| {
            if let Some(mark) = mark {
                needs.push(Need { mark, turn, exact, again, reason });
            }
        };
        if let Some(id) = &self.reading.asked.continues {
            need(Some(response_mark(id)), Needed::Last, true, "inferred:previous-response-id");
        }
        // A result names its call, also where the call itself is left out.
        let result = result_ids(self.story.tail()).next();
        need(result.map(call_mark), Needed::Last, true, "inferred:tool-call-id");
        if let Some(last) = self.story.last().filter(|_| result.is_none()) {
            match call_ids(last).next() {
                Some(id) => {
                    need(Some(call_mark(id)), Needed::Last, true, "inferred:tool-call-id");
                }
                None => {
                    let words = self.story.words_before_last();
                    need(self.turn_mark(last, &words), Needed::Last, false, "inferred:assistant-turn");
                    let text: String = last.iter().map(Message::text).collect();
                    let run = self.run_marks(&text, 1).first().copied();
                    need(run, Needed::Last, false, "inferred:assistant-text");
                }
            }
        }
        let first_id =
            |block: Option<&[Message]>| block.and_then(|block| call_ids(block).next().map(call_mark));
        if !self.story.opens {
            need(first_id(self.story.first_of_turn()), Needed::FirstOfTurn, true, "inferred:tool-call-id");
        }
        need(first_id(self.story.first_of_all()), Needed::FirstOfAll, true, "inferred:first-assistant-turn");
        if self.story.is_first() {
            let words = self.story.turn_words().join("\n");
            let runs = if words.len() >= SHORTEST_SUMMARY { MOST_RUNS } else { 0 };
            for mark in self.run_marks(&words, runs) {
                need(Some(mark), Needed::Summary, false, "inferred:summary");
            }
        }
        needs
    }

    /// A turn of the model by what it says, and what was said before.
    fn turn_mark(&self, block: &[Message], before: &[&str]) -> Option<Mark> {
        let mut marking = Marking::of("turn").and_mark(self.scope).and(self.reading.dialect);
        for words in self.story.first_words().iter().chain(before) {
            marking = marking.and_words(words);
        }
        let mut is_empty = true;
        let mut text = String::new();
        for part in block.iter().flat_map(|message| &message.parts) {
            match &part.kind {
                PartKind::Text(own) | PartKind::Refusal(own) => text.push_str(without_thoughts(own)),
                PartKind::ToolCall { name, arguments, .. } => {
                    is_empty = false;
                    marking = marking.and("call").and(name).and_json(arguments);
                }
                _ => {}
            }
        }
        // What is said beside calls comes back in many forms, or not at all.
        match is_empty {
            false => Some(marking.mark()),
            true if text.trim().is_empty() => None,
            true => Some(marking.and_words(&text).mark()),
        }
    }

    /// What a text is known by where it stands in another: the runs of words whose hashes come first.
    fn run_marks(&self, text: &str, most: usize) -> Vec<Mark> {
        if most == 0 {
            return Vec::new();
        }
        let text = without_thoughts(text);
        let words = word_hashes(text);
        if words.len() <= SHORTEST_ANSWER {
            let whole = || Marking::of("text").and_mark(self.scope).and_words(text).mark();
            return (words.len() > RUN).then(whole).into_iter().collect();
        }
        let runs = runs(&words, most);
        let mark = |run: u64| Marking::of("run").and_mark(self.scope).and_mark(Mark(run)).mark();
        runs.into_iter().map(mark).collect()
    }

    /// What the tools' results say.
    pub fn brings(&self) -> Vec<Mark> {
        let parts = self.story.tail().iter().flat_map(|message| &message.parts);
        let texts = parts.filter_map(|part| match &part.kind {
            PartKind::ToolCallResponse { response, .. } => text_of(response),
            _ => None,
        });
        texts.flat_map(|text| self.run_marks(text, 1)).collect()
    }

    /// What is asked, whichever model is to answer it.
    pub fn asks(&self) -> Mark {
        let asked = &self.reading.asked;
        let mut marking = Marking::of("asks").and_mark(self.scope);
        if let Some(id) = asked.continues.as_ref().filter(|_| !asked.whole) {
            marking = marking.and(id);
        }
        for words in self.story.first_words().iter().chain(&self.story.turn_words()) {
            marking = marking.and_words(words);
        }
        if let Some(last) = self.story.last() {
            let own = call_ids(last).next().map(call_mark);
            marking = own.or_else(|| self.turn_mark(last, &[])).into_iter().fold(marking, Marking::and_mark);
        }
        for message in self.story.tail() {
            marking = message.parts.iter().fold(marking, |marking, part| match &part.kind {
                PartKind::ToolCallResponse { id, response, .. } => {
                    marking.and(id.as_deref().unwrap_or_default()).and_json(response)
                }
                PartKind::Text(text) => marking.and_words(text),
                _ => marking,
            });
        }
        let spoken =
            asked.input.iter().filter(|message| !matches!(message.role.as_str(), "system" | "developer"));
        marking.and(&spoken.count().to_string()).mark()
    }
}

/// The words of a tool's result.
fn text_of(response: &Value) -> Option<&str> {
    match response {
        Value::String(text) => Some(text),
        Value::Array(parts) => {
            parts.iter().find_map(|part| part.get("text").or_else(|| part.get("content"))?.as_str())
        }
        Value::Object(object) if object.len() == 1 => object.values().next()?.as_str(),
        _ => None,
    }
}

fn response_mark(id: &str) -> Mark {
    Marking::of("response").and(id).mark()
}

pub fn call_mark(id: &str) -> Mark {
    Marking::of("call").and(id).mark()
}

/// The ids of calls in these messages that nothing else is likely to have.
fn call_ids(block: &[Message]) -> impl Iterator<Item = &str> {
    block.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.kind {
        PartKind::ToolCall { id: Some(id), .. } | PartKind::ServerToolCall { id: Some(id), .. } => {
            is_unique(id).then_some(id.as_str())
        }
        _ => None,
    })
}

/// The ids of the calls whose results are in these messages.
fn result_ids(messages: &[Message]) -> impl Iterator<Item = &str> {
    messages.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.kind {
        PartKind::ToolCallResponse { id: Some(id), .. } => is_unique(id).then_some(id.as_str()),
        _ => None,
    })
}

/// Some providers number calls from nought: such an id names a call within its answer alone.
fn is_unique(id: &str) -> bool {
    let mut runs = id.split(|c: char| !c.is_ascii_alphanumeric());
    runs.any(|run| run.len() >= 5 && run.bytes().any(|byte| byte.is_ascii_digit()))
        || id.len() >= 20 && id.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// An answer without the thoughts that some models write before it, and some clients.
fn without_thoughts(text: &str) -> &str {
    let thoughts = text.trim_start().strip_prefix("<think>").and_then(|text| text.split_once("</think>"));
    thoughts.map_or(text, |(_, answer)| answer)
}

/// The runs of these words whose hashes come first, so many of them, in order.
fn runs(words: &[u64], most: usize) -> Vec<u64> {
    let hash = |run: &[u64]| {
        run.iter().fold(0, |hash: u64, word| (hash.rotate_left(7) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    };
    let mut first: Vec<u64> = Vec::with_capacity(most + 1);
    for run in words.windows(RUN).map(hash) {
        if first.len() >= most && first.last().is_none_or(|last| run >= *last) {
            continue;
        }
        if let Err(at) = first.binary_search(&run) {
            first.insert(at, run);
            first.truncate(most);
        }
    }
    first
}

/// Each word's hash, less what stands about its letters and digits.
fn word_hashes(text: &str) -> Vec<u64> {
    let mut hashes = Vec::with_capacity((text.len() / 4).min(MOST_WORDS));
    let mut words = Vec::new();
    let mut rest = text;
    while let (true, Some(part)) = (hashes.len() < MOST_WORDS, next_part(&mut rest)) {
        words.clear();
        spaced(part, &mut words);
        let some = words.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        hashes.extend(some.take(MOST_WORDS - hashes.len()).map(word_hash));
    }
    hashes
}

/// So much of a text is put together at a time: of a long one only the beginning is looked at.
const PART: usize = 16 << 10;

/// The beginning of what is left of a text, up to white space.
fn next_part<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.as_bytes().iter().skip(PART).position(u8::is_ascii_whitespace);
    let (part, behind) = rest.split_at(end.map_or(rest.len(), |end| PART + end));
    *rest = behind;
    Some(part)
}

/// FNV-1a of a word: this is done for every word.
fn word_hash(word: &[u8]) -> u64 {
    let plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_bare = plain(word.first()) && plain(word.last());
    let word = if is_bare { word } else { without_marks(word) };
    word.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn without_marks(word: &[u8]) -> &[u8] {
    let word = std::str::from_utf8(word).unwrap_or_default();
    word.trim_matches(|c: char| !c.is_alphanumeric()).as_bytes()
}

pub fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

pub fn words_mark(line: &str) -> Mark {
    let bare = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    Marking::of("words").and_words(bare).mark()
}

pub fn lines<'a>(texts: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let lines = texts.iter().flat_map(|text| text.lines()).map(|line| inside_tag(line.trim()));
    lines.filter(|line| !line.is_empty()).take(MOST_LINES)
}

/// What stands between a tag and its end, where a text is just that.
fn inside_tag(text: &str) -> &str {
    let inner = || {
        let (tag, rest) = text.strip_prefix('<')?.split_once('>')?;
        let end = format!("</{}>", tag.split(' ').next()?);
        Some(rest.trim_end().strip_suffix(end.as_str())?.trim())
    };
    inner().unwrap_or(text)
}

pub fn prompt_mark(text: &str) -> Mark {
    Marking::of("prompt").and_words(text).mark()
}

pub fn begins(spoken: &[&str]) -> Vec<Mark> {
    let mut texts: Vec<&str> = Vec::new();
    for text in spoken {
        let inner = inside_tag(text);
        texts.push(text);
        texts.extend((inner.len() < text.len()).then_some(inner));
    }
    texts.truncate(MOST_LINES);
    let joined = if spoken.len() > 1 { spoken.join("\n") } else { String::new() };
    if spoken.len() > 1 {
        texts.push(&joined);
    }
    let mut marks: Vec<Mark> = texts.into_iter().filter(|text| is_prompt(text)).map(prompt_mark).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

pub fn is_prompt(text: &str) -> bool {
    text.len() >= SHORTEST_PROMPT && text.trim().contains(char::is_whitespace)
}
