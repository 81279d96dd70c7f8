//! What of a call tells where it belongs. A pure function of the exchange: whoever reads it again finds the same.

use serde_json::Value;

use super::mark::{Mark, Marking};
use super::side::{self, Side};
use super::story::{Story, asides, texts};
use super::{Id, Role, Said};
use crate::model::{
    Headers, Kind, Message, Micros, Observation, ObservationId, Operation, Part, PartKind, Reading, Status,
};

/// Headers that hold who pays, as fingerprints: calls of two keys are not taken for one conversation.
const KEYS: &[&str] = &["authorization", "x-api-key", "api-key", "x-goog-api-key"];
/// Dialects in which a call can name the answer that it goes on from.
const CONTINUED: &[&str] = &["openai.responses", "gemini.interactions", "mistral.conversations", "lmstudio"];
/// Dialects whose clients leave out the ids of calls that the answer had.
const NAMELESS: &[&str] = &["gemini.", "ollama."];
/// A text that a tool is given may be an agent's task from this length on.
const SHORTEST_PROMPT: usize = 12;
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
/// Of a text so many lines are looked at.
const MOST_LINES: usize = 40;

#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub id: ObservationId,
    pub start: Micros,
    pub end: Option<Micros>,
    /// No whole answer came.
    pub failed: bool,
    /// What was asked cannot be answered: asking again is no attempt of the same.
    pub is_refused: bool,
    /// It is a step of a conversation, or beside one.
    pub speaks: bool,
    pub said: Belonging,
    pub side: Option<Side>,
    /// The user said something that this call is the first to answer.
    pub opens: bool,
    /// No model has spoken in its history.
    pub is_first: bool,
    pub gives: Vec<Mark>,
    pub needs: Vec<Need>,
    pub asks: Option<Mark>,
    /// Words that a conversation begins with, where this call begins it.
    pub begins: Vec<Mark>,
    pub words: Vec<Mark>,
    pub beside: Vec<Mark>,
    pub thread: Vec<Mark>,
    pub under: Vec<Mark>,
    pub calls: Vec<Call>,
    pub server_calls: Vec<ServerCall>,
    pub outcomes: Vec<Outcome>,
    pub late: Vec<Late>,
    /// How often it was tried before, as the client counts.
    pub retries: u32,
    /// How the conversation is to be called, where this call was made to find that out.
    pub title: Option<String>,
}

/// What the caller says of where it belongs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Belonging {
    pub session: Option<Id>,
    pub parent_session: Option<Id>,
    pub thread: Option<Id>,
    pub parent_thread: Option<Id>,
    pub turn: Option<Id>,
    pub trace: Option<Id>,
    pub is_subagent: bool,
}

/// A turn of the model in the history: the call that gave it is one to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub mark: Mark,
    pub turn: Needed,
    /// Nothing else has this mark. Else it is only likely.
    pub exact: bool,
    pub reason: &'static str,
}

/// Which turn of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    Last,
    FirstOfTurn,
    FirstOfAll,
    /// An answer that the history begins with in place of what was said before.
    Summary,
}

/// The model asks for a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub id: Option<String>,
    pub name: String,
    /// The beginning of its arguments.
    pub preview: String,
    pub prompts: Vec<Mark>,
}

/// The provider ran a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerCall {
    pub id: Option<String>,
    pub name: String,
    pub kind: Kind,
    pub preview: String,
}

/// A tool's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub id: Option<String>,
    pub name: Option<String>,
    pub is_error: Option<bool>,
    pub preview: String,
    /// Milliseconds, as the client says.
    pub took: Option<f64>,
}

/// The result of a tool that was answered before it was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Late {
    pub id: String,
    pub mark: Mark,
    pub is_error: bool,
    pub preview: String,
}

