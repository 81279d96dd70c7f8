//! `openai.responses`, with its neighbours: made by a POST, fetched by a GET, or many on one WebSocket.
//!
//! What is fetched again (`GET …/responses/ID`, whole or as a stream taken up where it broke off, and `…/cancel`) has the
//! usage of the answer in it, every time it is fetched. The reading keeps it, and its operation says that it is a fetch:
//! sums leave those out. A background answer's POST has no usage, as it is only queued then; the fetch with the same
//! response id is where it is found.

mod answer;
mod asked;
mod item;
mod part;
mod socket;
mod stream;
mod used;

pub use answer::Listening;
pub use asked::instructions;
pub use item::messages;
pub use stream::overlay;

use answer::Counting;

use crate::dialect::{Answer, AnswerHead, Call, Dialect, Socket};
use crate::model::{Asked, Operation};

pub struct Responses;

/// A history made shorter.
pub struct Compact;

/// How many tokens a request would have.
pub struct InputTokens;

/// Whether it is about an answer that is kept: `…/responses/ID`, or what is done to it.
fn is_fetch(call: &Call) -> bool {
    match call.segments().as_slice() {
        [.., "responses", _, "cancel"] => call.is_post(),
        [.., "responses", _] => call.is_get(),
        _ => false,
    }
}

impl Dialect for Responses {
    fn name(&self) -> &'static str {
        "openai.responses"
    }

    fn claims(&self, call: &Call) -> bool {
        // Perplexity's has a name of its own.
        let perplexity = call.provider == "perplexity" && call.posts_to("/v1/agent");
        // A GET without an id opens a socket.
        let own = call.trimmed().ends_with("/responses") && (call.is_post() || call.is_get());
        own || perplexity || is_fetch(call)
    }

    fn operation(&self, call: &Call) -> Operation {
        match (is_fetch(call), call.is_post()) {
            (true, _) => Operation::FetchResponse,
            (false, true) => Operation::Chat,
            (false, false) => Operation::Other,
        }
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        asked::of_call(call, body)
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::new(&call.provider))
    }

    fn socket(&self, call: &Call) -> Option<Box<dyn Socket>> {
        call.trimmed().ends_with("/responses").then(|| socket::open(call))
    }
}

impl Dialect for Compact {
    fn name(&self) -> &'static str {
        "openai.responses.compact"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/responses/compact")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Compact
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        asked::of_call(call, body)
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Listening::compaction(&call.provider))
    }
}

impl Dialect for InputTokens {
    fn name(&self) -> &'static str {
        "openai.responses.input_tokens"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/responses/input_tokens")
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::CountTokens
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        asked::of_call(call, body)
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Counting::new(&call.provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::find;

    #[test]
    fn addresses_tell_what_is_done() {
        for (method, path, expected) in [
            ("POST", "/v1/responses", Some(Operation::Chat)),
            ("POST", "/backend-api/codex/responses/", Some(Operation::Chat)),
            ("POST", "/openai/deployments/d/responses", Some(Operation::Chat)),
            ("POST", "/v1/responses/compact", Some(Operation::Compact)),
            ("POST", "/v1/responses/input_tokens", Some(Operation::CountTokens)),
            ("GET", "/v1/responses/resp_1", Some(Operation::FetchResponse)),
            ("POST", "/v1/responses/resp_1/cancel", Some(Operation::FetchResponse)),
            ("GET", "/v1/responses", Some(Operation::Other)),
            ("GET", "/v1/responses/resp_1/input_items", None),
            ("DELETE", "/v1/responses/resp_1", None),
        ] {
            let call = Call { method: method.to_owned(), path: path.to_owned(), ..Call::default() };
            assert_eq!(find(&call).map(|dialect| dialect.operation(&call)), expected, "{method} {path}");
        }
    }
}
