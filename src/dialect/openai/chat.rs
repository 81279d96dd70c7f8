//! `openai.chat`: chat completions, of OpenAI and of the many who took them over.

use serde_json::{Map, Value};

use super::content::{self, linked, spoken};
use super::usage::{billed, usage};
use crate::dialect::assemble::{First, Parts};
use crate::dialect::error::in_json;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, rest, take_text};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage};

pub struct Chat;

/// Paths that end like this, whoever's they are.
const SUFFIXES: &[&str] = &["/chat/completions", "/agents/completions", "/fim/completions"];

/// What stands on the top of an answer and is said elsewhere in the record.
const KNOWN: &[&str] = &[
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
    "service_tier",
    "error",
    "obfuscation",
    "p",
    "prompt_filter_results",
    "code",
];

impl Dialect for Chat {
    fn name(&self) -> &'static str {
        "openai.chat"
    }

    fn claims(&self, call: &Call) -> bool {
        let writer = call.provider == "writer" && call.posts_to("/v1/chat");
        let portkey = call.path.contains("/prompts/") && call.posts_to("/completions");
        SUFFIXES.iter().any(|suffix| call.posts_to(suffix)) || writer || portkey
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
        let json: Value = match serde_json::from_slice(body) {
            Ok(json) => json,
            Err(why) => {
                asked.problems.push(format!("request: {why}"));
                return asked;
            }
        };
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.input = json.list("messages").iter().map(content::message).collect();
        // A text to be completed in its middle is asked for without messages.
        if let (true, Some(prompt)) = (asked.input.is_empty(), json.word("prompt")) {
            asked.input.push(Message::new("user", vec![Part::text(prompt)]));
        }
        asked.tools = json.list("tools").iter().chain(json.list("functions")).map(content::tool).collect();
        asked.parameters = rest(&json, &["model", "messages", "prompt", "tools", "functions", "stream"]);
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening { provider: call.provider.clone(), ..Listening::default() })
    }
}

#[derive(Default)]
struct Listening {
    provider: String,
    answered: Answered,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    first: First,
}

#[derive(Default)]
struct Choice {
    index: u64,
    role: Option<String>,
    parts: Parts,
    /// The key of the tool call that a delta without an index goes on with.
    last_call: Option<u64>,
    audio: Option<Value>,
    finish: Option<String>,
    logprobs: Option<Value>,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if heard.data == b"[DONE]" {
            self.answered.complete = true;
            return;
        }
        if let Some(error) = in_json(&heard.json, None) {
            self.answered.error = Some(error);
        } else if heard.error {
            self.answered.error = Some(crate::model::ApiError::default());
        }
        let mut json = heard.json;
        if let Some(choices) = json.get_mut("choices").and_then(Value::as_array_mut) {
            for (place, choice) in choices.iter_mut().enumerate() {
                self.choice(place, choice, heard.at);
            }
        }
        self.top(&json);
        // Perplexity's and Writer's streams have no other end.
        self.answered.complete |=
            !heard.streamed && !json.is_null() || json.text("object") == Some("chat.completion.done");
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, mut choices, usage, first, .. } = *self;
        choices.sort_by_key(|choice| choice.index);
        let finished = !choices.is_empty() && choices.iter().all(|choice| choice.finish.is_some());
        answered.complete |= finished;
        answered.first_token = first.0;
        answered.usage = usage;
        answered.finish_reasons = choices.iter().filter_map(|choice| choice.finish.clone()).collect();
        let logprobs: Vec<Value> = choices.iter_mut().filter_map(|choice| choice.logprobs.take()).collect();
        if !logprobs.is_empty() {
            answered.extra.insert("logprobs".to_owned(), logprobs.into());
        }
        answered.output = choices.into_iter().map(Choice::finish).collect();
        answered.into()
    }
}

impl Listening {
    /// What stands beside the choices. Azure's first chunk has it all empty: the first that says something counts.
    fn top(&mut self, json: &Value) {
        let answered = &mut self.answered;
        for (own, key) in [(&mut answered.id, "id"), (&mut answered.model, "model")] {
            if own.is_none() {
                *own = json.word(key).map(str::to_owned);
            }
        }
        if let Some(tier) = json.word("service_tier") {
            answered.service_tier = Some(tier.to_owned());
        }
        let usages = [json.some("usage"), json.get("x_groq").and_then(|groq| groq.some("usage"))];
        if let Some(raw) = usages.into_iter().flatten().find(|raw| raw.is_object()) {
            // Cumulative where it comes with many chunks: the last one counts.
            self.usage = usage(raw, &self.provider).or(self.usage.take());
            answered.billed = billed(raw).or(answered.billed);
        }
        for (key, value) in rest(json, KNOWN) {
            answered.extra.insert(key, value);
        }
    }

    fn choice(&mut self, place: usize, json: &mut Value, at: crate::model::Micros) {
        let index = json.count("index").unwrap_or(place as u64);
        let choice = match self.choices.iter().position(|choice| choice.index == index) {
            Some(at) => &mut self.choices[at],
            None => {
                self.choices.push(Choice { index, ..Choice::default() });
                let last = self.choices.len() - 1;
                &mut self.choices[last]
            }
        };
        if let Some(finish) = json.text("finish_reason") {
            choice.finish = Some(finish.to_owned());
        }
        if let Some(logprobs) = json.some("logprobs") {
            choice.logprobs = Some(logprobs.clone());
        }
        // Moonshot's old streams have the usage here.
        if let Some(raw) = json.some("usage") {
            self.usage = usage(raw, &self.provider).or(self.usage.take());
        }
        if let Some(delta) = json.get_mut("delta").filter(|delta| delta.is_object()) {
            if choice.delta(delta) {
                self.first.saw(at);
            }
        } else if let Some(message) = json.some("message") {
            choice.whole(message);
        } else if let Some(text) = json.word("text") {
            choice.parts.text(text);
            self.first.saw(at);
        }
    }
}

