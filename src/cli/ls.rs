//! `wiretape ls`: what was recorded, a line each.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::filters::Filters;
use super::opened::open;
use super::table::{Table, plain, terminal_width};
use super::{Common, data, say};
use crate::model::Micros;
use crate::store::{Mode, Order, Page, Row, Summary};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// What to list
    #[arg(value_enum, default_value = "calls")]
    what: What,
    #[command(flatten)]
    filters: Filters,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value = "50")]
    limit: usize,
    /// A JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum What {
    Sessions,
    Traces,
    #[default]
    Calls,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    list(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn list(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, what, filters, limit, json } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let page = Page { order: Order::NewestFirst, limit, after: None };
    let filter = filters.filter();
    match what {
        What::Calls => {
            let rows = opened.wait(opened.store.list(filter, page))?;
            if json { data(&lines(rows.iter().map(line))) } else { calls(&rows) }
        }
        What::Sessions => {
            let summaries = opened.wait(opened.store.sessions(filter, page))?;
            if json { data(&lines(summaries.iter().map(summary))) } else { sums("session", &summaries) }
        }
        What::Traces => {
            let summaries = opened.wait(opened.store.traces(filter, page))?;
            if json { data(&lines(summaries.iter().map(summary))) } else { sums("trace", &summaries) }
        }
    }
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.map(|value| format!("{value}\n")).collect()
}

/// A row as JSON: the record's head and what the list shows beside it.
pub(super) fn line(row: &Row) -> Value {
    let mut head = row.head.clone();
    let shown = [("input_preview", &row.input_preview), ("output_preview", &row.output_preview)];
    for (key, text) in shown {
        if !text.is_empty() {
            head.insert(key.to_owned(), text.as_str().into());
        }
    }
    if let Some(snippet) = &row.snippet {
        head.insert("snippet".to_owned(), snippet.as_str().into());
    }
    Value::Object(head)
}

fn calls(rows: &[Row]) -> Result<(), ExitCode> {
    if rows.is_empty() {
        say("nothing recorded that passes");
        return Ok(());
    }
    let mut table = call_table();
    rows.iter().for_each(|row| table.row(cells(row)));
    data(&table.show(terminal_width()))
}

pub(super) fn call_table() -> Table {
    Table::new(&["time", "id", "status", "name", ">in", ">out", ">cost", ">ttft", ">took", "said"])
}

pub(super) fn cells(row: &Row) -> Vec<String> {
    let head = &row.head;
    let text = |key: &str| head.get(key).and_then(Value::as_str).unwrap_or_default();
    let said = [&row.input_preview, &row.output_preview];
    let said: Vec<&str> = said.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let said = row.snippet.clone().unwrap_or_else(|| said.join(" → "));
    vec![
        shown_time(text("start_time")),
        text("id").to_owned(),
        text("status").to_owned(),
        plain(text("name")),
        tokens(head, "input"),
        tokens(head, "output"),
        cost(head),
        duration(head.get("ttft_ms")),
        duration(head.get("duration_ms")),
        plain(&said),
    ]
}

/// `2026-11-21 12:00:00`, of a time as records write it.
pub(super) fn shown_time(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

fn tokens(head: &Map<String, Value>, key: &str) -> String {
    let usage = head.get("usage");
    let count = usage.and_then(|usage| usage.get(key)).and_then(Value::as_u64);
    let mark = match usage.and_then(|usage| usage.get("source")).and_then(Value::as_str) {
        Some("estimated") => "~",
        Some("partial") => ">",
        _ => "",
    };
    count.map(|count| format!("{mark}{count}")).unwrap_or_default()
}

pub(super) fn cost(head: &Map<String, Value>) -> String {
    let total = head.get("cost").and_then(|cost| cost.get("total")).and_then(Value::as_f64);
    total.map(dollars).unwrap_or_default()
}

/// Enough digits to tell small costs apart.
pub(super) fn dollars(amount: f64) -> String {
    if amount == 0.0 {
        "$0".to_owned()
    } else if amount < 0.01 {
        format!("${amount:.6}")
    } else {
        format!("${amount:.4}")
    }
}

pub(super) fn duration(millis: Option<&Value>) -> String {
    match millis.and_then(Value::as_f64) {
        Some(millis) if millis < 1000.0 => format!("{millis:.0}ms"),
        Some(millis) if millis < 60_000.0 => format!("{:.1}s", millis / 1000.0),
        Some(millis) => format!("{:.1}m", millis / 60_000.0),
        None => String::new(),
    }
}

fn sums(what: &'static str, summaries: &[Summary]) -> Result<(), ExitCode> {
    if summaries.is_empty() {
        say("nothing recorded that passes");
        return Ok(());
    }
    let mut table =
        Table::new(&["last", what, ">calls", ">errors", ">in", ">out", ">cost", "models", "said"]);
    for summary in summaries {
        let Summary { id, last, totals, models, input_preview, output_preview, .. } = summary;
        let said = format!("{input_preview} → {output_preview}");
        table.row(vec![
            shown_time(&last.rfc3339()),
            plain(id),
            totals.observations.to_string(),
            totals.errors.to_string(),
            totals.input.to_string(),
            totals.output.to_string(),
            dollars(totals.cost.to_json().as_f64().unwrap_or_default()),
            plain(&models.join(",")),
            plain(&said),
        ]);
    }
    data(&table.show(terminal_width()))
}

#[expect(clippy::cast_precision_loss, reason = "a session does not take centuries")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn summary(summary: &Summary) -> Value {
    let Summary {
        id,
        session,
        cursor: _,
        first,
        last,
        traces,
        totals,
        input_preview,
        output_preview,
        models,
        providers,
        users,
        tags,
        tools,
        title,
        status,
    } = summary;
    json!({
        "id": id, "session_id": session, "first_time": Micros::rfc3339(*first), "last_time": Micros::rfc3339(*last),
        "traces": traces, "observations": totals.observations, "generations": totals.generations,
        "tools": totals.tools, "errors": totals.errors, "cancelled": totals.cancelled,
        "interrupted": totals.interrupted, "input": totals.input, "output": totals.output,
        "cache_read": totals.cache_read, "cache_write": totals.cache_write, "reasoning": totals.reasoning,
        "cost": totals.cost.to_json(), "unknown_usage": totals.unknown_usage, "unknown_cost": totals.unknown_cost,
        "input_preview": input_preview, "output_preview": output_preview, "models": models,
        "providers": providers, "users": users, "tags": tags, "tools_used": tools, "title": title, "status": status,
        "retries": totals.retries, "model_ms": millis(totals.model_time), "tool_ms": millis(totals.tool_time),
        "wasted_ms": millis(totals.wasted_time), "wasted_tokens": totals.wasted_tokens,
    })
}
