//! Listens to a live conversation.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};

use super::Realtime;
use super::conversation::Conversation;
use super::session::Session;
use crate::dialect::error::in_json;
use crate::dialect::json::Look;
use crate::dialect::openai::responses::Listening;
use crate::dialect::openai::usage::usage;
use crate::dialect::{Answer as _, Call, Dialect as _, Heard, Socket};
use crate::model::{Answered, Asked, Direction, Message, Micros, Operation, Part, Reading, Usage};

/// How many of the client's requests may wait for their response to begin, and of what users said for its transcript.
const WAITING: usize = 1_000;

/// Listens to the socket that this call opens.
pub fn open(call: &Call) -> Box<dyn Socket> {
    Box::new(Live {
        provider: call.provider.clone(),
        session: Session::of(call),
        conversation: Conversation::default(),
        wanted: VecDeque::new(),
        responses: Vec::new(),
        committed: HashMap::new(),
    })
}

struct Live {
    provider: String,
    session: Session,
    conversation: Conversation,
    /// Responses that the client asked for and that have not begun.
    wanted: VecDeque<Wanted>,
    responses: Vec<Response>,
    /// When what a user said was all there, by its item.
    committed: HashMap<String, Micros>,
}

struct Wanted {
    at: Micros,
    event_id: Option<String>,
    /// Settings of its own.
    own: Value,
}

/// A response under way.
struct Response {
    asked: Asked,
    /// The items it is an answer to, unless it was given an input of its own.
    items: Vec<String>,
    listening: Listening,
    start: Micros,
    heard: Micros,
}

impl Socket for Live {
    fn event(&mut self, direction: Direction, heard: Heard<'_>, out: &mut Vec<Reading>) {
        match direction {
            Direction::Request => self.said(heard),
            Direction::Response => self.answered(heard, out),
        }
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<Reading>) {
        for wanted in std::mem::take(&mut self.wanted) {
            let at = wanted.at;
            self.begin(&wanted, at);
        }
        while !self.responses.is_empty() {
            self.close(0, out);
        }
    }
}

impl Live {
    /// What the client says.
    fn said(&mut self, heard: Heard<'_>) {
        let mut json = heard.json;
        match json.text("type") {
            Some("session.update" | "transcription_session.update") => {
                self.session.update(json.get_mut("session").map(Value::take).unwrap_or_default());
            }
            Some("response.create") if self.wanted.len() < WAITING => {
                let own = json.get_mut("response").map(Value::take).unwrap_or_default();
                let event_id = json.word("event_id").map(str::to_owned);
                self.wanted.push_back(Wanted { at: heard.at, event_id, own });
            }
            // Items are taken from the server's word for them, which has their ids and their places.
            _ => {}
        }
    }

    /// What the server says.
    fn answered(&mut self, heard: Heard<'_>, out: &mut Vec<Reading>) {
        let mut heard = heard;
        let kind = heard.json.text("type").unwrap_or_default().to_owned();
        let json = &mut heard.json;
        match kind.as_str() {
            "session.created"
            | "session.updated"
            | "transcription_session.created"
            | "transcription_session.updated" => {
                self.session.update(json.get_mut("session").map(Value::take).unwrap_or_default());
            }
            "conversation.item.created"
            | "conversation.item.added"
            | "conversation.item.done"
            | "conversation.item.retrieved" => {
                let item = json.get_mut("item").map(Value::take).unwrap_or_default();
                self.conversation.put(item, json.text("previous_item_id"));
            }
            "conversation.item.deleted" => {
                self.conversation.remove(json.text("item_id").unwrap_or_default());
            }
            "input_audio_buffer.committed" => {
                // Where nothing is written down, nobody asks when it was said.
                if self.committed.len() > WAITING {
                    self.committed.clear();
                }
                self.committed.insert(json.text("item_id").unwrap_or_default().to_owned(), heard.at);
            }
            "conversation.item.input_audio_transcription.completed"
            | "conversation.item.input_audio_transcription.failed" => {
                out.push(self.transcribed(json, heard.at));
            }
            "error" => out.push(self.failed(json, heard.at)),
            kind if kind.starts_with("response.") => self.response(heard, out),
            _ => {}
        }
    }

    fn response(&mut self, mut heard: Heard<'_>, out: &mut Vec<Reading>) {
        let id = heard.json.get("response").and_then(|response| response.word("id"));
        let id = id.or_else(|| heard.json.word("response_id"));
        let own = |response: &Response| id.is_some_and(|id| response.listening.is(id));
        let at = match self.responses.iter().position(own) {
            Some(at) => at,
            // One whose beginning was not heard begins here; without an id, it goes on with the last.
            None if id.is_some() || self.responses.is_empty() => {
                let nobody = Wanted { at: heard.at, event_id: None, own: Value::Null };
                let wanted = self.wanted.pop_front().unwrap_or(nobody);
                self.begin(&wanted, heard.at)
            }
            None => self.responses.len() - 1,
        };
        settle(&mut heard.json);
        let Some(response) = self.responses.get_mut(at) else { return };
        response.heard = heard.at;
        response.listening.event(heard);
        if response.listening.is_over() {
            self.close(at, out);
        }
    }

