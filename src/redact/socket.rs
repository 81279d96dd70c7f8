//! One direction of a WebSocket.
//!
//! Its messages are gone through as the events of one stream. Where something has to go, all frames are written anew:
//! neither masked nor compressed, each message in one piece, pings and farewells where they were. So they are where some
//! cannot be read: those are left out.

use std::ops::Range;

use crate::dialect::framing::{Content, Framing, PerMessageDeflate, Websocket};

use super::Need;
use super::body::{self, Changed};
use super::edit;
use super::find::Finder;
use super::stream::Stream;

/// Bytes that messages may hold all told, inflated: what comes behind them is left out where something has to go.
const MOST: usize = 256 << 20;
/// What is pushed at once, so that the bound holds.
const PIECE: usize = 16 << 10;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;

/// A message or a control frame, and where in the texts it lies.
struct Message {
    first: u8,
    range: Range<usize>,
}

#[derive(Default)]
struct Messages {
    all: Vec<Message>,
    texts: Vec<u8>,
}

impl Messages {
    fn add(&mut self, first: u8, pieces: [&[u8]; 2]) {
        let start = self.texts.len();
        self.texts.extend(pieces.into_iter().flatten());
        self.all.push(Message { first, range: start..self.texts.len() });
    }

    fn take(&mut self, content: &Content<'_>) {
        match content {
            Content::Event(event) => {
                let opcode = if event.binary { BINARY } else { TEXT };
                self.add(if event.unterminated { opcode } else { opcode | LAST }, [event.data, b""]);
            }
            Content::Ping(data) => self.add(PING | LAST, [data, b""]),
            Content::Pong(data) => self.add(PONG | LAST, [data, b""]),
            Content::Close { code: Some(code), reason } => {
                self.add(CLOSE | LAST, [&code.to_be_bytes(), reason]);
            }
            Content::Close { code: None, reason: _ } => self.add(CLOSE | LAST, [b"", b""]),
            // What could not be read cannot be written either.
            Content::Problem(_) => {}
        }
    }
}

/// Takes out what has to go; `None` where nothing has.
pub(super) fn redact(
    finder: &Finder,
    deflate: Option<PerMessageDeflate>,
    bytes: &[u8],
    need: Need,
) -> Option<Changed> {
    if need == Need::Plain && deflate.is_none() || bytes.is_empty() {
        return None;
    }
    let mut messages = Messages::default();
    let mut websocket = Websocket::new(MOST, deflate);
    let mut read = 0;
    for piece in bytes.chunks(PIECE) {
        websocket.push(piece, &mut |frame| messages.take(&frame.content));
        read += piece.len();
        if messages.texts.len() + websocket.buffered() > MOST {
            break;
        }
    }
    websocket.finish(&mut |frame| messages.take(&frame.content));
    let left_out = websocket.left_out() + (bytes.len() - read) as u64;
    let Messages { all, texts } = messages;
    let mut stream = Stream::new(finder, &texts);
    for message in &all {
        stream.part(b"", message.range.clone());
        stream.event_ended();
    }
    let mut edits = stream.finish();
    if edits.is_empty() && need == Need::Secrets && left_out == 0 {
        return None;
    }
    edit::settle(&mut edits);
    let mut made = Vec::with_capacity(bytes.len());
    for message in &all {
        let data = body::part(&texts, &message.range, &edits);
        made.push(message.first);
        write_length(data.len(), &mut made);
        made.extend_from_slice(&data);
    }
    Some(Changed { bytes: made, counts: body::counts(&edits), decoded: true, left_out, nothing: None })
}

fn write_length(length: usize, made: &mut Vec<u8>) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => made.push(short),
        (_, Ok(medium)) => {
            made.push(126);
            made.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            made.push(127);
            made.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
