//! Spans that others send, as observations: applications' own steps, and what SDKs saw of calls.
//!
//! ```text
//! span ──▶ Bag of attributes ──▶ kind, head, what was said ──▶ Observed, under the span's own ids
//! ```

mod bag;
mod head;
mod messages;

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use self::bag::Bag;
use self::messages::{Said, is_content, said};
use super::message::{Request, Scope, Span};
use crate::model::{Kind, shortened};
use crate::store::Observed;

/// What came of a request.
#[derive(Clone, Debug, Default)]
pub struct Read {
    pub observed: Vec<Observed>,
    /// Spans that could not be taken, and why the first of them.
    pub rejected: usize,
    pub why: String,
}

/// Reads spans.
pub fn read(request: &Request) -> Read {
    let mut read = Read::default();
    for resource in &request.resource_spans {
        let own = resource.resource.as_ref().map(|own| Bag::of(&own.attributes)).unwrap_or_default();
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                match observed(span, &own, scope.scope.as_ref()) {
                    Ok(observed) => read.observed.push(observed),
                    Err(why) => {
                        read.rejected += 1;
                        if read.why.is_empty() {
                            read.why = why;
                        }
                    }
                }
            }
        }
    }
    share_sessions(&mut read.observed);
    read
}

/// How much of a text a list shows.
const PREVIEW: usize = 200;

fn observed(span: &Span, resource: &Bag, scope: Option<&Scope>) -> Result<Observed, String> {
    let bag = Bag::of(&span.attributes);
    let kind = head::kind(&bag, span);
    let mut head = head::head(span, kind, &bag, resource, scope)?;
    let mut content = Map::new();
    let (mut input_preview, mut output_preview, mut text) = (String::new(), String::new(), String::new());
    if kind == Kind::Generation {
        let Said { system, input, output, tools } = said(&bag, &span.events);
        input_preview = input.last().map(preview).unwrap_or_default();
        output_preview = output.first().map(preview).unwrap_or_default();
        head::put_calls(&mut head, &output);
        let spoken = output.first().map(spoken).unwrap_or_default();
        text.clone_from(&spoken);
        let lists = [("system", system), ("input", input), ("output", output), ("tools", tools)];
        for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            content.insert(key.to_owned(), list.into());
        }
        if !spoken.is_empty() {
            content.insert("output_text".to_owned(), spoken.into());
        }
    } else {
        let (given, gave) = values(&bag);
        for (value, shown) in [(&given, &mut input_preview), (&gave, &mut output_preview)] {
            *shown = value.as_ref().map(short).unwrap_or_default();
        }
        text.clone_from(&output_preview);
        let tool = head.get_mut("tool").and_then(Value::as_object_mut);
        match tool {
            // A tool's record has them beside its name.
            Some(tool) => {
                for (key, value) in [("arguments", given), ("result", gave)] {
                    if let Some(value) = value {
                        tool.insert(key.to_owned(), value);
                    }
                }
            }
            None => {
                for (key, value) in [("input_value", given), ("output_value", gave)] {
                    if let Some(value) = value {
                        content.insert(key.to_owned(), value);
                    }
                }
            }
        }
    }
    let rest: Map<String, Value> = bag.0.into_iter().filter(|(key, _)| !is_content(key)).collect();
    if !rest.is_empty() {
        head.insert("attributes".to_owned(), Value::Object(rest));
    }
    let content = (!content.is_empty()).then_some(content);
    Ok(Observed { head, content, input_preview, output_preview, text, facts: None })
}

/// What a step that is no call of a model was given, and gave.
fn values(bag: &Bag) -> (Option<Value>, Option<Value>) {
    let given = bag.json(&[
        "gen_ai.tool.call.arguments",
        "langfuse.observation.input",
        "input.value",
        "traceloop.entity.input",
        "tool.parameters",
        "ai.toolCall.args",
        "langfuse.trace.input",
    ]);
    let gave = bag.json(&[
        "gen_ai.tool.call.result",
        "langfuse.observation.output",
        "output.value",
        "traceloop.entity.output",
        "ai.toolCall.result",
        "langfuse.trace.output",
    ]);
    (given, gave.or_else(|| bag.nested("retrieval.documents")))
}

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    shortened(&text, PREVIEW)
}

/// The text of a message.
fn spoken(message: &Value) -> String {
    let parts = message.get("parts").and_then(Value::as_array).into_iter().flatten();
    let texts = parts.filter(|part| part.get("type").is_some_and(|kind| kind == "text"));
    texts.filter_map(|part| part.get("content")?.as_str()).collect()
}

fn preview(message: &Value) -> String {
    let text = spoken(message);
    if !text.is_empty() {
        return shortened(&text, PREVIEW);
    }
    let parts = message.get("parts").and_then(Value::as_array).into_iter().flatten();
    let pieces = parts.filter_map(|part| {
        let text = |key: &str| {
            part.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        match part.get("type")?.as_str()? {
            "tool_call" => Some(format!("{}({})", text("name")?, text("arguments").unwrap_or_default())),
            "tool_call_response" => text("response"),
            _ => None,
        }
    });
    shortened(&pieces.collect::<Vec<_>>().join(" "), PREVIEW)
}

/// Whose a trace is, SDKs say on some of its spans: it holds for the others that came with them.
fn share_sessions(all: &mut [Observed]) {
    let text = |one: &Observed, key: &str| one.head.get(key).and_then(Value::as_str).map(str::to_owned);
    for key in ["session_id", "user"] {
        let mut said: HashMap<String, String> = HashMap::new();
        for one in all.iter() {
            if let (Some(trace), Some(value)) = (text(one, "trace_id"), text(one, key)) {
                said.entry(trace).or_insert(value);
            }
        }
        for one in all.iter_mut().filter(|one| !one.head.contains_key(key)) {
            if let Some(value) = text(one, "trace_id").and_then(|trace| said.get(&trace)) {
                one.head.insert(key.to_owned(), json!(value));
            }
        }
    }
}
