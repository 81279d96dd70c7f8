//! `openai.embeddings`: texts in, vectors out. Of the vectors only their number and length are kept.

use serde_json::Value;

use super::head;
use super::usage::{billed, usage};
use crate::dialect::error::in_json;
use crate::dialect::json::{Look, rest};
use crate::dialect::vectors::{self, Vectors};
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Operation};

pub struct Embeddings;

/// Paths that end like this; Voyage has words of its own for those of images and of pieces in their context.
const SUFFIXES: &[&str] =
    &["/embeddings", "/multimodalembeddings", "/contextualizedembeddings", "/embedding"];
/// Where the texts stand.
const INPUTS: &[&str] = &["input", "inputs", "content"];
const KNOWN: &[&str] =
    &["id", "object", "created", "model", "data", "usage", "error", "embedding", "index", "embeddings"];

impl Dialect for Embeddings {
    fn name(&self) -> &'static str {
        "openai.embeddings"
    }

    fn claims(&self, call: &Call) -> bool {
        SUFFIXES.iter().any(|suffix| call.posts_to(suffix))
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Embeddings
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
        let json = request(body, &mut asked);
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.input = INPUTS.iter().filter_map(|key| json.get(key)).flat_map(vectors::input).collect();
        asked.parameters = rest(&json, &[&["model"], INPUTS].concat());
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let (provider, head) = (call.provider.clone(), head::Said::of(head));
        Box::new(Listening { provider, head, answered: Answered::default(), data: Vec::new() })
    }
}

struct Listening {
    provider: String,
    head: head::Said,
    answered: Answered,
    /// Elements with a vector each: how wide their numbers are shows in what was asked.
    data: Vec<Value>,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if heard.json.is_null() {
            return;
        }
        let answered = &mut self.answered;
        answered.error = in_json(&heard.json, None).or(answered.error.take());
        let mut json = heard.json;
        answered.id = json.word("id").map(str::to_owned);
        answered.model = json.text("model").map(str::to_owned);
        if let Some(raw) = json.some("usage") {
            answered.usage = usage(raw, &self.provider);
            answered.billed = billed(raw);
        }
        answered.extra = rest(&json, KNOWN);
        answered.complete = true;
        match json.get_mut("data").map(Value::take) {
            Some(Value::Array(list)) => self.data.extend(list),
            // llama.cpp's own has no wrapper.
            _ => self.data.push(json),
        }
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { head, mut answered, data, .. } = *self;
        let width = width(asked);
        let mut vectors = Vectors::default();
        for element in &data {
            // Voyage's contextualised ones are lists of lists, Jina's of many vectors have a plural name.
            let inner = element.list("data").iter().filter_map(|one| one.some("embedding"));
            let own = element.some("embedding").or_else(|| element.some("embeddings")).into_iter();
            own.chain(inner).for_each(|vector| vectors.hear(vector, width));
        }
        vectors.put(&mut answered);
        head.put(&mut answered, false);
        answered.into()
    }
}

/// How many bytes a number takes where the vector comes in base64.
fn width(asked: &Asked) -> u64 {
    let kind = ["output_dtype", "dtype"].iter().find_map(|key| asked.parameters.get(*key)?.as_str());
    match kind {
        Some("int8" | "uint8" | "binary" | "ubinary") => 1,
        _ => 4,
    }
}
