//! What a program that answers from documents asks before it asks its model: an embedding of the question, and which
//! documents are nearest to it.

use serde_json::{Value, json};

use super::random::Random;
use super::talk::tokens;

/// A call that is no conversation.
pub struct Plain {
    pub upstream: &'static str,
    pub path: &'static str,
    pub header: (&'static str, &'static str),
    pub request: Value,
    pub answer: Value,
}

/// So many numbers are in a vector.
const DIMENSIONS: usize = 64;

pub fn embedding(text: &str) -> Plain {
    let mut random = Random::of(text);
    let mut number = || (random.between(0, 200_001) as f64 - 100_000.0) / 1_000_000.0;
    let vector: Vec<f64> = (0..DIMENSIONS).map(|_| number()).collect();
    let used = tokens(text);
    Plain {
        upstream: "openai",
        path: "/v1/embeddings",
        header: ("authorization", "Bearer sk-proj-demo0000000000000000000000000000"),
        request: json!({"model": "text-embedding-3-small", "input": [text], "dimensions": DIMENSIONS}),
        answer: json!({"object": "list", "model": "text-embedding-3-small",
            "data": [{"object": "embedding", "index": 0, "embedding": vector}],
            "usage": {"prompt_tokens": used, "total_tokens": used}}),
    }
}

pub fn rerank(question: &str, documents: &[&str]) -> Plain {
    let scores = (0..documents.len())
        .map(|at| json!({"index": at, "relevance_score": 0.94 / (1.0 + at as f64 * 0.8)}));
    Plain {
        upstream: "cohere",
        path: "/v2/rerank",
        header: ("authorization", "Bearer demo0000000000000000000000000000000000"),
        request: json!({"model": "rerank-v3.5", "query": question, "documents": documents, "top_n": 3}),
        answer: json!({"id": Random::of(question).hex(32), "results": scores.take(3).collect::<Vec<_>>(),
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}}),
    }
}
