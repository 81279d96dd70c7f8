//! `openai.completions`: a prompt to be continued.

use serde_json::{Map, Value};

use super::head;
use super::merge;
use super::usage::{billed, usage};
use crate::dialect::assemble::First;
use crate::dialect::error::{in_event, in_json};
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, rest};
use crate::dialect::vectors;
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage, UsageSource};

pub struct Completions;

/// What of an answer is said elsewhere, is padding, or repeats the request.
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
    "prompt",
    "prompt_filter_results",
    "prompt_token_ids",
    "prompt_logprobs",
    "value",
];
/// The same of a choice.
const KNOWN_CHOICE: &[&str] = &[
    "index",
    "text",
    "value",
    "finish_reason",
    "error",
    "logprobs",
    "reasoning",
    "reasoning_content",
    "message",
    "delta",
    "token_ids",
    "prompt_token_ids",
    "prompt_logprobs",
    "prompt_text",
    "seed",
    "usage",
];

impl Dialect for Completions {
    fn name(&self) -> &'static str {
        "openai.completions"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/completions") && !call.posts_to("/chat/completions")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::TextCompletion
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let of_path = call.behind("deployments").or_else(|| call.behind("engines"));
        let mut asked = Asked { model: of_path, ..Asked::default() };
        let json = request(body, &mut asked);
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.input = json.get("prompt").map(vectors::input).unwrap_or_default();
        asked.parameters = rest(&json, &["model", "prompt", "stream"]);
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let (provider, head) = (call.provider.clone(), head::Said::of(head));
        Box::new(Listening { provider, head, ..Listening::default() })
    }
}

#[derive(Default)]
struct Listening {
    provider: String,
    head: head::Said,
    answered: Answered,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    streamed: bool,
    first: First,
}

#[derive(Default)]
struct Choice {
    index: u64,
    text: String,
    reasoning: String,
    finish: Option<String>,
    said: Map<String, Value>,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        self.streamed |= heard.streamed;
        if heard.is_done() {
            self.answered.complete = true;
            return;
        }
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        for (place, choice) in json.list("choices").iter().enumerate() {
            if self.choice(place, choice) {
                self.first.saw(heard.at);
            }
        }
        // Writer's pieces have no choices.
        if json.word("value").is_some() && self.choice(0, json) {
            self.first.saw(heard.at);
        }
        self.top(json);
        self.answered.complete |= !heard.streamed && !json.is_null();
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { head, mut answered, mut choices, mut usage, streamed, first, .. } = *self;
        choices.sort_by_key(|choice| choice.index);
        let ended = |choice: &Choice| choice.finish.as_ref().is_some_and(|word| !word.is_empty());
        answered.complete |= !choices.is_empty() && choices.iter().all(ended);
        answered.first_token = first.0;
        if let Some(usage) = usage.as_mut().filter(|_| streamed && !answered.complete) {
            usage.source = UsageSource::Partial;
        }
        answered.usage = usage;
        head.put(&mut answered, streamed);
        answered.finish_reasons = choices.iter().filter_map(|choice| choice.finish.clone()).collect();
        answered.output = choices.into_iter().map(Choice::finish).collect();
        answered.into()
    }
}

impl Listening {
    fn choice(&mut self, place: usize, json: &Value) -> bool {
        let index = json.count("index").unwrap_or(place as u64);
        // OpenRouter's answers fail in here.
        if json.some("error").is_some() && self.answered.error.is_none() {
            self.answered.error = in_json(json, None);
        }
        let known = self.choices.iter().position(|choice| choice.index == index);
        let known = known.unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        let Some(choice) = self.choices.get_mut(known) else { return false };
        // Where it is never missing it is empty till the end, and maybe behind it.
        let finish = json.text("finish_reason");
        if let Some(finish) = finish.filter(|word| !word.is_empty() || choice.finish.is_none()) {
            choice.finish = Some(finish.to_owned());
        }
        for (key, value) in rest(json, KNOWN_CHOICE) {
            merge::at(&mut choice.said, &key, &value);
        }
        // Gateways answer with a chat's message now and then.
        let inner = json.some("message").or_else(|| json.some("delta"));
        let text = json.word("text").or_else(|| json.word("value")).or_else(|| inner?.word("content"));
        let thought = json.word("reasoning_content").or_else(|| json.word("reasoning"));
        choice.text.push_str(text.unwrap_or_default());
        choice.reasoning.push_str(thought.unwrap_or_default());
        text.is_some() || thought.is_some()
    }

    /// What stands beside the choices: the first that says something counts, but the last usage.
    fn top(&mut self, json: &Value) {
        let answered = &mut self.answered;
        for (own, key) in [(&mut answered.id, "id"), (&mut answered.model, "model")] {
            if own.as_deref().is_none_or(str::is_empty)
                && let Some(text) = json.text(key)
            {
                *own = Some(text.to_owned());
            }
        }
        if let Some(tier) = json.word("service_tier") {
            answered.service_tier = Some(tier.to_owned());
        }
        if let Some(raw) = json.some("usage") {
            self.usage = usage(raw, &self.provider).or(self.usage.take());
            answered.billed = billed(raw).or(answered.billed);
        }
        for (key, value) in rest(json, KNOWN) {
            answered.extra.insert(key, value);
        }
    }
}

impl Choice {
    fn finish(self) -> Message {
        let Self { text, reasoning, finish, said, .. } = self;
        let mut parts = Vec::new();
        if !reasoning.is_empty() {
            parts.push(PartKind::Reasoning(reasoning).into());
        }
        parts.push(Part { kind: PartKind::Text(text), extra: said });
        let finish_reason = finish.as_deref().filter(|word| !word.is_empty()).map(reason);
        Message { finish_reason, ..Message::new("assistant", parts) }
    }
}
