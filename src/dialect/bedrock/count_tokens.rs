//! `bedrock.count_tokens`: how long a conversation, or a model's own request, would be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{converse, invoke, model, target};
use crate::dialect::anthropic::count_tokens::Counted;
use crate::dialect::json::{Look, parse};
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Answered, Asked, Operation};

pub struct CountTokens;

impl Dialect for CountTokens {
    fn name(&self) -> &'static str {
        "bedrock.count_tokens"
    }

    fn claims(&self, call: &Call) -> bool {
        target(call).is_some_and(|(_, method)| method == "count-tokens")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::CountTokens
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = match parse(body) {
            Ok(json) => input(call, &json),
            Err(why) => Asked { problems: vec![format!("request: {why}")], ..Asked::default() },
        };
        asked.model = model(call);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Counted { key: "inputTokens", answered: Answered::default() })
    }
}

/// What shall be counted: a conversation, or a model's own body in base64.
fn input(call: &Call, json: &Value) -> Asked {
    let Some(input) = json.some("input") else { return Asked::default() };
    if let Some(conversation) = input.some("converse") {
        return converse::asked(conversation);
    }
    let body = input.get("invokeModel").and_then(|inner| inner.text("body"));
    match body.and_then(|body| STANDARD.decode(body).ok()) {
        Some(body) => invoke::asked(call, &body),
        None => Asked { problems: vec!["request: nothing to count".to_owned()], ..Asked::default() },
    }
}
