//! A WebSocket's messages as browsers write them into archives, and back into frames.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::dialect::framing::{Content, Framing as _, PerMessageDeflate, Websocket};
use crate::model::{Body, Chunk, Direction, Exchange, Micros};

/// The longest message that is written.
const LARGEST: usize = 64 << 20;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The messages of both directions in the order in which they came.
pub fn messages(exchange: &Exchange) -> Value {
    let changed = exchange.request.decoded || exchange.response.decoded;
    let extensions = exchange.head.as_ref().map(|head| head.headers.joined("sec-websocket-extensions"));
    let extensions = extensions.filter(|_| !changed).unwrap_or_default();
    let mut all: Vec<(Micros, Value)> = Vec::new();
    for (direction, name) in [(Direction::Request, "send"), (Direction::Response, "receive")] {
        let body = exchange.body(direction);
        let mut framing = Websocket::new(LARGEST, PerMessageDeflate::agreed(&extensions, direction));
        framing.push(&body.bytes, &mut |frame| {
            let Content::Event(event) = frame.content else { return };
            let at = body.time_at(exchange.began, frame.end.saturating_sub(1)).unwrap_or(exchange.began);
            let (opcode, data) = match std::str::from_utf8(event.data) {
                Ok(text) if !event.binary => (TEXT, text.to_owned()),
                _ => (BINARY, STANDARD.encode(event.data)),
            };
            all.push((at, json!({"type": name, "time": seconds(at), "opcode": opcode, "data": data})));
        });
    }
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, message)| message).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a double holds microseconds for two hundred years yet")]
fn seconds(at: Micros) -> f64 {
    at.0 as f64 / 1e6
}

/// Messages of an archive as the bytes that would have carried them, unmasked and whole, and when each came.
pub fn bodies(messages: &[Value], began: Micros) -> Option<(Body, Body)> {
    let mut bodies = [Body::default(), Body::default()];
    let mut bytes = [Vec::new(), Vec::new()];
    for message in messages {
        let side = usize::from(message.get("type")? == "receive");
        let data = message.get("data")?.as_str()?;
        let opcode = u8::try_from(message.get("opcode")?.as_u64()?).ok()?;
        let payload = match opcode {
            TEXT => data.as_bytes().to_vec(),
            BINARY => STANDARD.decode(data).ok()?,
            // Pings, pongs and farewells say nothing.
            _ => continue,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a time before 1970 reads as 0"
        )]
        let at = (message.get("time")?.as_f64()? * 1e6) as u64;
        let (bytes, body) = (bytes.get_mut(side)?, bodies.get_mut(side)?);
        let before = bytes.len();
        frame(bytes, opcode, &payload);
        let length = (bytes.len() - before) as u64;
        body.chunks.push(Chunk { after: at.saturating_sub(began.0), length });
    }
    for (body, bytes) in bodies.iter_mut().zip(bytes) {
        body.bytes = bytes.into();
        // So are bodies that were written anew: nothing in them is compressed.
        body.decoded = true;
    }
    Some(bodies.into())
}

fn frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    const LAST: u8 = 0x80;
    out.push(LAST | opcode);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < 126 => out.push(short),
        (_, Ok(middle)) => {
            out.push(126);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}
