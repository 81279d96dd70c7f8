//! `openai.images`: pictures made, edited and varied.

use serde_json::{Value, json};

use super::content::linked;
use super::head;
use super::usage::{billed, usage};
use crate::dialect::assemble::First;
use crate::dialect::error::in_event;
use crate::dialect::json::{Look, rest};
use crate::dialect::multipart;
use crate::dialect::{Answer, AnswerHead, Call, Dialect, Finished, Heard};
use crate::model::{Answered, Asked, Message, Operation, Part, PartKind};

pub struct Images;

/// Paths that end like this; OpenRouter has one for all.
const SUFFIXES: &[&str] = &["/images/generations", "/images/edits", "/images/variations", "/v1/images"];
/// Where pictures stand in a request.
const PICTURES: &[&str] = &["images", "image", "mask"];
/// What of an answer or an event is said elsewhere.
const KNOWN: &[&str] = &[
    "type",
    "created",
    "created_at",
    "data",
    "usage",
    "b64_json",
    "error",
    "partial_image_index",
    "model",
    "id",
];

impl Dialect for Images {
    fn name(&self) -> &'static str {
        "openai.images"
    }

    fn claims(&self, call: &Call) -> bool {
        SUFFIXES.iter().any(|suffix| call.posts_to(suffix))
    }

    fn operation(&self, _call: &Call) -> Operation {
        Operation::Image
    }

    fn asked(&self, call: &Call, body: &[u8]) -> Asked {
        let mut asked = Asked { model: call.behind("deployments"), ..Asked::default() };
        let (json, files) = form(call, body, &mut asked);
        if let Some(model) = json.word("model") {
            asked.model = Some(model.to_owned());
        }
        // A form's values are texts.
        asked.streamed = json.truth("stream").unwrap_or_else(|| json.text("stream") == Some("true"));
        let mut parts: Vec<Part> = json.word("prompt").map(Part::text).into_iter().collect();
        let pictures = PICTURES.iter().filter_map(|key| json.some(key));
        parts.extend(pictures.flat_map(|value| match value {
            Value::Array(list) => list.iter().map(picture).collect(),
            one => vec![picture(one)],
        }));
        parts.extend(files);
        if !parts.is_empty() {
            asked.input.push(Message::new("user", parts));
        }
        asked.parameters = rest(&json, &[&["model", "prompt", "stream"], PICTURES].concat());
        asked
    }

    fn answer(&self, call: &Call, head: &AnswerHead) -> Box<dyn Answer> {
        let (provider, head) = (call.provider.clone(), head::Said::of(head));
        Box::new(Listening { provider, head, ..Listening::default() })
    }
}

/// A request that may be a form: its fields as JSON, its files as parts.
pub fn form(call: &Call, body: &[u8], asked: &mut Asked) -> (Value, Vec<Part>) {
    let content_type = call.headers.text("content-type");
    let is_json = body.trim_ascii_start().first() == Some(&b'{');
    let fields = if is_json { None } else { multipart::fields(content_type, body) };
    match fields {
        Some(fields) => {
            let (json, files) = multipart::request(fields);
            let files = files
                .iter()
                .map(|file| PartKind::Other { kind: "file".to_owned(), value: file.to_json() }.into());
            (json, files.collect())
        }
        None => (crate::dialect::whole::request(body, asked), Vec::new()),
    }
}

fn picture(value: &Value) -> Part {
    let url = value.as_str().or_else(|| value.text("image_url")).or_else(|| value.text("url"));
    let url = url.or_else(|| value.get("image_url").and_then(|inner| inner.text("url")));
    match (url, value.word("file_id")) {
        (Some(url), _) => linked("image", url),
        (None, Some(id)) => {
            PartKind::File { modality: "image", mime_type: None, file_id: id.to_owned() }.into()
        }
        (None, None) => PartKind::Other { kind: "image".to_owned(), value: value.clone() }.into(),
    }
}

#[derive(Default)]
struct Listening {
    provider: String,
    head: head::Said,
    answered: Answered,
    parts: Vec<Part>,
    /// Pictures that showed how far it was. They are not kept.
    partial: u64,
    streamed: bool,
    first: First,
}

impl Answer for Listening {
    fn event(&mut self, heard: Heard<'_>) {
        self.streamed |= heard.streamed;
        let json = &heard.json;
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        let kind = json.text("type").unwrap_or(heard.name);
        if kind.ends_with("partial_image") {
            self.partial += 1;
            self.first.saw(heard.at);
            return;
        }
        if heard.streamed && kind.ends_with(".completed") {
            self.first.saw(heard.at);
            self.answered.complete = true;
        }
        self.answered.complete |= !heard.streamed && !json.is_null();
        self.read(json);
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        let Self { head, mut answered, parts, partial, streamed, first, .. } = *self;
        answered.first_token = first.0;
        answered.extra.insert("images".to_owned(), parts.len().into());
        if partial > 0 {
            answered.extra.insert("partial_images".to_owned(), partial.into());
        }
        if !parts.is_empty() {
            answered.output = vec![Message::new("assistant", parts)];
        }
        head.put(&mut answered, streamed);
        answered.into()
    }
}

impl Listening {
    fn read(&mut self, json: &Value) {
        for (own, key) in [(&mut self.answered.id, "id"), (&mut self.answered.model, "model")] {
            *own = json.word(key).map(str::to_owned).or(own.take());
        }
        if let Some(raw) = json.some("usage") {
            let mut used = usage(raw, &self.provider);
            if let Some(used) = &mut used
                && raw.get("output_tokens_details").is_none()
                && raw.get("completion_tokens_details").is_none()
            {
                // Where the parts are not told apart, all that is written is the picture.
                used.image_output = used.output;
            }
            self.answered.usage = used;
            self.answered.billed = billed(raw);
        }
        let format = json.word("output_format").map(|format| format!("image/{format}"));
        // A stream's event is a picture in itself.
        let own = Some(json).filter(|json| json.get("b64_json").is_some());
        let made = json.list("data").iter().chain(own);
        self.parts.extend(made.map(|made| part(made, format.as_deref())));
        self.answered.extra.append(&mut rest(json, KNOWN));
    }
}

/// One picture of the answer.
fn part(json: &Value, format: Option<&str>) -> Part {
    let mime_type = json.word("mime_type").or_else(|| json.word("media_type")).or(format).map(str::to_owned);
    let kind = match (json.word("b64_json"), json.word("url")) {
        (Some(data), _) => PartKind::Blob { modality: "image", mime_type, content: data.to_owned() },
        (None, Some(url)) => PartKind::Uri { modality: "image", mime_type, uri: url.to_owned() },
        (None, None) => PartKind::Other { kind: "image".to_owned(), value: json!({}) },
    };
    let revised = json.some("revised_prompt").cloned().unwrap_or_default();
    Part::from(kind).with("revised_prompt", revised)
}
