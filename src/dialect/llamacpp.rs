//! `llamacpp.completion`: llama-server's own `/completion`, and `/infill`, which fills a gap in code.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::assemble::First;
use super::error::in_event;
use super::json::{Look, check, rest};
use super::vectors;
use super::whole::request;
use super::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage};

pub struct Completion;

/// What of a request is said elsewhere in the record.
const SAID: &[&str] = &["model", "prompt", "input_prefix", "input_suffix", "input_extra", "stream"];
/// What of an answer is said elsewhere, repeats the request, or is of no use without the model.
const KNOWN: &[&str] = &[
    "content",
    "model",
    "stop",
    "stop_type",
    "stopped_eos",
    "stopped_limit",
    "stopped_word",
    "index",
    "tokens",
    "tokens_predicted",
    "tokens_evaluated",
    "prompt",
    "prompt_progress",
    "generation_settings",
    "completion_probabilities",
    "probs",
    "id_slot",
    "slot_id",
    "multimodal",
    "error",
    "has_new_line",
];
/// How its stops are called, newly and of old, and in OpenTelemetry's words.
const STOPS: &[(&str, &str, &str)] =
    &[("eos", "stopped_eos", "stop"), ("word", "stopped_word", "stop"), ("limit", "stopped_limit", "length")];

impl Dialect for Completion {
    fn name(&self) -> &'static str {
        "llamacpp.completion"
    }

    fn claims(&self, call: &Call) -> bool {
        // Without a version, its completions are its own.
        let own = call.provider == "llamacpp" && call.is_post() && call.trimmed() == "/completions";
        call.posts_to("/completion") || call.posts_to("/infill") || own
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::TextCompletion
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or_default();
        let mut parts: Vec<Part> = Vec::new();
        for extra in json.list("input_extra") {
            parts.push(PartKind::Other { kind: "context".to_owned(), value: extra.clone() }.into());
        }
        for key in ["input_prefix", "prompt", "input_suffix"] {
            let messages = json.get(key).map(vectors::input).unwrap_or_default();
            let own = messages.into_iter().flat_map(|message| message.parts);
            // Which side of the gap it stands on.
            parts.extend(own.map(|part| if key == "prompt" { part } else { part.with("place", key.into()) }));
        }
        if !parts.is_empty() {
            asked.input.push(Message::new("user", parts));
        }
        asked.parameters = rest(&json, SAID);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::default())
    }
}

#[derive(Default)]
struct Listening {
    answered: Answered,
    /// By the index of the prompt.
    texts: BTreeMap<u64, Text>,
    usage: Option<Usage>,
    first: First,
}

/// One of as many texts as there were prompts.
#[derive(Default)]
struct Text {
    text: String,
    finish: Option<&'static str>,
    word: Option<String>,
    ended: bool,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if heard.is_done() {
            self.answered.complete = true;
            return;
        }
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if json.is_null() {
            return;
        }
        let content = json.text("content");
        if content.is_some_and(|text| !text.is_empty()) {
            self.first.saw(heard.at);
        }
        if let Some(model) = json.word("model") {
            self.answered.model = Some(model.to_owned());
        }
        let ended = json.truth("stop") == Some(true) || !heard.streamed;
        if content.is_some() {
            let text = self.texts.entry(json.count("index").unwrap_or_default()).or_default();
            text.text.push_str(content.unwrap_or_default());
            text.ended |= ended;
            if let Some((word, meaning)) = stop(json) {
                (text.word, text.finish) = (Some(word), meaning);
            }
        }
        if ended && content.is_some() {
            self.usage = Some(added(self.usage.take(), json));
            let known: Map<String, Value> = rest(json, KNOWN);
            self.answered.extra.extend(known);
        }
        self.answered.complete |= !heard.streamed;
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, texts, usage, first } = *self;
        answered.complete |= !texts.is_empty() && texts.values().all(|text| text.ended);
        answered.first_token = first.0;
        answered.usage = usage;
        for Text { text, finish, word, .. } in texts.into_values() {
            answered.finish_reasons.extend(word);
            let message = Message::new("assistant", vec![Part::text(text)]);
            answered.output.push(Message { finish_reason: finish.map(str::to_owned), ..message });
        }
        answered.into()
    }
}

/// Its word for why it stopped, and what that means.
fn stop(json: &Value) -> Option<(String, Option<&'static str>)> {
    let said = json.word("stop_type").filter(|word| *word != "none");
    STOPS.iter().find_map(|(word, of_old, meaning)| {
        let is = said == Some(*word) || said.is_none() && json.truth(of_old) == Some(true);
        is.then(|| (said.unwrap_or(of_old).to_owned(), Some(*meaning)))
    })
}

/// Each prompt has counts of its own.
fn added(so_far: Option<Usage>, json: &Value) -> Usage {
    let timings = json.get("timings");
    let kept = ["tokens_evaluated", "tokens_predicted", "tokens_cached"];
    let raw: Map<String, Value> =
        kept.iter().filter_map(|key| Some(((*key).to_owned(), json.some(key)?.clone()))).collect();
    let plus = |so_far: Option<u64>, more: Option<u64>| super::json::sum(&[so_far, more]);
    let before = so_far.unwrap_or_default();
    let mut usage = Usage {
        input: plus(before.input, json.count("tokens_evaluated")),
        output: plus(before.output, json.count("tokens_predicted")),
        cache_read: plus(before.cache_read, timings.and_then(|timings| timings.count("cache_n"))),
        raw: Some(raw.into()),
        ..Usage::default()
    };
    check(&mut usage);
    usage
}
