//! `bedrock.invoke`: a model's own request and answer, whatever its family's form is. The form tells which it is: a model
//! may hide behind an ARN that does not name it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::usage::{filled, of_headers, of_metrics};
use super::{converse, exception, families, model, target, untyped, without_padding};
use crate::dialect::json::{Look, parse};
use crate::dialect::openai::chat::Chat;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard, anthropic};
use crate::model::{ApiError, Asked, Micros, Operation, UsageSource};

pub struct Invoke;

/// What Bedrock adds to a model's answer.
const METRICS: &str = "amazon-bedrock-invocationMetrics";
const PREFIX: &str = "amazon-bedrock-";

/// What in a model's id tells that it does something else than chat.
const OPERATIONS: &[(&str, Operation)] = &[
    ("rerank", Operation::Rerank),
    ("embed", Operation::Embeddings),
    ("canvas", Operation::Image),
    ("image", Operation::Image),
    ("stability.", Operation::Image),
];

/// The events of a conversation. Nova's own stream has each as the one field of an object.
const EVENTS: &[&str] = &[
    "messageStart",
    "contentBlockStart",
    "contentBlockDelta",
    "contentBlockStop",
    "messageStop",
    "metadata",
];

impl Dialect for Invoke {
    fn name(&self) -> &'static str {
        "bedrock.invoke"
    }

    fn claims(&self, call: &Call) -> bool {
        target(call).is_some_and(|(_, method)| matches!(method, "invoke" | "invoke-with-response-stream"))
    }

    fn operation(&self, call: &Call) -> Operation {
        let model = model(call).unwrap_or_default();
        let known = OPERATIONS.iter().find(|(word, _)| model.contains(word));
        known.map_or(Operation::Chat, |(_, operation)| *operation)
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = asked(call, body);
        asked.model = model(call);
        asked.streamed = call.posts_to("/invoke-with-response-stream");
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening {
            call: call.clone(),
            head: head.clone(),
            inner: None,
            around: Map::new(),
            error: None,
        })
    }
}

/// What a body asks for, in the form that it has.
pub fn asked(call: &Call, body: &[u8]) -> Asked {
    let json = match parse(body) {
        Ok(json) => json,
        Err(why) => return Asked { problems: vec![format!("request: {why}")], ..Asked::default() },
    };
    if json.get("anthropic_version").is_some() && json.get("messages").is_some() {
        anthropic::request::asked(&json)
    } else if json.list("messages").is_empty() {
        families::asked(&json)
    } else if is_conversation(&json) {
        converse::asked(&json)
    } else {
        Chat.asked(call, body)
    }
}

/// Nova's messages are those of a conversation: their blocks have no type.
fn is_conversation(json: &Value) -> bool {
    let said = ["inferenceConfig", "schemaVersion", "toolConfig"].iter().any(|key| json.get(key).is_some());
    let mut blocks = json.list("messages").iter().flat_map(|message| message.list("content"));
    said || blocks.next().is_some_and(|block| block.is_object() && block.get("type").is_none())
}

