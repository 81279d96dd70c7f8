//! Cohere's chat as it is answered: the second version's typed events, the first version's lines, and both as one body.

use serde_json::{Map, Value};

use super::chat::call;
use super::usage::of_meta;
use crate::dialect::assemble::{First, Parts};
use crate::dialect::error::in_event;
use crate::dialect::finish::reason_of;
use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content;
use crate::dialect::{Answer, Finished, Heard};
use crate::model::{Answered, ApiError, Asked, Message, Micros, Part};

/// Lists that a stream hands out piece by piece.
const LISTS: &[&str] = &["citations", "documents", "search_results", "search_queries"];
/// What of a first version's answer is said elsewhere; the history is the request's with the answer.
const KNOWN: &[&str] =
    &["response_id", "text", "chat_history", "finish_reason", "meta", "tool_calls", "citations", "message"];

#[derive(Default)]
pub struct Listening {
    answered: Answered,
    parts: Parts,
    /// The answer that a first version's stream repeats at its end.
    whole: Option<Vec<Part>>,
    /// What is said of the message beside its parts: citations, the plan for its calls.
    beside: Map<String, Value>,
    finish: Option<String>,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if heard.streamed {
            let kind = json.text("type").or_else(|| json.text("event_type")).unwrap_or(heard.name);
            self.typed(kind, json, heard.at);
        } else if json.get("message").is_some_and(Value::is_object) {
            self.second(json);
            self.answered.complete = true;
        } else if !json.is_null() {
            self.first(json);
            self.answered.complete = true;
        }
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        let Self { mut answered, parts, whole, beside, finish, first, .. } = *self;
        let mut parts = whole.unwrap_or_else(|| parts.finish());
        content::hang(&mut parts, beside);
        answered.first_token = first.0;
        if !parts.is_empty() || finish.is_some() {
            let finish_reason = finish.as_deref().map(|word| reason_of(word, &parts));
            answered.output = vec![Message { finish_reason, ..Message::new("assistant", parts) }];
        }
        answered.finish_reasons = finish.into_iter().collect();
        if let (None, Some(Value::String(id))) = (&asked.conversation, answered.extra.get("conversation_id"))
        {
            asked.conversation = Some(id.clone());
        }
        answered.into()
    }
}

impl Listening {
    /// The second version's whole answer.
    fn second(&mut self, json: &Value) {
        self.answered.id = json.text("id").map(str::to_owned);
        let message = json.get("message").unwrap_or(&Value::Null);
        self.whole = Some(content::message(message).parts);
        self.ended(json);
        self.answered.extra = rest(json, &["id", "message", "finish_reason", "usage", "error"]);
    }

    /// The first version's.
    fn first(&mut self, json: &Value) {
        self.answered.id = json.word("response_id").or_else(|| json.word("id")).map(str::to_owned);
        let mut parts: Vec<Part> = json.word("text").map(Part::text).into_iter().collect();
        parts.extend(json.list("tool_calls").iter().map(call));
        self.whole = Some(parts);
        if let Some(citations) = json.some("citations") {
            self.beside.insert("citations".to_owned(), citations.clone());
        }
        self.ended(json);
        self.answered.extra.append(&mut rest(json, KNOWN));
    }

    fn ended(&mut self, json: &Value) {
        if let Some(finish) = json.text("finish_reason") {
            self.finish = Some(finish.to_owned());
        }
        if let Some(raw) = json.some("usage").or_else(|| json.some("meta")) {
            self.answered.usage = of_meta(raw).or(self.answered.usage.take());
        }
    }

    fn typed(&mut self, kind: &str, json: &Value, at: Micros) {
        let delta = json.get("delta").unwrap_or(&Value::Null);
        let message = delta.get("message").unwrap_or(&Value::Null);
        match kind {
            "message-start" => self.answered.id = json.word("id").map(str::to_owned),
            "content-start" | "content-delta" => {
                self.content(message.get("content"), at);
                if let Some(more) = json.some("logprobs") {
                    self.more("logprobs", std::slice::from_ref(more));
                }
            }
            "tool-plan-delta" => self.plan(message.text("tool_plan"), at),
            "tool-call-start" | "tool-call-delta" => {
                self.call(json.count("index"), message.get("tool_calls"), at);
            }
            "citation-start" => self.cite(message.some("citations")),
            "message-end" => {
                self.answered.complete = true;
                self.ended(delta);
                if let Some(message) = delta.word("error") {
                    let message = Some(message.to_owned());
                    self.answered.error = Some(ApiError { message, ..ApiError::default() });
                }
            }
            "stream-start" => self.answered.id = json.word("generation_id").map(str::to_owned),
            "text-generation" => {
                let text = json.text("text").unwrap_or_default();
                self.parts.text(text);
                self.saw(!text.is_empty(), at);
            }
            "tool-calls-chunk" => {
                self.plan(json.text("text"), at);
                let more = json.get("tool_call_delta");
                let index = more.and_then(|more| more.count("index")).or_else(|| json.count("index"));
                self.call(index, more, at);
            }
            "tool-calls-generation" => {
                // They come whole; pieces of them may have come before.
                self.parts = std::mem::take(&mut self.parts).without_calls();
                json.list("tool_calls").iter().for_each(|one| self.parts.whole(call(one)));
                self.saw(true, at);
            }
            "stream-end" => {
                self.answered.complete = true;
                let response = json.get("response").unwrap_or(&Value::Null);
                self.first(response);
                self.ended(json);
            }
            _ => LISTS.iter().for_each(|key| {
                if json.some(key).is_some() {
                    self.lists(key, json);
                }
            }),
        }
    }

    fn saw(&mut self, generated: bool, at: Micros) {
        if generated {
            self.first.saw(at);
        }
    }

    fn content(&mut self, content: Option<&Value>, at: Micros) {
        let Some(content) = content else { return };
        let (text, thought) = (content.word("text"), content.word("thinking"));
        self.parts.text(text.unwrap_or_default());
        if let Some(thought) = thought {
            self.parts.reasoning(thought);
        }
        self.saw(text.is_some() || thought.is_some(), at);
    }

    fn plan(&mut self, more: Option<&str>, at: Micros) {
        let Some(more) = more.filter(|more| !more.is_empty()) else { return };
        match self.beside.get_mut("tool_plan") {
            Some(Value::String(plan)) => plan.push_str(more),
            _ => {
                self.beside.insert("tool_plan".to_owned(), more.into());
            }
        }
        self.saw(true, at);
    }

    fn call(&mut self, index: Option<u64>, json: Option<&Value>, at: Micros) {
        let Some(json) = json else { return };
        let inner = json.some("function").unwrap_or(json);
        let more = inner.text("arguments").or_else(|| inner.text("parameters")).unwrap_or_default();
        self.parts.call(index.unwrap_or_default(), json.word("id"), inner.word("name"), more);
        self.saw(true, at);
    }

    fn cite(&mut self, citation: Option<&Value>) {
        let Some(citation) = citation else { return };
        let list = self.beside.entry("citations").or_insert_with(|| Value::Array(Vec::new()));
        match (list.as_array_mut(), citation) {
            (Some(list), Value::Array(more)) => list.extend(more.iter().cloned()),
            (Some(list), one) => list.push(one.clone()),
            (None, _) => {}
        }
    }

    fn lists(&mut self, key: &str, json: &Value) {
        if key == "citations" {
            return self.cite(json.some(key));
        }
        self.more(key, json.list(key));
    }

    fn more(&mut self, key: &str, more: &[Value]) {
        let list = self.answered.extra.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            list.extend(more.iter().cloned());
        }
    }
}
