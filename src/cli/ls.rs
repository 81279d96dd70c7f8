//! `wiretape ls`: what was recorded, a line each.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use super::filters::Filters;
use super::opened::open;
use super::table::{Table, cut, plain, terminal_width};
use super::{Common, data, say};
use crate::export::summary::{line, millis, name, summary, wall};
use crate::export::words::{called, dollars, duration, short, shown_time};
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
