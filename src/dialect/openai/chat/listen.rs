//! What stands on the top of a chat completion or of its chunks: usage, costs, errors, and what belongs to no choice.

use serde_json::{Map, Value};

use super::choice::Choice;
use crate::dialect::assemble::First;
use crate::dialect::error::{in_event, in_json, refusal};
use crate::dialect::json::{Look, at, rest};
use crate::dialect::openai::head;
use crate::dialect::openai::usage::{billed, usage};
use crate::dialect::{Answer, AnswerHead, Finished, Heard};
use crate::model::{Answered, Asked, Message, Micros, PartKind, Usage, UsageSource};

/// What is said elsewhere in the record, or is padding, or repeats the request.
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
    "prompt",
    "prompt_progress",
    "prompt_text",
    "prompt_token_ids",
    "prompt_logprobs",
];

#[derive(Default)]
pub struct Listening {
    provider: String,
    answered: Answered,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    streamed: bool,
    first: First,
    head: head::Said,
    /// The choice that the last event brought a piece of text for, and nothing else.
    goes_on: Option<u64>,
}

impl Listening {
    pub fn new(provider: &str, head: &AnswerHead) -> Self {
        Self { provider: provider.to_owned(), head: head::Said::of(head), ..Self::default() }
    }
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        self.streamed |= heard.streamed;
        self.goes_on = None;
        if heard.is_done() {
            self.answered.complete = true;
            return;
        }
        if heard.name == "ping" {
            return;
        }
        let goes_on = only_text(&heard.json);
        let groq = at(&heard.json, "x_groq").and_then(|groq| in_json(groq, None));
        match in_event(&heard).or(groq) {
            Some(error) => self.answered.error = Some(error),
            None => self.goes_on = goes_on,
        }
        let bare = heard.is_error() && at(&heard.json, "choices").is_none();
        let mut json = heard.json;
        // One that was put off is wrapped.
        if at(&json, "choices").is_none()
            && let Some(inner) = json.get_mut("response").filter(|inner| inner.is_object()).map(Value::take)
        {
            self.top(&json);
            json = inner;
        }
        if let Some(choices) = json.get_mut("choices").and_then(Value::as_array_mut) {
            for (place, choice) in choices.iter_mut().enumerate() {
                self.choice(place, choice, heard.at, heard.streamed);
            }
        }
        if !bare {
            self.top(&json);
        }
        if !heard.streamed && self.choices.is_empty() && self.answered.error.is_none() {
            self.answered.error = refusal(&json);
        }
        // Perplexity's streams have no other end.
        self.answered.complete |=
            !heard.streamed && !json.is_null() || json.text("object") == Some("chat.completion.done");
    }

    fn goes_on(&self) -> Option<&'static str> {
        self.goes_on.map(|_| "content")
    }

    fn more(&mut self, text: &str, at: Micros) {
        let index = self.goes_on;
        if let Some(choice) = self.choices.iter_mut().find(|choice| Some(choice.index()) == index)
            && choice.more(text)
        {
            self.first.saw(at);
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, mut choices, mut usage, streamed, first, head, .. } = *self;
        choices.sort_by_key(Choice::index);
        // Writer's, and Groq's that fail, end without a word.
        answered.complete |= !choices.is_empty() && choices.iter().all(Choice::is_over);
        answered.first_token = first.0;
        if let Some(usage) = usage.as_mut().filter(|_| streamed && !answered.complete) {
            usage.source = UsageSource::Partial;
        }
        answered.usage = usage;
        head.put(&mut answered, streamed);
        answered.finish_reasons = choices.iter().filter_map(|choice| choice.finish.clone()).collect();
        put_list(&mut answered.extra, "logprobs", choices.iter_mut().filter_map(Choice::take_logprobs));
        put_list(&mut answered.extra, "choices", choices.iter_mut().filter_map(Choice::take_said));
        answered.output = choices.into_iter().map(Choice::finish).collect();
        cite(&mut answered);
        answered.into()
    }
}

