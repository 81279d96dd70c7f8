//! `gemini.batch`: `:batchGenerateContent`, what became of it, and the answers that it holds itself.

use serde_json::Value;

use super::gather::whole;
use super::names::{Either, rest};
use super::path::{model_name, posts_to};
use super::request::{fill, parsed};
use super::usage::usage;
use super::whole::Whole;
use crate::dialect::error::in_json;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished};
use crate::model::{Answered, Asked, Operation, Reading};

pub struct Batch;

const NAME: &str = "gemini.batch";

const METHODS: &[&str] = &["batchGenerateContent", "asyncBatchEmbedContent"];

/// Others have batches at a path of this form too.
const PROVIDERS: &[&str] = &["gemini", "google", "vertex"];

/// Versions of the API that only Google has.
const VERSIONS: &[&str] = &["v1beta", "v1alpha", "v1beta1"];

impl Dialect for Batch {
    fn name(&self) -> &'static str {
        NAME
    }

    fn claims(&self, call: &Call) -> bool {
        posts_to(call, METHODS) || polls(call)
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Other
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        if polls(call) {
            let name = call.behind("batches").map(|id| ("name".to_owned(), format!("batches/{id}").into()));
            return Asked { parameters: name.into_iter().collect(), ..Asked::default() };
        }
        let (mut asked, json) = parsed(call, body);
        let Some(json) = json else { return asked };
        let batch = json.either("batch").unwrap_or(&json);
        asked.parameters = rest(batch, &["inputConfig", "model"]);
        if let Some(config) = batch.either("inputConfig") {
            let requests = inlined(config, "requests").len();
            asked.parameters.extend(rest(config, &["requests"]));
            if requests > 0 {
                asked.parameters.insert("requests".to_owned(), requests.into());
            }
        }
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Whole::boxed(if posts_to(call, &["asyncBatchEmbedContent"]) { read_embeddings } else { read })
    }
}

/// A GET for a batch: `/v1beta/batches/B`.
fn polls(call: &Call) -> bool {
    let segments = call.segments();
    let [.., version, "batches", _] = segments.as_slice() else { return false };
    let provider = PROVIDERS.iter().any(|name| call.provider.starts_with(name));
    call.is_get() && (provider || VERSIONS.contains(version))
}

/// A list that is wrapped into an object with the same name.
fn inlined<'a>(json: &'a Value, key: &str) -> &'a [Value] {
    match json.either(key) {
        Some(Value::Array(list)) => list,
        Some(inner) => inner.either_list(key),
        None => &[],
    }
}

fn read_embeddings(body: &Value, asked: &mut Asked) -> Finished {
    let mut finished = read(body, asked);
    finished.more.clear();
    finished
}

fn read(body: &Value, asked: &mut Asked) -> Finished {
    // What is still under way says it in its metadata; what is done, in its response.
    let metadata = body.either("metadata").unwrap_or(body);
    let response = body.either("response").or_else(|| metadata.either("output"));
    let mut answered = Answered {
        id: body.either_word("name").or_else(|| metadata.either_word("name")).map(str::to_owned),
        extra: rest(metadata, &["name", "model", "output", "inputConfig", "response", "error"]),
        ..Answered::default()
    };
    if asked.model.is_none() {
        asked.model = metadata.either_word("model").and_then(model_name);
    }
    let list = response.map(|response| inlined(response, "inlinedResponses")).unwrap_or_default();
    if let Some(response) = response {
        answered.extra.append(&mut rest(response, &["inlinedResponses", "inlinedEmbedContentResponses"]));
    }
    if let Some(done) = body.either("done") {
        answered.extra.insert("done".to_owned(), done.clone());
    }
    let more = list.iter().filter_map(|entry| answer_of(entry, asked.model.as_deref())).collect();
    Finished { answered, more }
}

/// One of a batch's answers, with what it answers where that is repeated.
fn answer_of(entry: &Value, model: Option<&str>) -> Option<Reading> {
    let mut asked = Asked { model: model.map(str::to_owned), ..Asked::default() };
    if let Some(request) = entry.either("request") {
        fill(&mut asked, request);
    }
    let mut answered = match entry.either("response") {
        // A vector is no answer to keep.
        Some(response) if response.either("embedding").is_some() => Answered {
            usage: response.either("usageMetadata").and_then(usage),
            complete: true,
            ..Answered::default()
        },
        Some(response) => whole(response),
        None => Answered { error: in_json(entry, None), complete: true, ..Answered::default() },
    };
    // Whatever traffic it was counted as, a batch has its own price.
    answered.service_tier = Some("batch".to_owned());
    for (key, value) in rest(entry, &["request", "response", "error"]) {
        answered.extra.insert(key, value);
    }
    let operation = Operation::GenerateContent;
    Some(Reading { dialect: NAME, operation, asked, answered, start: None, end: None })
}
