//! The formats that the demo's agents and provider speak, each a table of pure functions.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::talk::{Answer, Refusal, Request, Tool};

/// A format.
#[derive(Debug)]
pub struct Wire {
    /// How a client asks, below the base URL.
    pub path: fn(&Request) -> String,
    /// Whether a path is one that this format is spoken on.
    pub is_path: fn(&str) -> bool,
    /// The headers that its SDKs send.
    pub headers: &'static [(&'static str, &'static str)],
    pub request: fn(&Request) -> Value,
    /// An answer in one piece.
    pub whole: fn(&Answer) -> Value,
    /// The same as the events of a stream, each as it goes out.
    pub events: fn(&Answer) -> Vec<String>,
    pub refusal: fn(&Refusal) -> Value,
    /// How the answer to a request names itself, before what is random about it.
    pub id_prefix: &'static str,
    pub call_prefix: &'static str,
    /// The headers that the provider answers with, and the one that names the call.
    pub answer_headers: &'static [(&'static str, &'static str)],
    pub id_header: &'static str,
    /// The provider's upstream in the configuration.
    pub upstream: &'static str,
    /// What the cache does not have yet is put into it at a price.
    pub pays_for_cache: bool,
}

pub use anthropic::ANTHROPIC;
pub use chat::CHAT;
pub use gemini::GEMINI;
pub use responses::RESPONSES;

/// All of them.
pub const ALL: &[&Wire] = &[&ANTHROPIC, &CHAT, &RESPONSES, &GEMINI];

/// Of OpenAI's two formats.
const OPENAI_ANSWERS: &[(&str, &str)] = &[
    ("openai-organization", "demo-org"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "5000"),
    ("x-ratelimit-remaining-requests", "4387"),
    ("x-ratelimit-limit-tokens", "2000000"),
    ("x-ratelimit-remaining-tokens", "1712044"),
    ("x-ratelimit-reset-requests", "12ms"),
];

/// An event with its name, and one without.
fn named(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn unnamed(data: &Value) -> String {
    format!("data: {data}\n\n")
}

/// A tool's parameters as JSON Schema.
fn parameters(tool: &Tool) -> Value {
    let own =
        |(name, about): &(&str, &str)| ((*name).to_owned(), json!({"type": "string", "description": about}));
    let properties: Map<String, Value> = tool.parameters.iter().map(own).collect();
    let names: Vec<&str> = tool.parameters.iter().map(|(name, _)| *name).collect();
    json!({"type": "object", "properties": properties, "required": names})
}

/// An object with these members, all of them texts, as JSON Schema.
fn schema(members: &[&str]) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties, "required": members, "additionalProperties": false})
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A JSON text in pieces, as models bring arguments out.
fn fragments(text: &str) -> Vec<&str> {
    const ABOUT: usize = 24;
    let (mut pieces, mut start) = (Vec::new(), 0);
    for (at, _) in text.char_indices() {
        if at - start >= ABOUT {
            pieces.push(&text[start..at]);
            start = at;
        }
    }
    pieces.push(&text[start..]);
    pieces
}
