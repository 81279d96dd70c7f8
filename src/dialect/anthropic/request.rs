//! A request for a message: what is asked, also where it is wrapped into something else.

use serde_json::Value;

use super::content::{content, mcp_server, messages, tool};
use crate::dialect::json::{Look, parse, rest};
use crate::dialect::{Call, call::decoded};
use crate::model::Asked;

/// What is said elsewhere in the record.
const KNOWN: &[&str] = &["model", "messages", "system", "tools", "mcp_servers", "stream"];

/// What a request's body asks for.
pub fn asked(json: &Value) -> Asked {
    let servers = json.list("mcp_servers").iter().map(mcp_server);
    Asked {
        model: json.word("model").map(str::to_owned),
        streamed: json.truth("stream").unwrap_or_default(),
        parameters: rest(json, KNOWN),
        system: content(json.get("system").unwrap_or(&Value::Null)),
        input: json.list("messages").iter().flat_map(messages).collect(),
        tools: json.list("tools").iter().map(tool).chain(servers).collect(),
        ..Asked::default()
    }
}

/// The same of a body's bytes, and of a path that names the model.
pub fn asked_in(call: &Call, body: &[u8]) -> Asked {
    let mut asked = match parse(body) {
        Ok(json) => asked(&json),
        Err(why) => Asked { problems: vec![format!("request: {why}")], ..Asked::default() },
    };
    if let Some((model, method)) = vertex(call) {
        asked.model = asked.model.or(Some(model));
        asked.streamed |= method == "streamRawPredict";
    }
    asked
}

/// Vertex' way to name model and method: `…/publishers/anthropic/models/MODEL:rawPredict`.
pub fn vertex(call: &Call) -> Option<(String, &str)> {
    let (_, behind) = call.trimmed().split_once("/publishers/anthropic/models/")?;
    let (model, method) = behind.rsplit_once(':')?;
    matches!(method, "rawPredict" | "streamRawPredict").then(|| (decoded(model), method))
}