    fn begin(&mut self, wanted: &Wanted, at: Micros) -> usize {
        let mut asked = self.session.asked(&wanted.own);
        let mut items = Vec::new();
        match wanted.own.get("input").and_then(Value::as_array) {
            Some(input) => asked.input = self.conversation.input(input),
            None => items = self.conversation.ids(),
        }
        let listening = Listening::new(&self.provider);
        self.responses.push(Response { asked, items, listening, start: wanted.at, heard: at });
        self.responses.len() - 1
    }

    /// Hands out a response as far as it came.
    fn close(&mut self, at: usize, out: &mut Vec<Reading>) {
        let Response { mut asked, items, listening, start, heard } = self.responses.remove(at);
        for item in listening.output() {
            self.conversation.put(item.clone(), None);
        }
        if asked.input.is_empty() {
            asked.input = self.conversation.messages(&items);
        }
        let mut answered = listening.finish(&mut asked);
        answered.model = answered.model.or_else(|| self.session.model());
        if let Some(usage) = &mut answered.usage {
            by_time(usage);
        }
        out.push(reading(Operation::Chat, asked, answered, start, heard));
    }

    /// What a user said, written down by a model of its own.
    fn transcribed(&mut self, json: &Value, at: Micros) -> Reading {
        let id = json.text("item_id").unwrap_or_default();
        let transcript = json.text("transcript").unwrap_or_default();
        if !transcript.is_empty() {
            self.conversation.transcribe(id, json.count("content_index"), transcript);
        }
        let settings = self.session.transcription();
        let mut asked = Asked {
            model: settings.and_then(|own| own.word("model")).map(str::to_owned),
            ..Asked::default()
        };
        let settings = settings.map(|own| crate::dialect::json::rest(own, &["model"]));
        asked.parameters = settings.unwrap_or_default();
        asked.streamed = true;
        let mut answered = Answered {
            id: Some(id.to_owned()).filter(|id| !id.is_empty()),
            model: asked.model.clone(),
            error: in_json(json, None),
            complete: true,
            ..Answered::default()
        };
        if answered.error.is_none() {
            answered.output = vec![Message::new("assistant", vec![Part::text(transcript)])];
        }
        answered.usage = json.some("usage").and_then(|said| usage(said, &self.provider)).map(|mut usage| {
            by_time(&mut usage);
            usage
        });
        if let Some(logprobs) = json.some("logprobs") {
            answered.extra.insert("logprobs".to_owned(), logprobs.clone());
        }
        let start = self.committed.remove(id).unwrap_or(at);
        reading(Operation::Transcription, asked, answered, start, at)
    }

    /// An error: of the response that it names, or that was about to begin, or of nothing that has a reading.
    fn failed(&mut self, json: &Value, at: Micros) -> Reading {
        let cause = json.get("error").and_then(|error| error.word("event_id"));
        let named =
            self.wanted.iter().position(|wanted| cause.is_some() && wanted.event_id.as_deref() == cause);
        // Where nothing is named, the one that waits is it, as long as nothing else is under way.
        let waits = (cause.is_none() && self.responses.is_empty() && !self.wanted.is_empty()).then_some(0);
        let wanted = named.or(waits).and_then(|place| self.wanted.remove(place));
        let error = Some(in_json(json, None).unwrap_or_default());
        let answered = Answered { error, model: self.session.model(), complete: true, ..Answered::default() };
        match wanted {
            Some(wanted) => {
                let mut asked = self.session.asked(&wanted.own);
                asked.input = match wanted.own.get("input").and_then(Value::as_array) {
                    Some(input) => self.conversation.input(input),
                    None => self.conversation.messages(&self.conversation.ids()),
                };
                reading(Operation::Chat, asked, answered, wanted.at, at)
            }
            None => {
                let asked = Asked { streamed: true, ..Asked::default() };
                reading(Operation::Other, asked, answered, at, at)
            }
        }
    }
}

fn reading(operation: Operation, asked: Asked, answered: Answered, start: Micros, end: Micros) -> Reading {
    let (start, end) = (Some(start), Some(end));
    Reading { dialect: Realtime.name(), operation, asked, answered, start, end }
}

/// Brings an event into the form that responses have: xAI's usage stands beside the response, and why one failed stands
/// in details of its own.
fn settle(json: &mut Value) {
    let beside = json.some("usage").cloned();
    let Some(response) = json.get_mut("response").and_then(Value::as_object_mut) else { return };
    let said = response.get("usage").and_then(Value::as_object).is_some_and(|usage| !usage.is_empty());
    if let Some(usage) = beside.filter(|_| !said) {
        response.insert("usage".to_owned(), usage);
    }
    let error = response.get("status_details").and_then(|details| details.some("error")).cloned();
    if let Some(error) = error {
        response.entry("error").or_insert(error);
    }
}

/// What is billed by its length: then tokens are counted but not billed.
fn by_time(usage: &mut Usage) {
    let Some(raw) = &usage.raw else { return };
    let seconds =
        |key: &str| raw.get(key).and_then(Value::as_f64).filter(|seconds| (0.0..1e9).contains(seconds));
    if let Some(billed) = seconds("billable_audio_seconds") {
        usage.audio = Some(Duration::from_secs_f64(billed));
        usage.billed_input = Some(0);
        usage.billed_output = Some(0);
    } else if let Some(seconds) = seconds("seconds").filter(|_| raw.get("type") == Some(&json!("duration"))) {
        usage.audio = Some(Duration::from_secs_f64(seconds));
    }
}
