//! Responses over a WebSocket: many calls on one socket, one after the other or in lanes side by side.
//!
//! A call that goes on from an earlier answer sends what is new alone; the server remembers the rest as long as the socket
//! is open. So does this: what was asked is given whole, and `messages_from_before` says how many of its messages were
//! taken from what the socket had seen.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::answer::Listening;
use super::{Responses, asked};
use crate::dialect::error::in_json;
use crate::dialect::json::Look;
use crate::dialect::{Answer as _, Call, Dialect as _, Heard, Socket};
use crate::model::{Answered, Asked, Direction, Message, Micros, Operation, Reading};

/// How many bytes of a socket's messages are remembered. Of a longer socket the oldest turns are forgotten.
const REMEMBERED: usize = 64 << 20;

/// Listens to a socket that this call opens.
pub fn open(call: &Call) -> Box<dyn Socket> {
    Box::new(Lines {
        provider: call.provider.clone(),
        model: call.parameter("model").or_else(|| call.behind("deployments")),
        ..Lines::default()
    })
}

#[derive(Default)]
struct Lines {
    provider: String,
    /// What the address says, for calls that do not.
    model: Option<String>,
    /// Those under way, in the order in which they were asked for.
    calls: Vec<Line>,
    /// Which of them was heard last, by its place.
    last: usize,
    memory: Memory,
    /// What the client said into an answer under way, for the one after it.
    steered: Vec<Message>,
    /// What the last call that ended asked for, and its answer's id.
    before: Option<(Asked, Option<String>)>,
}

/// One call under way.
struct Line {
    lane: Option<String>,
    asked: Asked,
    /// How many of the messages are from before.
    known: usize,
    /// It readies the server for the next call, and has nothing generated.
    prewarm: bool,
    listening: Listening,
    start: Micros,
    heard: Micros,
    bytes: usize,
}

/// What was said on a socket, by the ids of the answers.
#[derive(Default)]
struct Memory {
    turns: HashMap<String, Turn>,
    order: VecDeque<String>,
    bytes: usize,
}

/// What an answer added to the one it goes on from.
struct Turn {
    before: Option<String>,
    messages: Vec<Message>,
    bytes: usize,
}

impl Memory {
    /// All messages up to the end of this answer, as far as they are known.
    fn history(&self, id: &str) -> Vec<Message> {
        let mut chain = Vec::new();
        let mut next = self.turns.get(id);
        // No chain is longer than there are turns, whatever ids a server invents.
        while let Some(turn) = next.filter(|_| chain.len() < self.turns.len()) {
            chain.push(turn);
            next = turn.before.as_ref().and_then(|id| self.turns.get(id));
        }
        chain.iter().rev().flat_map(|turn| turn.messages.iter().cloned()).collect()
    }

    fn keep(&mut self, id: String, turn: Turn) {
        self.bytes += turn.bytes;
        if let Some(old) = self.turns.insert(id.clone(), turn) {
            self.bytes -= old.bytes;
        } else {
            self.order.push_back(id);
        }
        while self.bytes > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.turns.remove(&oldest).map_or(0, |turn| turn.bytes);
        }
    }
}

impl Socket for Lines {
    fn event(&mut self, direction: Direction, heard: Heard<'_>, out: &mut Vec<Reading>) {
        match direction {
            Direction::Request => self.asked(&heard),
            Direction::Response => self.answered(heard, out),
        }
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<Reading>) {
        while !self.calls.is_empty() {
            self.close(0, out);
        }
    }
}

impl Lines {
    fn asked(&mut self, heard: &Heard<'_>) {
        let json = &heard.json;
        match json.text("type") {
            Some("response.create") => {
                // An early form of it has the fields one level down.
                let body = json.some("response").filter(|inner| inner.is_object()).unwrap_or(json);
                let mut asked = Asked { model: self.model.clone(), streamed: true, ..Asked::default() };
                asked::of_json(body, &mut asked);
                let cache = body.get("prompt_cache_options");
                let prewarm = body.truth("generate") == Some(false)
                    || cache.and_then(|options| options.truth("prewarm")) == Some(true);
                let lane = json.word("stream_id").map(str::to_owned);
                self.begin(asked, lane, prewarm, heard);
            }
            Some("response.steer") => self.steered.extend(asked::input(json)),
            _ => {}
        }
    }

    fn begin(&mut self, mut asked: Asked, lane: Option<String>, prewarm: bool, heard: &Heard<'_>) {
        let mut input =
            asked.continues.as_deref().map(|before| self.memory.history(before)).unwrap_or_default();
        let known = input.len();
        asked.whole = known > 0;
        input.append(&mut asked.input);
        asked.input = input;
        let listening = Listening::new(&self.provider);
        let (start, bytes) = (heard.at, heard.data.len());
        self.calls.push(Line { lane, asked, known, prewarm, listening, start, heard: start, bytes });
    }

