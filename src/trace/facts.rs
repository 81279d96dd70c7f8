//! What of a call tells where it belongs. A pure function of the exchange: whoever reads it again finds the same.

use serde_json::Value;

use super::likeness::{Of, begins, call_mark, first_line, is_prompt, lines, prompt_mark, words_mark};
use super::mark::{Mark, Marking};
use super::side::{self, Side};
use super::story::{Story, asides, texts};
use super::{Id, Role, Said, written};
use crate::model::{
    Headers, Kind, Message, Micros, Observation, ObservationId, Operation, PREVIEW, Part, PartKind, Reading,
    Status, shortened,
};

/// Headers that hold who pays, as fingerprints: calls of two keys are not taken for one conversation.
const KEYS: &[&str] = &["authorization", "x-api-key", "api-key", "x-goog-api-key"];

#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub id: ObservationId,
    pub start: Micros,
    pub end: Option<Micros>,
    /// The process that recorded it.
    pub process: u64,
    /// How the provider names its answer, and the request.
    pub named: (Option<String>, Option<String>),
    /// The program that called.
    pub client: Option<String>,
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
    /// What the tools' results say that it brings.
    pub brings: Vec<Mark>,
    /// What its answer says, where it says nothing but words.
    pub says: Option<Mark>,
    /// How a list shows that.
    pub says_preview: String,
    pub calls: Vec<Call>,
    pub server_calls: Vec<ServerCall>,
    pub outcomes: Vec<Outcome>,
    pub late: Vec<Late>,
    /// Calls of tools that its results name and that are none of the model's last turn.
    pub strays: Vec<Mark>,
    /// How often it was tried before, as the client counts.
    pub retries: u32,
    /// How the conversation is to be called, where this call was made to find that out.
    pub title: Option<String>,
}

impl Facts {
    /// The caller's own span that the call was made in, where its id is one.
    pub fn span(&self) -> Option<ObservationId> {
        self.said.span.as_ref().and_then(|span| ObservationId::parse(&span.value))
    }
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
    /// The caller's own span that the call was made in.
    pub span: Option<Id>,
    pub is_subagent: bool,
}

/// A turn of the model in the history: the call that gave it is one to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    pub mark: Mark,
    pub turn: Needed,
    /// Nothing else has this mark. Else it is only likely.
    pub exact: bool,
    /// Several may go on from it, where it is only likely: it says enough to be no one else's.
    pub again: bool,
    pub reason: &'static str,
}

/// Which turn of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    Last,
    FirstOfTurn,
    FirstOfAll,
    /// One before the last, where the user has said something since.
    Earlier,
    /// One before the last, where he has not.
    EarlierInTurn,
    /// The first words of all, which got no whole answer.
    Unanswered,
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
    let is_summary = facts.side.is_some_and(|side| side.name == "compaction");
    let of = Of { scope, story: &story, reading, is_summary };
    (facts.gives, facts.says) = of.gives();
    if facts.failed {
        facts.gives.extend(of.unanswered());
    }
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
    facts.brings = of.brings();
    facts.strays = of.strays();
    if facts.says.is_some() {
        facts.says_preview = shortened(&reading.answered.text(), PREVIEW);
    }
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
    let Said { session, parent_session, thread, parent_thread, turn, trace, parent: span, role, .. } = said;
    let names = |ids: [&Option<Id>; 2]| -> Vec<Mark> {
        let mut marks: Vec<Mark> = ids.into_iter().flatten().map(|id| thread_mark(&id.value)).collect();
        marks.dedup();
        marks
    };
    // A session holds its main line: threads of their own have names of their own.
    let own = if thread.is_some() { [thread, &None] } else { [session, &None] };
    Facts {
        id: observation.id,
        start: observation.start,
        end: observation.end,
        process: observation.exchange.process(),
        named: (
            observation.reading.as_ref().and_then(|reading| reading.answered.id.clone()),
            observation.upstream_request_id.clone(),
        ),
        client: observation.caller.client.as_ref().map(|client| client.name.clone()),
        failed: observation.status != Status::Ok,
        is_refused: observation.http_status.is_some_and(is_final),
        speaks: false,
        thread: names(own),
        under: names([parent_thread, parent_session]),
        said: Belonging {
            is_subagent: role.as_ref().is_some_and(|(role, _)| *role == Role::Subagent),
            session: session.clone(),
            parent_session: parent_session.clone(),
            thread: thread.clone(),
            parent_thread: parent_thread.clone(),
            turn: turn.clone(),
            trace: trace.clone(),
            span: span.clone(),
        },
        brings: Vec::new(),
        says: None,
        says_preview: String::new(),
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
        strays: Vec::new(),
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
    let outcomes: Vec<Outcome> = outcomes.collect();
    if outcomes.is_empty() { written_outcomes(story) } else { outcomes }
}

/// One text may be what came of all calls of an answer.
fn written_outcomes(story: &Story) -> Vec<Outcome> {
    let results: Vec<written::Result> = written::results(story).collect();
    let ids: Vec<&str> = story.last().into_iter().flat_map(written::call_ids).collect();
    let outcome = |id: Option<&str>, result: &written::Result| Outcome {
        id: id.map(str::to_owned),
        name: None,
        is_error: result.is_error,
        preview: shortened(result.text, PREVIEW),
        took: None,
    };
    match (results.as_slice(), ids.as_slice()) {
        ([one], [_, ..]) => ids.iter().map(|id| outcome(Some(id), one)).collect(),
        (all, ids) => {
            let ids = ids.iter().copied().map(Some).chain(std::iter::repeat(None));
            all.iter().zip(ids).map(|(result, id)| outcome(id, result)).collect()
        }
    }
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
        let preview = shortened(field("result").or_else(|| field("summary")).unwrap_or_default(), PREVIEW);
        Some(Late { id: id.to_owned(), mark: call_mark(id), is_error: failed, preview })
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

fn preview(value: &Value) -> String {
    match value {
        Value::String(text) => shortened(text, PREVIEW),
        Value::Null => String::new(),
        // Of large ones the beginning will do, and writing all of them takes time.
        Value::Array(parts) => {
            match parts.iter().find_map(|part| part.get("text").or(part.get("content"))?.as_str()) {
                Some(text) => shortened(text, PREVIEW),
                None => shortened(&value.to_string(), PREVIEW),
            }
        }
        other => shortened(&other.to_string(), PREVIEW),
    }
}

/// The user's words in parts, for others of this room.
pub(super) fn said_in(parts: &[Part]) -> String {
    texts(parts).collect::<Vec<_>>().join("\n")
}
