//! `wiretape ls`: what was recorded, a line each.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::draw::short;
use super::filters::Filters;
use super::opened::open;
use super::table::{Table, cut, plain, terminal_width};
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
    let mut table = Table::new(&CALL_COLUMNS);
    rows.iter().for_each(|row| table.row(cells(row)));
    data(&table.show(terminal_width()))
}

/// What a list shows of a step.
pub(super) const CALL_COLUMNS: [&str; 10] =
    ["time", "id", "status", "name", ">in", ">out", ">cost", ">ttft", ">took", "said"];

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
        plain(&called(head)),
        tokens(head, "input"),
        tokens(head, "output"),
        cost(head),
        duration(head.get("ttft_ms")),
        duration(head.get("duration_ms")),
        plain(&said),
    ]
}

/// A step's name, with what sets it apart: `[title] chat m`, `chat m #2`.
pub(super) fn called(head: &Map<String, Value>) -> String {
    let name = head.get("name").and_then(Value::as_str).unwrap_or_default();
    let side = head.get("side").and_then(Value::as_str).map(|side| format!("[{side}] "));
    let attempt = head.get("attempt").and_then(Value::as_u64).filter(|attempt| *attempt > 1);
    let attempt = attempt.map(|attempt| format!(" #{attempt}"));
    format!("{}{name}{}", side.unwrap_or_default(), attempt.unwrap_or_default())
}

/// `2026-11-21 12:00:00`, of a time as records write it.
pub(super) fn shown_time(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

pub(super) fn tokens(head: &Map<String, Value>, key: &str) -> String {
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

/// Names longer than this are cut where there is a terminal.
const NAME: usize = 24;

/// What goes first where a terminal is too narrow for all.
const EXPENDABLE: &[&str] = &[
    "first",
    "used",
    "models",
    "retries",
    "tool time",
    "model time",
    "errors",
    "tools",
    "out",
    "in",
    "wall",
];

fn sums(what: &'static str, summaries: &[Summary]) -> Result<(), ExitCode> {
    if summaries.is_empty() {
        say("nothing recorded that passes");
        return Ok(());
    }
    let width = terminal_width();
    let mut table = Table::new(&[
        "last",
        "first",
        what,
        "name",
        "status",
        ">calls",
        ">tools",
        ">errors",
        ">retries",
        ">in",
        ">out",
        ">cost",
        ">wall",
        ">model time",
        ">tool time",
        "models",
        "used",
    ]);
    for summary in summaries {
        let Summary { id, first, last, totals, models, status, tools, .. } = summary;
        let some = |count: u64| if count == 0 { String::new() } else { count.to_string() };
        table.row(vec![
            shown_time(&last.rfc3339()),
            shown_time(&first.rfc3339()),
            plain(id),
            cut(&plain(name(summary)), width.map(|_| NAME)),
            (*status).to_owned(),
            totals.generations.to_string(),
            some(totals.tools),
            some(totals.errors),
            some(totals.retries),
            short(totals.input),
            short(totals.output),
            dollars(totals.cost.to_json().as_f64().unwrap_or_default()),
            duration(Some(&wall(summary).into())),
            duration(Some(&millis(totals.model_time).into())),
            duration(Some(&millis(totals.tool_time).into())),
            plain(&models.join(",")),
            plain(&tools.join(",")),
        ]);
    }
    table.drop_until_fits(width, EXPENDABLE);
    data(&table.show(width))
}

/// What a trace or session is called: its title, else what was said first.
pub(super) fn name(summary: &Summary) -> &str {
    summary.title.as_deref().unwrap_or(&summary.input_preview).trim()
}

/// From its begin to its end, in milliseconds.
pub(super) fn wall(summary: &Summary) -> f64 {
    millis(summary.last.0.saturating_sub(summary.first.0))
}

#[expect(clippy::cast_precision_loss, reason = "a session does not take centuries")]
pub(super) fn millis(micros: u64) -> f64 {
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
        "id": id, "name": name(summary), "session_id": session, "first_time": Micros::rfc3339(*first), "last_time": Micros::rfc3339(*last),
        "duration_ms": wall(summary),
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
