//! A trace as the conversation it was: each message once, tools with what they were given and what came of it, agents that
//! another started further in.
//!
//! What is said where follows from the rows alone (`beats`), so that a long conversation can be told in parts; what was
//! said is read for one beat at a time.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::tree::{Branch, arrange};
use super::words::{arguments, called, duration, news};
use super::{Records, Source};
use crate::model::{Message, ObservationId, Part, PartKind, Reading};
use crate::store::{Row, StoreError, Stored};
use crate::trace::changes::{Changes, changes};
use crate::trace::prompt;

/// A place in a conversation: something is said there, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Which of the rows.
    pub row: usize,
    /// How many agents deep.
    pub level: usize,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// What is new in a call, and its answer. `with_prompt`: its system prompt was not shown before.
    Generation { with_prompt: bool },
    /// What a tool was given.
    Call,
    /// What came of it, behind the steps under it.
    Result,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub level: usize,
    /// `call` and `result` for tools, `note` for what nobody said.
    pub role: String,
    /// What stands beside the role: who answered, which tool.
    pub title: String,
    pub parts: Vec<Value>,
    /// It is one of those that a reader wants the beginning of: a prompt, a result.
    pub is_cut: bool,
}

impl Said {
    /// With the step that it belongs to.
    pub fn to_json(&self, row: &Row) -> Value {
        let Self { level, role, title, parts, is_cut: _ } = self;
        let of = |key: &str| row.head.get(key).cloned().unwrap_or_default();
        json!({
            "trace_id": of("trace_id"), "observation_id": of("id"), "start_time": of("start_time"), "level": level,
            "role": role, "title": title, "parts": parts,
        })
    }
}

/// Prompts that were shown: each is, once.
pub type Shown = HashSet<String>;

/// What a trace's conversation consists of, in order.
pub fn beats(rows: &[Row], shown: &mut Shown) -> Vec<Beat> {
    let mut beats = Vec::with_capacity(rows.len());
    // Steps above the one at hand: how deep each is, its row, and what comes behind it.
    let mut above: Vec<(usize, usize, Option<Beat>)> = Vec::new();
    for Branch { row, depth, .. } in arrange(rows) {
        while above.last().is_some_and(|(own, _, _)| *own >= depth) {
            beats.extend(above.pop().and_then(|(_, _, result)| result));
        }
        let head = |row: usize| rows.get(row).map(|row| &row.head);
        let is_tool = |row: usize| head(row).is_some_and(|head| head.contains_key("tool"));
        let level = above.iter().filter(|(_, row, _)| is_tool(*row)).count();
        let mut result = None;
        if is_tool(row) {
            beats.push(Beat { row, level, what: What::Call });
            result = Some(Beat { row, level, what: What::Result });
        } else if let Some(head) = head(row).filter(|head| is_told(head)) {
            let version = head.get("prompt_version").and_then(Value::as_str).unwrap_or_default();
            let with_prompt = !is_repeated(head) && shown.insert(version.to_owned());
            beats.push(Beat { row, level, what: What::Generation { with_prompt } });
        }
        above.push((depth, row, result));
    }
    beats.extend(above.into_iter().rev().filter_map(|(_, _, result)| result));
    beats
}

/// Calls beside the main line are no part of a conversation.
fn is_told(head: &Map<String, Value>) -> bool {
    !head.contains_key("side") && head.get("type").and_then(Value::as_str) == Some("generation")
}

fn is_repeated(head: &Map<String, Value>) -> bool {
    head.get("attempt").and_then(Value::as_u64).is_some_and(|attempt| attempt > 1)
}

/// Calls of tools that have steps of their own, in which they are shown.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    ids: HashSet<String>,
    /// Names of those that have no id.
    names: HashSet<String>,
}

/// Tells what was said.
pub struct Talk {
    records: Records,
}

impl Talk {
    pub fn new(records: Records) -> Self {
        Self { records }
    }

    /// What is said at a beat. `steps`: those of the trace.
    pub async fn said(&mut self, row: &Row, beat: Beat, steps: &Steps) -> Result<Vec<Said>, StoreError> {
        match beat.what {
            What::Call => Ok(vec![call(&self.record(row).await?, beat.level)]),
            What::Result => Ok(result(&self.record(row).await?, beat.level).into_iter().collect()),
            What::Generation { with_prompt } => self.generation(row, beat.level, steps, with_prompt).await,
        }
    }

    async fn stored(&self, row: &Row) -> Result<Option<Stored>, StoreError> {
        let Some(id) = ObservationId::parse(text(&row.head, "id")) else { return Ok(None) };
        self.records.store.observation(id).await
    }

