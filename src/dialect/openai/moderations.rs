//! `openai.moderations`: verdicts on texts and images, OpenAI's and Mistral's.

use super::content;
use super::usage::usage;
use crate::dialect::json::{Look, rest};
use crate::dialect::vectors;
use crate::dialect::whole::{Whole, request};
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Answered, Asked, Operation};

pub struct Moderations;

impl Dialect for Moderations {
    fn name(&self) -> &'static str {
        "openai.moderations"
    }

    fn claims(&self, call: &Call) -> bool {
        // Mistral's conversations are judged at `/chat/moderations`, its own classifiers answer at `/classifications`.
        let mistral = call.provider == "mistral" && call.posts_to("/classifications");
        call.posts_to("/moderations") || mistral
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Moderation
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        let list = json.list("input");
        asked.input = if list.iter().any(|one| one.get("role").is_some()) {
            list.iter().map(content::message).collect()
        } else {
            json.get("input").map(vectors::input).unwrap_or_default()
        };
        asked.parameters = rest(&json, &["model", "input"]);
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        let provider = call.provider.clone();
        Box::new(Whole::new(move |json: &serde_json::Value, answered: &mut Answered| {
            answered.id = json.text("id").map(str::to_owned);
            answered.model = json.text("model").map(str::to_owned);
            answered.usage = json.some("usage").and_then(|raw| usage(raw, &provider));
            answered.extra = rest(json, &["id", "model", "usage", "object", "created", "error"]);
        }))
    }
}
