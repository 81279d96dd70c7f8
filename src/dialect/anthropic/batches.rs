//! `anthropic.batches`: many messages asked for at once. Each line of the results is an answer of its own.

use serde_json::{Value, json};

use super::answer;
use crate::dialect::error::in_json;
use crate::dialect::json::{Look, parse, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Operation, Reading};

pub struct Batches;

const NAME: &str = "anthropic.batches";

impl Dialect for Batches {
    fn name(&self) -> &'static str {
        NAME
    }

    fn claims(&self, call: &Call) -> bool {
        call.path.contains("/messages/batches/") || call.trimmed().ends_with("/messages/batches")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Other
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        if !call.posts_to("/messages/batches") {
            return asked;
        }
        let json = match parse(body) {
            Ok(json) => json,
            Err(why) => {
                asked.problems.push(format!("request: {why}"));
                return asked;
            }
        };
        let requests = json.list("requests");
        let mut models = requests.iter().filter_map(|request| request.get("params")?.word("model"));
        asked.model = models.next().filter(|first| models.all(|model| model == *first)).map(str::to_owned);
        asked.parameters = rest(&json, &["requests"]);
        // What each asks for is in the body. Here it is only said how many there are.
        asked.parameters.insert("requests".to_owned(), requests.len().into());
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        let results = call.trimmed().ends_with("/results");
        Box::new(Listening { results, ..Listening::default() })
    }
}

#[derive(Default)]
struct Listening {
    /// The results are asked for, not the batch.
    results: bool,
    answered: Answered,
    more: Vec<Reading>,
    /// A line that could not be read: the list broke off in it.
    broken: bool,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        if self.results && heard.json.get("result").is_some() {
            self.more.push(result(heard));
            return;
        }
        self.broken |= heard.json.is_null();
        let answered = &mut self.answered;
        answered.error = in_json(&heard.json, None).or(answered.error.take());
        answered.complete |= !heard.json.is_null();
        answered.id = heard.json.word("id").map(str::to_owned).or(answered.id.take());
        answered.extra.extend(rest(&heard.json, &["id", "type", "error"]));
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { results, mut answered, more, broken } = *self;
        if results {
            // Where the list ends is not said: one that breaks off behind a line looks whole.
            answered.complete = answered.error.is_none() && !broken;
            if broken {
                answered.problems.push("response: a line is no JSON".to_owned());
            }
            answered.extra.insert("results".to_owned(), more.len().into());
        }
        Finished { answered, more }
    }
}

/// One line: `{"custom_id", "result": {"type": "succeeded", "message"}}`. What was asked for it is in another exchange.
fn result(heard: Heard<'_>) -> Reading {
    let mut json = heard.json;
    let custom_id = json.get_mut("custom_id").map(Value::take).unwrap_or_default();
    let mut result = json.get_mut("result").map(Value::take).unwrap_or_default();
    let outcome = result.text("type").unwrap_or("unknown").to_owned();
    let mut asked = Asked::default();
    let mut answered = match result.get_mut("message").map(Value::take) {
        Some(message) => {
            let mut listening = Box::new(answer::Listening::default());
            listening.event(Heard {
                name: "",
                json: message,
                data: b"",
                at: heard.at,
                error: false,
                streamed: false,
            });
            listening.finish(&mut asked).answered
        }
        None => {
            let error = result.get("error").and_then(|error| in_json(error, None));
            // One that was cancelled or expired says no more than that.
            let error =
                error.unwrap_or_else(|| ApiError { kind: Some(outcome.clone()), ..ApiError::default() });
            Answered { error: Some(error), complete: true, ..Answered::default() }
        }
    };
    answered.service_tier.get_or_insert_with(|| "batch".to_owned());
    answered.extra.insert("custom_id".to_owned(), custom_id);
    answered.extra.insert("batch_result".to_owned(), json!(outcome));
    Reading { dialect: NAME, operation: Operation::Chat, asked, answered, start: None, end: None }
}