    fn answered(&mut self, heard: Heard<'_>, out: &mut Vec<Reading>) {
        let error = heard.json.text("type") == Some("error");
        let Some(at) = self.whose(&heard.json).or_else(|| self.goes_on(&heard)) else {
            if error {
                out.push(self.nobodys(&heard));
            }
            return;
        };
        let Some(line) = self.calls.get_mut(at) else { return };
        line.heard = heard.at;
        let length = heard.data.len();
        line.listening.event(heard);
        self.last = at;
        if line.listening.is_over() {
            line.bytes += length;
            self.close(at, out);
        }
    }

    /// Which call an event is about. Lanes and responses have ids; of the events between a response's first and last most
    /// name their item alone, and an error may name nothing.
    fn whose(&self, json: &Value) -> Option<usize> {
        let place = |is: &dyn Fn(&Line) -> bool| self.calls.iter().position(is);
        let response = json.get("response").and_then(|response| response.word("id"));
        let response = response.or_else(|| json.word("response_id"));
        let lane = json.word("stream_id");
        let in_lane = |line: &Line| line.lane.as_deref() == lane;
        if let Some(id) = response
            && let Some(at) = place(&|line| line.listening.is(id))
        {
            return Some(at);
        }
        if let Some(id) = response {
            // What comes of a response that is over already is nobody's any more.
            let begins =
                json.get("response").is_some_and(|response| response.text("status") == Some("in_progress"))
                    || json.text("type") == Some("response.created");
            if !begins && self.memory.turns.contains_key(id) {
                return None;
            }
            // The first that is heard of it: it is the oldest one that was asked for and not begun.
            return place(&|line| in_lane(line) && !line.listening.has_begun());
        }
        if lane.is_some() {
            return place(&in_lane);
        }
        let item = json.word("item_id").or_else(|| json.get("item").and_then(|item| item.word("id")));
        let owner = item.and_then(|item| place(&|line| line.listening.holds(item)));
        let refused =
            || (json.text("type") == Some("error")).then(|| place(&|line| !line.listening.has_begun()));
        let last =
            || (self.last < self.calls.len()).then_some(self.last).or((!self.calls.is_empty()).then_some(0));
        owner.or_else(|| refused().flatten()).or_else(last)
    }

    /// A response that nobody asked for: it goes on from the one before, with what the client said into that, or its request
    /// was not heard.
    fn goes_on(&mut self, heard: &Heard<'_>) -> Option<usize> {
        let response = heard.json.some("response").filter(|response| response.is_object())?;
        let over = response.word("id").is_none_or(|id| self.memory.turns.contains_key(id));
        if over && heard.json.text("type") != Some("response.created") {
            return None;
        }
        let said = response.word("previous_response_id");
        let follows = said.is_some() || !self.steered.is_empty();
        let asked = match &self.before {
            Some((settings, id)) if follows && said.is_none_or(|said| id.as_deref() == Some(said)) => {
                Asked { input: std::mem::take(&mut self.steered), continues: id.clone(), ..settings.clone() }
            }
            _ => Asked {
                model: self.model.clone(),
                streamed: true,
                continues: said.map(str::to_owned),
                ..Asked::default()
            },
        };
        let lane = heard.json.word("stream_id").map(str::to_owned);
        self.begin(asked, lane, false, heard);
        self.calls.len().checked_sub(1)
    }

    /// An error that no call under way can have.
    fn nobodys(&self, heard: &Heard<'_>) -> Reading {
        let mut error = in_json(&heard.json, None).unwrap_or_default();
        error.status =
            error.status.or(heard.json.count("status").and_then(|status| u16::try_from(status).ok()));
        let asked = Asked { model: self.model.clone(), streamed: true, ..Asked::default() };
        let answered = Answered { error: Some(error), complete: true, ..Answered::default() };
        let at = Some(heard.at);
        Reading {
            dialect: Responses.name(),
            operation: Operation::Other,
            asked,
            answered,
            start: at,
            end: at,
        }
    }

    /// Hands out a call as far as it came.
    fn close(&mut self, at: usize, out: &mut Vec<Reading>) {
        let Line { mut asked, known, prewarm, listening, start, heard, bytes, .. } = self.calls.remove(at);
        if self.last >= at {
            self.last = self.last.saturating_sub(1);
        }
        let mut answered = listening.finish(&mut asked);
        if known > 0 {
            answered.extra.insert("messages_from_before".to_owned(), known.into());
        }
        if let (Some(id), true) = (&answered.id, answered.complete) {
            let said = answered.output.iter().filter(|message| !message.parts.is_empty());
            let said = said.map(|message| Message { finish_reason: None, ..message.clone() });
            let messages = asked.input.iter().skip(known).cloned().chain(said).collect();
            self.memory.keep(id.clone(), Turn { before: asked.continues.clone(), messages, bytes });
        }
        let settings = Asked { input: Vec::new(), ..asked.clone() };
        self.before = Some((settings, answered.id.clone()));
        let operation = if prewarm { Operation::Other } else { Operation::Chat };
        let (start, end) = (Some(start), Some(heard));
        out.push(Reading { dialect: Responses.name(), operation, asked, answered, start, end });
    }
}
