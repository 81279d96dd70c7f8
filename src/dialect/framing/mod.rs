//! Cutting a provider's byte stream into events, before anyone asks what they mean.
//!
//! ```text
//! bytes on the wire ──▶ Decoder ──▶ a Framing ──▶ Frames: events, and what was wrong with the stream
//!                  content-encoding  Sse, Ndjson, JsonArray, EventStream; Websocket per direction
//! ```
//!
//! Every framing takes bytes as they come and lends each frame to the caller's function as soon as it is whole. What is
//! reported depends on the bytes alone, never on where the network cut them. Memory is bounded: a frame above the limit
//! is measured and left out, and the stream goes on behind it.

pub mod decode;
pub mod event_stream;
pub mod json_array;
pub mod ndjson;
pub mod sse;
pub mod websocket;

mod beside;
mod choose;
mod coding;
mod held;
mod permessage;
#[cfg(test)]
mod testing;

use std::fmt;

pub use choose::{Auto, Kind};
pub use decode::{Bounds, Decoder, Fault, UnknownCoding};
pub use event_stream::{EventHeader, EventStream};
pub use json_array::JsonArray;
pub use ndjson::Ndjson;
pub use permessage::PerMessageDeflate;
pub use sse::Sse;
pub use websocket::Websocket;

/// Takes the frames of a stream as they become whole.
pub type Out<'o> = dyn FnMut(Frame<'_>) + 'o;

/// A way to cut a byte stream into frames.
pub trait Framing {
    /// The next bytes of the stream. Each frame that they complete is lent to `out`.
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>);

    /// The stream ended here. What lacks its terminator is handed out, and says so.
    fn finish(&mut self, out: &mut Out<'_>);

    /// How many bytes of unfinished frames are kept: never more than the limit and some for a frame's head, and for a
    /// WebSocket's control frame those 125 that it may carry.
    fn buffered(&self) -> usize;

    /// How many comments went by, where the framing has such.
    fn comments(&self) -> u64 {
        0
    }
}

/// One frame, and where it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// How many bytes of the (decoded) stream had been seen when this was whole. The chunk that brought the last of them
    /// gives the frame its time.
    pub end: u64,
    pub content: Content<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    Event(Event<'a>),
    /// A WebSocket's ping, with what it carries.
    Ping(&'a [u8]),
    /// A WebSocket's pong, with what it carries.
    Pong(&'a [u8]),
    /// A WebSocket's farewell.
    Close {
        code: Option<u16>,
        reason: &'a [u8],
    },
    /// Something was wrong here. Unless it says otherwise the stream goes on behind it.
    Problem(Problem),
}

/// What a provider said in one piece. What a framing has no place for is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// SSE's `event`; an event stream's `:event-type`, or its `:exception-type` or `:error-code`.
    pub name: &'a [u8],
    /// The JSON, most of the time.
    pub data: &'a [u8],
    /// SSE's `id`, where this event itself has one.
    pub id: Option<&'a [u8]>,
    /// An event stream's `:content-type`.
    pub content_type: &'a [u8],
    /// The framing itself, not the data, calls this an error.
    pub error: bool,
    /// A WebSocket's binary message.
    pub binary: bool,
    /// The stream ended before the frame did: `data` may be cut anywhere.
    pub unterminated: bool,
}

/// What was wrong with a stream. Lengths are those of the frame on the wire as far as it came, except that a WebSocket's
/// too large message is measured as it is after inflating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A frame above the limit was left out.
    TooLarge { length: u64 },
    /// The stream ended within a frame that cannot be read in part, or before what closes the whole.
    Unterminated { length: u64 },
    /// A frame whose checksum does not match was left out.
    Checksum { length: u64 },
    /// A frame that breaks the rules was left out, or mended where the text says so.
    Malformed(&'static str),
    /// A length that cannot be true: where the next frame begins is unknown, and nothing is read from here on.
    Lost { length: u64 },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { length } => {
                write!(f, "a frame of {length} bytes is above the limit and was left out")
            }
            Self::Unterminated { length } => write!(f, "the stream ended {length} bytes into a frame"),
            Self::Checksum { length } => write!(f, "a frame of {length} bytes has a wrong checksum"),
            Self::Malformed(what) => f.write_str(what),
            Self::Lost { length } => {
                write!(f, "a frame says it is {length} bytes long: the rest cannot be read")
            }
        }
    }
}