struct Listening {
    call: Call,
    head: AnswerHead,
    /// The answer's form, and who understands it; `None` until some of it has come.
    inner: Option<(Form, Box<dyn Answer>)>,
    /// What Bedrock says around the answer.
    around: Map<String, Value>,
    error: Option<ApiError>,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if let Some(error) = exception(&heard) {
            self.error = Some(error);
            return;
        }
        if !heard.streamed {
            return self.piece(heard.json, heard.data, heard.at, false);
        }
        match heard.json.text("bytes").and_then(|bytes| STANDARD.decode(bytes).ok()) {
            Some(data) => {
                let json = parse(&data).unwrap_or(Value::Null);
                self.piece(json, &data, heard.at, true);
            }
            None => self.piece(without_padding(heard.json), heard.data, heard.at, true),
        }
    }

    fn opaque(&mut self, beginning: &[u8], _length: u64, at: Micros) {
        untyped(self, beginning, at);
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { call: _, head, inner, around, error } = *self;
        let form = inner.as_ref().map(|(form, _)| *form);
        let mut finished = inner.map(|(_, inner)| inner.finish(asked)).unwrap_or_default();
        let answered = &mut finished.answered;
        // These count on with each piece.
        if let (Some(Form::Own | Form::Choices), Some(usage), false) =
            (form, &mut answered.usage, answered.complete)
        {
            usage.source = UsageSource::Partial;
        }
        let metrics = around.get(METRICS);
        let counted = metrics.and_then(of_metrics).or_else(|| of_headers(&head.headers));
        answered.usage = filled(answered.usage.take(), counted);
        let header = |name| head.headers.text(name).map(str::to_owned);
        answered.id = answered.id.take().or_else(|| header("x-amzn-requestid"));
        answered.service_tier =
            answered.service_tier.take().or_else(|| header("x-amzn-bedrock-service-tier"));
        answered.error = answered.error.take().or(error);
        // They come with the last chunk.
        answered.complete |= metrics.is_some();
        answered.extra.extend(around);
        finished
    }
}

impl Listening {
    /// The model's own words, taken out of Bedrock's.
    fn piece(&mut self, mut json: Value, data: &[u8], at: Micros, streamed: bool) {
        if let Some(object) = json.as_object_mut() {
            let keys: Vec<String> = object.keys().filter(|key| key.starts_with(PREFIX)).cloned().collect();
            for key in keys {
                self.around.extend(object.remove(&key).map(|value| (key, value)));
            }
            if object.is_empty() {
                return;
            }
        }
        let (call, head) = (&self.call, &self.head);
        let (form, inner) = self.inner.get_or_insert_with(|| {
            let form = Form::of(&json);
            (form, form.answer(call, head))
        });
        let mut heard = Heard { name: "", json, data, at, error: false, streamed };
        match form {
            Form::Conversation if streamed => {
                for name in EVENTS {
                    if let Some(inside) = heard.json.get_mut(*name).map(Value::take) {
                        inner.event(Heard { name, json: inside, data, at, error: false, streamed });
                    }
                }
                return;
            }
            Form::Choices => as_usual(&mut heard.json, streamed),
            _ => {}
        }
        inner.event(heard);
    }
}

/// Mistral and `DeepSeek` have another name here for why a choice ended, and Mistral one for the pieces of a stream.
fn as_usual(json: &mut Value, streamed: bool) {
    for choice in json.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten() {
        let unnamed = choice.some("finish_reason").is_none();
        let Some(choice) = choice.as_object_mut() else { continue };
        if let (true, Some(reason @ Value::String(_))) = (unnamed, choice.get("stop_reason")) {
            choice.insert("finish_reason".to_owned(), reason.clone());
        }
        if streamed
            && !choice.contains_key("delta")
            && let Some(piece) = choice.remove("message")
        {
            choice.insert("delta".to_owned(), piece);
        }
    }
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Anthropic's messages.
    Message,
    /// Nova's.
    Conversation,
    /// Like OpenAI's chat completions.
    Choices,
    /// The family's own.
    Own,
}

impl Form {
    /// What the first piece of an answer shows.
    fn of(json: &Value) -> Self {
        let kind = json.text("type").unwrap_or_default();
        let message = json.get("content").is_some_and(Value::is_array) && json.get("stop_reason").is_some();
        if message || kind.starts_with("message") || kind.starts_with("content_block") || kind == "ping" {
            Self::Message
        } else if json.get("output").and_then(|output| output.get("message")).is_some()
            || EVENTS.iter().any(|name| json.get(name).is_some())
        {
            Self::Conversation
        } else if json.get("choices").is_some_and(Value::is_array) {
            Self::Choices
        } else {
            Self::Own
        }
    }

    fn answer(self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        match self {
            Self::Message => Box::new(anthropic::answer::Listening::default()),
            Self::Conversation => Box::new(converse::Listening::default()),
            Self::Choices => Chat.answer(call, head),
            Self::Own => Box::new(families::Listening::default()),
        }
    }
}
