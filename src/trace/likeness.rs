//! By what calls are likely to hang together: the marks of what they ask, of what they go on from, and of what they give.

use serde_json::Value;

use super::facts::{Need, Needed};
use super::mark::{Mark, Marking};
use super::runs::{RUN, runs, word_hashes};
use super::story::{Story, texts};
use super::written;
use crate::model::{Message, PartKind, Reading};

/// Dialects in which a call can name the answer that it goes on from.
const CONTINUED: &[&str] = &["openai.responses", "gemini.interactions", "mistral.conversations", "lmstudio"];
/// Dialects whose clients leave out the ids of calls that the answer had.
const NAMELESS: &[&str] = &["gemini.", "ollama."];
/// A shorter answer may stand in any text: it is known as a whole alone.
const SHORTEST_ANSWER: usize = 16;
/// So many runs of a text are looked for in other calls' answers.
const MOST_RUNS: usize = 6;
/// History of this length may begin with a summary of another.
const SHORTEST_SUMMARY: usize = 200;
/// A text that a tool is given may be an agent's task from this length on.
const SHORTEST_PROMPT: usize = 12;
/// So many turns of the model are looked at for one that is its own.
const MOST_EARLIER: usize = 3;
/// Of a text so many lines are looked at.
const MOST_LINES: usize = 40;

