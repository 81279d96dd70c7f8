//! What a `generateContent` call asks, in whatever it is wrapped.

use serde_json::Value;

use super::content::{messages, parts, tools};
use super::names::{Either, rest};
use super::path::{model_name, target};
use crate::dialect::Call;
use crate::dialect::json::parse;
use crate::model::Asked;

/// Parses a body; one that makes no sense is said to be one.
pub fn parsed(call: &Call, body: &[u8]) -> (Asked, Option<Value>) {
    let mut asked = Asked { model: target(call).and_then(|target| target.model), ..Asked::default() };
    match parse(body) {
        Ok(json) => (asked, Some(json)),
        Err(why) => {
            asked.problems.push(format!("request: {why}"));
            (asked, None)
        }
    }
}

/// Where bodies keep what is asked, when it is not on their top.
const WRAPPINGS: &[&str] = &["request", "generateContentRequest"];

/// What a body asks. The command line's own API wraps it into an object with the model and its session beside.
pub fn fill(asked: &mut Asked, json: &Value) {
    let wrapped = WRAPPINGS.iter().find_map(|key| json.either(key).filter(|inner| inner.is_object()));
    if let Some(inner) = wrapped {
        named(asked, json);
        asked.parameters.append(&mut rest(json, &["model", "request", "generateContentRequest"]));
        return fill(asked, inner);
    }
    named(asked, json);
    asked.system = json.either("systemInstruction").map(parts).unwrap_or_default();
    asked.input = json.either("contents").map(messages).unwrap_or_default();
    asked.tools = json.either("tools").map(tools).unwrap_or_default();
    asked.parameters.append(&mut parameters(json));
}

/// The path's model counts before the body's.
fn named(asked: &mut Asked, json: &Value) {
    if asked.model.is_none() {
        asked.model = json.either_word("model").and_then(model_name);
    }
}

/// What is left of a request, its settings unwrapped.
fn parameters(json: &Value) -> serde_json::Map<String, Value> {
    let said = ["model", "systemInstruction", "contents", "tools", "generationConfig"];
    let mut parameters = rest(json, &said);
    match json.either("generationConfig") {
        Some(settings @ Value::Object(_)) => {
            for (key, value) in rest(settings, &[]) {
                parameters.entry(key).or_insert(value);
            }
        }
        Some(other) => {
            parameters.insert("generationConfig".to_owned(), other.clone());
        }
        None => {}
    }
    parameters
}