impl Choice {
    /// The message of an answer that is no stream.
    fn whole(&mut self, message: &Value) {
        let Message { role, parts, .. } = content::message(message);
        self.role = Some(role).filter(|_| message.text("role").is_some());
        for mut part in parts {
            if matches!(part.kind, PartKind::Text(_)) {
                for (key, value) in rest(message, KNOWN_MESSAGE) {
                    part.extra.insert(key, value);
                }
            }
            self.parts.whole(part);
        }
    }

    /// A piece of a stream. Says whether the model generated something in it.
    fn delta(&mut self, delta: &mut Value) -> bool {
        if let Some(role) = delta.word("role") {
            self.role = Some(role.to_owned());
        }
        let mut generated = false;
        let reasoning = take_text(delta, "reasoning_content").filter(|text| !text.is_empty());
        if let Some(text) = reasoning.or_else(|| take_text(delta, "reasoning")) {
            generated |= !text.is_empty();
            self.parts.reasoning(&text);
        }
        match delta.get("content") {
            Some(Value::String(text)) => {
                generated |= !text.is_empty();
                self.parts.text(text);
            }
            Some(list @ Value::Array(_)) => {
                for part in content::content(list) {
                    generated = true;
                    match part.kind {
                        PartKind::Text(text) => self.parts.text(&text),
                        PartKind::Reasoning(text) => self.parts.reasoning(&text),
                        _ => self.parts.whole(part),
                    }
                }
            }
            _ => {}
        }
        if let Some(refusal) = delta.word("refusal") {
            generated = true;
            self.parts.refusal(refusal);
        }
        for call in delta.list("tool_calls") {
            generated |= self.call(call);
        }
        if let Some(function) = delta.some("function_call") {
            generated = true;
            self.parts.call(
                u64::MAX,
                None,
                function.text("name"),
                function.text("arguments").unwrap_or_default(),
            );
        }
        for image in delta.list("images") {
            if let Some(url) = image.get("image_url").and_then(|url| url.text("url")) {
                generated = true;
                self.parts.whole(linked("image", url));
            }
        }
        if let Some(audio) = delta.some("audio") {
            generated |= self.audio(audio);
        }
        generated
    }

    /// A piece of a tool call. The index tells which; without one, an id that is new begins another.
    fn call(&mut self, call: &Value) -> bool {
        let inner = call.some("function").or_else(|| call.some("custom"));
        let (id, name) = (call.word("id"), inner.and_then(|inner| inner.word("name")));
        let more = match inner.and_then(|inner| inner.get("arguments").or_else(|| inner.get("input"))) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(object) => object.to_string(),
        };
        let next = self.last_call.map_or(0, |last| last.saturating_add(1));
        let mut key = match (call.count("index"), id) {
            (Some(index), _) => index,
            (None, Some(id)) if self.last_call.is_some_and(|last| self.parts.call_id(last) == Some(id)) => {
                self.last_call.unwrap_or_default()
            }
            (None, Some(_)) => next,
            (None, None) if name.is_some() => next,
            (None, None) => self.last_call.unwrap_or_default(),
        };
        // Some gateways count every call as the first: a new id with a new name is a new call all the same.
        if let (Some(id), Some(_), Some(known)) = (id, name, self.parts.call_id(key))
            && known != id
        {
            key = 1_000_000 + next;
        }
        if call.count("index").is_some()
            && id.is_none()
            && self.last_call.is_some_and(|last| last >= 1_000_000)
        {
            key = self.last_call.unwrap_or_default();
        }
        self.last_call = Some(key);
        self.parts.call(key, id, name, &more);
        id.is_some() || name.is_some() || !more.is_empty()
    }

    /// A piece of sound, or of what is said in it.
    fn audio(&mut self, audio: &Value) -> bool {
        let whole = self.audio.get_or_insert_with(|| Value::Object(Map::new()));
        let Some(whole) = whole.as_object_mut() else { return false };
        let mut generated = false;
        for (key, value) in audio.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("data" | "transcript", Value::String(more)) => {
                    generated |= !more.is_empty();
                    match whole.get_mut(key) {
                        Some(Value::String(text)) => text.push_str(more),
                        _ => {
                            whole.insert(key.clone(), value.clone());
                        }
                    }
                }
                (_, Value::Null) => {}
                _ => {
                    whole.insert(key.clone(), value.clone());
                }
            }
        }
        generated
    }

    fn finish(self) -> Message {
        let Self { role, parts, audio, finish, .. } = self;
        let mut parts = parts.finish();
        if let Some(audio) = audio {
            parts.extend(spoken(&audio));
        }
        let finish_reason = finish.as_deref().filter(|word| !word.is_empty()).map(reason);
        Message { finish_reason, ..Message::new(role.as_deref().unwrap_or("assistant"), parts) }
    }
}

/// What of a message is said elsewhere in the record.
const KNOWN_MESSAGE: &[&str] = &[
    "role",
    "content",
    "refusal",
    "audio",
    "tool_calls",
    "function_call",
    "reasoning",
    "reasoning_content",
    "name",
];
