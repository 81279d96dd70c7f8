//! `gemini.count`: `:countTokens` and `:computeTokens`. What was counted was not used: the count stands beside.

use serde_json::Value;

use super::names::Either;
use super::path::posts_to;
use super::request::{fill, parsed};
use super::whole::Whole;
use crate::dialect::json::rest;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished};
use crate::model::{Answered, Asked, Operation};

pub struct Count;

impl Dialect for Count {
    fn name(&self) -> &'static str {
        "gemini.count"
    }

    fn claims(&self, call: &Call) -> bool {
        posts_to(call, &["countTokens", "computeTokens"])
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::CountTokens
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let (mut asked, json) = parsed(call, body);
        if let Some(json) = json {
            fill(&mut asked, &json);
        }
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Whole::boxed(read)
    }
}

fn read(body: &Value, _asked: &mut Asked) -> Finished {
    let mut extra = rest(body, &["tokensInfo", "error"]);
    let computed = body.either_list("tokensInfo");
    if !computed.is_empty() {
        // Every token is listed: their number will do.
        let tokens: usize = computed.iter().map(|info| info.either_list("tokenIds").len()).sum();
        extra.insert("totalTokens".to_owned(), tokens.into());
    }
    Answered { extra, ..Answered::default() }.into()
}
