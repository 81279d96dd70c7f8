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
use super::talk::tell;
use super::{Common, data, say};
use crate::export::story::{Told, by_trace, row, steps};
use crate::export::{Beside, Records};
use crate::model::{ExchangeId, ObservationId, TraceId};
use crate::store::{Filter, Mode, Order, Page, Row, Stored, Summary};

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
        traces: Vec<Told>,
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
            tell(&opened, records, &[(None, rows)], json)
        }
        Found::Steps(steps) => {
            for (at, stored) in steps.iter().enumerate() {
                one(&opened, &mut records, stored, (json, raw), at > 0)?;
            }
            Ok(())
        }
        Found::Traces { traces, .. } if messages => tell(&opened, records, &traces, json),
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
    let (rows, is_cut) = opened.wait(steps(opened.store.as_ref(), filter, limit))?;
    if is_cut {
        say(&format!("only the first {} steps are shown; --limit N shows more", rows.len()));
    }
    Ok(rows)
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

fn trees(session: Option<&Summary>, traces: &[Told]) -> Result<(), ExitCode> {
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
