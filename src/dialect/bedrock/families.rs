//! The bodies that model families on Bedrock have of their own: Titan, Llama, Mistral, Cohere, AI21, legacy Claude and
//! Stability. Which family it is shows by the fields; no two give one name to different things.

use serde_json::{Map, Value, json};

use crate::dialect::assemble::First;
use crate::dialect::error::in_json;
use crate::dialect::finish::reason_of;
use crate::dialect::json::{Look, rest, sum};
use crate::dialect::{Answer, Finished, Heard};
use crate::model::{Answered, Asked, Message, Part, PartKind, Usage};

/// Where a prompt stands.
const PROMPTS: &[&str] = &["prompt", "inputText", "message", "inputPrompt", "query"];
/// Where texts and images that are turned into vectors stand, and documents that are ranked.
const LISTS: &[&str] = &["texts", "inputs", "images", "documents"];
/// Cohere's words for who speaks.
const ROLES: &[(&str, &str)] =
    &[("USER", "user"), ("CHATBOT", "assistant"), ("SYSTEM", "system"), ("TOOL", "tool")];

/// What a request's body asks for.
pub fn asked(json: &Value) -> Asked {
    let mut input: Vec<Message> = json.list("chat_history").iter().map(turn).collect();
    let mut parts: Vec<Part> = PROMPTS.iter().filter_map(|key| json.word(key)).map(Part::text).collect();
    parts.extend(json.list("text_prompts").iter().map(weighted));
    for key in LISTS {
        parts.extend(json.list(key).iter().map(|item| listed(key, item)));
    }
    if let Some(image) = json.word("inputImage") {
        parts.push(image_of(image));
    }
    for key in ["textToImageParams", "singleEmbeddingParams"] {
        let text = json.get(key).and_then(|inside| inside.get("text"));
        let text = text.and_then(|text| text.as_str().or_else(|| text.text("value")));
        parts.extend(text.map(Part::text));
    }
    parts.extend(json.get("text").and_then(|text| text.word("inputText")).map(Part::text));
    if !parts.is_empty() {
        input.push(Message::new("user", parts));
    }
    input.extend(json.list("tool_results").iter().map(tool_result));
    let known = [
        PROMPTS,
        LISTS,
        &["chat_history", "text_prompts", "inputImage", "preamble", "tools", "tool_results"],
    ];
    Asked {
        system: json.word("preamble").map(Part::text).into_iter().collect(),
        input,
        tools: json.list("tools").iter().map(tool).collect(),
        parameters: rest(json, &known.concat()),
        ..Asked::default()
    }
}

fn turn(turn: &Value) -> Message {
    let said = turn.text("role").unwrap_or("USER");
    let role = ROLES.iter().find(|(own, _)| *own == said).map_or(said, |(_, role)| role);
    let mut parts: Vec<Part> = turn.word("message").map(Part::text).into_iter().collect();
    parts.extend(turn.list("tool_calls").iter().map(tool_call));
    parts.extend(turn.list("tool_results").iter().flat_map(|result| tool_result(result).parts));
    Message::new(role, parts)
}

fn tool_call(call: &Value) -> Part {
    let arguments = call.some("parameters").cloned().unwrap_or_else(|| json!({}));
    let name = call.text("name").unwrap_or_default().to_owned();
    PartKind::ToolCall { id: call.word("id").map(str::to_owned), name, arguments }.into()
}

fn tool_result(result: &Value) -> Message {
    let call = result.get("call");
    let name = call.and_then(|call| call.word("name")).map(str::to_owned);
    let id = call.and_then(|call| call.word("id")).map(str::to_owned);
    let response = result.get("outputs").cloned().unwrap_or_default();
    let part = PartKind::ToolCallResponse { id, name, response, is_error: None };
    Message::new("tool", vec![part.into()])
}

fn tool(tool: &Value) -> Value {
    let mut definition = json!({"type": "function", "name": tool.text("name").unwrap_or_default()});
    if let Some(object) = definition.as_object_mut() {
        for (key, value) in rest(tool, &["name", "type"]) {
            object.insert(if key == "parameter_definitions" { "parameters".to_owned() } else { key }, value);
        }
    }
    definition
}

/// One of Stability's prompts.
fn weighted(prompt: &Value) -> Part {
    let mut part = Part::text(prompt.text("text").unwrap_or_default());
    part.extra = rest(prompt, &["text"]);
    part
}

