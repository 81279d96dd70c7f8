//! A scripted provider: one request on each connection, answered by whatever the test says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

/// A request as it came, and the connection to answer on.
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
    pub socket: TcpStream,
}

impl Asked {
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A client that has gone is no concern of a provider's.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.socket.write_all(bytes.as_ref());
    }

    /// An answer with its length.
    pub fn answer(&mut self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
        self.write([head.as_bytes(), body].concat());
    }

    pub fn json_answer(&mut self, body: &Value) {
        self.answer("200 OK", "Content-Type: application/json\r\n", body.to_string());
    }

    /// The head of a stream of events in chunks.
    pub fn stream(&mut self) {
        self.write(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n",
        );
    }

    pub fn chunk(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.write([format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat());
    }

    pub fn end(&mut self) {
        self.write("0\r\n\r\n");
    }

    /// Waits until the other side has gone.
    pub fn until_gone(&mut self) {
        let _ = self.socket.set_read_timeout(Some(super::support::PATIENCE));
        while matches!(self.socket.read(&mut [0; 1024]), Ok(1..)) {}
    }
}

/// Starts a provider and says its URL. It ends with the test.
pub fn provider(answer: impl Fn(Asked) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(socket) = socket else { return };
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || {
                let _ = socket.set_nodelay(true);
                if let Some(asked) = read(socket) {
                    answer(asked);
                }
            });
        }
    });
    format!("http://{address}")
}

/// An address that nobody listens at.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn read(mut socket: TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(&mut socket, &mut bytes)?;
    };
    let head = String::from_utf8(bytes.drain(..end).collect()).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    while bytes.len() < length.unwrap_or(0) {
        more(&mut socket, &mut bytes)?;
    }
    Some(Asked { head, body: bytes, socket })
}

fn more(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 64 << 10];
    let count = socket.read(&mut buffer).ok().filter(|count| *count > 0)?;
    bytes.extend_from_slice(&buffer[..count]);
    Some(())
}

/// What a chat's answer looks like.
pub fn chat(text: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    })
}

/// A piece of a chat's answer that is streamed.
pub fn delta(text: &str) -> String {
    let event = json!({
        "id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]
    });
    format!("data: {event}\n\n")
}

/// The last of it.
pub fn stop() -> String {
    let event = json!({
        "id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    });
    format!("data: {event}\n\ndata: [DONE]\n\n")
}

/// A question of a chat.
pub fn question(text: &str) -> String {
    json!({"model": "gpt-4.1", "messages": [{"role": "user", "content": text}]}).to_string()
}

pub fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// A long text that follows from a name.
pub fn noise_of(name: &str) -> String {
    let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    super::support::noise(300 + usize::try_from(seed % 3000).unwrap(), seed)
}
