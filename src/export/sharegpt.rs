//! Conversations in the form that open trainers know as ShareGPT: one a line, `human` and `gpt` by turns, calls of tools and
//! their results as `function_call` and `observation`.

use serde_json::{Map, Value, json};

use super::chat::{ChatMessage, Role, conversation, functions};
use super::encode::{EncodeError, Encoder, Step};
use super::format::{Format, Takes};

pub const FORMAT: Format = Format {
    name: "sharegpt",
    extension: "jsonl",
    media_type: "application/x-ndjson",
    help: "Conversations and tools in the form that open trainers know, each as long as it became.",
    is_binary: false,
    takes: Takes::Conversations(|_| Box::new(ShareGpt)),
};

struct ShareGpt;

impl Encoder<Step> for ShareGpt {
    fn put(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        let Some(example) = example(&step.record) else { return Ok(0) };
        out.extend_from_slice(example.to_string().as_bytes());
        out.push(b'\n');
        Ok(1)
    }
}

fn example(record: &Map<String, Value>) -> Option<Value> {
    let messages = conversation(record);
    let system: Vec<&str> =
        messages.iter().filter(|own| own.role == Role::System).map(|own| own.text.as_str()).collect();
    let turns = turns(&messages);
    // Trainers ask for turns that begin with a question and end with an answer.
    if turns.len() < 2 || !turns.len().is_multiple_of(2) {
        return None;
    }
    let mut example = Map::new();
    example.insert("id".to_owned(), record.get("id").cloned().unwrap_or_default());
    let turns = turns.into_iter().map(|(from, value)| json!({"from": from, "value": value}));
    example.insert("conversations".to_owned(), turns.collect());
    if !system.is_empty() {
        example.insert("system".to_owned(), system.join("\n\n").into());
    }
    let tools = functions(record);
    if !tools.is_empty() {
        // As text, as trainers read it.
        example.insert("tools".to_owned(), Value::from(tools).to_string().into());
    }
    Some(example.into())
}

/// Questions and answers by turns, the first a question.
fn turns(messages: &[ChatMessage]) -> Vec<(&'static str, String)> {
    let mut turns: Vec<(&'static str, String)> = Vec::new();
    let mut results: Vec<Value> = Vec::new();
    let mut asked = String::new();
    for own in messages {
        match own.role {
            Role::System => {}
            Role::Tool => results.push(own.text.as_str().into()),
            Role::User => {
                if !asked.is_empty() {
                    asked.push_str("\n\n");
                }
                asked.push_str(&own.text);
                // A picture has no place of its own: trainers take these from a list beside.
                asked.push_str(&"<image>".repeat(own.pictures.len()));
            }
            Role::Assistant => {
                if let Some(turn) = question(&mut results, &mut asked) {
                    turns.push(turn);
                } else if turns.is_empty() {
                    // It spoke first, and there is nothing to learn that from.
                    continue;
                }
                let answer = answer(own);
                match turns.last_mut() {
                    // It speaks again, with no one in between.
                    Some(last) if last.0 == "gpt" || last.0 == "function_call" => *last = answer,
                    _ => turns.push(answer),
                }
            }
        }
    }
    turns
}

/// What came before an answer: results, where there are any, with what the user said beside them.
fn question(results: &mut Vec<Value>, asked: &mut String) -> Option<(&'static str, String)> {
    let (results, asked) = (std::mem::take(results), std::mem::take(asked));
    match results.as_slice() {
        [] if asked.is_empty() => None,
        [] => Some(("human", asked)),
        [Value::String(one)] if asked.is_empty() => Some(("observation", one.clone())),
        [Value::String(one)] => Some(("observation", format!("{one}\n\n{asked}"))),
        many => {
            let all = Value::from(many).to_string();
            Some(("observation", if asked.is_empty() { all } else { format!("{all}\n\n{asked}") }))
        }
    }
}

fn answer(own: &ChatMessage) -> (&'static str, String) {
    let call = |call: &super::chat::Call| json!({"name": call.name, "arguments": call.arguments});
    match own.calls.as_slice() {
        [] => ("gpt", own.text.clone()),
        [one] => ("function_call", call(one).to_string()),
        many => ("function_call", many.iter().map(call).collect::<Value>().to_string()),
    }
}
