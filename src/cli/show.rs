//! `wiretape show ID`: one record as a person reads it, or as it is.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Map, Value};

use super::ls::{cost, duration, shown_time};
use super::opened::{Opened, failed, open};
use super::table::{plain, plain_lines};
use super::{Common, data};
use crate::export::Records;
use crate::model::{ExchangeId, ObservationId, TraceId};
use crate::store::{Filter, Mode, Order, Page, Stored};

/// How many steps of a trace or session are shown.
const MOST: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The id of a step, an exchange, a trace or a session
    id: String,
    /// The record as JSON, one a line
    #[arg(long)]
    json: bool,
    /// What was on the wire, too
    #[arg(long)]
    raw: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    show(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn show(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, id, json, raw } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let found = find(&opened, &id)?;
    if found.is_empty() {
        return Err(failed(&format!("nothing recorded has the id {id}")));
    }
    let mut records = Records::new(Arc::clone(&opened.store));
    for (at, stored) in found.iter().enumerate() {
        let record = opened.wait(records.record(stored, raw))?;
        if json {
            data(&crate::export::line(&record))?;
        } else {
            let gap = if at > 0 { "\n" } else { "" };
            data(&format!("{gap}{}", told(&record)))?;
        }
    }
    Ok(())
}

/// Steps of this id, in order.
fn find(opened: &Opened, id: &str) -> Result<Vec<Stored>, ExitCode> {
    if let Some(id) = ObservationId::parse(id)
        && let Some(stored) = opened.wait(opened.store.observation(id))?
    {
        return Ok(vec![stored]);
    }
    let trace = TraceId::parse(id);
    if let Some(TraceId(number)) = trace {
        let found = opened.wait(opened.store.of_exchange(ExchangeId::from_bytes(number.to_be_bytes())))?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let filter = match trace {
        Some(trace) => Filter { trace: Some(trace), ..Filter::default() },
        None => Filter { session: Some(id.to_owned()), ..Filter::default() },
    };
    let page = Page { order: Order::OldestFirst, limit: MOST, after: None };
    let rows = opened.wait(opened.store.list(filter, page))?;
    let mut found = Vec::new();
    for row in rows {
        let id = row.head.get("id").and_then(Value::as_str).and_then(ObservationId::parse);
        if let Some(id) = id {
            found.extend(opened.wait(opened.store.observation(id))?);
        }
    }
    Ok(found)
}

/// A record in words.
fn told(record: &Map<String, Value>) -> String {
    let mut out = String::new();
    // Writing to a text does not fail.
    let _ = head(record, &mut out);
    for part in list(record, "system") {
        section(&mut out, "system", &part_text(part));
    }
    for message in list(record, "input").iter().chain(list(record, "output")) {
        let role = message.get("role").and_then(Value::as_str).unwrap_or("?");
        let parts = message.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<String> = parts.iter().map(part_text).collect();
        section(&mut out, role, &texts.join("\n"));
    }
    if let Some(raw) = record.get("raw") {
        for side in ["request", "response"] {
            if let Some(side_json) = raw.get(side) {
                section(&mut out, side, &wire(side_json));
            }
        }
    }
    out
}

fn list<'a>(record: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    record.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn head(record: &Map<String, Value>, out: &mut String) -> std::fmt::Result {
    let text = |key: &str| record.get(key).and_then(Value::as_str).map(plain);
    writeln!(out, "{} {}", text("id").unwrap_or_default(), text("name").unwrap_or_default())?;
    let mut line = |name: &str, value: Option<String>| match value.filter(|value| !value.is_empty()) {
        Some(value) => writeln!(out, "  {name:<12} {value}"),
        None => Ok(()),
    };
    line("time", text("start_time").map(|time| shown_time(&time)))?;
    let took = duration(record.get("duration_ms"));
    let first = duration(record.get("ttft_ms"));
    line("took", Some(if first.is_empty() { took } else { format!("{took}, first token after {first}") }))?;
    let http = record.get("http_status").and_then(Value::as_u64);
    let status = text("status").unwrap_or_default();
    line("status", Some(http.map_or(status.clone(), |http| format!("{status} (HTTP {http})"))))?;
    line("error", record.get("error").map(|error| plain(&error.to_string())))?;
    line("finish", text("finish_reason"))?;
    let models = [text("request_model"), text("response_model")];
    let mut models: Vec<String> = models.into_iter().flatten().collect();
    models.dedup();
    line("model", Some(models.join(" → ")))?;
    line("provider", text("provider"))?;
    line("dialect", text("dialect"))?;
    line("tokens", record.get("usage").and_then(Value::as_object).map(usage))?;
    line("cost", Some(cost(record)).filter(|cost| !cost.is_empty()))?;
    line("parameters", record.get("parameters").map(|parameters| plain(&parameters.to_string())))?;
    line("session", text("session_id"))?;
    line("trace", text("trace_id"))?;
    line("exchange", text("exchange_id"))?;
    let losses: Vec<String> = list(record, "losses").iter().filter_map(Value::as_str).map(plain).collect();
    line("losses", Some(losses.join("; ")))?;
    let problems: Vec<String> =
        list(record, "problems").iter().filter_map(Value::as_str).map(plain).collect();
    line("problems", Some(problems.join("; ")))?;
    let tools: Vec<String> =
        list(record, "tools").iter().filter_map(|tool| tool.get("name")?.as_str()).map(plain).collect();
    line("tools", Some(tools.join(", ")))
}

fn usage(usage: &Map<String, Value>) -> String {
    let counts = usage.iter().filter(|(_, value)| value.is_u64());
    let counts: Vec<String> = counts.map(|(key, value)| format!("{key} {value}")).collect();
    let source = usage.get("source").and_then(Value::as_str).unwrap_or_default();
    format!("{} ({source})", counts.join(", "))
}

fn section(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "\n── {}", plain(name));
    let _ = writeln!(out, "{}", plain_lines(text));
}

/// A part of a message in words.
fn part_text(part: &Value) -> String {
    let text = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or_default();
    let shown = |key: &str| match part.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    match text("type") {
        "text" | "refusal" => text("content").to_owned(),
        "reasoning" => format!("[reasoning] {}", text("content")),
        "tool_call" => format!("[call {}] {}({})", text("id"), text("name"), shown("arguments")),
        "tool_call_response" => format!("[result {}] {}", text("id"), shown("response")),
        "server_tool_call" => format!("[{} ran at the provider] {}", text("name"), shown("server_tool_call")),
        "server_tool_call_response" => format!("[its result] {}", shown("server_tool_call_response")),
        "blob" => {
            format!("[{} {}, {} bytes]", text("modality"), text("mime_type"), text("content").len() / 4 * 3)
        }
        "uri" => format!("[{} {}]", text("modality"), text("uri")),
        "file" => format!("[{} {}]", text("modality"), text("file_id")),
        kind => format!("[{kind}] {}", shown("content")),
    }
}

/// One side of what was on the wire.
fn wire(side: &Value) -> String {
    let text = |key: &str| side.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut out = match side.get("status") {
        Some(status) => format!("{} {status}\n", text("version")),
        None => format!("{} {} {}\n", text("method"), text("url"), text("version")),
    };
    for pair in side.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let value = pair.get(1).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let _ = writeln!(
            out,
            "{}: {}",
            pair.get(0).and_then(Value::as_str).unwrap_or_default(),
            value.unwrap_or_default()
        );
    }
    out.push('\n');
    match side.get("body_b64").and_then(Value::as_str) {
        Some(base64) => out.push_str(&format!("[base64] {base64}")),
        None => out.push_str(text("body")),
    }
    out
}