fn listed(key: &str, item: &Value) -> Part {
    match (key, item) {
        ("images", Value::String(image)) => image_of(image),
        ("documents", value) => PartKind::Other { kind: "document".to_owned(), value: value.clone() }.into(),
        (_, Value::String(text)) => Part::text(text.as_str()),
        (_, value) => PartKind::Other { kind: key.to_owned(), value: value.clone() }.into(),
    }
}

/// An image in base64, as such or as a `data:` address.
fn image_of(text: &str) -> Part {
    let (head, content) = text.split_once(";base64,").unwrap_or(("", text));
    let mime_type = head.strip_prefix("data:").map(str::to_owned);
    PartKind::Blob { modality: "image", mime_type, content: content.to_owned() }.into()
}

/// Where a list of choices stands, and in each its text and why it ended.
const CHOICES: &[(&str, &[&str], &[&str])] = &[
    ("results", &["outputText"], &["completionReason"]),
    ("outputs", &["text"], &["stop_reason"]),
    ("generations", &["text"], &["finish_reason"]),
    ("completions", &["data", "text"], &["finishReason", "reason"]),
];
/// Where the text stands of an answer that is not a list.
const TEXTS: &[&str] = &["outputText", "generation", "completion", "text", "message"];
/// Where it says why it ended.
const REASONS: &[&str] = &["completionReason", "stop_reason", "finish_reason", "finishReason"];
/// Figures of usage: input, output.
const INPUTS: &[&str] = &["inputTextTokenCount", "prompt_token_count"];
const OUTPUTS: &[&str] = &["totalOutputTextTokenCount", "generation_token_count"];
/// Where vectors stand. They are counted, not kept.
const VECTORS: &[&str] = &["embedding", "embeddings", "embeddingsByType"];
/// What is said elsewhere in the record, or repeats what was asked.
const KNOWN: &[&str] = &[
    "id",
    "response_id",
    "generation_id",
    "type",
    "index",
    "event_type",
    "is_finished",
    "prompt",
    "texts",
    "chat_history",
    "response",
    "tool_calls",
    "images",
    "artifacts",
    "finish_reasons",
    "error",
    "stop",
];

/// Listens to an answer in a family's own form.
#[derive(Default)]
pub struct Listening {
    answered: Answered,
    choices: Vec<Choice>,
    /// Figures of usage under their own names, the last of each.
    counts: Map<String, Value>,
    first: First,
}

#[derive(Default)]
struct Choice {
    index: u64,
    text: String,
    parts: Vec<Part>,
    finish: Option<String>,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        self.answered.error = in_json(json, None).or(self.answered.error.take());
        let id = ["id", "response_id", "generation_id"].iter().find_map(|key| json.word(key));
        self.answered.id = self.answered.id.take().or_else(|| id.map(str::to_owned));
        self.lists(json);
        self.flat(json);
        self.images(json);
        for (key, value) in rest(json, KNOWN) {
            let key = key.as_str();
            if INPUTS.contains(&key) || OUTPUTS.contains(&key) {
                self.counts.insert(key.to_owned(), value);
            } else if VECTORS.contains(&key) || is_vectors(&value) {
                self.vectors(&value);
            } else if !TEXTS.contains(&key)
                && !REASONS.contains(&key)
                && !CHOICES.iter().any(|(list, ..)| *list == key)
            {
                self.answered.extra.insert(key.to_owned(), value);
            }
        }
        if self.choices.iter().any(|choice| !choice.text.is_empty() || !choice.parts.is_empty()) {
            self.first.saw(heard.at);
        }
        self.answered.complete |= !heard.streamed && !json.is_null();
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, mut choices, counts, first } = *self;
        choices.sort_by_key(|choice| choice.index);
        answered.first_token = first.0;
        answered.complete |= !choices.is_empty() && choices.iter().all(|choice| choice.finish.is_some());
        answered.usage = usage(counts);
        answered.finish_reasons = choices.iter().filter_map(|choice| choice.finish.clone()).collect();
        answered.output = choices.into_iter().map(Choice::finish).collect();
        answered.into()
    }
}

/// A list of objects with a vector in each, whatever it is called: TwelveLabs calls it `data`.
fn is_vectors(value: &Value) -> bool {
    let mut objects = value.as_array().into_iter().flatten().peekable();
    objects.peek().is_some() && objects.all(|object| object.get("embedding").is_some_and(Value::is_array))
}

