//! `wiretape tail`: what is being recorded, as it comes.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::filters::Filters;
use super::ls::{CALL_COLUMNS, cells};
use super::opened::{Opened, open};
use super::table::{Table, cut, plain, terminal_width};
use super::{Common, data};
use crate::export::summary::{line, name};
use crate::model::TraceId;
use crate::store::{Cursor, Filter, Mode, Order, Page, Row};

/// How often it is asked whether there is something new.
const PAUSE: Duration = Duration::from_millis(200);
/// As much of a trace's name as a line shows.
const NAME: usize = 24;
/// How many rows are asked for at once.
const AT_ONCE: usize = 500;

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    filters: Filters,
    /// Begins with so many that are there already
    #[arg(long, value_name = "N", default_value = "10")]
    lines: usize,
    /// Ends when what is there has been shown
    #[arg(long)]
    no_follow: bool,
    /// A JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    tail(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn tail(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, filters, lines, no_follow, json } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let filter = filters.filter();
    let newest = Page { order: Order::LastRecorded, limit: lines.max(1), after: None };
    let mut rows = opened.wait(opened.store.list(filter.clone(), newest))?;
    rows.reverse();
    let mut after = rows.last().map(|row| row.cursor.clone());
    if lines > 0 {
        show(&opened, &rows, json)?;
    }
    if no_follow {
        return Ok(());
    }
    loop {
        let version = opened.wait(opened.store.version())?;
        for rows in newer(&opened, &filter, &mut after)? {
            show(&opened, &rows, json)?;
        }
        loop {
            std::thread::sleep(PAUSE);
            if opened.wait(opened.store.version())? != version {
                break;
            }
        }
    }
}

/// What has come behind the last row seen: a call is told of when it has ended, whenever it began.
fn newer(opened: &Opened, filter: &Filter, after: &mut Option<Cursor>) -> Result<Vec<Vec<Row>>, ExitCode> {
    let mut pages = Vec::new();
    loop {
        let page = Page { order: Order::AsRecorded, limit: AT_ONCE, after: after.clone() };
        let rows = opened.wait(opened.store.list(filter.clone(), page))?;
        let Some(last) = rows.last() else { return Ok(pages) };
        *after = Some(last.cursor.clone());
        pages.push(rows);
    }
}

fn show(opened: &Opened, rows: &[Row], json: bool) -> Result<(), ExitCode> {
    if json {
        return data(&rows.iter().map(|row| format!("{}\n", line(row))).collect::<String>());
    }
    let mut columns = CALL_COLUMNS.to_vec();
    columns.insert(1, "trace");
    let mut table = Table::new(&columns);
    // A trace may get its title late: its name is asked for with every page.
    let mut names = HashMap::new();
    for row in rows {
        let mut cells = cells(row);
        cells.insert(1, trace_name(opened, row, &mut names)?);
        table.row(cells);
    }
    // The names of the columns are no news.
    let text = table.show(terminal_width());
    data(text.split_once('\n').map_or("", |(_, rows)| rows))
}

/// What the trace of a step is called.
fn trace_name(opened: &Opened, row: &Row, names: &mut HashMap<TraceId, String>) -> Result<String, ExitCode> {
    let id = row.head.get("trace_id").and_then(Value::as_str).and_then(TraceId::parse);
    let Some(id) = id else { return Ok(String::new()) };
    if let Some(known) = names.get(&id) {
        return Ok(known.clone());
    }
    let filter = Filter { trace: Some(id), ..Filter::default() };
    let page = Page { order: Order::OldestFirst, limit: 1, after: None };
    let found = opened.wait(opened.store.traces(filter, page))?;
    let shown = found.first().map(|summary| cut(&plain(name(summary)), Some(NAME))).unwrap_or_default();
    names.insert(id, shown.clone());
    Ok(shown)
}
