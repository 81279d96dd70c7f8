//! What providers speak: pure functions from an exchange's bytes to what was said.
//!
//! ```text
//! Exchange ──▶ Call ──▶ which dialect            by method and path; the configuration may say
//!    │
//!    ├─ request ──▶ Dialect::asked               one parse of the whole body
//!    └─ response ─▶ Decoder ─▶ Framing ─▶ Answer one event after the other, as they came
//!                                   ╰──▶ Socket  both directions of a WebSocket, many readings
//! ```
//!
//! Invariant: no I/O, no clock, and no panic whatever the bytes are. Readers take bytes as they come, so that a stream can
//! be watched while it grows, and how the bytes were cut into chunks never shows in what they read.
//!
//! A new dialect is one file and one line in `ALL`.

pub mod framing;

mod anthropic;
mod again;
mod assemble;
mod bedrock;
mod call;
mod cohere;
mod error;
mod finish;
mod json;
mod llamacpp;
mod lmstudio;
mod mistral;
mod multipart;
mod ollama;
mod gemini;
mod openai;
mod reader;
mod rerank;
mod socket;
mod vectors;
mod whole;

#[cfg(test)]
mod panics;

use serde_json::Value;

pub use call::Call;
pub use reader::Reader;
pub use socket::SocketReader;

use crate::model::{Answered, ApiError, Asked, Direction, Exchange, Headers, Micros, Operation, Reading};

/// Every dialect. Where two claim a call, the earlier has it.
pub const ALL: &[&dyn Dialect] = &[
    &openai::chat::Chat,
    &openai::responses::Compact,
    &openai::responses::InputTokens,
    &openai::responses::Responses,
    &openai::realtime::Realtime,
    // Batches and counts have a message's path in theirs.
    &anthropic::batches::Batches,
    &anthropic::count_tokens::CountTokens,
    &anthropic::messages::Messages,
    &anthropic::complete::Complete,
    &bedrock::converse::Converse,
    &bedrock::invoke::Invoke,
    &bedrock::count_tokens::CountTokens,
    &llamacpp::Completion,
    &openai::completions::Completions,
    &ollama::chat::Chat,
    &ollama::generate::Generate,
    &ollama::embed::Embed,
    &openai::embeddings::Embeddings,
    &openai::moderations::Moderations,
    &openai::images::Images,
    &openai::speech::Speech,
    &openai::transcriptions::Transcriptions,
    &lmstudio::Chat,
    &cohere::chat::Chat,
    &cohere::generate::Generate,
    &cohere::embed::Embed,
    &rerank::Rerank { cohere: true },
    &rerank::Rerank { cohere: false },
    &mistral::conversations::Conversations,
    &mistral::ocr::Ocr,
    &gemini::generate::Generate,
    &gemini::embed::Embed,
    &gemini::predict::Predict,
    &gemini::count::Count,
    &gemini::batch::Batch,
    &gemini::interactions::Interactions,
    &gemini::live::Live,
];

/// What a provider speaks on an endpoint.
pub trait Dialect: Sync {
    /// As the record says it.
    fn name(&self) -> &'static str;

    /// Whether a call is of this dialect. By method and path suffix, not by host: hosts are proxies and gateways.
    fn claims(&self, call: &Call) -> bool;

    /// What the call asks for.
    fn operation(&self, call: &Call) -> Operation;

    /// Reads a request's body, its content-encoding taken off. A body that makes no sense leaves a line in `problems`.
    fn asked(&self, call: &Call, body: &[u8]) -> Asked;

    /// Something that listens to the answer of a call that succeeded.
    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer>;

    /// Something that listens to both sides of a WebSocket; `None` where this is never spoken on one.
    fn socket(&self, _call: &Call) -> Option<Box<dyn Socket>> {
        None
    }
}

/// How an answer begins.
#[derive(Clone, Debug, Default)]
pub struct AnswerHead {
    pub status: u16,
    pub headers: Headers,
}

/// Listens to one answer.
pub trait Answer: Send {
    /// One event of a stream, one element of a JSON array, or a whole JSON body.
    fn event(&mut self, heard: Heard<'_>);

    /// Where all that the last event brought was a piece of a text: the key it stands at. The same event with another text
    /// at this key brings that text, and nothing else.
    fn goes_on(&self) -> Option<&'static str> {
        None
    }

    /// The last event again, with this text in it.
    fn more(&mut self, _text: &str, _at: Micros) {}

    /// A body that is no events: how it begins, and how long it is.
    fn opaque(&mut self, _beginning: &[u8], _length: u64, _at: Micros) {}

    /// The end, whether it was one or the stream broke off. What was asked may be mended by what the answer says.
    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished;
}

/// What came of an answer: the call's own, and further readings where one exchange holds many, as a batch's results do.
#[derive(Clone, Debug, Default)]
pub struct Finished {
    pub answered: Answered,
    pub more: Vec<Reading>,
}

impl From<Answered> for Finished {
    fn from(answered: Answered) -> Self {
        Self { answered, more: Vec::new() }
    }
}

/// Listens to a WebSocket. Each reading is handed out when it is complete.
pub trait Socket: Send {
    fn event(&mut self, direction: Direction, heard: Heard<'_>, out: &mut Vec<Reading>);

    /// The socket is closed: what was under way is handed out as far as it came.
    fn finish(self: Box<Self>, out: &mut Vec<Reading>);
}

/// One event, parsed.
#[derive(Debug)]
pub struct Heard<'a> {
    /// SSE's `event`, or an event stream's `:event-type` or `:exception-type`.
    pub name: &'a str,
    /// The data as JSON; null where it is none.
    pub json: Value,
    pub data: &'a [u8],
    /// When the last byte of it came.
    pub at: Micros,
    /// The framing itself calls it an error.
    pub error: bool,
    /// It is one of a stream's events, not a whole body.
    pub streamed: bool,
}

impl Heard<'_> {
    /// The last word of streams that OpenAI began with; some put spaces behind it.
    pub fn is_done(&self) -> bool {
        self.data.trim_ascii() == b"[DONE]"
    }

    /// It is called an error, by the framing or by the event's name.
    pub fn is_error(&self) -> bool {
        self.error || self.streamed && self.name == "error"
    }
}

/// Which dialect a call is in.
pub fn find(call: &Call) -> Option<&'static dyn Dialect> {
    #[cfg(test)]
    if panics::Panics.claims(call) {
        return Some(&panics::Panics);
    }
    let said = call.dialect.as_deref().and_then(|name| ALL.iter().find(|dialect| dialect.name() == name));
    // What the configuration says holds for calls that no path tells of.
    ALL.iter().find(|dialect| dialect.claims(call)).or(said.filter(|_| call.method == "POST")).copied()
}

/// Reads a whole exchange. One that no dialect knows has no readings; a reader's panic costs the reading, and says so.
pub fn read(exchange: &Exchange) -> Result<Vec<Reading>, Panicked> {
    std::panic::catch_unwind(|| {
        if exchange.upgrade {
            return SocketReader::over(exchange).unwrap_or_default();
        }
        Reader::over(exchange).map(Reader::finish).unwrap_or_default()
    })
    .map_err(|_| Panicked)
}

/// The error of a response that was no success and that no dialect reads.
pub fn error_of(status: u16, headers: &Headers, body: &[u8]) -> ApiError {
    let json = json::parse(body).ok();
    error::of_response(status, headers, json.as_ref(), body)
}

/// A reader panicked. What it said is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;
