//! A fixture: `tests/fixtures/dialects/DIALECT/NAME.json`.
//!
//! ```json
//! {
//!   "about": "what it shows",
//!   "provider": "openai", "method": "POST", "path": "/v1/chat/completions?x=1", "headers": {"name": "value"},
//!   "request": {"any": "JSON"},
//!   "status": 200, "response_headers": {"content-type": "text/event-stream"},
//!   "response": "JSON, a text, or a list of texts that stand for lines",
//!   "ending": "complete",
//!   "expect": [ {"what": "is read"} ]
//! }
//! ```
//!
//! Instead of `response`: `"frames": [{"name": "messageStart", "json": {}}]`, an AWS event stream (`"exception": true` for
//! one that is an error), or `"base64": "…"`. `"ending": "cut"` says that the stream broke off. A WebSocket has neither
//! request nor response, but `"messages": [{"client": {}}, {"server": {}}]` and `"status": 101`.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wiretape::model::{Body, Chunk, Closer, Direction, Ending, Exchange, ExchangeId, Head, Headers, Micros};

/// When every fixture's exchange began.
pub const BEGAN: Micros = Micros(1_000_000_000);

pub struct Fixture {
    pub path: PathBuf,
    pub json: Value,
}

/// All there are, by their path.
pub fn all() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/dialects");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let json = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
            found.push(Fixture { path, json });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

impl Fixture {
    pub fn dialect(&self) -> &str {
        self.path.parent().unwrap().file_name().unwrap().to_str().unwrap()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.json.get(key).and_then(Value::as_str)
    }

    fn headers(&self, key: &str) -> Headers {
        let pairs = self.json.get(key).and_then(Value::as_object).into_iter().flatten();
        let lines: String =
            pairs.map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap())).collect();
        Headers::from_lines(lines.into_bytes())
    }

    /// A body as the fixture writes it.
    fn body(&self, key: &str) -> Vec<u8> {
        match self.json.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => text.clone().into_bytes(),
            Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
                let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
                lines.join("\n").into_bytes()
            }
            Some(json) => serde_json::to_vec(json).unwrap(),
        }
    }

    fn response(&self) -> Vec<u8> {
        if let Some(frames) = self.json.get("frames").and_then(Value::as_array) {
            return frames.iter().flat_map(frame).collect();
        }
        match self.text("base64") {
            Some(text) => STANDARD.decode(text).unwrap(),
            None => self.body("response"),
        }
    }

    /// The exchange, its response cut into chunks of this size, a millisecond apart.
    pub fn exchange(&self, chunk: usize) -> Exchange {
        let socket = self.json.get("messages").is_some();
        let (request, response) = if socket { self.messages() } else { self.bodies(chunk) };
        let path = self.text("path").unwrap();
        Exchange {
            id: ExchangeId::new(BEGAN, 7),
            upstream: "test".to_owned(),
            provider: self.text("provider").unwrap().to_owned(),
            dialect: self.text("configured").map(str::to_owned),
            method: self.text("method").unwrap_or(if socket { "GET" } else { "POST" }).to_owned(),
            target: Some(path.to_owned()),
            forwarded: path.to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: self.headers("headers"),
            labels: Vec::new(),
            upgrade: socket,
            began: BEGAN,
            request,
            informational: Vec::new(),
            head: Some(Head {
                at: BEGAN,
                status: self
                    .json
                    .get("status")
                    .map_or(200, |status| status.as_u64().unwrap().try_into().unwrap()),
                version: "HTTP/1.1".to_owned(),
                headers: self.headers("response_headers"),
                ours: false,
            }),
            response,
            redactions: Vec::new(),
        }
    }

    fn bodies(&self, chunk: usize) -> (Body, Body) {
        let response = self.response();
        let chunks = (1_u64..).zip(response.chunks(chunk));
        let chunks: Vec<Chunk> =
            chunks.map(|(at, piece)| Chunk { after: at * 1000, length: piece.len() as u64 }).collect();
        let at = chunks.last().map_or(BEGAN, |chunk| Micros(BEGAN.0 + chunk.after));
        let ending = match self.text("ending").unwrap_or("complete") {
            "complete" => Ending::Complete,
            "client" => Ending::Broken { by: Closer::Client, why: "the client left".to_owned() },
            "cut" => Ending::Broken { by: Closer::Upstream, why: "connection reset".to_owned() },
            other => panic!("{}: no such ending: {other}", self.path.display()),
        };
        let request = self.body("request");
        let length = request.len() as u64;
        let request = Body {
            bytes: request.into(),
            chunks: vec![Chunk { after: 0, length }],
            end: Some((BEGAN, Ending::Complete)),
            ..Body::default()
        };
        (request, Body { bytes: response.into(), chunks, end: Some((at, ending)), ..Body::default() })
    }

    /// Both directions of a socket, a message a millisecond.
    fn messages(&self) -> (Body, Body) {
        let mut bodies = (Body::default(), Body::default());
        let messages = self.json.get("messages").unwrap().as_array().unwrap();
        for (at, message) in (1_u64..).zip(messages) {
            let (side, json, direction) = match (message.get("client"), message.get("server")) {
                (Some(json), None) => (&mut bodies.0, json, Direction::Request),
                (None, Some(json)) => (&mut bodies.1, json, Direction::Response),
                _ => panic!("{}: a message is from the client or the server", self.path.display()),
            };
            let frame = websocket_frame(&serde_json::to_vec(json).unwrap(), direction);
            side.chunks.push(Chunk { after: at * 1000, length: frame.len() as u64 });
            side.bytes = [&side.bytes[..], &frame].concat().into();
        }
        bodies
    }
}

fn websocket_frame(payload: &[u8], direction: Direction) -> Vec<u8> {
    let masked = if direction == Direction::Request { 0x80 } else { 0 };
    let mut frame = vec![0x81];
    match payload.len() {
        short @ 0..126 => frame.push(u8::try_from(short).unwrap() | masked),
        middle @ 126..65_536 => {
            frame.push(126 | masked);
            frame.extend_from_slice(&u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(127 | masked);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    if masked == 0 {
        frame.extend_from_slice(payload);
    } else {
        let mask = [1_u8, 2, 3, 4];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    frame
}

/// One frame of an AWS event stream.
fn frame(frame: &Value) -> Vec<u8> {
    let name = frame.get("name").and_then(Value::as_str).unwrap();
    let failed = frame.get("exception").is_some();
    let payload = serde_json::to_vec(frame.get("json").unwrap()).unwrap();
    let mut headers = Vec::new();
    let (kind, event) = if failed { ("exception", ":exception-type") } else { ("event", ":event-type") };
    for (key, value) in [(":message-type", kind), (event, name), (":content-type", "application/json")] {
        headers.push(u8::try_from(key.len()).unwrap());
        headers.extend_from_slice(key.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = u32::try_from(12 + headers.len() + payload.len() + 4).unwrap();
    let mut out = total.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(&payload);
    let checksum = crc32fast::hash(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}