impl Listening {
    /// What stands beside the choices. Azure's first chunk has it all empty: the first that says something counts.
    fn top(&mut self, json: &Value) {
        let answered = &mut self.answered;
        for (own, key) in [(&mut answered.id, "id"), (&mut answered.model, "model")] {
            if own.as_deref().is_none_or(str::is_empty)
                && let Some(text) = json.text(key)
            {
                *own = Some(text.to_owned());
            }
        }
        // An answer that is put off has only the name it will be fetched by.
        if answered.id.is_none() && at(json, "choices").is_none() {
            answered.id = json.word("request_id").map(str::to_owned);
        }
        if let Some(tier) = json.word("service_tier") {
            answered.service_tier = Some(tier.to_owned());
        }
        let usages = [json.some("usage"), at(json, "x_groq").and_then(|groq| groq.some("usage"))];
        if let Some(raw) = usages.into_iter().flatten().find(|raw| raw.is_object()) {
            self.used(raw);
        }
        for (key, value) in rest(json, KNOWN) {
            self.answered.extra.insert(key, value);
        }
    }

    /// Cumulative where it comes with many chunks: the last one counts that says something.
    fn used(&mut self, raw: &Value) {
        let used = usage(raw, &self.provider);
        if self.usage.is_none() || used.as_ref().is_some_and(says_something) {
            self.usage = used;
        }
        self.answered.billed = billed(raw).or(self.answered.billed);
        // Mistral says it here.
        if let Some(tier) = raw.word("service_tier") {
            self.answered.service_tier = Some(tier.to_owned());
        }
    }

    fn choice(&mut self, place: usize, json: &mut Value, at: Micros, streamed: bool) {
        let index = json.count("index").unwrap_or(place as u64);
        // Some who give several in one body call each the first.
        let again = !streamed && self.choices.iter().any(|choice| choice.index() == index);
        let index = if again { place as u64 } else { index };
        // OpenRouter's answers fail in here.
        if json.some("error").is_some() && self.answered.error.is_none() {
            self.answered.error = in_json(json, None);
        }
        // Moonshot's old streams have the usage here.
        if let Some(raw) = json.some("usage") {
            self.used(raw);
        }
        let known = self.choices.iter().position(|choice| choice.index() == index);
        let known = known.unwrap_or_else(|| {
            self.choices.push(Choice::new(index));
            self.choices.len() - 1
        });
        let Some(choice) = self.choices.get_mut(known) else { return };
        if choice.hear(json, streamed) {
            self.first.saw(at);
        }
    }
}

/// The choice of a chunk with one in which a text is all that is new: what else it says is taken over, not added up.
fn only_text(json: &Value) -> Option<u64> {
    let [choice] = json.list("choices") else { return None };
    let delta = choice.get("delta")?.as_object()?;
    let is_plain = |(key, value): (&String, &Value)| match key.as_str() {
        "content" | "role" => value.is_string(),
        _ => value.is_null(),
    };
    let is_only =
        delta.contains_key("content") && delta.iter().all(is_plain) && choice.some("logprobs").is_none();
    choice.count("index").filter(|_| is_only)
}

/// Whether anything was used by it: counters that do not count stand beside an end now and then.
fn says_something(usage: &Usage) -> bool {
    [usage.input, usage.output, usage.total].into_iter().flatten().any(|count| count > 0)
}

fn put_list(extra: &mut Map<String, Value>, key: &str, values: impl Iterator<Item = Value>) {
    let values: Vec<Value> = values.collect();
    if !values.is_empty() {
        extra.insert(key.to_owned(), values.into());
    }
}

/// Perplexity's citations stand beside the choices; they are the text's.
fn cite(answered: &mut Answered) {
    let texts = answered.output.first_mut().into_iter().flat_map(|message: &mut Message| &mut message.parts);
    let Some(text) = texts.into_iter().find(|part| matches!(part.kind, PartKind::Text(_))) else { return };
    if let Some(citations) = answered.extra.remove("citations") {
        text.extra.insert("citations".to_owned(), citations);
    }
}
