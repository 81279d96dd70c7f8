//! `cohere.generate`: a prompt to be continued, as Cohere had it before its chat.

use serde_json::Value;

use super::usage::of_meta;
use crate::dialect::assemble::First;
use crate::dialect::error::in_event;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, rest};
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Operation, Part};

pub struct Generate;

impl Dialect for Generate {
    fn name(&self) -> &'static str {
        "cohere.generate"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/v1/generate") || call.provider.starts_with("cohere") && call.posts_to("/generate")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::TextCompletion
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.text("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.input.extend(json.word("prompt").map(|text| Message::new("user", vec![Part::text(text)])));
        asked.parameters = rest(&json, &["model", "prompt", "stream"]);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::default())
    }
}

#[derive(Default)]
struct Listening {
    answered: Answered,
    /// A stream's texts by the generation's index.
    texts: Vec<(u64, String)>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if !heard.streamed {
            if !json.is_null() {
                self.whole(json);
                self.answered.complete = true;
            }
            return;
        }
        if json.truth("is_finished") == Some(true) {
            self.answered.complete = true;
            self.whole(json.get("response").unwrap_or(&Value::Null));
            if let (true, Some(finish)) =
                (self.answered.finish_reasons.is_empty(), json.text("finish_reason"))
            {
                self.answered.finish_reasons = vec![finish.to_owned()];
            }
        } else if let Some(text) = json.word("text") {
            let index = json.count("index").unwrap_or_default();
            match self.texts.iter_mut().find(|(known, _)| *known == index) {
                Some((_, whole)) => whole.push_str(text),
                None => self.texts.push((index, text.to_owned())),
            }
            self.first.saw(heard.at);
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { mut answered, mut texts, first } = *self;
        texts.sort_by_key(|(index, _)| *index);
        if answered.output.is_empty() {
            let said = texts.into_iter().map(|(_, text)| Message::new("assistant", vec![Part::text(text)]));
            answered.output = said.collect();
        }
        if let (Some(first), [only]) = (answered.output.first_mut(), answered.finish_reasons.as_slice()) {
            first.finish_reason = Some(reason(only));
        }
        answered.first_token = first.0;
        answered.into()
    }
}

impl Listening {
    fn whole(&mut self, json: &Value) {
        self.answered.id = json.text("id").map(str::to_owned);
        self.answered.usage = json.some("meta").and_then(of_meta);
        for generation in json.list("generations") {
            let finish = generation.text("finish_reason");
            self.answered.finish_reasons.extend(finish.map(str::to_owned));
            let mut part = Part::text(generation.text("text").unwrap_or_default());
            part.extra = rest(generation, &["text", "finish_reason", "token_likelihoods"]);
            let finish_reason = finish.map(reason);
            self.answered.output.push(Message { finish_reason, ..Message::new("assistant", vec![part]) });
        }
    }
}
