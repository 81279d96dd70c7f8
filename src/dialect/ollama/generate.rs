//! `ollama.generate`: `/api/generate`, a prompt to be continued or, with a suffix, to be filled.

use serde_json::{Value, json};

use super::listen::{Listening, image, parameters};
use crate::dialect::json::Look;
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Asked, Message, Operation, Part};

pub struct Generate;

impl Dialect for Generate {
    fn name(&self) -> &'static str {
        "ollama.generate"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/api/generate")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::TextCompletion
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.streamed = json.truth("stream").unwrap_or(true);
        asked.system.extend(json.word("system").map(Part::text));
        let mut parts: Vec<Part> = json.word("prompt").map(Part::text).into_iter().collect();
        parts.extend(json.list("images").iter().filter_map(Value::as_str).map(image));
        if !parts.is_empty() {
            asked.input.push(Message::new("user", parts));
        }
        asked.parameters = parameters(&json, &["model", "prompt", "system", "images", "stream", "context"]);
        // The conversation so far as tokens: nobody can read it.
        let context = json.list("context").len();
        if context > 0 {
            asked.parameters.insert("context".to_owned(), json!({"tokens": context}));
        }
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::default())
    }
}
