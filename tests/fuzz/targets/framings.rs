//! Framings: the first byte of an input chooses the limit, the second how the stream is cut, the third what was said of it.

use wiretape::dialect::framing::{
    Auto, EventStream, Framing, JsonArray, Kind, Ndjson, PerMessageDeflate, Sse, Websocket,
};

use super::pieces;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Sse,
    Ndjson,
    JsonArray,
    EventStream,
    Websocket,
    Auto,
}

/// Bytes of an input before the stream.
pub const CHOICES: usize = 3;

const LIMITS: [usize; 4] = [1 << 20, 1, 16, 64];

const TYPES: [Option<&str>; 8] = [
    None,
    Some("text/event-stream; charset=utf-8"),
    Some("application/x-ndjson"),
    Some("application/json"),
    Some("application/vnd.amazon.eventstream"),
    Some("text/plain"),
    Some("audio/mpeg"),
    Some(""),
];

/// More than the limit may be kept: a frame's head, and what a WebSocket's control frame carries.
const HEAD: usize = 14;
const CONTROL: usize = 125;

impl Cut {
    pub const ALL: [Self; 6] =
        [Self::Sse, Self::Ndjson, Self::JsonArray, Self::EventStream, Self::Websocket, Self::Auto];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::Ndjson => "ndjson",
            Self::JsonArray => "json_array",
            Self::EventStream => "event_stream",
            Self::Websocket => "websocket",
            Self::Auto => "auto",
        }
    }

    /// What reads bodies of this kind; `None` where nothing is cut.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Sse => Some(Self::Sse),
            Kind::Ndjson => Some(Self::Ndjson),
            Kind::Json => Some(Self::JsonArray),
            Kind::EventStream => Some(Self::EventStream),
            Kind::Opaque => None,
        }
    }

    fn framing(self, limit: usize, said: u8) -> Box<dyn Framing> {
        match self {
            Self::Sse => Box::new(Sse::new(limit)),
            Self::Ndjson => Box::new(Ndjson::new(limit)),
            Self::JsonArray => Box::new(JsonArray::new(limit)),
            Self::EventStream => Box::new(EventStream::new(limit)),
            Self::Websocket => {
                let deflate = PerMessageDeflate { takeover: said & 2 != 0, window_bits: 15 };
                Box::new(Websocket::new(limit, (said & 1 != 0).then_some(deflate)))
            }
            Self::Auto => {
                let said = TYPES[usize::from(said) % TYPES.len()];
                Box::new(Auto::new(said.map(str::as_bytes), limit))
            }
        }
    }
}

/// An input: a stream, and what is said of it.
pub fn input(said: u8, stream: &[u8]) -> Vec<u8> {
    [&[0, 7, said], stream].concat()
}

pub fn check(cut: Cut, input: &[u8]) {
    let Some((&[limit, choice, said], stream)) = input.split_first_chunk::<CHOICES>() else { return };
    let limit = LIMITS[usize::from(limit) % LIMITS.len()];
    let read = |pieces: &[&[u8]]| read(cut.framing(limit, said), limit, stream.len(), pieces);
    let whole = read(&[stream]);
    assert_eq!(read(&pieces(stream, choice)), whole, "cut by {choice}");
    assert_eq!(read(&pieces(stream, 0)), whole, "byte by byte");
}

/// Frames and comments. What is kept of unfinished frames stays within bounds, and frames end in the order they come.
fn read(mut framing: Box<dyn Framing>, limit: usize, length: usize, pieces: &[&[u8]]) -> (Vec<String>, u64) {
    let mut frames = Vec::new();
    let (mut last, mut seen) = (0, 0);
    for piece in pieces {
        seen += piece.len() as u64;
        framing.push(piece, &mut |frame| {
            assert!(frame.end >= last && frame.end <= seen, "a frame ends at {} of {seen}", frame.end);
            last = frame.end;
            frames.push(format!("{frame:?}"));
        });
        let kept = framing.buffered();
        assert!(kept <= limit + HEAD + CONTROL, "{kept} bytes are kept with a limit of {limit}");
    }
    framing.finish(&mut |frame| {
        assert!(frame.end >= last && frame.end <= length as u64, "a frame ends at {} at last", frame.end);
        frames.push(format!("{frame:?}"));
    });
    assert_eq!(framing.buffered(), 0, "nothing is kept when it is finished");
    (frames, framing.comments())
}