/// What the marks of a call are made of.
pub struct Of<'a> {
    pub scope: Mark,
    pub story: &'a Story<'a>,
    pub reading: &'a Reading,
    /// Its answer is to stand for a history.
    pub is_summary: bool,
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
            if !has_ids || self.is_nameless() {
                marks.extend(self.turn_mark(block, &self.story.turn_words()));
            }
            let is_first = at == 0 && !asks;
            // Of a summary a part may be left out.
            let most = if self.is_summary { MOST_RUNS } else { 1 };
            let runs = if has_ids && !is_first {
                Vec::new()
            } else {
                self.run_marks(own_words(&message.text()), most)
            };
            if is_first {
                says = runs.first().copied();
            }
            marks.extend(runs.into_iter().filter(|_| !has_ids));
        }
        marks.dedup();
        (marks, says)
    }

    fn is_nameless(&self) -> bool {
        NAMELESS.iter().any(|dialect| self.reading.dialect.starts_with(dialect))
    }

    /// What it goes on from, the surest first.
    pub fn needs(&self) -> Vec<Need> {
        let last: String = self.story.last().into_iter().flatten().map(Message::text).collect();
        let again = is_long(&last);
        let mut needs = Vec::new();
        let mut need = |mark: Option<Mark>, turn, exact, reason| {
            if let Some(mark) = mark {
                needs.push(Need { mark, turn, exact, again, reason });
            }
        };
        if let Some(id) = &self.reading.asked.continues {
            need(Some(response_mark(id)), Needed::Last, true, "inferred:previous-response-id");
        }
        let id = self.id_of_last();
        need(id.map(call_mark), Needed::Last, true, "inferred:tool-call-id");
        // Clients that got no ids may make them up.
        if let Some(block) = self.story.last().filter(|_| id.is_none() || self.is_nameless()) {
            let words = self.story.words_before_last();
            need(self.turn_mark(block, &words), Needed::Last, false, "inferred:assistant-turn");
        }
        if id.is_none() && self.story.last().is_some() {
            let run = self.run_marks(own_words(&last), 1).first().copied();
            need(run, Needed::Last, false, "inferred:assistant-text");
        }
        let first_id =
            |block: Option<&[Message]>| block.and_then(|block| call_ids(block).next().map(call_mark));
        if !self.story.opens {
            need(first_id(self.story.first_of_turn()), Needed::FirstOfTurn, true, "inferred:tool-call-id");
        }
        need(first_id(self.story.first_of_all()), Needed::FirstOfAll, true, "inferred:first-assistant-turn");
        if id.is_none() {
            self.likely_needs(again, &mut needs);
        }
        needs
    }

    /// The id of a call of the model's last turn. A result names its call, also where the call itself is left out; one may
    /// be of an earlier turn.
    fn id_of_last(&self) -> Option<&str> {
        let last = self.story.last().unwrap_or_default();
        let mut results = result_ids(self.story.tail());
        match call_ids(last).next() {
            None => results.next().or_else(|| written::call_ids(last).find(|id| is_unique(id))),
            Some(first) => results.find(|id| call_ids(last).any(|own| own == *id)).or(Some(first)),
        }
    }

    /// Where neither an id nor the last turn tells.
    fn likely_needs(&self, is_long: bool, needs: &mut Vec<Need>) {
        let mut need =
            |mark, turn, exact, again, reason| needs.push(Need { mark, turn, exact, again, reason });
        if !is_long && let Some((mark, turn, exact)) = self.earlier() {
            let reason = if exact { "inferred:tool-call-id" } else { "inferred:assistant-text" };
            need(mark, turn, exact, true, reason);
        }
        if let Some(mark) = self.needs_unanswered() {
            need(mark, Needed::Unanswered, false, true, "inferred:same-words");
        }
        // A word of thanks may stand behind a summary.
        let is_first_answer = self.story.last().is_some() && self.story.first_of_all().is_none();
        if self.story.is_first() || is_first_answer && !is_long {
            let words = self.story.first_words().join("\n");
            let runs = if words.len() >= SHORTEST_SUMMARY { MOST_RUNS } else { 0 };
            for mark in self.run_marks(&words, runs) {
                need(mark, Needed::Summary, false, is_long, "inferred:summary");
            }
        }
    }

    /// A turn before the last one that no one else is likely to have. The last may be none of the model's own: agents write
    /// a word of thanks for what they show, or begin the answer themselves.
    fn earlier(&self) -> Option<(Mark, Needed, bool)> {
        let (block, is_in_turn) = self.story.earlier(MOST_EARLIER).find(|(block, _)| {
            call_ids(block).next().is_some() || block.iter().any(|message| is_long(&message.text()))
        })?;
        let turn = if is_in_turn { Needed::EarlierInTurn } else { Needed::Earlier };
        if let Some(id) = call_ids(block).next() {
            return Some((call_mark(id), turn, true));
        }
        let text: String = block.iter().map(Message::text).collect();
        self.run_marks(own_words(&text), 1).first().map(|mark| (*mark, turn, false))
    }

    /// What the user has said by now, where nothing was ever answered in whole.
    pub fn unanswered(&self) -> Vec<Mark> {
        if !self.story.is_first() {
            return Vec::new();
        }
        let words = self.story.first_messages();
        let is_cut = self.reading.answered.output.iter().any(|message| !message.text().trim().is_empty());
        let cut = is_cut.then(|| self.words_so_far("cut", &words)).flatten();
        self.words_so_far("unanswered", &words).into_iter().chain(cut).collect()
    }

    /// Who goes on where nothing was answered says something more; and who was answered in part has that in his history.
    fn needs_unanswered(&self) -> Option<Mark> {
        let words = self.story.first_messages();
        if self.story.is_first() {
            let (_, before) = words.split_last()?;
            return self.words_so_far("unanswered", before);
        }
        let is_first_answer = self.story.last().is_some() && self.story.first_of_all().is_none();
        is_first_answer.then(|| self.words_so_far("cut", &words)).flatten()
    }

    fn words_so_far(&self, what: &str, messages: &[&Message]) -> Option<Mark> {
        let marking = Marking::of(what).and_mark(self.scope);
        let words = messages.iter().flat_map(|message| texts(&message.parts));
        (!messages.is_empty()).then(|| words.fold(marking, Marking::and_words).mark())
    }

    /// The calls that results name and that are none of the model's last turn.
    pub fn strays(&self) -> Vec<Mark> {
        let last: Vec<&str> = self.story.last().into_iter().flat_map(call_ids).collect();
        let results = result_ids(self.story.tail()).filter(|id| !last.is_empty() && !last.contains(id));
        results.map(call_mark).collect()
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
                PartKind::Text(own) | PartKind::Refusal(own) => text.push_str(own_words(own)),
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

fn is_long(text: &str) -> bool {
    text.split_whitespace().nth(SHORTEST_ANSWER).is_some()
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
    if is_counted(id) {
        return false;
    }
    let mut runs = id.split(|c: char| !c.is_ascii_alphanumeric());
    runs.any(|run| run.len() >= 5 && run.bytes().any(|byte| byte.is_ascii_digit()))
        || id.len() >= 20 && id.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// `functions.read_file:7`: a tool's name, and the how-manieth call of the conversation it is.
fn is_counted(id: &str) -> bool {
    let named = id.strip_prefix("functions.").and_then(|named| named.rsplit_once(':'));
    named.is_some_and(|(_, count)| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A text without the thoughts that some models write before it, and some clients.
fn without_thoughts(text: &str) -> &str {
    let thoughts = text.trim_start().strip_prefix("<think>").and_then(|text| text.split_once("</think>"));
    thoughts.map_or(text, |(_, answer)| answer)
}

/// Of a model's turn what it says itself.
fn own_words(text: &str) -> &str {
    written::own_words(without_thoughts(text))
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
        texts.extend(written::tasks(text));
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
