//! Inputs that are exchanges: fields with marks between them, so that what changes one leaves the others where they are.
//!
//! ```text
//! choices │ method path provider │ headers │ response's headers │ request's body │ response's body
//! ```
//!
//! The choices: how bodies are cut, the status, and flags that say what bodies are.

use wiretape::model::{Body, Chunk, Closer, Direction, Ending, Exchange, ExchangeId, Head, Headers, Micros};

use super::pieces;

/// Between fields, and between the pieces of a body that is put together here. No text holds it.
pub const MARK: &[u8] = b"\xff\xfe\xfd";

/// It is a socket, and the response's body the pieces of both directions: `c` or `s`, and a message.
pub const SOCKET: u8 = 1;
/// The response's body is the pieces of an event stream: a name, `!` before that of an error, a line's end, and JSON.
pub const EVENTS: u8 = 2;
/// The response broke off.
pub const BROKEN: u8 = 4;
/// A socket's pieces are frames as they are on the wire.
pub const FRAMES: u8 = 8;
/// What has to go is said by rules of a user's own.
pub const OWN_RULES: u8 = 16;

const STATUS: [u16; 8] = [200, 101, 201, 204, 302, 400, 429, 500];
const BEGAN: Micros = Micros(1_000_000_000);

/// An exchange as an input says it.
#[derive(Clone, Default)]
pub struct Input {
    pub cut: u8,
    pub status: u8,
    pub flags: u8,
    pub line: String,
    pub headers: Vec<u8>,
    pub response_headers: Vec<u8>,
    pub request: Vec<u8>,
    pub response: Vec<u8>,
}

impl Input {
    pub fn read(input: &[u8]) -> Self {
        let mut fields = split(input, 6).into_iter();
        let mut next = || fields.next().unwrap_or_default().to_vec();
        let choices = next();
        let choice = |at: usize| choices.get(at).copied().unwrap_or_default();
        Self {
            cut: choice(0),
            status: choice(1),
            flags: choice(2),
            line: String::from_utf8(next()).unwrap_or_default(),
            headers: next(),
            response_headers: next(),
            request: next(),
            response: next(),
        }
    }

    pub fn write(&self) -> Vec<u8> {
        let Self { cut, status, flags, line, headers, response_headers, request, response } = self;
        [&[*cut, *status, *flags], line.as_bytes(), headers, response_headers, request, response].join(MARK)
    }

    /// The byte that stands for this status, or for one like it.
    pub fn status_byte(status: u16) -> u8 {
        let exact = STATUS.iter().position(|known| *known == status);
        let alike = || STATUS.iter().position(|known| *known / 100 == status / 100);
        exact.or_else(alike).and_then(|at| u8::try_from(at).ok()).unwrap_or_default()
    }

    /// The exchange. `cut`: its bytes came in small pieces, each with those it is compared to.
    pub fn exchange(&self, dialect: Option<&str>, cut: bool) -> Exchange {
        let socket = self.flags & SOCKET != 0;
        let mut words = self.line.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (method, path, provider) = (word(), word(), word());
        let (mut request, mut response) = (Body::default(), Body::default());
        if socket {
            for (at, message) in (1_u64..).zip(split(&self.response, usize::MAX)) {
                let Some((&side, message)) = message.split_first() else { continue };
                let body = if side == b'c' { &mut request } else { &mut response };
                let frame = if self.flags & FRAMES == 0 { text_frame(message) } else { message.to_vec() };
                self.put(body, &frame, at, cut);
            }
        } else {
            self.put(&mut request, &self.request, 0, cut);
            let events = self.flags & EVENTS != 0;
            let answer = if events { event_stream(&self.response) } else { self.response.clone() };
            self.put(&mut response, &answer, 1, cut);
        }
        let ending = match self.flags & BROKEN {
            0 => Ending::Complete,
            _ => Ending::Broken { by: Closer::Upstream, why: "connection reset".to_owned() },
        };
        request.end = Some((BEGAN, Ending::Complete));
        response.end = Some((BEGAN, ending));
        Exchange {
            id: ExchangeId::from_bytes([7; 16]),
            upstream: "test".to_owned(),
            provider,
            dialect: dialect.map(str::to_owned),
            method,
            target: Some(path.clone()),
            forwarded: path,
            version: "HTTP/1.1".to_owned(),
            headers: Headers::from_lines(self.headers.clone()),
            labels: Vec::new(),
            upgrade: socket,
            began: BEGAN,
            request,
            informational: Vec::new(),
            head: Some(Head {
                at: BEGAN,
                status: STATUS[usize::from(self.status) % STATUS.len()],
                version: "HTTP/1.1".to_owned(),
                headers: Headers::from_lines(self.response_headers.clone()),
                ours: false,
            }),
            response,
            redactions: Vec::new(),
        }
    }

    fn put(&self, body: &mut Body, bytes: &[u8], at: u64, cut: bool) {
        let pieces = if cut { pieces(bytes, self.cut) } else { vec![bytes] };
        body.chunks.extend(pieces.iter().map(|piece| Chunk { after: at, length: piece.len() as u64 }));
        body.bytes = [&body.bytes[..], bytes].concat().into();
    }
}

/// Both bodies.
pub const BOTH: [Direction; 2] = [Direction::Request, Direction::Response];

/// Parts between marks, at most so many.
fn split(bytes: &[u8], most: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while parts.len() + 1 < most {
        let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) else { break };
        parts.push(&rest[..at]);
        rest = &rest[at + MARK.len()..];
    }
    parts.push(rest);
    parts
}

/// A WebSocket's frame with one text message.
pub fn text_frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(message.len()) {
        Ok(short @ 0..126) => frame.push(short.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(message.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(message);
    frame
}

fn event_stream(pieces: &[u8]) -> Vec<u8> {
    let pieces = split(pieces, usize::MAX);
    pieces
        .into_iter()
        .flat_map(|piece| {
            let at = piece.iter().position(|byte| *byte == b'\n').unwrap_or(piece.len());
            event_frame(&piece[..at], piece.get(at + 1..).unwrap_or_default())
        })
        .collect()
}

/// One frame of an AWS event stream.
pub fn event_frame(name: &[u8], payload: &[u8]) -> Vec<u8> {
    let (kind, key, name) = match name.strip_prefix(b"!") {
        Some(name) => (&b"exception"[..], &b":exception-type"[..], name),
        None => (&b"event"[..], &b":event-type"[..], name),
    };
    let mut headers = Vec::new();
    for (key, value) in [(&b":message-type"[..], kind), (key, name), (b":content-type", b"application/json")]
    {
        let value = &value[..value.len().min(1000)];
        headers.push(u8::try_from(key.len()).unwrap_or_default());
        headers.extend_from_slice(key);
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        headers.extend_from_slice(value);
    }
    let long = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = long(12 + headers.len() + payload.len() + 4).to_vec();
    out.extend_from_slice(&long(headers.len()));
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload);
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}
