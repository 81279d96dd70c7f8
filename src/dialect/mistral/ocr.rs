//! `mistral.ocr`: a document's pages written out, billed by the page.

use serde_json::{Value, json};

use crate::dialect::json::{Look, rest};
use crate::dialect::openai::content::linked;
use crate::dialect::whole::{Whole, request};
use crate::dialect::{Answer, AnswerHead, Call, Dialect};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind, Usage};

pub struct Ocr;

impl Dialect for Ocr {
    fn name(&self) -> &'static str {
        "mistral.ocr"
    }

    fn claims(&self, call: &Call) -> bool {
        call.posts_to("/v1/ocr")
    }

    /// What stands in a picture is written down, as what is said in a recording is.
    fn operation(&self, _call: &Call) -> Operation {
        Operation::Transcription
    }

    fn asked(&self, _call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked::default();
        let json = request(body, &mut asked);
        asked.model = json.word("model").map(str::to_owned);
        asked.input.extend(json.some("document").map(|one| Message::new("user", vec![document(one)])));
        asked.parameters = rest(&json, &["model", "document"]);
        asked
    }

    fn answer(&self, _call: &Call, _head: &AnswerHead) -> Box<dyn Answer> {
        Box::new(Whole::new(|json: &Value, answered: &mut Answered| {
            answered.model = json.text("model").map(str::to_owned);
            answered.usage = json.some("usage_info").map(used);
            let parts: Vec<Part> = json.list("pages").iter().flat_map(page).collect();
            if !parts.is_empty() {
                answered.output = vec![Message::new("assistant", parts)];
            }
            answered.extra = rest(json, &["model", "usage_info", "pages", "error"]);
        }))
    }
}

fn document(json: &Value) -> Part {
    let url = ["document_url", "image_url"].iter().find_map(|key| {
        let place = json.get(*key)?;
        Some((*key, place.as_str().or_else(|| place.text("url"))?))
    });
    let mut part = match (url, json.word("file_id")) {
        (Some(("image_url", url)), _) => linked("image", url),
        (Some((_, url)), _) => linked("document", url),
        (None, Some(id)) => {
            PartKind::File { modality: "document", mime_type: None, file_id: id.to_owned() }.into()
        }
        (None, None) => PartKind::Other { kind: "document".to_owned(), value: json.clone() }.into(),
    };
    if !matches!(part.kind, PartKind::Other { .. }) {
        part.extra = rest(json, &["type", "document_url", "image_url", "file_id"]);
    }
    part
}

/// A page's text, and the pictures cut out of it.
fn page(json: &Value) -> Vec<Part> {
    let text = Part {
        kind: PartKind::Text(json.text("markdown").unwrap_or_default().to_owned()),
        extra: rest(json, &["markdown", "images"]),
    };
    let pictures = json.list("images").iter().map(|picture| {
        let mut part = match picture.word("image_base64") {
            Some(data) if data.starts_with("data:") => linked("image", data),
            Some(data) => {
                PartKind::Blob { modality: "image", mime_type: None, content: data.to_owned() }.into()
            }
            None => PartKind::Other { kind: "image".to_owned(), value: json!({}) }.into(),
        };
        part.extra = rest(picture, &["image_base64"]);
        part
    });
    std::iter::once(text).chain(pictures).collect()
}

fn used(raw: &Value) -> Usage {
    let pages = raw.count("pages_processed").map(|pages| ("page".to_owned(), pages));
    Usage { requests: pages.into_iter().collect(), raw: Some(raw.clone()), ..Usage::default() }
}
