//! The parts that a message item's content is made of.

use serde_json::{Map, Value};

use crate::dialect::json::{Look, is_empty, rest};
use crate::dialect::openai::content::linked;
use crate::model::{Part, PartKind};

/// One part of a content.
pub fn part(json: &Value) -> Part {
    if let Value::String(text) = json {
        return Part::text(text.as_str());
    }
    let kind = json.text("type").unwrap_or_default();
    let (part, known): (Option<Part>, &[&str]) = match kind {
        "input_text" | "output_text" | "text" | "summary_text" => {
            (json.text("text").map(Part::text), &["text"])
        }
        "reasoning_text" => {
            (json.text("text").map(|text| PartKind::Reasoning(text.to_owned()).into()), &["text"])
        }
        "refusal" => {
            (json.text("refusal").map(|text| PartKind::Refusal(text.to_owned()).into()), &["refusal"])
        }
        "input_image" | "computer_screenshot" => (image(json), &["image_url", "file_id"]),
        "input_file" => (file(json), &["file_data", "file_url", "file_id"]),
        "input_audio" | "audio" | "output_audio" => {
            (Some(sound(json, kind)), &["audio", "transcript", "input_audio", "data"])
        }
        _ => (None, &[]),
    };
    let Some(mut part) = part else {
        return PartKind::Other { kind: kind.to_owned(), value: json.clone() }.into();
    };
    let said: Map<String, Value> = rest(json, known);
    let said = said.into_iter().filter(|(key, value)| key != "type" && !is_empty(value));
    for (key, value) in said {
        part.extra.entry(key).or_insert(value);
    }
    part
}

fn image(json: &Value) -> Option<Part> {
    let url = json.some("image_url").and_then(|url| url.as_str().or_else(|| url.text("url")));
    let kept =
        |id: &str| PartKind::File { modality: "image", mime_type: None, file_id: id.to_owned() }.into();
    url.map(|url| linked("image", url)).or_else(|| json.word("file_id").map(kept))
}

fn file(json: &Value) -> Option<Part> {
    if let Some(data) = json.word("file_data") {
        // Some send the base64 alone, without saying what it is.
        return Some(match data.starts_with("data:") || data.contains("://") {
            true => linked("document", data),
            false => {
                PartKind::Blob { modality: "document", mime_type: None, content: data.to_owned() }.into()
            }
        });
    }
    if let Some(url) = json.word("file_url") {
        return Some(linked("document", url));
    }
    let id = json.word("file_id")?;
    Some(PartKind::File { modality: "document", mime_type: None, file_id: id.to_owned() }.into())
}

/// What is said in a sound is its text. A live conversation's sound itself is not kept: it is the bulk of it.
fn sound(json: &Value, kind: &str) -> Part {
    if let Some(transcript) = json.word("transcript") {
        return Part::text(transcript).with("transcript", true.into());
    }
    let inner = json.some("input_audio").unwrap_or(json);
    if let Some(data) = inner.word("data") {
        let mime_type = inner.word("format").map(|format| format!("audio/{format}"));
        return PartKind::Blob { modality: "audio", mime_type, content: data.to_owned() }.into();
    }
    PartKind::Other { kind: kind.to_owned(), value: Value::Null }.into()
}
