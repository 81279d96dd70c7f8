//! An observation as the store takes it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Message, Observation, PREVIEW, Part, PartKind, Reading, shortened};
use crate::store::{Observed, PART};
use crate::trace::Facts;

/// The record's head, what lists show, and what search finds.
pub fn observed(observation: Observation, facts: Facts) -> Observed {
    let reading = observation.reading.as_ref();
    Observed {
        content: None,
        input_preview: reading.map(input_preview).unwrap_or_default(),
        output_preview: reading.map(output_preview).unwrap_or_default(),
        text: reading.map(text).unwrap_or_default(),
        facts: Some(Arc::new(facts)),
        head: observation.into_head(),
    }
}

/// What the user said last, or the tool's result that was sent.
fn input_preview(reading: &Reading) -> String {
    let Some(last) = reading.asked.input.last() else { return String::new() };
    shown(last)
}

fn output_preview(reading: &Reading) -> String {
    reading.answered.output.first().map(shown).unwrap_or_default()
}

/// How agents mark what they tell the model beside what the user says.
const ASIDE: &str = "<system-reminder>";

/// A message in a line. Of what an agent adds to what its user says, no more than there is nothing else.
fn shown(message: &Message) -> String {
    let is_aside =
        |part: &Part| matches!(&part.kind, PartKind::Text(text) if text.trim_start().starts_with(ASIDE));
    let only_asides = message.parts.iter().all(is_aside);
    let mut line = String::new();
    for part in message.parts.iter().filter(|part| only_asides || !is_aside(part)) {
        let piece: Cow<str> = match &part.kind {
            PartKind::Text(text) | PartKind::Refusal(text) => text.into(),
            PartKind::ToolCall { name, arguments, .. } => format!("{name}({arguments})").into(),
            PartKind::ToolCallResponse { response, .. } => match response.as_str() {
                Some(text) => text.into(),
                None => response.to_string().into(),
            },
            PartKind::ServerToolCall { name, .. } => format!("[{name}]").into(),
            PartKind::Blob { modality, .. }
            | PartKind::Uri { modality, .. }
            | PartKind::File { modality, .. } => format!("[{modality}]").into(),
            PartKind::Reasoning(_) | PartKind::ServerToolCallResponse { .. } | PartKind::Other { .. } => {
                continue;
            }
        };
        if !line.is_empty() {
            line.push(' ');
        }
        // A preview needs no more of a text than it can show.
        line.push_str(beginning(&piece, PREVIEW * 2));
        if line.len() > PREVIEW * 8 {
            break;
        }
    }
    shortened(&line, PREVIEW)
}

/// So many characters of a text.
fn beginning(text: &str, most: usize) -> &str {
    let end = if text.len() <= most { None } else { text.char_indices().nth(most) };
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// What the answer says in words.
fn text(reading: &Reading) -> String {
    let mut text = String::new();
    for part in reading.answered.output.iter().flat_map(|message| &message.parts) {
        let piece: Cow<str> = match &part.kind {
            PartKind::Text(piece) | PartKind::Reasoning(piece) | PartKind::Refusal(piece) => piece.into(),
            PartKind::ToolCall { name, arguments, .. } => format!("{name} {arguments}").into(),
            _ => continue,
        };
        if !text.is_empty() {
            text.push(PART);
        }
        text.push_str(&piece);
    }
    text
}
