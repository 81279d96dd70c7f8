//! `openai.chat`: chat completions, of OpenAI and of the many who took them over.

mod choice;
mod listen;

use serde_json::Value;

use super::content;
use crate::dialect::json::{Look, rest};
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Asked, Message, Operation, Part};

pub struct Chat;

/// Paths that end like this, whoever's they are.
const SUFFIXES: &[&str] = &["/chat/completions", "/agents/completions", "/fim/completions"];
/// Where an answer that was put off is fetched from.
const DEFERRED: &str = "deferred-completion";
/// What of a request is said elsewhere in the record.
const SAID: &[&str] = &["model", "messages", "prompt", "tools", "functions", "stream"];

impl Dialect for Chat {
    fn name(&self) -> &'static str {
        "openai.chat"
    }

    fn claims(&self, call: &Call) -> bool {
        let writer = call.provider == "writer" && call.posts_to("/v1/chat");
        let portkey = call.path.contains("/prompts/") && call.posts_to("/completions");
        SUFFIXES.iter().any(|suffix| call.posts_to(suffix)) || writer || portkey || is_deferred(call)
    }

    fn operation(&self, call: &Call) -> Operation {
        if is_deferred(call) { Operation::FetchResponse } else { Operation::Chat }
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
        if is_deferred(call) {
            asked.continues = call.behind(DEFERRED);
            return asked;
        }
        let json: Value = match serde_json::from_slice(body) {
            Ok(json) => json,
            Err(why) => {
                asked.problems.push(format!("request: {why}"));
                return asked;
            }
        };
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.streamed = json.truth("stream").unwrap_or_default();
        asked.input = json.list("messages").iter().map(content::message).collect();
        // A text to be completed in its middle is asked for without messages.
        if let (true, Some(prompt)) = (asked.input.is_empty(), json.word("prompt")) {
            asked.input.push(Message::new("user", vec![Part::text(prompt)]));
        }
        asked.tools = json.list("tools").iter().chain(json.list("functions")).map(content::tool).collect();
        asked.parameters = rest(&json, SAID);
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(listen::Listening::new(&call.provider, head))
    }
}

fn is_deferred(call: &Call) -> bool {
    call.is_get() && call.behind(DEFERRED).is_some()
}
