//! `lmstudio.chat`: LM Studio's own `/api/v1/chat`. It keeps the history and runs the tools itself. Its older `/api/v0` is
//! like chat completions, and read as such.

use serde_json::{Value, json};

use super::assemble::{First, Parts};
use super::error::in_event;
use super::json::{Look, check, rest};
use super::openai::content::content;
use super::whole::request;
use super::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Micros, Operation, Part, PartKind, Usage};

pub struct Chat;

/// What of a request is said elsewhere in the record.
const SAID: &[&str] = &["model", "input", "system_prompt", "integrations", "stream", "previous_response_id"];
/// The same of an answer.
const KNOWN: &[&str] = &["type", "model_instance_id", "output", "stats", "response_id", "error"];

impl Dialect for Chat {
    fn name(&self) -> &'static str {
        "lmstudio.chat"
    }

    fn claims(&self, call: &Call) -> bool {
        // Cohere's path ends like this too.
        call.posts_to("/api/v1/chat") && !call.provider.starts_with("cohere")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.text("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.continues = json.word("previous_response_id").map(str::to_owned);
        asked.system.extend(json.word("system_prompt").map(Part::text));
        let parts: Vec<Part> = match json.get("input") {
            Some(Value::Array(list)) => list.iter().flat_map(input).collect(),
            Some(other) => content(other),
            None => Vec::new(),
        };
        if !parts.is_empty() {
            asked.input.push(Message::new("user", parts));
        }
        asked.tools = json.list("integrations").iter().map(integration).collect();
        asked.parameters = rest(&json, SAID);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::default())
    }
}

/// A piece of the input: a text, or a picture.
fn input(json: &Value) -> Vec<Part> {
    match (json.text("type"), json.word("content"), json.word("data_url")) {
        (Some("text" | "message"), Some(text), _) => vec![Part::text(text)],
        (_, _, Some(url)) => vec![super::openai::content::linked("image", url)],
        _ => content(&Value::Array(vec![json.clone()])),
    }
}

/// A server of tools that the model may call.
fn integration(json: &Value) -> Value {
    match json {
        Value::String(id) => json!({"type": "plugin", "name": id}),
        other => {
            let name = other.word("id").or_else(|| other.word("server_label"));
            let mut tool = rest(other, &["headers"]);
            tool.insert("name".to_owned(), name.unwrap_or_default().into());
            tool.into()
        }
    }
}

#[derive(Default)]
struct Listening {
    answered: Answered,
    /// As far as it came in pieces.
    parts: Parts,
    whole: Option<Vec<Part>>,
    /// The tool that runs, as its events tell.
    tool: Option<Value>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if heard.streamed {
            let kind = json.text("type").unwrap_or(heard.name);
            self.typed(kind, json, heard.at);
        } else if !json.is_null() {
            self.answered.complete = true;
            self.result(json);
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, mut parts, whole, tool, first } = *self;
        answered.first_token = first.0;
        if let Some(tool) = tool {
            item(&tool).into_iter().for_each(|part| parts.whole(part));
        }
        let parts = whole.unwrap_or_else(|| parts.finish());
        if !parts.is_empty() {
            answered.output = vec![Message::new("assistant", parts)];
        }
        answered.into()
    }
}

impl Listening {
    fn typed(&mut self, kind: &str, json: &Value, at: Micros) {
        match kind {
            "chat.start" => self.answered.model = json.text("model_instance_id").map(str::to_owned),
            "reasoning.delta" => {
                self.parts.reasoning(json.text("content").unwrap_or_default());
                self.first.saw(at);
            }
            "message.delta" => {
                self.parts.text(json.text("content").unwrap_or_default());
                self.first.saw(at);
            }
            "tool_call.start" | "tool_call.arguments" => {
                self.first.saw(at);
                self.tool = Some(json.clone());
            }
            "tool_call.result" | "tool_call.success" | "tool_call.failure" => {
                self.tool = None;
                item(json).into_iter().for_each(|part| self.parts.whole(part));
            }
            "chat.end" => {
                self.answered.complete = true;
                self.result(json.get("result").unwrap_or(&Value::Null));
            }
            "model_load.end" => {
                let took = json.get("load_time_seconds").cloned().unwrap_or_default();
                self.answered.extra.insert("model_load_time_seconds".to_owned(), took);
            }
            // How far loading and reading the prompt are.
            _ => {}
        }
    }

    /// The whole answer, which a stream repeats at its end.
    fn result(&mut self, json: &Value) {
        if let Some(model) = json.text("model_instance_id") {
            self.answered.model = Some(model.to_owned());
        }
        self.answered.id = json.word("response_id").map(str::to_owned);
        if json.get("output").is_some_and(Value::is_array) {
            self.whole = Some(json.list("output").iter().flat_map(item).collect());
        }
        if let Some(stats) = json.some("stats") {
            self.answered.usage = Some(used(stats));
        }
        self.answered.extra.append(&mut rest(json, KNOWN));
    }
}

/// An item of the output.
fn item(json: &Value) -> Vec<Part> {
    let said = || json.text("content").unwrap_or_default().to_owned();
    match json.text("type").unwrap_or_default() {
        "message" => vec![Part::text(said())],
        "reasoning" => vec![PartKind::Reasoning(said()).into()],
        kind if kind.starts_with("tool_call") => {
            let name = json.text("tool").unwrap_or_default().to_owned();
            let call = json!({"type": "tool_call", "arguments": json.get("arguments")});
            let kind = PartKind::ServerToolCall { id: None, name: name.clone(), call };
            let part = Part::from(kind);
            let part = part.with("provider_info", json.get("provider_info").cloned().unwrap_or_default());
            let output = json.some("output").or_else(|| json.some("reason"));
            let response = output.map(|output| PartKind::ServerToolCallResponse {
                id: None,
                name: Some(name),
                response: output.clone(),
            });
            std::iter::once(part).chain(response.map(Part::from)).collect()
        }
        other => vec![PartKind::Other { kind: other.to_owned(), value: json.clone() }.into()],
    }
}

fn used(stats: &Value) -> Usage {
    let mut usage = Usage {
        input: stats.count("input_tokens"),
        output: stats.count("total_output_tokens"),
        total: stats.count("total_tokens"),
        reasoning: stats.count("reasoning_output_tokens"),
        raw: Some(stats.clone()),
        ..Usage::default()
    };
    check(&mut usage);
    usage
}
