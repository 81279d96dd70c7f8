//! `rerank` and `cohere.rerank`: documents put in the order in which they answer a question. Voyage's, Jina's, OpenRouter's,
//! vLLM's and Cohere's differ in how they name the results.

use serde_json::{Value, json};

use super::cohere::usage::of_meta;
use super::json::{Look, rest};
use super::openai::usage::{billed, usage};
use super::whole::{Whole, request};
use super::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage};

pub struct Rerank {
    pub cohere: bool,
}

/// What of an answer is said elsewhere in the record.
const KNOWN: &[&str] = &[
    "id",
    "object",
    "created",
    "model",
    "results",
    "data",
    "usage",
    "meta",
    "error",
    "index",
    "score",
    "relevance_score",
];

impl Dialect for Rerank {
    fn name(&self) -> &'static str {
        if self.cohere { "cohere.rerank" } else { "rerank" }
    }

    fn claims(&self, call: &Call) -> bool {
        let cohere = call.provider.starts_with("cohere") || call.path.contains("/cohere/");
        call.posts_to("/rerank") && (!self.cohere || cohere)
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Rerank
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        let mut parts: Vec<Part> = json.some("query").map(text).into_iter().collect();
        let documents = json.list("documents").iter().chain(json.list("texts"));
        parts.extend(documents.map(document));
        // AWS has its own names, and its model deep within.
        let queries = json.list("queries").iter();
        parts.extend(
            queries.map(|query| text(query.get("textQuery").and_then(|it| it.get("text")).unwrap_or(query))),
        );
        parts.extend(json.list("sources").iter().map(|source| document(inline(source))));
        let deep = ["rerankingConfiguration", "bedrockRerankingConfiguration", "modelConfiguration"];
        let configuration = deep.iter().try_fold(&json, |place, key| place.get(*key));
        if let Some(model) = configuration.and_then(|place| place.word("modelArn")) {
            asked.model = Some(model.to_owned());
        }
        if !parts.is_empty() {
            asked.input.push(Message::new("user", parts));
        }
        asked.parameters = rest(&json, &["model", "query", "documents", "texts", "queries", "sources"]);
        asked
    }

    fn answer(&self, call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        let provider = call.provider.clone();
        Box::new(Whole::new(move |json: &Value, answered: &mut Answered| read(json, answered, &provider)))
    }
}

fn document(document: &Value) -> Part {
    PartKind::Other { kind: "document".to_owned(), value: document.clone() }.into()
}

/// The document itself in AWS' wrapping of it.
fn inline(source: &Value) -> &Value {
    let inline = source.get("inlineDocumentSource").unwrap_or(source);
    let text = inline.get("textDocument").and_then(|document| document.get("text"));
    text.or_else(|| inline.get("jsonDocument")).unwrap_or(inline)
}

fn text(query: &Value) -> Part {
    match query {
        Value::String(query) => Part::text(query.as_str()),
        other => PartKind::Other { kind: "query".to_owned(), value: other.clone() }.into(),
    }
}

fn read(json: &Value, answered: &mut Answered, provider: &str) {
    answered.id = json.word("id").map(str::to_owned);
    answered.model = json.text("model").map(str::to_owned);
    answered.usage = match (json.some("meta"), json.some("usage")) {
        (Some(meta), _) => of_meta(meta),
        (None, Some(raw)) => usage(raw, provider).map(|usage| searched(usage, raw)),
        (None, None) => None,
    };
    answered.billed = json.some("usage").and_then(billed);
    let results = json.list("results").iter().chain(json.list("data"));
    // Without a wrapper each result comes alone.
    let alone = Some(json).filter(|json| json.count("index").is_some());
    let ranks: Vec<Value> = results.chain(alone).map(rank).collect();
    answered.extra.append(&mut rest(json, KNOWN));
    let known = answered.extra.entry("results").or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = known.as_array_mut() {
        list.extend(ranks);
    }
}

/// A result without its document, which the request has.
fn rank(result: &Value) -> Value {
    let score = ["relevance_score", "score", "relevanceScore"].iter().find_map(|key| result.some(key));
    json!({"index": result.get("index"), "relevance_score": score})
}

/// OpenRouter says Cohere's searches in its usage.
fn searched(mut usage: Usage, raw: &Value) -> Usage {
    if let Some(searches) = raw.count("search_units") {
        usage.requests.push(("rerank_search".to_owned(), searches));
    }
    usage
}
