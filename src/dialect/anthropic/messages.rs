//! `anthropic.messages`: Anthropic's own messages, at its own place, on Vertex and Foundry, and of those who took them over.

use super::answer::Listening;
use super::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Asked, Operation};

pub struct Messages;

impl Dialect for Messages {
    fn name(&self) -> &'static str {
        "anthropic.messages"
    }

    fn claims(&self, call: &Call) -> bool {
        if !call.posts_to("/messages") {
            return request::vertex(call).is_some() && call.is_post();
        }
        // OpenAI's threads have messages, too.
        let threads = call.path.contains("/threads/");
        let said = call.headers.get("anthropic-version").is_some() || call.path.contains("/anthropic/");
        !threads && (said || call.posts_to("/v1/messages"))
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Chat
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        request::asked_in(call, body)
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        let region = request::vertex(call).and_then(|_| call.behind("locations"));
        Box::new(Listening::in_region(region))
    }
}
