//! An agent at work: a system prompt and tools of 20 kB, 4 kB that are new with each turn, and the cache's marker on the
//! last message. Odd sessions are streamed.

use serde_json::{Value, json};
use wiretape::model::{Body, Chunk, Ending, Exchange, ExchangeId, Head, Headers, Label, Micros};

use super::words::Dice;

pub const SESSIONS: u64 = 10;
pub const TURNS: u64 = 100;

const NOON: u64 = 1_795_262_400_000_000;
const MODEL: &str = "claude-sonnet-4-5-20250929";

/// One session as far as it has got.
pub struct Talk {
    session: u64,
    turn: u64,
    dice: Dice,
    system: Value,
    tools: Value,
    messages: Vec<Value>,
}

impl Talk {
    pub fn new(session: u64) -> Self {
        // Every session has the same prompt and the same tools.
        let mut shared = Dice(1);
        let system = json!([
            {"type": "text", "text": shared.text(8000), "cache_control": {"type": "ephemeral"}}
        ]);
        let tools: Vec<Value> = (0..14)
            .map(|number| {
                json!({
                    "name": format!("tool_{number}"), "description": shared.text(600),
                    "input_schema": {"type": "object", "required": ["path"], "properties": {
                        "path": {"type": "string", "description": shared.text(80)},
                        "limit": {"type": "integer", "description": shared.text(60)},
                    }},
                })
            })
            .collect();
        let mut dice = Dice(1000 + session);
        let messages = vec![json!({"role": "user", "content": [{"type": "text", "text": dice.text(400)}]})];
        Self { session, turn: 0, dice, system, tools: tools.into(), messages }
    }

    /// The next call, with its answer.
    pub fn turn(&mut self) -> Exchange {
        let request = self.request();
        let answer = self.dice.text(1100);
        let call = format!("toolu_01{}", self.dice.id(22));
        let path = format!("src/{}.rs", self.dice.text(18).trim().replace(['\n', ' '], "_"));
        let content = json!([
            {"type": "text", "text": answer},
            {"type": "tool_use", "id": call, "name": "tool_3", "input": {"path": path}},
        ]);
        let message = format!("msg_01{}", self.dice.id(22));
        let (bytes, chunks) = if self.session % 2 == 1 {
            self.streamed(&message, &answer, &call, &path)
        } else {
            let body = json!({
                "model": MODEL, "id": message, "type": "message", "role": "assistant", "content": content,
                "stop_reason": "tool_use", "stop_sequence": null, "usage": self.usage(),
            });
            let bytes = body.to_string().into_bytes();
            let chunks =
                vec![Chunk { after: 900_000 + self.dice.below(900_000), length: bytes.len() as u64 }];
            (bytes, chunks)
        };
        self.messages.push(json!({"role": "assistant", "content": content}));
        let exchange = self.exchange(request, bytes, chunks);
        let result = self.dice.text(2700);
        self.messages.push(json!({"role": "user", "content": [
            {"tool_use_id": call, "type": "tool_result", "content": [{"type": "text", "text": result}]}
        ]}));
        self.turn += 1;
        exchange
    }

    fn request(&self) -> Vec<u8> {
        let mut messages = self.messages.clone();
        if let Some(last) = messages.last_mut() {
            last["content"][0]["cache_control"] = json!({"type": "ephemeral"});
        }
        let body = json!({
            "model": MODEL, "max_tokens": 32000, "messages": messages, "system": self.system, "tools": self.tools,
            "metadata": {"user_id": format!("user_ab12_session_{:04}", self.session)}, "temperature": 1,
            "stream": self.session % 2 == 1,
        });
        body.to_string().into_bytes()
    }

    fn usage(&self) -> Value {
        json!({
            "input_tokens": 4, "cache_creation_input_tokens": 1024 + self.turn, "output_tokens": 330 + self.turn % 7,
            "cache_read_input_tokens": 6000 + self.turn * 1100, "service_tier": "standard",
        })
    }

