//! What is exported: calls as they go over the wire.

use serde_json::{Value, json};
use wiretape::model::{Body, Chunk, Closer, Ending, Exchange, ExchangeId, Head, Headers, Label, Micros};

/// Clocks begin here: some noon.
pub const NOON: u64 = 1_795_262_400_000_000;
/// Letters of other scripts, marks of the forms themselves, and what a browser would run.
pub const HOSTILE: &str = "=cmd|'/c calc'!A0, \"quoted\"\r\n```\n</script><img src=x onerror=alert(1)> שלום 日本語 🦀\u{202e} \u{0} end";
pub const EMAIL: &str = "ada.lovelace@example.com";
pub const KEY: &str = "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg";
/// Only ever said, so that it must not be where nothing that was said may be.
pub const SECRET: &str = "quicksilver";

pub struct Made {
    number: u64,
    pub all: Vec<Exchange>,
}

impl Made {
    pub fn new() -> Self {
        Self { number: 0, all: Vec::new() }
    }

    /// A call of OpenAI's chat, answered as a whole.
    pub fn call(&mut self, request: &Value, status: u16, response: &Value) {
        let (request, response) = (request.to_string(), response.to_string());
        self.exchange(request.as_bytes(), status, "application/json", response.as_bytes());
    }

    pub fn exchange(&mut self, request: &[u8], status: u16, kind: &str, response: &[u8]) -> &mut Exchange {
        self.number += 1;
        let began = NOON + self.number * 1_000_000;
        let body = |bytes: &[u8], after: u64| Body {
            bytes: bytes.to_vec().into(),
            chunks: vec![Chunk { after, length: bytes.len() as u64 }],
            end: Some((Micros(began + after), Ending::Complete)),
            ..Body::default()
        };
        self.all.push(Exchange {
            id: ExchangeId::from_bytes(
                (u128::from(began / 1000) << 80 | u128::from(self.number)).to_be_bytes(),
            ),
            upstream: "openai".to_owned(),
            provider: "openai".to_owned(),
            dialect: None,
            method: "POST".to_owned(),
            target: Some("/openai/v1/chat/completions?v=a%20b".to_owned()),
            forwarded: "/v1/chat/completions?v=a%20b".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: headers(&[
                ("content-type", "application/json"),
                ("authorization", "Bearer fp:0123456789abcdef"),
                ("user-agent", "agent/1.0"),
            ]),
            labels: vec![
                Label { key: "tag".to_owned(), value: "nightly".to_owned() },
                Label { key: "user".to_owned(), value: EMAIL.to_owned() },
            ],
            upgrade: false,
            began: Micros(began),
            request: body(request, 10),
            informational: Vec::new(),
            head: Some(Head {
                at: Micros(began + 50_000),
                status,
                version: "HTTP/1.1".to_owned(),
                headers: headers(&[("content-type", kind)]),
                ours: false,
            }),
            response: body(response, 100_000),
            redactions: Vec::new(),
        });
        self.all.last_mut().unwrap()
    }
}

pub fn headers(lines: &[(&str, &str)]) -> Headers {
    Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

pub fn request(messages: &Value) -> Value {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let function =
        json!({"name": "read", "description": format!("Reads, {SECRET}."), "parameters": parameters});
    json!({
        "model": "gpt-4.1", "messages": messages, "temperature": 0.5, "parallel_tool_calls": true,
        "tools": [{"type": "function", "function": function}], "response_format": {"type": "json_object", "name": SECRET},
    })
}

pub fn response(message: &Value, finish: &str) -> Value {
    json!({
        "id": format!("chatcmpl-{finish}"), "object": "chat.completion", "model": "gpt-4.1-2025-04-14",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110,
                  "prompt_tokens_details": {"cached_tokens": 20}},
    })
}

pub fn said(role: &str, content: &str) -> Value {
    json!({"role": role, "content": content})
}

/// One conversation with parallel tools: three calls, of which the last has all that was said.
pub fn tools(made: &mut Made) {
    let call = |id: &str, path: &str| json!({"id": id, "type": "function", "function": {"name": "read", "arguments": json!({"path": path}).to_string()}});
    let mut messages =
        vec![said("system", "Be brief."), said("user", &format!("Read both files, {SECRET}."))];
    let asks = json!({"role": "assistant", "content": null, "tool_calls": [call("call_a", "a"), call("call_b", "b")]});
    made.call(&request(&messages.clone().into()), 200, &response(&asks, "tool_calls"));
    messages.push(asks);
    for (id, text) in [("call_a", "one"), ("call_b", HOSTILE)] {
        messages.push(json!({"role": "tool", "tool_call_id": id, "content": format!("{text} {SECRET}")}));
    }
    let answer = said("assistant", &format!("Both are read, {SECRET}."));
    made.call(&request(&messages.clone().into()), 200, &response(&answer, "stop"));
    messages.extend([answer, said("user", &format!("{HOSTILE} {SECRET} of {EMAIL}, {KEY}"))]);
    let last = said("assistant", &format!("It is {HOSTILE} {SECRET} {EMAIL}."));
    made.call(&request(&messages.into()), 200, &response(&last, "stop"));
}

