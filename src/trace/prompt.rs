//! Versions of a prompt and of a tool set: what its author wrote, told apart from what changes with each call.
//!
//! A prompt that an agent sends holds the day, the folder it runs in and what a checkout looks like. A version is a hash of
//! what is left when those are taken out, so that it changes when someone changed the prompt and not when it is midnight.

mod dates;
mod environment;
mod scan;
mod volatile;
mod tools;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub(super) use tools::{essence, name_of};

use crate::model::{Message, Part, PartKind, Reading};

/// Parts in system prompts that are no part of the prompt: marks of a cache, and items that set something. Tools have
/// a version of their own.
const NO_PROMPT: &[&str] = &["cachePoint", "additional_tools", "configuration_update"];

/// The version of the system prompt, 12 hexadecimal digits; `None` where there is none.
///
/// It is the same however the prompt is cut into blocks, messages and lines.
pub fn version(reading: &Reading) -> Option<String> {
    let mut scan = scan::Scan::new(' ');
    for part in prompt_parts(reading) {
        match said(part) {
            Said::Text(text) => scan.text(text),
            Said::Other(value) => scan.text(&value.to_string()),
            Said::Nothing => {}
        }
        // Blocks are apart as lines are.
        scan.text("\n");
    }
    let normalised = scan.finish();
    (!normalised.is_empty()).then(|| digits(blake3::hash(normalised.as_bytes())))
}

/// The version of the tool set, 12 hexadecimal digits; `None` where there are no tools. Neither the order of the tools
/// nor that of a schema's keys matters.
pub fn tools_version(reading: &Reading) -> Option<String> {
    let tools = &reading.asked.tools;
    if tools.is_empty() {
        return None;
    }
    let mut each: Vec<[u8; 32]> = tools.iter().map(essence).collect();
    each.sort_unstable();
    Some(digits(blake3::hash(each.as_flattened())))
}

/// The system prompt as it stands, for showing; empty where there is none.
pub fn system_text(reading: &Reading) -> String {
    let mut shown = String::new();
    for part in prompt_parts(reading) {
        if !shown.is_empty() {
            shown.push_str("\n\n");
        }
        match said(part) {
            Said::Text(text) => shown.push_str(text),
            Said::Other(_) => {
                shown.push('[');
                shown.push_str(part.kind.name());
                shown.push(']');
            }
            Said::Nothing => {}
        }
    }
    shown
}

/// A text without what changes by itself: each such part as a word in `‹›`, or left out where it is a whole line of an
/// environment. Runs of white space are one space, or one line break where they hold any.
pub fn normalised(text: &str) -> String {
    let mut scan = scan::Scan::new('\n');
    scan.text(text);
    scan.finish()
}

/// Whether a message is the system's.
pub(super) fn is_system(message: &Message) -> bool {
    matches!(message.role.as_str(), "system" | "developer")
}

fn prompt_parts(reading: &Reading) -> impl Iterator<Item = &Part> {
    let leading = reading.asked.input.iter().take_while(|message| is_system(message));
    let parts = reading.asked.system.iter().chain(leading.flat_map(|message| &message.parts));
    parts.filter(|part| !NO_PROMPT.contains(&part.kind.name()))
}

enum Said<'a> {
    Text(&'a str),
    Other(Value),
    Nothing,
}

fn said(part: &Part) -> Said<'_> {
    match &part.kind {
        PartKind::Text(text) => Said::Text(text),
        PartKind::Reasoning(_) => Said::Nothing,
        kind => Said::Other(Part { kind: kind.clone(), extra: serde_json::Map::new() }.to_json()),
    }
}

fn digits(hash: blake3::Hash) -> String {
    let mut hex = hash.to_hex().to_string();
    hex.truncate(12);
    hex
}
