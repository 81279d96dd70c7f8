//! A trace as the conversation it was: each message once, tools with what they were given and what came of it, agents that
//! another started further in.

use std::collections::HashSet;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::data;
use super::draw::arguments;
use super::ls::{called, duration};
use super::opened::Opened;
use super::parts::part_text;
use super::record::news;
use super::table::{plain, plain_lines};
use super::tree::{Branch, arrange};
use crate::export::{Records, Source};
use crate::model::{Message, ObservationId, Part, PartKind, Reading};
use crate::store::{Row, Stored};
use crate::trace::changes::{Changes, changes};
use crate::trace::prompt;

/// Of prompts and results no more characters are shown.
const LONGEST: usize = 2_000;

/// Tells traces, one after the other.
pub(super) struct Talk<'a> {
    opened: &'a Opened,
    records: Records,
    /// Versions of system prompts that were shown.
    prompts: HashSet<String>,
}

/// One message.
struct Said {
    level: usize,
    role: String,
    /// What stands beside the role: who answered, which tool.
    title: String,
    parts: Vec<Value>,
    is_cut: bool,
}

/// Calls of tools that have steps of their own, in which they are shown.
struct Steps {
    ids: HashSet<String>,
    /// Names of those that have no id.
    names: HashSet<String>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(opened: &'a Opened, records: Records) -> Self {
        Self { opened, records, prompts: HashSet::new() }
    }

    /// Tells a trace.
    pub(super) fn trace(&mut self, rows: &[Row], json: bool) -> Result<(), ExitCode> {
        let steps = Steps::of(rows);
        // Steps above the one at hand, how deep each is, and its result where it is a tool's.
        let mut above: Vec<(usize, Option<Said>, &Row)> = Vec::new();
        for Branch { row, depth, .. } in arrange(rows) {
            while above.last().is_some_and(|(own, _, _)| *own >= depth) {
                if let Some((_, Some(result), of)) = above.pop() {
                    put(&result, of, json)?;
                }
            }
            let level = above.iter().filter(|(_, _, row)| row.head.contains_key("tool")).count();
            let row = &rows[row];
            let mut result = None;
            let is_aside = row.head.contains_key("side");
            if row.head.contains_key("tool") {
                let (call, answer) = self.tool(row, level)?;
                put(&call, row, json)?;
                result = answer;
            } else if text(row, "type") == "generation" && !is_aside {
                for said in self.generation(row, level, &steps)? {
                    put(&said, row, json)?;
                }
            }
            above.push((depth, result, row));
        }
        while let Some((_, result, of)) = above.pop() {
            if let Some(result) = result {
                put(&result, of, json)?;
            }
        }
        Ok(())
    }

    fn stored(&self, row: &Row) -> Result<Option<Stored>, ExitCode> {
        let Some(id) = ObservationId::parse(text(row, "id")) else { return Ok(None) };
        self.opened.wait(self.opened.store.observation(id))
    }

    /// A tool's call, and its result where one came.
    fn tool(&mut self, row: &Row, level: usize) -> Result<(Said, Option<Said>), ExitCode> {
        let record = match self.stored(row)? {
            Some(stored) => self.opened.wait(self.records.record(&stored, false))?,
            None => row.head.clone(),
        };
        let tool = record.get("tool").cloned().unwrap_or_default();
        let name = called(&record);
        let part = |kind: &str, key: &str| {
            let mut part = Map::new();
            part.insert("type".to_owned(), kind.into());
            part.insert("id".to_owned(), tool.get("call_id").cloned().unwrap_or_default());
            part.insert("name".to_owned(), name.as_str().into());
            let key_of_part = if key == "result" { "response" } else { key };
            part.insert(key_of_part.to_owned(), tool.get(key).cloned().unwrap_or_default());
            part.retain(|_, value| !value.is_null());
            vec![Value::Object(part)]
        };
        let said = |role: &str, title: String, parts: Vec<Value>| Said {
            level,
            role: role.to_owned(),
            title,
            parts,
            is_cut: true,
        };
        let given = tool.get("arguments").map(|own| arguments(&own.to_string())).unwrap_or_default();
        let open = if text(row, "status") == "open" { " – no result came" } else { "" };
        let call = said("call", format!("{name}({given}){open}"), part("tool_call", "arguments"));
        let took = duration(record.get("duration_ms"));
        let failed = if text(row, "status") == "error" { ", an error" } else { "" };
        let answer = tool.get("result").map(|_| {
            said("result", format!("{name}, after {took}{failed}"), part("tool_call_response", "result"))
        });
        Ok((call, answer))
    }

    /// What is new in a call, and its answer.
    fn generation(&mut self, row: &Row, level: usize, steps: &Steps) -> Result<Vec<Said>, ExitCode> {
        let Some(stored) = self.stored(row)? else { return Ok(Vec::new()) };
        let source = self.opened.wait(self.records.source(&stored))?;
        let Some(reading) = source.as_ref().and_then(Source::reading) else {
            return self.imported(&stored, level);
        };
        // What was said in a call beside the main line, as one that warms a cache, is not shown there.
        let prior = self.opened.wait(self.records.prior(&stored))?;
        let prior = prior.filter(|(prior, _)| !prior.head.contains_key("side"));
        let changed = prior.as_ref().and_then(|(_, prior)| Some(changes(prior.reading()?, reading)));
        let mut all = Vec::new();
        let is_repeated = row.head.get("attempt").and_then(Value::as_u64).is_some_and(|attempt| attempt > 1);
        if !is_repeated {
            all.extend(self.system(row, reading, level));
            all.extend(asked(reading, changed.as_ref(), level, steps));
        }
        all.push(answered(row, reading, level, steps));
        Ok(all)
    }

