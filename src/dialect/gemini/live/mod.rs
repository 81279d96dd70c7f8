//! `gemini.live`: a WebSocket on which a model and a client talk by turns, with sound or without. Sound is not kept.

mod turn;

use serde_json::Value;

use super::content::{function_call, function_response, messages};
use super::names::{Either, rest};
use super::request::fill;
use crate::dialect::error::in_json;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Heard, Socket};
use crate::model::{Asked, Direction, Message, Micros, Operation, Part, Reading};
use turn::Turn;

pub struct Live;

pub(super) const NAME: &str = "gemini.live";

/// Messages that say nothing of what is said.
const SILENT: &[&str] = &[
    "setupComplete",
    "serverContent",
    "toolCall",
    "usageMetadata",
    "error",
    "sessionResumptionUpdate",
    "voiceActivity",
    "voiceActivityDetectionSignal",
];

impl Dialect for Live {
    fn name(&self) -> &'static str {
        NAME
    }

    fn claims(&self, call: &Call) -> bool {
        call.path.contains("BidiGenerateContent")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::GenerateContent
    }

    fn asked(&self, _call: &Call, _body: &[u8]) -> Asked {
        Asked::default()
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        super::whole::Whole::boxed(|_, _| crate::dialect::Finished::default())
    }

    fn socket(&self, _call: &Call) -> Option<Box<dyn Socket>> {
        Some(Box::new(Listening::default()))
    }
}

#[derive(Default)]
struct Listening {
    /// What the setup says: it holds for every turn.
    setup: Asked,
    /// The turn under way.
    turn: Turn,
    /// What the client said while the model spoke: it belongs to the next turn.
    next: Turn,
    /// A turn that is over, and whose usage may still come.
    over: Option<Reading>,
    handed_out: bool,
    begun: Option<Micros>,
}

impl Socket for Listening {
    fn event(&mut self, direction: Direction, heard: Heard<'_>, out: &mut Vec<Reading>) {
        match direction {
            Direction::Request => self.client(&heard.json, heard.at),
            Direction::Response => self.server(&heard.json, heard.at, out),
        }
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<Reading>) {
        self.hand_over(out);
        // A socket that never came to a turn is worth a word too: its model may not have been found.
        let refused = !self.handed_out && self.begun.is_some();
        if self.turn.is_empty() {
            self.turn = std::mem::take(&mut self.next);
        }
        if refused && self.turn.start.is_none() {
            self.turn.start = self.begun;
        }
        if refused || !self.turn.is_empty() {
            out.push(self.turn.finish(&self.setup, None, None));
        }
    }
}

impl Listening {
    fn client(&mut self, json: &Value, at: Micros) {
        if let Some(setup) = json.either("setup") {
            self.begun.get_or_insert(at);
            self.setup = Asked { streamed: true, ..Asked::default() };
            fill(&mut self.setup, setup);
        }
        let turn = if self.turn.speaking() { &mut self.next } else { &mut self.turn };
        if let Some(content) = json.either("clientContent") {
            turn.say(content.either("turns").map(messages).unwrap_or_default(), at);
        }
        if let Some(response) = json.either("toolResponse") {
            let results = response.either_list("functionResponses").iter().map(|result| {
                let part = Part::from(function_response(result));
                Message::new("tool", vec![part])
            });
            turn.say(results.collect(), at);
        }
        if let Some(input) = json.either("realtimeInput") {
            turn.stream_in(input, at);
        }
        let said = ["setup", "clientContent", "toolResponse", "realtimeInput"];
        for (kind, value) in rest(json, &said) {
            turn.say(vec![Message::new("user", vec![turn::other(&kind, &value)])], at);
        }
    }

    fn server(&mut self, json: &Value, at: Micros, out: &mut Vec<Reading>) {
        if let Some(ready) = json.either("setupComplete") {
            self.setup.conversation = ready.either_word("sessionId").map(str::to_owned);
        }
        let usage = json.either("usageMetadata");
        let content = json.either("serverContent");
        let call = json.either("toolCall");
        if let (Some(over), Some(raw)) = (&mut self.over, usage)
            && content.is_none()
            && call.is_none()
        {
            turn::used(&mut over.answered, raw);
            return self.hand_over(out);
        }
        if content.is_some() || call.is_some() {
            self.hand_over(out);
        }
        if let Some(error) = in_json(json, None) {
            self.turn.fail(error, at);
        }
        for (key, value) in rest(json, SILENT) {
            // What comes between turns is said of none.
            if self.turn.speaking() {
                self.turn.note(key, value);
            }
        }
        if let Some(content) = content {
            self.turn.hear(content, at);
        }
        if let Some(raw) = usage {
            self.turn.used(raw);
        }
        if let Some(call) = call {
            self.turn.call(call.either_list("functionCalls").iter().map(function_call), at);
            self.end("toolCall", at, out);
        } else if content.and_then(|content| content.either_truth("turnComplete")) == Some(true) {
            let reason = self.turn.reason(content);
            self.end(&reason, at, out);
        }
    }

    /// The turn is over: it is handed out now, or when its usage has come.
    fn end(&mut self, reason: &str, at: Micros, out: &mut Vec<Reading>) {
        let turn = std::mem::replace(&mut self.turn, std::mem::take(&mut self.next));
        let reading = turn.finish(&self.setup, Some(reason), Some(at));
        if reading.answered.usage.is_some() {
            self.handed_out = true;
            out.push(reading);
        } else {
            self.over = Some(reading);
        }
    }

    fn hand_over(&mut self, out: &mut Vec<Reading>) {
        self.handed_out |= self.over.is_some();
        out.extend(self.over.take());
    }
}
