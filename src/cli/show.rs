//! `wiretape show ID`: one record as a person reads it, a trace or session as a tree or as the conversation it was, or all
//! of it as JSON.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use super::draw::draw;
use super::heading::heading;
use super::opened::{Opened, failed, open};
use super::paint::Paint;
use super::record::told;
use super::table::terminal_width;
use super::talk::Talk;
use super::{Common, data, say};
use crate::export::{Beside, Records};
use crate::model::{ExchangeId, ObservationId, TraceId};
use crate::store::{Filter, Mode, Order, Page, Row, Stored, Summary};

/// How many rows are asked for at once.
const AT_ONCE: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The id of a step, an exchange, a trace or a session
    id: String,
    /// The records as JSON, one a line; with --messages the messages
    #[arg(long)]
    json: bool,
    /// What was on the wire, too
    #[arg(long)]
    raw: bool,
    /// What was said, each message once, as a conversation
    #[arg(long)]
    messages: bool,
    /// At most so many steps of a trace or session, the first
    #[arg(long, value_name = "N", default_value = "10000")]
    limit: usize,
}

/// What an id leads to.
enum Found {
    Steps(Vec<Stored>),
    /// Traces, with all that is to be shown of them, and the session where that was asked for.
    Traces {
        session: Option<Box<Summary>>,
        traces: Vec<(Option<Summary>, Vec<Row>)>,
    },
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    show(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn show(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, id, json, raw, messages, limit } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let found = find(&opened, &id, limit)?;
    let mut records = Records::new(Arc::clone(&opened.store));
    match found {
        Found::Steps(steps) if messages => {
            // A step belongs to a conversation; of itself it has its own messages.
            let rows = steps.iter().map(row).collect();
            talk(&opened, records, &[(None, rows)], json)
        }
        Found::Steps(steps) => {
            for (at, stored) in steps.iter().enumerate() {
                one(&opened, &mut records, stored, (json, raw), at > 0)?;
            }
            Ok(())
        }
        Found::Traces { traces, .. } if messages => talk(&opened, records, &traces, json),
        Found::Traces { traces, .. } if json || raw => {
            for (at, row) in traces.iter().flat_map(|(_, rows)| rows).enumerate() {
                let id =
                    id_of(row).map(|id| opened.wait(opened.store.observation(id))).transpose()?.flatten();
                if let Some(stored) = id {
                    one(&opened, &mut records, &stored, (json, raw), at > 0)?;
                }
            }
            Ok(())
        }
        Found::Traces { session, traces } => trees(session.as_deref(), &traces),
    }
}

/// Steps of this id, in order, or traces.
fn find(opened: &Opened, id: &str, limit: usize) -> Result<Found, ExitCode> {
    if let Some(id) = ObservationId::parse(id)
        && let Some(stored) = opened.wait(opened.store.observation(id))?
    {
        return Ok(Found::Steps(vec![stored]));
    }
    let trace = TraceId::parse(id);
    if let Some(TraceId(number)) = trace {
        let found = opened.wait(opened.store.of_exchange(ExchangeId::from_bytes(number.to_be_bytes())))?;
        if !found.is_empty() {
            return Ok(Found::Steps(found));
        }
    }
    let filter = match trace {
        Some(trace) => Filter { trace: Some(trace), ..Filter::default() },
        None => Filter { session: Some(id.to_owned()), ..Filter::default() },
    };
    let rows = rows(opened, &filter, limit)?;
    if rows.is_empty() {
        return Err(failed(&format!("nothing recorded has the id {id}")));
    }
    let page = |limit| Page { order: Order::OldestFirst, limit, after: None };
    let summaries = opened.wait(opened.store.traces(filter.clone(), page(rows.len())))?;
    let session = match trace {
        Some(_) => None,
        None => opened.wait(opened.store.sessions(filter, page(1)))?.pop().map(Box::new),
    };
    Ok(Found::Traces { session, traces: by_trace(rows, summaries) })
}

/// The first rows that pass. That there are more is said.
fn rows(opened: &Opened, filter: &Filter, limit: usize) -> Result<Vec<Row>, ExitCode> {
    let mut rows: Vec<Row> = Vec::new();
    let mut after = None;
    // One more than is shown says whether there are more.
    let most = limit.max(1).saturating_add(1);
    while rows.len() < most {
        let page =
            Page { order: Order::OldestFirst, limit: AT_ONCE.min(most - rows.len()), after: after.take() };
        let asked = page.limit;
        let more = opened.wait(opened.store.list(filter.clone(), page))?;
        let is_last = more.len() < asked;
        rows.extend(more);
        after = rows.last().map(|row| row.cursor.clone());
        if is_last {
            break;
        }
    }
    if rows.len() == most {
        rows.pop();
        say(&format!("only the first {} steps are shown; --limit N shows more", rows.len()));
    }
    Ok(rows)
}

/// Rows by their traces, those in the order in which they began.
fn by_trace(rows: Vec<Row>, summaries: Vec<Summary>) -> Vec<(Option<Summary>, Vec<Row>)> {
    let mut traces: Vec<(String, Vec<Row>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for row in rows {
        let id = row.head.get("trace_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = *places.entry(id.clone()).or_insert_with(|| {
            traces.push((id, Vec::new()));
            traces.len() - 1
        });
        traces[at].1.push(row);
    }
    let mut summaries: std::collections::HashMap<String, Summary> =
        summaries.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
    traces.into_iter().map(|(id, rows)| (summaries.remove(&id), rows)).collect()
}

fn id_of(row: &Row) -> Option<ObservationId> {
    row.head.get("id").and_then(Value::as_str).and_then(ObservationId::parse)
}

/// One record, with what can be said beside it.
fn one(
    opened: &Opened,
    records: &mut Records,
    stored: &Stored,
    (json, raw): (bool, bool),
    is_next: bool,
) -> Result<(), ExitCode> {
    let mut record = opened.wait(records.record(stored, raw))?;
    let beside: Beside = opened.wait(records.beside(stored, &opened.config.trace.conventions))?;
    if json {
        beside.put(&mut record);
        return data(&crate::export::line(&record));
    }
    let gap = if is_next { "\n" } else { "" };
    data(&format!("{gap}{}", told(&record, &beside)))
}

fn trees(session: Option<&Summary>, traces: &[(Option<Summary>, Vec<Row>)]) -> Result<(), ExitCode> {
    let (width, paint) = (terminal_width(), Paint::of_stdout());
    if let Some(session) = session {
        let rows = traces.first().map(|(_, rows)| rows.as_slice()).unwrap_or_default();
        let head = heading("session", session, rows, width, paint);
        // Of a session that is one trace, the trace says the rest.
        let shown = if traces.len() > 1 { head.as_str() } else { head.lines().next().unwrap_or_default() };
        data(&format!("{}\n\n", shown.trim_end()))?;
    }
    for (at, (summary, rows)) in traces.iter().enumerate() {
        let gap = if at > 0 { "\n" } else { "" };
        let head = summary.as_ref().map(|summary| heading("trace", summary, rows, width, paint));
        data(&format!("{gap}{}{}", head.unwrap_or_default(), draw(rows, width, paint)))?;
    }
    Ok(())
}

fn talk(
    opened: &Opened,
    records: Records,
    traces: &[(Option<Summary>, Vec<Row>)],
    json: bool,
) -> Result<(), ExitCode> {
    let mut talk = Talk::new(opened, records);
    for (at, (summary, rows)) in traces.iter().enumerate() {
        if let (false, Some(summary)) = (json, summary) {
            let gap = if at > 0 { "\n" } else { "" };
            let id = super::table::plain(&summary.id);
            data(&format!("{gap}── trace {id}\n"))?;
        }
        talk.trace(rows, json)?;
    }
    Ok(())
}

/// A step as a list shows it.
fn row(stored: &Stored) -> Row {
    Row {
        head: stored.head.clone(),
        input_preview: String::new(),
        output_preview: String::new(),
        snippet: None,
        cursor: crate::store::Cursor::default(),
    }
}
