//! `cohere.embed`: texts and images in, vectors out, in several number types at once where asked for.

use serde_json::Value;

use super::usage::of_meta;
use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content::linked;
use crate::dialect::vectors::{self, Vectors};
use crate::dialect::whole::{Whole, request};
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Answered, Asked, Message, Operation, Part};

pub struct Embed;

/// What of an answer is said elsewhere; `texts` are the request's.
const KNOWN: &[&str] = &["id", "meta", "embeddings", "texts", "images", "error"];

impl Dialect for Embed {
    fn name(&self) -> &'static str {
        "cohere.embed"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/v2/embed") || call.posts_to("/v1/embed")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Embeddings
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.input = json.get("texts").map(vectors::input).unwrap_or_default();
        asked.input.extend(json.list("inputs").iter().flat_map(vectors::input));
        let images: Vec<Part> =
            json.list("images").iter().filter_map(Value::as_str).map(|url| linked("image", url)).collect();
        if !images.is_empty() {
            asked.input.push(Message::new("user", images));
        }
        asked.parameters = rest(&json, &["model", "texts", "inputs", "images"]);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Whole::new(|json: &Value, answered: &mut Answered| {
            answered.id = json.text("id").map(str::to_owned);
            answered.usage = json.some("meta").and_then(of_meta);
            answered.extra = rest(json, KNOWN);
            let mut vectors = Vectors::default();
            match json.get("embeddings") {
                // Of several types each has all vectors: one list tells how many there are.
                Some(Value::Object(types)) => {
                    types.values().next().into_iter().for_each(|list| each(list, &mut vectors));
                }
                Some(list) => each(list, &mut vectors),
                None => {}
            }
            vectors.put(answered);
        }))
    }
}

fn each(list: &Value, vectors: &mut Vectors) {
    list.as_array().into_iter().flatten().for_each(|vector| vectors.hear(vector, 4));
}
