//! A conversation on a terminal, or a message a line as JSON.

use std::process::ExitCode;

use serde_json::Value;

use super::data;
use super::opened::Opened;
use super::table::{plain, plain_lines};
use crate::export::Records;
use crate::export::parts::part_text;
use crate::export::story::Told;
use crate::export::talk::{Said, Shown, Steps, Talk, beats};

/// Of prompts and results no more characters are shown.
const LONGEST: usize = 2_000;

/// Tells traces, one after the other.
pub(super) fn tell(opened: &Opened, records: Records, traces: &[Told], json: bool) -> Result<(), ExitCode> {
    let mut talk = Talk::new(records);
    let mut shown = Shown::new();
    for (at, (summary, rows)) in traces.iter().enumerate() {
        if let (false, Some(summary)) = (json, summary) {
            let gap = if at > 0 { "\n" } else { "" };
            data(&format!("{gap}── trace {}\n", plain(&summary.id)))?;
        }
        let steps = Steps::of(rows);
        for beat in beats(rows, &mut shown) {
            let Some(row) = rows.get(beat.row) else { continue };
            for said in opened.wait(talk.said(row, beat, &steps))? {
                if json { data(&format!("{}\n", said.to_json(row)))? } else { data(&drawn(&said))? }
            }
        }
    }
    Ok(())
}

fn drawn(said: &Said) -> String {
    let Said { level, role, title, parts, is_cut } = said;
    let indent = "│ ".repeat(*level);
    let mut shown = match role.as_str() {
        "call" => format!("{indent}▸ {}\n", plain(title)),
        "result" => format!("{indent}◂ {}\n", plain(title)),
        "note" => format!("{indent}({})\n", plain(title)),
        _ if title.is_empty() => format!("{indent}\n{indent}── {}\n", plain(role)),
        _ => format!("{indent}\n{indent}── {}: {}\n", plain(role), plain(title)),
    };
    // What a tool was given stands behind its name.
    for part in parts.iter().filter(|_| role != "call") {
        let mut text = match part.get("response").filter(|_| role == "result") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => part_text(part),
        };
        if let Some((at, _)) = text.char_indices().nth(LONGEST).filter(|_| *is_cut) {
            let more = text[at..].chars().count();
            text.truncate(at);
            text.push_str(&format!("… and {more} characters more"));
        }
        for line in plain_lines(&text).lines() {
            shown.push_str(&format!("{indent}   {line}\n"));
        }
    }
    shown
}
