//! `anthropic.count_tokens`: how long a request would be.

use super::request;
use crate::dialect::error::in_json;
use crate::dialect::json::{Look, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Operation, Usage};

pub struct CountTokens;

impl Dialect for CountTokens {
    fn name(&self) -> &'static str {
        "anthropic.count_tokens"
    }

    fn claims(&self, call: &Call) -> bool {
        // Vertex counts with a model of this name.
        let vertex = request::vertex(call).is_some_and(|(model, _)| model.starts_with("count-tokens"));
        call.posts_to("/messages/count_tokens") || vertex && call.is_post()
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::CountTokens
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        request::asked_in(call, body)
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Counted { key: "input_tokens", answered: Answered::default() })
    }
}

/// Listens to a count.
pub struct Counted {
    /// Where it stands.
    pub key: &'static str,
    pub answered: Answered,
}

impl Answer for Counted {
    fn event(&mut self, heard: Heard<'_>) {
        self.answered.error = in_json(&heard.json, None).or(self.answered.error.take());
        if let Some(input) = heard.json.count(self.key) {
            let raw = Some(heard.json.clone());
            self.answered.usage = Some(Usage { input: Some(input), raw, ..Usage::default() });
        }
        self.answered.extra.extend(rest(&heard.json, &[self.key, "error", "type"]));
        self.answered.complete |= !heard.json.is_null();
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        self.answered.into()
    }
}
