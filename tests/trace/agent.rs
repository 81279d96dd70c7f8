//! Agents at work, played: what they send and what is answered, as readings, with the place that each call belongs to.

use serde_json::{Map, Value, json};
use wiretape::model::{
    Answered, Asked, Caller, ExchangeId, Headers, Message, Micros, Observation, ObservationId, Operation,
    Part, PartKind, Place, Reading, Status, TraceId,
};
use wiretape::trace::{Facts, Said, facts, scope};

use crate::wire::Spoken;

/// A call that was made, and where it belongs.
#[derive(Clone)]
pub struct Made {
    pub facts: Facts,
    pub session: String,
    pub trace: String,
    /// The tool's call that started the agent, as the asker's number and the call's place.
    pub under: Option<(ObservationId, usize)>,
    pub attempt: u32,
    pub side: Option<&'static str>,
    pub spoken: Spoken,
}

/// All calls of a play, and a clock.
#[derive(Default)]
pub struct Play {
    pub made: Vec<Made>,
    pub now: u64,
    pub ids: u64,
    /// Numbers of its calls begin here.
    pub base: u64,
}

/// A line of messages.
#[derive(Clone)]
pub struct Line {
    pub session: String,
    pub trace: String,
    pub under: Option<(ObservationId, usize)>,
    pub messages: Vec<Message>,
    pub said: Said,
    pub key: String,
    pub system: String,
    pub with_tools: bool,
    pub dialect: &'static str,
}

impl Line {
    pub fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            trace: String::new(),
            under: None,
            messages: Vec::new(),
            said: Said::default(),
            key: "key".to_owned(),
            system: "You are an agent.".to_owned(),
            with_tools: true,
            dialect: "anthropic.messages",
        }
    }

    pub fn user(&mut self, trace: &str, text: &str) -> &mut Self {
        self.trace = format!("{}/{trace}", self.session);
        self.messages.push(Message::new("user", vec![Part::text(text)]));
        self
    }

    pub fn result(&mut self, id: Option<&str>, text: &str) -> &mut Self {
        let response = json!(text);
        let part =
            PartKind::ToolCallResponse { id: id.map(str::to_owned), name: None, response, is_error: None };
        self.messages.push(Message::new("tool", vec![part.into()]));
        self
    }
}

/// What a model answers.
#[derive(Clone, Default)]
pub struct Answer {
    pub text: String,
    pub calls: Vec<(Option<String>, String, Value)>,
}

pub fn says(text: &str) -> Answer {
    Answer { text: text.to_owned(), calls: Vec::new() }
}

impl Play {
    /// An id that nothing else has.
    pub fn id(&mut self) -> String {
        self.ids += 1;
        let number = self.base + self.ids;
        format!("toolu_{:08x}{:04}", number.wrapping_mul(0x9E37_79B9), number)
    }

    pub fn calls(&mut self, name: &str, arguments: Value) -> Answer {
        let id = self.id();
        Answer { text: "Let me see.".to_owned(), calls: vec![(Some(id), name.to_owned(), arguments)] }
    }

    pub fn wait(&mut self, micros: u64) {
        self.now += micros;
    }

    /// A call that is answered in 100 ms, and becomes part of the line.
    pub fn turn(&mut self, line: &mut Line, answer: &Answer) -> ObservationId {
        let id = self.begin(line, answer, 100_000, Status::Ok);
        self.now += 100_000;
        line.messages.push(message(answer));
        id
    }

    /// The same, without waiting for it.
    pub fn begin(&mut self, line: &Line, answer: &Answer, took: u64, status: Status) -> ObservationId {
        self.now += 1000;
        let observation = self.observation(line, answer, took, status);
        let id = observation.id;
        let headers = Headers::from_lines(format!("authorization: {}\r\n", line.key).into_bytes());
        let made = Made {
            facts: facts(&observation, &line.said, scope(&headers, &line.said)),
            session: line.session.clone(),
            trace: line.trace.clone(),
            under: line.under,
            attempt: 1,
            side: None,
            spoken: Spoken {
                number: self.base + self.made.len() as u64 + 1,
                at: self.now,
                line: line.clone(),
                answer: answer.clone(),
                took,
                status,
            },
        };
        self.made.push(made);
        id
    }

    pub fn last(&mut self) -> &mut Made {
        self.made.last_mut().unwrap()
    }

    fn observation(&mut self, line: &Line, answer: &Answer, took: u64, status: Status) -> Observation {
        let number = self.base + self.made.len() as u64 + 1;
        let failed = status != Status::Ok;
        // What was said before it broke off has come.
        let is_cut = status == Status::Interrupted && !answer.text.is_empty();
        let output = if failed && !is_cut { Vec::new() } else { vec![message(answer)] };
        let tools = if line.with_tools { vec![json!({"name": "Bash"})] } else { Vec::new() };
        let reading = Reading {
            dialect: line.dialect,
            operation: Operation::Chat,
            asked: Asked {
                system: vec![Part::text(line.system.clone())],
                input: line.messages.clone(),
                tools,
                parameters: Map::new(),
                ..Asked::default()
            },
            answered: Answered {
                output,
                complete: !failed,
                id: Some(answer_id(answer, number)),
                ..Answered::default()
            },
            start: None,
            end: None,
        };
        let id = ObservationId(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let exchange = ExchangeId::new(Micros(self.now), number);
        Observation { status, ..observed(id, exchange, reading, Micros(self.now), took) }
    }
}

/// A call as the recorder has it before it is in its place.
pub fn observed(
    id: ObservationId,
    exchange: ExchangeId,
    reading: Reading,
    start: Micros,
    took: u64,
) -> Observation {
    Observation {
        id,
        exchange,
        index: 0,
        kind: reading.operation.kind(),
        name: reading.operation.name().to_owned(),
        start,
        end: Some(Micros(start.0 + took)),
        status: Status::Ok,
        error: None,
        ended_by: None,
        provider: "anthropic".to_owned(),
        upstream: "anthropic".to_owned(),
        http_status: None,
        upstream_request_id: None,
        reading: Some(reading),
        endpoint: String::new(),
        cost: None,
        place: Place {
            trace: TraceId(0),
            session: None,
            parent: None,
            attempt: 1,
            prompt_version: None,
            tools_version: None,
            links: Vec::new(),
        },
        caller: Caller::default(),
        losses: Vec::new(),
        redactions: Vec::new(),
    }
}

/// How the provider names an answer: two that ask for the same calls are one that was seen twice.
pub fn answer_id(answer: &Answer, number: u64) -> String {
    match answer.calls.first() {
        Some((Some(id), _, _)) => format!("msg_{id}"),
        _ => format!("msg_{number:08}"),
    }
}

fn message(answer: &Answer) -> Message {
    let mut parts = Vec::new();
    if !answer.text.is_empty() {
        parts.push(Part::text(answer.text.clone()));
    }
    parts.extend(answer.calls.iter().map(|(id, name, arguments)| {
        PartKind::ToolCall { id: id.clone(), name: name.clone(), arguments: arguments.clone() }.into()
    }));
    Message::new("assistant", parts)
}
