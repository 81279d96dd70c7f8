//! `ollama.embed`: `/api/embed`, and `/api/embeddings`, which was before it and takes one text.

use serde_json::Value;

use super::listen::{parameters, usage};
use crate::dialect::json::{Look, rest};
use crate::dialect::vectors::{self, Vectors};
use crate::dialect::whole::{Whole, request};
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Answered, Asked, Operation};

pub struct Embed;

impl Dialect for Embed {
    fn name(&self) -> &'static str {
        "ollama.embed"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/api/embed") || call.posts_to("/api/embeddings")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Embeddings
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        let texts = ["input", "prompt"];
        asked.input = texts.iter().filter_map(|key| json.get(key)).flat_map(vectors::input).collect();
        asked.parameters = parameters(&json, &["model", "input", "prompt"]);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Whole::new(|json: &Value, answered: &mut Answered| {
            answered.model = json.text("model").map(str::to_owned);
            answered.usage = usage(json).filter(|usage| usage.input.is_some());
            answered.extra = rest(json, &["model", "embedding", "embeddings", "prompt_eval_count", "error"]);
            let mut vectors = Vectors::default();
            json.list("embeddings").iter().for_each(|vector| vectors.hear(vector, 4));
            json.get("embedding").into_iter().for_each(|vector| vectors.hear(vector, 4));
            vectors.put(answered);
        }))
    }
}