    /// A system prompt that was not shown yet.
    fn system(&mut self, row: &Row, reading: &Reading, level: usize) -> Option<Said> {
        let version = text(row, "prompt_version").to_owned();
        let shown = prompt::system_text(reading);
        if shown.is_empty() || !self.prompts.insert(version) {
            return None;
        }
        let parts = vec![Part::text(shown).to_json()];
        Some(Said { level, role: "system".to_owned(), title: String::new(), parts, is_cut: true })
    }

    /// One that came without its exchange: its record has all there is.
    fn imported(&mut self, stored: &Stored, level: usize) -> Result<Vec<Said>, ExitCode> {
        let record = self.opened.wait(self.records.record(stored, false))?;
        let list = |key: &str| record.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let said = |message: &Value| Said {
            level,
            role: message.get("role").and_then(Value::as_str).unwrap_or("?").to_owned(),
            title: String::new(),
            parts: message.get("parts").and_then(Value::as_array).cloned().unwrap_or_default(),
            is_cut: false,
        };
        Ok(list("input").iter().chain(&list("output")).map(said).collect())
    }
}

impl Steps {
    fn of(rows: &[Row]) -> Self {
        let mut steps = Self { ids: HashSet::new(), names: HashSet::new() };
        for tool in rows.iter().filter_map(|row| row.head.get("tool")) {
            let text = |key: &str| tool.get(key).and_then(Value::as_str).map(str::to_owned);
            match text("call_id") {
                Some(id) => steps.ids.extend([id]),
                None => steps.names.extend(text("name")),
            }
        }
        steps
    }

    /// Whether a part is shown where its tool is.
    fn have(&self, part: &Part) -> bool {
        let known = |id: &Option<String>, name: Option<&str>| match id {
            Some(id) => self.ids.contains(id),
            None => name.is_none_or(|name| self.names.contains(name)),
        };
        match &part.kind {
            PartKind::ToolCall { id, name, .. } | PartKind::ServerToolCall { id, name, .. } => {
                known(id, Some(name))
            }
            PartKind::ToolCallResponse { id, name, .. }
            | PartKind::ServerToolCallResponse { id, name, .. } => known(id, name.as_deref()),
            _ => false,
        }
    }

    fn others(&self, message: &Message) -> Vec<Value> {
        message.parts.iter().filter(|part| !self.have(part)).map(Part::to_json).collect()
    }
}

/// What is new in what was asked.
fn asked(reading: &Reading, changed: Option<&Changes>, level: usize, steps: &Steps) -> Vec<Said> {
    let input = &reading.asked.input;
    let mut all = Vec::new();
    if let Some(changes) = changed
        && (changes.removed > 0 || !changes.edited.is_empty() || !changes.inserted.is_empty())
    {
        let title = format!("the history was changed: {}", news(changes));
        all.push(Said { level, role: "note".to_owned(), title, parts: Vec::new(), is_cut: false });
    }
    // The prompt is shown on its own.
    let is_prompt = |message: &&Message| matches!(message.role.as_str(), "system" | "developer");
    let prompt = input.iter().take_while(is_prompt).count();
    let new = changed.map_or(prompt..input.len(), |changes| changes.new_input.clone());
    for message in input.get(new).unwrap_or_default() {
        let parts = steps.others(message);
        if !parts.is_empty() {
            let title = message.name.clone().unwrap_or_default();
            all.push(Said { level, role: message.role.clone(), title, parts, is_cut: false });
        }
    }
    all
}

/// The answer, and how it ended where that was not well.
fn answered(row: &Row, reading: &Reading, level: usize, steps: &Steps) -> Said {
    let output = &reading.answered.output;
    let parts = output.iter().flat_map(|message| steps.others(message)).collect();
    let mut title = called(&row.head);
    if text(row, "status") != "ok" {
        let error = row.head.get("error");
        let said = |key: &str| error.and_then(|error| error.get(key)).and_then(Value::as_str);
        let why: Vec<&str> = [said("type"), said("message")].into_iter().flatten().collect();
        title = format!("{title} – {} {}", text(row, "status"), why.join(": "));
    }
    Said { level, role: "assistant".to_owned(), title, parts, is_cut: false }
}

fn text<'a>(row: &'a Row, key: &str) -> &'a str {
    row.head.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn put(said: &Said, row: &Row, json: bool) -> Result<(), ExitCode> {
    let Said { level, role, title, parts, is_cut } = said;
    if json {
        let of = |key: &str| row.head.get(key).cloned().unwrap_or_default();
        let message = json!({
            "trace_id": of("trace_id"), "observation_id": of("id"), "start_time": of("start_time"), "level": level,
            "role": role, "title": title, "parts": parts,
        });
        return data(&format!("{message}\n"));
    }
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
    data(&shown)
}