/// Another conversation, whose answer was cut by its limit.
pub fn limited(made: &mut Made) {
    let messages = json!([said("user", &format!("Tell me a story, {SECRET}."))]);
    made.call(&request(&messages), 200, &response(&said("assistant", &format!("Once {SECRET}")), "length"));
}

pub fn error(made: &mut Made) {
    let messages = json!([said("user", &format!("Too fast, {SECRET}."))]);
    let error = json!({"error": {"message": format!("Slow down, {SECRET}."), "type": "rate_limit_error", "code": null}});
    made.call(&request(&messages), 429, &error);
}

/// A stream that broke off in the midst of a character.
pub fn cut(made: &mut Made) {
    let mut asked = request(&json!([said("user", &format!("Stream, {SECRET}."))]));
    asked["stream"] = true.into();
    let event = |content: &str| {
        let choice = json!({"index": 0, "delta": {"content": content}, "finish_reason": null});
        format!("data: {}\n\n", json!({"id": "c1", "model": "gpt-4.1", "choices": [choice]}))
    };
    let mut bytes = format!("{}{}", event(SECRET), event("日本")).into_bytes();
    let at = bytes.windows(3).rposition(|window| window == "本".as_bytes()).unwrap();
    bytes.truncate(at + 1);
    let exchange = made.exchange(asked.to_string().as_bytes(), 200, "text/event-stream", &bytes);
    exchange.response.end = Some((
        Micros(exchange.began.0 + 90_000),
        Ending::Broken { by: Closer::Upstream, why: "reset".to_owned() },
    ));
}

/// An answer that was sent compressed.
pub fn compressed(made: &mut Made) {
    let messages = json!([said("user", &format!("Zip, {SECRET}."))]);
    let answer = response(&said("assistant", &format!("Zipped, {SECRET}.")), "stop").to_string();
    let bytes = zstd::encode_all(answer.as_bytes(), 3).unwrap();
    let exchange = made.exchange(request(&messages).to_string().as_bytes(), 200, "application/json", &bytes);
    let head = exchange.head.as_mut().unwrap();
    head.headers = headers(&[("content-type", "application/json"), ("content-encoding", "zstd")]);
}

/// An answer that says it is compressed, and is not.
pub fn not_compressed(made: &mut Made) {
    compressed(made);
    let exchange = made.all.last_mut().unwrap();
    exchange.response.bytes = format!("not zstd, {SECRET}").into();
}

/// A path that no dialect knows, with a body that is no text.
pub fn unknown(made: &mut Made) {
    let exchange = made.exchange(b"\xff\xfe\x00", 200, "application/octet-stream", b"\x80\x81");
    exchange.forwarded = "/v1/unheard-of".to_owned();
    exchange.target = None;
}

/// No answer ever came.
pub fn unanswered(made: &mut Made) {
    let messages = json!([said("user", &format!("Anyone, {SECRET}?"))]);
    let exchange = made.exchange(request(&messages).to_string().as_bytes(), 200, "text/plain", b"");
    exchange.head = None;
    exchange.response = Body::default();
}

/// Two calls on a socket, with text that a client masks.
pub fn socket(made: &mut Made) {
    let frame = |text: &str, mask: [u8; 4]| {
        let mut bytes = vec![0x81, if mask == [0; 4] { 126 } else { 0x80 | 126 }];
        bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        if mask != [0; 4] {
            bytes.extend(mask);
        }
        bytes.extend(text.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    };
    let (mut sent, mut received) = (Vec::new(), Vec::new());
    for number in 1..=2 {
        let content = json!([{"type": "input_text", "text": format!("Question {number}, {SECRET} 日本. {}", "x".repeat(200))}]);
        let asked = json!({"type": "response.create", "model": "gpt-5.4", "input": [{"type": "message", "role": "user", "content": content}]});
        sent.push(frame(&asked.to_string(), [1, 2, 3, 4]));
        let content = json!([{"type": "output_text", "annotations": [], "text": format!("Answer {number}, {SECRET}.")}]);
        let item = json!({"id": "m", "type": "message", "status": "completed", "role": "assistant", "content": content});
        let usage = json!({"input_tokens": 5, "output_tokens": 2, "total_tokens": 7});
        let done = json!({"id": format!("resp_{number}"), "object": "response", "status": "completed", "model": "gpt-5.4",
            "output": [item], "usage": usage, "pad": "y".repeat(200)});
        received.push(frame(&json!({"type": "response.completed", "response": done}).to_string(), [0; 4]));
    }
    let exchange = made.exchange(b"", 101, "", b"");
    exchange.method = "GET".to_owned();
    exchange.forwarded = "/v1/responses".to_owned();
    exchange.target = None;
    exchange.upgrade = true;
    for (body, frames, first) in [(&mut exchange.request, sent, 100), (&mut exchange.response, received, 200)]
    {
        body.chunks = frames
            .iter()
            .zip(0_u64..)
            .map(|(frame, at)| Chunk { after: first + at * 1000, length: frame.len() as u64 })
            .collect();
        body.bytes = frames.concat().into();
    }
}

/// All of them.
pub fn everything() -> Vec<Exchange> {
    let mut made = Made::new();
    for add in [tools, limited, error, cut, compressed, not_compressed, unknown, unanswered, socket] {
        add(&mut made);
    }
    made.all
}
