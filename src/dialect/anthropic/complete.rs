//! `anthropic.complete`: a prompt to be continued, as it was before there were messages.

use serde_json::Value;

use crate::dialect::assemble::{First, Parts};
use crate::dialect::error::in_json;
use crate::dialect::finish::reason;
use crate::dialect::json::{Look, parse, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Message, Operation, Part};

pub struct Complete;

impl Dialect for Complete {
    fn name(&self) -> &'static str {
        "anthropic.complete"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/v1/complete")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::TextCompletion
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        match parse(body) {
            Ok(json) => asked(&json),
            Err(why) => Asked { problems: vec![format!("request: {why}")], ..Asked::default() },
        }
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        let cumulative = call.headers.text("anthropic-version") == Some("2023-01-01");
        Box::new(Listening { cumulative, ..Listening::default() })
    }
}

/// What a request's body asks for.
fn asked(json: &Value) -> Asked {
    let prompt = json.word("prompt").map(|prompt| Message::new("user", vec![Part::text(prompt)]));
    Asked {
        model: json.word("model").map(str::to_owned),
        streamed: json.truth("stream").unwrap_or_default(),
        parameters: rest(json, &["model", "prompt", "stream"]),
        input: prompt.into_iter().collect(),
        ..Asked::default()
    }
}

#[derive(Default)]
struct Listening {
    /// The first version's events hold all there is, not what is new.
    cumulative: bool,
    answered: Answered,
    text: String,
    began: bool,
    stop_reason: Option<String>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        if let Some(error) = in_json(json, None) {
            self.answered.error = Some(error);
        } else if heard.is_error() {
            self.answered.error = Some(ApiError::default());
        }
        let answered = &mut self.answered;
        for (own, key) in [(&mut answered.id, "id"), (&mut answered.model, "model")] {
            if let Some(word) = json.word(key) {
                *own = Some(word.to_owned());
            }
        }
        if let Some(more) = json.text("completion") {
            self.began = true;
            if self.cumulative {
                self.text.clear();
            }
            self.text.push_str(more);
            if !more.is_empty() {
                self.first.saw(heard.at);
            }
        }
        if let Some(word) = json.word("stop_reason") {
            self.stop_reason = Some(word.to_owned());
        }
        let known = ["type", "id", "model", "completion", "stop_reason", "error", "log_id", "p"];
        answered.extra.extend(rest(json, &known));
        answered.complete |= !heard.streamed && json.is_object() || self.stop_reason.is_some();
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { cumulative: _, mut answered, text, began, stop_reason, first } = *self;
        answered.first_token = first.0;
        if began {
            let mut parts = Parts::default();
            parts.text(&text);
            let finish_reason = stop_reason.as_deref().map(reason);
            let message = Message::new("assistant", parts.finish());
            answered.output = vec![Message { finish_reason, ..message }];
        }
        answered.finish_reasons = stop_reason.into_iter().collect();
        answered.into()
    }
}
