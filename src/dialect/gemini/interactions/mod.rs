//! `gemini.interactions`: calls that are steps of a history which Google keeps, with models and with agents.

mod grow;
mod step;

use serde_json::{Map, Value};

use super::path::model_name;
use super::usage::{add_searches, of_interaction};
use crate::dialect::assemble::First;
use crate::dialect::error::in_json;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, parse, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Message, Operation, Part, PartKind, Usage, UsageSource};
use grow::Growing;

pub struct Interactions;

/// What of a request is said elsewhere in the record.
const KNOWN: &[&str] = &[
    "model",
    "agent",
    "input",
    "system_instruction",
    "tools",
    "stream",
    "generation_config",
    "previous_interaction_id",
];

/// What of an interaction is said elsewhere. What it was asked comes back with it at times, and its text once more.
const KNOWN_ANSWER: &[&str] = &[
    "id",
    "object",
    "model",
    "status",
    "steps",
    "outputs",
    "output_text",
    "output_audio",
    "output_image",
    "output_video",
    "usage",
    "service_tier",
    "created",
    "updated",
    "role",
    "error",
    "input",
    "system_instruction",
    "tools",
    "generation_config",
    "previous_interaction_id",
];

/// Words of a status that say that there is more to come.
const UNDER_WAY: &[&str] = &["in_progress", "queued"];

impl Dialect for Interactions {
    fn name(&self) -> &'static str {
        "gemini.interactions"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/interactions") || fetched(call).is_some()
    }

    fn operation(&self, call: &Call) -> Operation {
        if fetched(call).is_some() { Operation::FetchResponse } else { Operation::Chat }
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        if let Some(id) = fetched(call) {
            asked.streamed = call.parameter("stream").as_deref() == Some("true");
            asked.parameters.insert("interaction_id".to_owned(), id.into());
            return asked;
        }
        match parse(body) {
            Ok(json) => {
                asked.streamed = json.truth("stream").unwrap_or_default();
                fill(&mut asked, &json);
                asked.parameters = parameters(&json);
            }
            Err(why) => asked.problems.push(format!("request: {why}")),
        }
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening { fetched: fetched(call).is_some(), ..Listening::default() })
    }
}

/// The id of an interaction that is asked for again, or cancelled.
fn fetched(call: &Call) -> Option<String> {
    let segments = call.segments();
    let there = match segments.as_slice() {
        [.., "interactions", _] => call.is_get(),
        [.., "interactions", _, "cancel"] => call.is_post(),
        _ => false,
    };
    call.behind("interactions").filter(|_| there)
}

/// What a request says, or an interaction that repeats it.
fn fill(asked: &mut Asked, json: &Value) {
    asked.model = json.word("model").and_then(model_name).or_else(|| json.word("agent").map(str::to_owned));
    asked.continues = json.word("previous_interaction_id").map(str::to_owned);
    asked.system = json.some("system_instruction").map(super::content::parts).unwrap_or_default();
    asked.input = json.some("input").map(step::messages).unwrap_or_default();
    asked.tools = json.list("tools").iter().map(tool).collect();
}

fn parameters(json: &Value) -> Map<String, Value> {
    let mut parameters = rest(json, KNOWN);
    for (key, value) in json.some("generation_config").map(|settings| rest(settings, &[])).unwrap_or_default()
    {
        parameters.entry(key).or_insert(value);
    }
    // Beside a model it says how it is to work.
    if let (Some(_), Some(agent)) = (json.word("model"), json.word("agent")) {
        parameters.insert("agent".to_owned(), agent.into());
    }
    parameters
}

/// A tool in OpenTelemetry's form, which is nearly its own.
fn tool(tool: &Value) -> Value {
    let mut definition = tool.clone();
    let kind = tool.word("type").unwrap_or("function").to_owned();
    if let Some(object) = definition.as_object_mut() {
        object.entry("name").or_insert_with(|| kind.as_str().into());
        object.insert("type".to_owned(), kind.into());
    }
    definition
}

