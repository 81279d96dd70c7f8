//! `gemini.embed`: `:embedContent`, `:batchEmbedContents`, and `:predict` of Vertex AI's models that embed. Vectors are not
//! kept.

use serde_json::{Map, Value};

use super::content::{messages, part};
use super::names::{Either, rest};
use super::path::{model_name, posts_to, target};
use super::request::parsed;
use super::usage::usage;
use super::whole::Whole;
use crate::dialect::json::{count, sum};
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage};

pub struct Embed;

/// What the names of models that embed have in them: others too are asked by `:predict`.
const EMBEDDING: &[&str] = &["embedding", "gecko-multilingual", "textembedding"];

impl Dialect for Embed {
    fn name(&self) -> &'static str {
        "gemini.embed"
    }

    fn claims(&self, call: &Call) -> bool {
        let Some(target) = target(call) else { return false };
        match target.method.as_str() {
            "embedContent" | "batchEmbedContents" => true,
            "predict" => target.model.is_some_and(|model| EMBEDDING.iter().any(|word| model.contains(word))),
            _ => false,
        }
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Embeddings
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let (mut asked, json) = parsed(call, body);
        let Some(json) = json else { return asked };
        if posts_to(call, &["predict"]) {
            asked.input = json.either_list("instances").iter().map(instance).collect();
            asked.parameters = rest(&json, &["instances", "parameters"]);
            if let Some(settings) = json.either("parameters") {
                asked.parameters.append(&mut rest(settings, &[]));
            }
            return asked;
        }
        let requests = json.either_list("requests");
        let own = std::slice::from_ref(&json);
        for request in if requests.is_empty() { own } else { requests } {
            asked.input.extend(request.either("content").map(messages).unwrap_or_default());
            if asked.model.is_none() {
                asked.model = request.either_word("model").and_then(model_name);
            }
            // They are alike but for their titles: the first one's hold.
            for (key, value) in rest(request, &["content", "model", "requests"]) {
                asked.parameters.entry(key).or_insert(value);
            }
        }
        for (key, value) in rest(&json, &["content", "model", "requests"]) {
            asked.parameters.entry(key).or_insert(value);
        }
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Whole::boxed(read)
    }
}

/// What Vertex calls an instance: a text, or an image or a video with it.
fn instance(instance: &Value) -> Message {
    let mut parts: Vec<Part> = Vec::new();
    for key in ["content", "text"] {
        parts.extend(instance.either_word(key).map(Part::text));
    }
    for modality in ["image", "video"] {
        let Some(media) = instance.either(modality) else { continue };
        let mime_type = media.either_word("mimeType").map(str::to_owned);
        if let Some(content) = media.either_word("bytesBase64Encoded") {
            parts.push(PartKind::Blob { modality, mime_type, content: content.to_owned() }.into());
        } else if let Some(uri) = media.either_word("gcsUri") {
            parts.push(PartKind::Uri { modality, mime_type, uri: uri.to_owned() }.into());
        }
    }
    if parts.is_empty() {
        parts.extend(part(instance));
    } else if let Some(first) = parts.first_mut() {
        first.extra = rest(instance, &["content", "text", "image", "video"]);
    }
    Message::new("user", parts)
}

fn read(body: &Value, _asked: &mut Asked) -> Finished {
    let predictions = body.either_list("predictions");
    let one = body.either("embedding").map(std::slice::from_ref);
    let vectors = one.unwrap_or_else(|| body.either_list("embeddings"));
    let length = vectors.len() + predictions.len();
    let dimensions = vectors.iter().chain(predictions).find_map(dimensions);
    let mut extra = Map::new();
    if length > 0 {
        extra.insert("embeddings".to_owned(), length.into());
    }
    if let Some(dimensions) = dimensions {
        extra.insert("dimensions".to_owned(), dimensions.into());
    }
    let said = ["embedding", "embeddings", "predictions", "usageMetadata", "metadata", "error"];
    extra.append(&mut rest(body, &said));
    let usage = body.either("usageMetadata").and_then(usage).or_else(|| counted(body, vectors, predictions));
    Answered { usage, extra, ..Answered::default() }.into()
}

/// How long a vector is.
fn dimensions(embedding: &Value) -> Option<usize> {
    let places = ["embeddings", "textEmbedding", "imageEmbedding"];
    let inner = places.iter().find_map(|key| embedding.either(key)).unwrap_or(embedding);
    inner.either("values").unwrap_or(inner).as_array().map(Vec::len)
}

/// What each vector says of its own text, and what is billed for all.
fn counted(body: &Value, vectors: &[Value], predictions: &[Value]) -> Option<Usage> {
    let statistics = |embedding: &Value| {
        let inner = embedding.either("embeddings").unwrap_or(embedding);
        inner.either("statistics")?.either_count("tokenCount")
    };
    let tokens: Vec<Option<u64>> = vectors.iter().chain(predictions).map(statistics).collect();
    let input = sum(&tokens);
    let metadata = body.either("metadata");
    let characters = metadata.and_then(|metadata| count(metadata.either("billableCharacterCount")?));
    // They are two measures of the same text, and only one of them is to be paid.
    let characters = characters.filter(|_| input.is_none());
    if input.is_none() && characters.is_none() {
        return None;
    }
    Some(Usage { input, characters, raw: metadata.cloned(), ..Usage::default() })
}
