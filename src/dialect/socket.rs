//! Reads a WebSocket: messages of both directions in the order in which they came, and the readings they make.

use serde_json::Value;

use super::framing::{Content, Framing, PerMessageDeflate, Websocket};
use super::json::parse;
use super::reader::in_chunks;
use super::{Call, Heard, Socket, find};
use crate::model::{Direction, Exchange, Headers, Micros, Reading};

/// The longest message that is read.
const LARGEST: usize = 64 << 20;

/// Listens to one socket.
pub struct SocketReader {
    socket: Box<dyn Socket>,
    sent: Websocket,
    received: Websocket,
    /// What could not be read goes onto the next reading.
    problems: Vec<String>,
}

impl SocketReader {
    /// For a socket that was opened by this call and agreed to with these headers. `None` where no dialect knows it.
    pub fn new(call: &Call, agreed: &Headers) -> Option<Self> {
        let socket = find(call)?.socket(call)?;
        let extensions = agreed.joined("sec-websocket-extensions");
        let side = |direction| Websocket::new(LARGEST, PerMessageDeflate::agreed(&extensions, direction));
        Some(Self {
            socket,
            sent: side(Direction::Request),
            received: side(Direction::Response),
            problems: Vec::new(),
        })
    }

    /// Reads what there is of an exchange.
    pub fn over(exchange: &Exchange) -> Option<Vec<Reading>> {
        let head = exchange.head.as_ref().filter(|head| head.status == 101)?;
        // A body that was changed has been written anew, without compression.
        let plain = Headers::default();
        let changed = exchange.request.decoded || exchange.response.decoded;
        let mut reader = Self::new(&Call::of(exchange), if changed { &plain } else { &head.headers })?;
        let mut pieces = Vec::new();
        for direction in [Direction::Request, Direction::Response] {
            let body = exchange.body(direction);
            in_chunks(exchange.began, body, |bytes, at| pieces.push((at, direction, bytes.to_vec())));
        }
        pieces.sort_by_key(|(at, direction, _)| (*at, matches!(direction, Direction::Response)));
        let mut readings = Vec::new();
        for (at, direction, bytes) in pieces {
            reader.push(direction, &bytes, at, &mut readings);
        }
        reader.finish(&mut readings);
        Some(readings)
    }

    /// The next bytes of one direction, and when they came.
    pub fn push(&mut self, direction: Direction, bytes: &[u8], at: Micros, out: &mut Vec<Reading>) {
        let Self { socket, sent, received, problems } = self;
        let before = out.len();
        let framing = match direction {
            Direction::Request => sent,
            Direction::Response => received,
        };
        framing.push(bytes, &mut |frame| match &frame.content {
            Content::Event(event) => {
                let json = parse(event.data).unwrap_or(Value::Null);
                let heard =
                    Heard { name: "", json, data: event.data, at, error: event.error, streamed: true };
                socket.event(direction, heard, out);
            }
            Content::Problem(problem) => problems.push(problem.to_string()),
            Content::Ping(_) | Content::Pong(_) | Content::Close { .. } => {}
        });
        if let Some(reading) = out.get_mut(before..).and_then(<[Reading]>::first_mut) {
            reading.answered.problems.append(problems);
        }
    }

    /// The socket is closed.
    pub fn finish(self, out: &mut Vec<Reading>) {
        self.socket.finish(out);
    }
}