#[derive(Default)]
struct Listening {
    /// It was asked for again: what it says of its input is all that is known of it.
    fetched: bool,
    answered: Answered,
    growing: Growing,
    usage: Option<Usage>,
    status: Option<String>,
    /// What the answer repeats of the request.
    repeated: Option<Value>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if heard.is_done() {
            self.answered.complete = true;
            return;
        }
        let json = &heard.json;
        let failed = [Some(json), json.some("interaction")].into_iter().flatten().find_map(error);
        if failed.is_some() || heard.error {
            self.answered.error = Some(failed.unwrap_or_default());
        }
        let Some(kind) = json.word("event_type").or(Some(heard.name).filter(|name| !name.is_empty())) else {
            self.interaction(json);
            self.answered.complete |= json.is_object();
            return;
        };
        match kind {
            "interaction.status_update" => {
                self.status = json.word("status").map(str::to_owned).or(self.status.take());
                self.used(json);
                // Some end with it, where the work goes on without the client.
                self.answered.complete |=
                    self.status.as_deref().is_some_and(|word| !UNDER_WAY.contains(&word));
            }
            "interaction.completed" | "interaction.complete" => {
                self.interaction(json.some("interaction").unwrap_or(json));
                self.answered.complete = true;
            }
            "step.stop" | "content.stop" => self.used(json),
            kind if kind.starts_with("interaction.") => {
                self.interaction(json.some("interaction").unwrap_or(json));
            }
            _ => {
                if self.growing.hear(json) {
                    self.first.saw(heard.at);
                }
            }
        }
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { fetched, mut answered, growing, mut usage, status, repeated, first } = *self;
        let steps = growing.finish();
        if let Some(whole) = repeated.filter(|_| fetched) {
            let own = std::mem::take(&mut asked.parameters);
            fill(asked, &whole);
            asked.parameters = own;
        }
        let (parts, input) = step::output(&steps);
        if answered.error.is_none() {
            answered.error = steps.iter().find_map(error);
        }
        if asked.input.is_empty() {
            asked.input = input;
        }
        if let Some(usage) = usage.as_mut().filter(|_| !answered.complete) {
            usage.source = UsageSource::Partial;
        }
        add_searches(&mut usage, answered.model.as_deref(), searches(&parts));
        answered.usage = usage;
        answered.first_token = first.0;
        // Of a stream that broke off, the status is where it stood, not how it ended.
        let status = status.filter(|_| answered.complete);
        answered.finish_reasons.extend(status.clone());
        if answered.extra.get("agent").and_then(Value::as_str) == answered.model.as_deref() {
            answered.extra.remove("agent");
        }
        if !parts.is_empty() {
            let finish_reason = status.as_deref().and_then(word_of);
            answered.output.push(Message { finish_reason, ..Message::new("assistant", parts) });
        }
        answered.into()
    }
}

impl Listening {
    /// The interaction itself, as a whole or as a stream's first and last events have it.
    fn interaction(&mut self, json: &Value) {
        let answered = &mut self.answered;
        for (own, key) in [(&mut answered.id, "id"), (&mut answered.model, "model")] {
            if let Some(word) = json.word(key) {
                *own = Some(word.to_owned());
            }
        }
        if answered.model.is_none() {
            answered.model = json.word("agent").map(str::to_owned);
        }
        if let Some(word) = json.word("service_tier") {
            answered.service_tier = Some(word.to_owned());
        }
        if let Some(word) = json.word("status") {
            self.status = Some(word.to_owned());
        }
        for (key, value) in rest(json, KNOWN_ANSWER) {
            answered.extra.insert(key, value);
        }
        self.used(json);
        for key in ["steps", "outputs"] {
            self.growing.whole(json.list(key));
        }
        if json.some("input").is_some() {
            self.repeated = Some(json.clone());
        }
    }

    /// A later count replaces an earlier one.
    fn used(&mut self, json: &Value) {
        let total = json.get("metadata").and_then(|metadata| metadata.some("total_usage"));
        if let Some(raw) = json.some("usage").or(total) {
            self.usage = of_interaction(raw).or(self.usage.take());
        }
    }
}

/// An error that an event or an interaction holds. Some list their errors although there are none.
fn error(json: &Value) -> Option<ApiError> {
    let there = json.some("error").is_some() || !json.list("errors").is_empty();
    in_json(json, None).filter(|_| there)
}

/// How many searches the provider made, by what it asked.
fn searches(parts: &[Part]) -> u64 {
    let queries = parts.iter().filter_map(|part| match &part.kind {
        PartKind::ServerToolCall { name, call, .. } if name == "google_search" => {
            Some(call.get("arguments")?.list("queries").len() as u64)
        }
        _ => None,
    });
    queries.sum()
}

/// A status in OpenTelemetry's words; none while the work goes on.
fn word_of(status: &str) -> Option<String> {
    match status {
        word if UNDER_WAY.contains(&word) => None,
        // Its tokens, or its budget, did not suffice.
        "incomplete" | "budget_exceeded" => Some("length".to_owned()),
        word => Some(reason(word)),
    }
}