    /// Events as they come: some letters each, a chunk for every one or two.
    fn streamed(&mut self, message: &str, answer: &str, call: &str, path: &str) -> (Vec<u8>, Vec<Chunk>) {
        let mut events = Vec::new();
        let mut event = |kind: &str, mut data: Value| {
            data["type"] = kind.into();
            events.push(format!("event: {kind}\ndata: {data}\n\n"));
        };
        event(
            "message_start",
            json!({"message": {
                "id": message, "type": "message", "role": "assistant", "model": MODEL, "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": self.usage(),
            }}),
        );
        event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}}));
        let mut rest = answer;
        while !rest.is_empty() {
            let length = (12 + self.dice.below(30) as usize).min(rest.len());
            let (delta, behind) = rest.split_at(length);
            event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": delta}}));
            rest = behind;
        }
        event("content_block_stop", json!({"index": 0}));
        let tool = json!({"type": "tool_use", "id": call, "name": "tool_3", "input": {}});
        event("content_block_start", json!({"index": 1, "content_block": tool}));
        let input = json!({"path": path}).to_string();
        event(
            "content_block_delta",
            json!({"index": 1, "delta": {"type": "input_json_delta", "partial_json": input}}),
        );
        event("content_block_stop", json!({"index": 1}));
        event(
            "message_delta",
            json!({"delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": self.usage()}),
        );
        event("message_stop", json!({}));
        let mut after = 700_000 + self.dice.below(300_000);
        let chunks = events.iter().map(|event| {
            after += 8_000 + self.dice.below(20_000);
            Chunk { after, length: event.len() as u64 }
        });
        let chunks = chunks.collect();
        (events.concat().into_bytes(), chunks)
    }

    fn began(&self) -> u64 {
        NOON + (self.session * 100_000 + self.turn * 20) * 1_000_000 + self.turn * 137
    }

    fn exchange(&mut self, request: Vec<u8>, response: Vec<u8>, chunks: Vec<Chunk>) -> Exchange {
        let began = Micros(self.began());
        let ended = Micros(began.0 + chunks.last().map_or(0, |chunk| chunk.after) + 40);
        let sent = vec![Chunk { after: 150, length: request.len() as u64 }];
        let complete = |at: Micros| Some((at, Ending::Complete));
        Exchange {
            id: ExchangeId::from_bytes(
                ((u128::from(began.0 / 1000) << 80) | u128::from(self.turn)).to_be_bytes(),
            ),
            upstream: "anthropic".to_owned(),
            provider: "anthropic".to_owned(),
            dialect: None,
            method: "POST".to_owned(),
            target: Some("/anthropic/v1/messages?beta=true".to_owned()),
            forwarded: "/v1/messages?beta=true".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: self.request_headers(request.len()),
            labels: vec![Label { key: "session".to_owned(), value: format!("session-{}", self.session) }],
            upgrade: false,
            began,
            request: Body {
                bytes: request.into(),
                chunks: sent,
                end: complete(Micros(began.0 + 180)),
                ..Body::default()
            },
            informational: Vec::new(),
            head: Some(Head {
                at: Micros(began.0 + 650_000 + self.dice.below(30_000)),
                status: 200,
                version: "HTTP/1.1".to_owned(),
                headers: self.response_headers(),
                ours: false,
            }),
            response: Body { bytes: response.into(), chunks, end: complete(ended), ..Body::default() },
            redactions: Vec::new(),
        }
    }

    fn request_headers(&mut self, length: usize) -> Headers {
        let lines = [
            ("host", "api.anthropic.com".to_owned()),
            ("accept", "application/json".to_owned()),
            ("x-stainless-retry-count", "0".to_owned()),
            ("x-stainless-timeout", "600".to_owned()),
            ("x-stainless-lang", "js".to_owned()),
            ("x-stainless-package-version", "0.60.0".to_owned()),
            ("x-stainless-os", "Linux".to_owned()),
            ("x-stainless-arch", "x64".to_owned()),
            ("x-stainless-runtime", "node".to_owned()),
            ("x-stainless-runtime-version", "v22.11.0".to_owned()),
            ("anthropic-version", "2023-06-01".to_owned()),
            ("anthropic-beta", "interleaved-thinking-2025-05-14".to_owned()),
            ("x-api-key", "fingerprint:5c1b2a".to_owned()),
            ("user-agent", "agent/2.1 (external, cli)".to_owned()),
            ("content-type", "application/json".to_owned()),
            ("traceparent", format!("00-{}-{}-01", self.dice.hex(32), self.dice.hex(16))),
            ("content-length", length.to_string()),
        ];
        Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    fn response_headers(&mut self) -> Headers {
        let time = Micros(self.began()).rfc3339();
        // The 21st was a Saturday.
        let day = time[8..10].parse::<usize>().unwrap_or(21);
        let weekday = ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"][day % 7];
        let date = format!("{weekday}, {} Nov 2026 {} GMT", &time[8..10], &time[11..19]);
        let reset = format!("{}Z", &time[..19]);
        let kind =
            if self.session % 2 == 1 { "text/event-stream; charset=utf-8" } else { "application/json" };
        let lines = [
            ("date", date),
            ("content-type", kind.to_owned()),
            ("transfer-encoding", "chunked".to_owned()),
            ("connection", "keep-alive".to_owned()),
            ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
            ("anthropic-ratelimit-requests-remaining", (3999 - self.dice.below(9)).to_string()),
            ("anthropic-ratelimit-requests-reset", reset.clone()),
            ("anthropic-ratelimit-tokens-limit", "2000000".to_owned()),
            ("anthropic-ratelimit-tokens-remaining", (1_990_000 - self.dice.below(9000)).to_string()),
            ("anthropic-ratelimit-tokens-reset", reset),
            ("request-id", format!("req_011{}", self.dice.id(21))),
            ("anthropic-organization-id", "3b6f1d2e-0000-4000-8000-1234567890ab".to_owned()),
            ("server", "cloudflare".to_owned()),
            ("cf-ray", format!("{}-FRA", self.dice.hex(16))),
        ];
        Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
    }
}