/// Reads what an observation tells. `scope` is what calls of one conversation have in common: see `scope`.
pub fn facts(observation: &Observation, said: &Said, scope: Mark) -> Facts {
    let mut facts = bare(observation, said);
    let Some(reading) = &observation.reading else { return facts };
    let spoken = matches!(
        reading.operation,
        Operation::Chat
            | Operation::TextCompletion
            | Operation::GenerateContent
            | Operation::CountTokens
            | Operation::Compact
    );
    let prewarm = side::is_prewarm(reading, said);
    if !spoken && !prewarm {
        return facts;
    }
    let story = Story::of(&reading.asked.input);
    facts.speaks = true;
    (facts.opens, facts.is_first) = (story.opens, story.is_first());
    facts.side = side::side(reading, said, &story);
    let of = Of { scope, story: &story, reading };
    facts.gives = of.gives();
    facts.needs = of.needs();
    facts.asks = Some(of.asks());
    let spoken: Vec<&str> = story.turn_words();
    facts.is_first &= reading.asked.continues.is_none() || reading.asked.whole;
    if facts.is_first {
        facts.begins = begins(&spoken);
    }
    if facts.opens {
        facts.words = spoken.iter().find_map(|text| first_line(text)).map(words_mark).into_iter().collect();
    }
    if facts.side.is_some() {
        facts.beside = lines(&spoken).map(words_mark).collect();
    }
    if facts.side.is_some_and(|side| side.name == "title") {
        facts.title = side::title(&reading.answered.text());
    }
    facts.calls = calls(reading);
    facts.server_calls = server_calls(reading);
    facts.outcomes = outcomes(&story, said);
    facts.late = late(story.tail());
    facts
}

/// What calls of one conversation have in common: who they are from.
pub fn scope(headers: &Headers, said: &Said) -> Mark {
    let keys = KEYS.iter().filter_map(|name| headers.text(name));
    let user = said.user.as_ref().map_or("", |user| user.value.as_str());
    keys.fold(Marking::of("scope").and(user), Marking::and).mark()
}

fn bare(observation: &Observation, said: &Said) -> Facts {
    let Said { session, parent_session, thread, parent_thread, turn, trace, role, .. } = said.clone();
    let names = |ids: [&Option<Id>; 2]| -> Vec<Mark> {
        let mut marks: Vec<Mark> = ids.into_iter().flatten().map(|id| thread_mark(&id.value)).collect();
        marks.dedup();
        marks
    };
    // A session holds its main line: threads of their own have names of their own.
    let own = if thread.is_some() { [&thread, &None] } else { [&session, &None] };
    Facts {
        id: observation.id,
        start: observation.start,
        end: observation.end,
        failed: observation.status != Status::Ok,
        is_refused: observation.http_status.is_some_and(is_final),
        speaks: false,
        thread: names(own),
        under: names([&parent_thread, &parent_session]),
        said: Belonging {
            is_subagent: role.is_some_and(|(role, _)| role == Role::Subagent),
            session,
            parent_session,
            thread,
            parent_thread,
            turn,
            trace,
        },
        side: None,
        opens: true,
        is_first: true,
        gives: Vec::new(),
        needs: Vec::new(),
        asks: None,
        begins: Vec::new(),
        words: Vec::new(),
        beside: Vec::new(),
        calls: Vec::new(),
        server_calls: Vec::new(),
        outcomes: Vec::new(),
        late: Vec::new(),
        retries: said.retries.unwrap_or(0),
        title: None,
    }
}

/// Whoever is told this and asks the same again is told it again.
pub fn is_final(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 409 | 425 | 429)
}

fn thread_mark(id: &str) -> Mark {
    Marking::of("thread").and(id).mark()
}

/// What the marks of a call are made of.
struct Of<'a> {
    scope: Mark,
    story: &'a Story<'a>,
    reading: &'a Reading,
}

