//! `openai.chat`: chat completions, of OpenAI and of the many who took them over.

mod choice;
mod listen;

use super::content;
use crate::dialect::json::{Look, rest};
use crate::dialect::whole::request;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, call::decoded};
use crate::model::{Asked, Message, Operation, Part};

pub struct Chat;

/// Paths that end like this, whoever's they are. Perplexity's own is the last.
const SUFFIXES: &[&str] =
    &["/chat/completions", "/agents/completions", "/fim/completions", "/v1/sonar", "/async/sonar"];
/// Where an answer that was put off is fetched from: behind `/chat/deferred-completion`, `/async/chat/completions` or
/// `/async/sonar`.
const DEFERRED: &[(&str, &str)] =
    &[("chat", "deferred-completion"), ("async", "completions"), ("async", "sonar")];
/// What of a request is said elsewhere in the record.
const SAID: &[&str] = &["model", "messages", "prompt", "tools", "functions", "stream"];

impl Dialect for Chat {
    fn name(&self) -> &'static str {
        "openai.chat"
    }

    fn claims(&self, call: &Call) -> bool {
        let writer = call.provider == "writer" && call.posts_to("/v1/chat");
        let portkey = call.path.contains("/prompts/") && call.posts_to("/completions");
        let fetched = deferred(call).is_some();
        SUFFIXES.iter().any(|suffix| call.posts_to(suffix))
            || writer
            || portkey
            || fetched
            || vertex(call).is_some()
    }

    fn operation(&self, call: &Call) -> Operation {
        if deferred(call).is_some() { Operation::FetchResponse } else { Operation::Chat }
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let vertex = vertex(call);
        let model = vertex.as_ref().map(|(model, _)| model.clone());
        let mut asked = Asked { model: model.or_else(|| call.behind("deployments")), ..Asked::default() };
        if let Some(id) = deferred(call) {
            asked.continues = Some(id);
            return asked;
        }
        let mut json = request(body, &mut asked);
        // What is asked for later is wrapped.
        if json.get("messages").is_none()
            && let Some(inner) = json.get_mut("request").filter(|inner| inner.is_object())
        {
            json = inner.take();
        }
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        asked.streamed = json.truth("stream").unwrap_or_else(|| vertex.is_some_and(|(_, streamed)| streamed));
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

/// Vertex' way to ask models of others: `…/publishers/mistralai/models/MODEL:rawPredict`, with the model, and whether a
/// stream is asked for. Anthropic's have their own form, Google's another path.
fn vertex(call: &Call) -> Option<(String, bool)> {
    let (_, behind) = call.trimmed().split_once("/publishers/")?;
    let (publisher, behind) = behind.split_once("/models/")?;
    let (model, method) = behind.rsplit_once(':')?;
    let others = call.is_post() && !matches!(publisher, "anthropic" | "google");
    let raw = matches!(method, "rawPredict" | "streamRawPredict");
    (others && raw).then(|| (decoded(model), method == "streamRawPredict"))
}

/// The id that an answer put off is fetched by.
fn deferred(call: &Call) -> Option<String> {
    if !call.is_get() {
        return None;
    }
    let segments = call.segments();
    let placed = |(first, last): &(&str, &str)| {
        let within = segments.contains(first);
        call.behind(last).filter(|_| within)
    };
    DEFERRED.iter().find_map(placed)
}