fn usage(counts: Map<String, Value>) -> Option<Usage> {
    let raw = Value::Object(counts);
    let input = INPUTS.iter().find_map(|key| raw.count(key));
    let output = OUTPUTS.iter().find_map(|key| raw.count(key)).or_else(|| raw.count("tokenCount"));
    let usage = Usage { input, output, raw: Some(raw), ..Usage::default() };
    (!usage.is_empty()).then_some(usage)
}

impl Listening {
    fn choice(&mut self, index: u64) -> &mut Choice {
        let at = self.choices.iter().position(|choice| choice.index == index).unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        &mut self.choices[at]
    }

    /// Answers that are lists, one choice each.
    fn lists(&mut self, json: &Value) {
        for (list, text, finish) in CHOICES {
            let word = |choice: &Value, path: &[&str]| {
                let end = path.iter().try_fold(choice, |place, key| place.get(key));
                end.and_then(Value::as_str).map(str::to_owned)
            };
            for (index, each) in (0..).zip(json.list(list)) {
                let (text, finish) = (word(each, text), word(each, finish));
                if text.is_some() || finish.is_some() {
                    let choice = self.choice(index);
                    choice.text.push_str(&text.unwrap_or_default());
                    choice.finish = finish.or(choice.finish.take());
                } else {
                    // A ranking, or something that is not known.
                    let known = self.answered.extra.entry(*list).or_insert_with(|| json!([]));
                    if let Some(known) = known.as_array_mut() {
                        known.push(each.clone());
                    }
                }
            }
        }
        let outputs = json.list("results").iter().map(|result| result.count("tokenCount"));
        if let Some(tokens) = sum(&outputs.collect::<Vec<_>>()) {
            self.counts.insert("tokenCount".to_owned(), tokens.into());
        }
    }

    /// Answers that are one text, and the pieces of those that are streamed.
    fn flat(&mut self, json: &Value) {
        // The end of Cohere's stream repeats all of it.
        let ended = json.text("event_type") == Some("stream-end");
        let text = TEXTS.iter().find_map(|key| json.text(key)).filter(|_| !ended);
        let finish = REASONS.iter().find_map(|key| json.word(key));
        let calls = json.list("tool_calls");
        if text.is_none() && finish.is_none() && calls.is_empty() {
            return;
        }
        let choice = self.choice(json.count("index").unwrap_or_default());
        choice.text.push_str(text.unwrap_or_default());
        choice.parts.extend(calls.iter().map(tool_call));
        choice.finish = finish.map(str::to_owned).or(choice.finish.take());
    }

    fn images(&mut self, json: &Value) {
        let images = json.list("images").iter().filter_map(Value::as_str);
        let artifacts = json.list("artifacts").iter().filter_map(|artifact| artifact.text("base64"));
        for (index, image) in (0..).zip(images.chain(artifacts)) {
            self.choice(index).parts.push(image_of(image));
        }
        let reasons = json.list("finish_reasons").iter().map(Value::as_str);
        let of_artifacts = json.list("artifacts").iter().map(|artifact| artifact.text("finishReason"));
        for (index, reason) in (0..).zip(reasons.chain(of_artifacts)) {
            if let Some(reason) = reason {
                self.choice(index).finish = Some(reason.to_owned());
            }
        }
    }

    /// How many vectors there are, and how long.
    fn vectors(&mut self, value: &Value) {
        let (count, length) = match value {
            Value::Array(list) => match list.first() {
                Some(Value::Array(first)) => (list.len(), Some(first.len())),
                Some(Value::Object(_)) => {
                    (list.len(), list.first().map(|first| first.list("embedding").len()))
                }
                _ => (1, Some(list.len())),
            },
            // One list for each type that was asked for: the same vectors again.
            Value::Object(types) => {
                if let Some(first) = types.values().next() {
                    self.vectors(first);
                }
                return;
            }
            _ => return,
        };
        let extra = &mut self.answered.extra;
        extra.entry("embeddings").or_insert(count.into());
        if let Some(length) = length.filter(|length| *length > 0) {
            extra.entry("dimensions").or_insert(length.into());
        }
    }
}

impl Choice {
    fn finish(self) -> Message {
        let Self { index: _, text, mut parts, finish } = self;
        if !text.is_empty() {
            parts.insert(0, Part::text(text));
        }
        let finish_reason = finish.as_deref().map(|word| reason_of(word, &parts));
        Message { finish_reason, ..Message::new("assistant", parts) }
    }
}