    async fn record(&mut self, row: &Row) -> Result<Map<String, Value>, StoreError> {
        match self.stored(row).await? {
            Some(stored) => self.records.record(&stored, false).await,
            None => Ok(row.head.clone()),
        }
    }

    /// What is new in a call, and its answer.
    async fn generation(
        &mut self,
        row: &Row,
        level: usize,
        steps: &Steps,
        with_prompt: bool,
    ) -> Result<Vec<Said>, StoreError> {
        let Some(stored) = self.stored(row).await? else { return Ok(Vec::new()) };
        let source = self.records.source(&stored).await?;
        let Some(reading) = source.as_ref().and_then(Source::reading) else {
            return Ok(imported(&self.records.record(&stored, false).await?, level));
        };
        // What was said in a call beside the main line, as one that warms a cache, is not shown there.
        let prior = self.records.prior(&stored).await?;
        let prior = prior.filter(|(prior, _)| !prior.head.contains_key("side"));
        let changed = prior.as_ref().and_then(|(_, prior)| Some(changes(prior.reading()?, reading)));
        let mut all = Vec::new();
        if !is_repeated(&row.head) {
            all.extend(with_prompt.then(|| system(reading, level)).flatten());
            all.extend(asked(reading, changed.as_ref(), level, steps));
        }
        all.push(answered(row, reading, level, steps));
        Ok(all)
    }
}

/// What a tool was given.
fn call(record: &Map<String, Value>, level: usize) -> Said {
    let name = called(record);
    let given = record.get("tool").and_then(|tool| tool.get("arguments"));
    let given = given.map(|own| arguments(&own.to_string())).unwrap_or_default();
    let open = if text(record, "status") == "open" { " – no result came" } else { "" };
    let title = format!("{name}({given}){open}");
    Said {
        level,
        role: "call".to_owned(),
        title,
        parts: part(record, "tool_call", "arguments"),
        is_cut: true,
    }
}

/// What came of it, if anything did.
fn result(record: &Map<String, Value>, level: usize) -> Option<Said> {
    record.get("tool")?.get("result")?;
    let took = duration(record.get("duration_ms"));
    let failed = if text(record, "status") == "error" { ", an error" } else { "" };
    let title = format!("{}, after {took}{failed}", called(record));
    let parts = part(record, "tool_call_response", "result");
    Some(Said { level, role: "result".to_owned(), title, parts, is_cut: true })
}

/// A tool's side as a part of a message.
fn part(record: &Map<String, Value>, kind: &str, key: &str) -> Vec<Value> {
    let tool = record.get("tool").cloned().unwrap_or_default();
    let of = |key: &str| tool.get(key).cloned().unwrap_or_default();
    let mut part = Map::new();
    part.insert("type".to_owned(), kind.into());
    part.insert("id".to_owned(), of("call_id"));
    part.insert("name".to_owned(), called(record).into());
    part.insert(if key == "result" { "response" } else { key }.to_owned(), of(key));
    part.retain(|_, value| !value.is_null());
    vec![Value::Object(part)]
}

/// The system prompt, where there is one.
fn system(reading: &Reading, level: usize) -> Option<Said> {
    let shown = prompt::system_text(reading);
    let parts = vec![Part::text(shown.clone()).to_json()];
    let said = Said { level, role: "system".to_owned(), title: String::new(), parts, is_cut: true };
    (!shown.is_empty()).then_some(said)
}

/// One that came without its exchange: its record has all there is.
fn imported(record: &Map<String, Value>, level: usize) -> Vec<Said> {
    let list = |key: &str| record.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let said = |message: &Value| Said {
        level,
        role: message.get("role").and_then(Value::as_str).unwrap_or("?").to_owned(),
        title: String::new(),
        parts: message.get("parts").and_then(Value::as_array).cloned().unwrap_or_default(),
        is_cut: false,
    };
    list("input").iter().chain(&list("output")).map(said).collect()
}

impl Steps {
    pub fn of(rows: &[Row]) -> Self {
        let mut steps = Self::default();
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
    let status = text(&row.head, "status");
    if status != "ok" {
        let error = row.head.get("error");
        let said = |key: &str| error.and_then(|error| error.get(key)).and_then(Value::as_str);
        let why: Vec<&str> = [said("type"), said("message")].into_iter().flatten().collect();
        title = format!("{title} – {status} {}", why.join(": "));
    }
    Said { level, role: "assistant".to_owned(), title, parts, is_cut: false }
}

fn text<'a>(head: &'a Map<String, Value>, key: &str) -> &'a str {
    head.get(key).and_then(Value::as_str).unwrap_or_default()
}