impl Of<'_> {
    fn gives(&self) -> Vec<Mark> {
        let answered = &self.reading.answered;
        // Belonging histories are sent whole, no one goes on from an answer by its id.
        let goes_on = CONTINUED.iter().any(|dialect| self.reading.dialect.starts_with(dialect));
        let id = answered.id.as_deref().filter(|_| goes_on);
        let mut marks: Vec<Mark> = id.map(response_mark).into_iter().collect();
        for message in &answered.output {
            let block = std::slice::from_ref(message);
            let ids = marks.len();
            marks.extend(call_ids(block).map(|(id, name)| call_mark(id, name)));
            let has_ids = marks.len() > ids;
            if !has_ids || NAMELESS.iter().any(|dialect| self.reading.dialect.starts_with(dialect)) {
                marks.extend(self.turn_mark(block, &self.story.turn_words()));
            }
            if !has_ids {
                marks.extend(self.run_marks(&message.text(), 1));
            }
        }
        marks.dedup();
        marks
    }

    fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        let mut need = |mark: Option<Mark>, turn, exact, reason| {
            if let Some(mark) = mark {
                needs.push(Need { mark, turn, exact, reason });
            }
        };
        if let Some(id) = &self.reading.asked.continues {
            need(Some(response_mark(id)), Needed::Last, true, "inferred:previous-response-id");
        }
        // A result names its call, also where the call itself is left out.
        let result = result_ids(self.story.tail()).next();
        need(result.map(|id| call_mark(id, "")), Needed::Last, true, "inferred:tool-call-id");
        if let Some(last) = self.story.last().filter(|_| result.is_none()) {
            match call_ids(last).next() {
                Some((id, name)) => {
                    need(Some(call_mark(id, name)), Needed::Last, true, "inferred:tool-call-id");
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
        let first_id = |block: Option<&[Message]>| {
            block.and_then(|block| call_ids(block).next().map(|(id, name)| call_mark(id, name)))
        };
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
        let text = without_thoughts(text);
        if text.split_whitespace().nth(SHORTEST_ANSWER).is_none() {
            let is_telling = text.split_whitespace().nth(RUN).is_some() && most > 0;
            let whole = || Marking::of("text").and_mark(self.scope).and_words(text).mark();
            return is_telling.then(whole).into_iter().collect();
        }
        let runs = runs(text, most);
        let mark = |run: u64| Marking::of("run").and_mark(self.scope).and_mark(Mark(run)).mark();
        runs.into_iter().map(mark).collect()
    }

    /// What is asked, whichever model is to answer it.
    fn asks(&self) -> Mark {
        let asked = &self.reading.asked;
        let mut marking = Marking::of("asks").and_mark(self.scope);
        if let Some(id) = asked.continues.as_ref().filter(|_| !asked.whole) {
            marking = marking.and(id);
        }
        for words in self.story.first_words().iter().chain(&self.story.turn_words()) {
            marking = marking.and_words(words);
        }
        if let Some(last) = self.story.last() {
            let own = call_ids(last).next().map(|(id, name)| call_mark(id, name));
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

fn response_mark(id: &str) -> Mark {
    Marking::of("response").and(id).mark()
}

fn call_mark(id: &str, name: &str) -> Mark {
    // Some clients write names anew; ids are what is kept.
    let _ = name;
    Marking::of("call").and(id).mark()
}

/// The ids of calls in these messages that nothing else is likely to have.
fn call_ids(block: &[Message]) -> impl Iterator<Item = (&str, &str)> {
    block.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.kind {
        PartKind::ToolCall { id: Some(id), name, .. }
        | PartKind::ServerToolCall { id: Some(id), name, .. } => {
            is_unique(id).then_some((id.as_str(), name.as_str()))
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

fn runs(text: &str, most: usize) -> Vec<u64> {
    let bare = |word: &str| -> u64 {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        // FNV-1a: this is done for every word.
        word.bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let words: Vec<u64> = text.split_whitespace().take(MOST_WORDS).map(bare).collect();
    let mut runs: Vec<u64> = words
        .windows(RUN)
        .map(|run| {
            run.iter()
                .fold(0, |hash: u64, word| (hash.rotate_left(7) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        })
        .collect();
    runs.sort_unstable();
    runs.dedup();
    runs.truncate(most);
    runs
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

fn words_mark(line: &str) -> Mark {
    let bare = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
    Marking::of("words").and_words(bare).mark()
}

fn lines<'a>(texts: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
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

fn prompt_mark(text: &str) -> Mark {
    Marking::of("prompt").and_words(text).mark()
}

fn begins(spoken: &[&str]) -> Vec<Mark> {
    let mut texts: Vec<&str> = spoken.iter().flat_map(|text| [*text, inside_tag(text)]).collect();
    texts.truncate(MOST_LINES);
    let joined = spoken.join("\n");
    if spoken.len() > 1 {
        texts.push(&joined);
    }
    let mut marks: Vec<Mark> = texts.into_iter().filter(|text| is_prompt(text)).map(prompt_mark).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn is_prompt(text: &str) -> bool {
    text.len() >= SHORTEST_PROMPT && text.trim().contains(char::is_whitespace)
}

fn calls(reading: &Reading) -> Vec<Call> {
    let calls = reading.answered.tool_calls().map(|(id, name, arguments)| Call {
        id: id.map(str::to_owned),
        name: name.to_owned(),
        preview: preview(arguments),
        prompts: prompts(arguments),
    });
    calls.collect()
}

fn prompts(arguments: &Value) -> Vec<Mark> {
    let texts: Vec<&str> = match arguments {
        Value::Object(object) => object.values().filter_map(Value::as_str).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    };
    let mut marks: Vec<Mark> = texts.into_iter().filter(|text| is_prompt(text)).map(prompt_mark).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// Tools of providers that look something up.
const FETCHES: &[&str] =
    &["search", "fetch", "retriev", "grounding", "file_search", "web", "browse", "url_context"];

fn server_calls(reading: &Reading) -> Vec<ServerCall> {
    let calls = reading.answered.server_tool_calls().map(|(id, name, call)| ServerCall {
        id: id.map(str::to_owned),
        name: name.to_owned(),
        kind: match FETCHES.iter().any(|word| name.to_ascii_lowercase().contains(word)) {
            true => Kind::Retriever,
            false => Kind::Tool,
        },
        preview: preview(call),
    });
    calls.collect()
}

fn outcomes(story: &Story, said: &Said) -> Vec<Outcome> {
    let parts = story.tail().iter().flat_map(|message| &message.parts);
    let mut durations = said.tool_durations.iter();
    let outcomes = parts.filter_map(|part| match &part.kind {
        PartKind::ToolCallResponse { id, name, response, is_error } => Some(Outcome {
            id: id.clone(),
            name: name.clone(),
            is_error: is_error.or_else(|| error_in(response)),
            preview: preview(response),
            took: durations.next().map(|(_, took)| *took),
        }),
        _ => None,
    });
    outcomes.collect()
}

/// Gemini's clients put a failure under `error`.
fn error_in(response: &Value) -> Option<bool> {
    let object = response.as_object()?;
    (object.len() == 1 && object.contains_key("error")).then_some(true)
}

/// Results that agents bring as messages: the call was answered when it began.
fn late(tail: &[Message]) -> Vec<Late> {
    let notes = asides(tail).flat_map(|text| text.split("<task-notification>").skip(1));
    let late = notes.filter_map(|note| {
        let field = |name: &str| {
            let (_, rest) = note.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0.trim())
        };
        let id = field("tool-use-id")?;
        let failed = field("status").is_some_and(|status| matches!(status, "failed" | "killed" | "error"));
        let preview = shortened(field("result").or_else(|| field("summary")).unwrap_or_default());
        Some(Late { id: id.to_owned(), mark: call_mark(id, ""), is_error: failed, preview })
    });
    late.collect()
}

/// The whole result of a tool that was answered before it was done.
pub fn late_text(tail: &[Message], call_id: &str) -> Option<String> {
    let mark = format!("<tool-use-id>{call_id}</tool-use-id>");
    let mut notes = asides(tail).flat_map(|text| text.split("<task-notification>").skip(1));
    let note = notes.find(|note| note.contains(&mark))?;
    let (_, rest) = note.split_once("<result>")?;
    Some(rest.split_once("</result>")?.0.trim().to_owned())
}

/// How much of arguments and results a list shows, in characters.
const PREVIEW: usize = 100;

fn preview(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text),
        Value::Null => String::new(),
        // Of large ones the beginning will do, and writing all of them takes time.
        Value::Array(parts) => {
            match parts.iter().find_map(|part| part.get("text").or(part.get("content"))?.as_str()) {
                Some(text) => shortened(text),
                None => shortened(&value.to_string()),
            }
        }
        other => shortened(&other.to_string()),
    }
}

fn shortened(text: &str) -> String {
    let mut short = String::new();
    for word in text.split_whitespace() {
        if !short.is_empty() {
            short.push(' ');
        }
        short.push_str(word);
        if short.len() > PREVIEW * 4 {
            break;
        }
    }
    match short.char_indices().nth(PREVIEW) {
        Some((at, _)) => format!("{}…", short.get(..at).unwrap_or_default()),
        None => short,
    }
}

/// The user's words in parts, for others of this room.
pub(super) fn said_in(parts: &[Part]) -> String {
    texts(parts).collect::<Vec<_>>().join("\n")
}
