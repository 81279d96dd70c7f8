//! Goes through what an export is made of, a page at a time: steps, conversations, exchanges, traces.

mod conversations;
mod traces;
mod wires;

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::encode::Step;
use super::notes::Notes;
use super::record::Records;
use super::wanted::Wanted;
use crate::model::{ExchangeId, Micros, ObservationId, TraceId};
use crate::store::{Cursor, Order, Page, Row, Store, StoreError};

pub use conversations::Conversations;
pub use traces::{Talks, Traces};
pub use wires::Wires;

/// How many rows are asked for at once.
const AT_ONCE: usize = 500;

/// Rows that pass, oldest first; with a limit, newest first.
pub struct Rows {
    store: Arc<dyn Store>,
    wanted: Wanted,
    page: VecDeque<Row>,
    after: Option<Cursor>,
    is_last: bool,
    pub(super) left: usize,
    notes: Notes,
}

impl Rows {
    pub fn new(store: Arc<dyn Store>, wanted: Wanted) -> Self {
        let left = wanted.limit.unwrap_or(usize::MAX);
        let notes = Notes::new(Arc::clone(&store));
        Self { store, wanted, page: VecDeque::new(), after: None, is_last: false, left, notes }
    }

    pub async fn next(&mut self) -> Result<Option<Row>, StoreError> {
        while self.left > 0 {
            if let Some(row) = self.page.pop_front() {
                if self.wanted.sample.is_none_or(|sample| trace_of(&row).is_some_and(|id| sample.has(id))) {
                    self.left -= 1;
                    return Ok(Some(row));
                }
            } else if self.is_last {
                return Ok(None);
            } else {
                self.turn().await?;
            }
        }
        Ok(None)
    }

    async fn turn(&mut self) -> Result<(), StoreError> {
        let order = if self.wanted.limit.is_some() { Order::NewestFirst } else { Order::OldestFirst };
        // Of a sample no one knows how many of these are in it.
        let limit = if self.wanted.sample.is_some() { AT_ONCE } else { AT_ONCE.min(self.left) };
        let page = Page { order, limit, after: self.after.take() };
        self.page = self.store.list(self.wanted.filter.clone(), page).await?.into();
        self.is_last = self.page.len() < limit;
        self.after = self.page.back().map(|row| row.cursor.clone());
        self.notes.look(self.page.iter()).await
    }
}

/// Steps, with what was said or without.
pub struct Steps {
    rows: Rows,
    records: Records,
    with_content: bool,
}

impl Steps {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted, with_content: bool) -> Self {
        let records = Records::leaving(Arc::clone(store), Arc::clone(&wanted.leave));
        Self { rows: Rows::new(Arc::clone(store), wanted), records, with_content }
    }

    pub async fn next(&mut self) -> Result<Option<Step>, StoreError> {
        while let Some(row) = self.rows.next().await? {
            let Rows { wanted, notes, .. } = &self.rows;
            if let Some(step) = step(&mut self.records, row, wanted, notes, self.with_content).await? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }
}

/// A step of which a list has a row. It may have been pruned since.
async fn step(
    records: &mut Records,
    row: Row,
    wanted: &Wanted,
    notes: &Notes,
    with_content: bool,
) -> Result<Option<Step>, StoreError> {
    let Row { head, input_preview, output_preview, snippet: _, cursor: _ } = row;
    let mut record = if with_content {
        let Some(id) = id_of(&head) else { return Ok(None) };
        let Some(stored) = records.store.observation(id).await? else { return Ok(None) };
        if wanted.leave.no_content && !wanted.raw {
            stored.head
        } else {
            records.record(&stored, wanted.raw).await?
        }
    } else {
        head
    };
    notes.put(&mut record);
    let mut step = Step { record, input_preview, output_preview };
    wanted.leave.step(&mut step);
    Ok(Some(step))
}

type Head = serde_json::Map<String, Value>;

fn id_of(head: &Head) -> Option<ObservationId> {
    head.get("id").and_then(Value::as_str).and_then(ObservationId::parse)
}

fn trace_in(head: &Head) -> Option<TraceId> {
    head.get("trace_id").and_then(Value::as_str).and_then(TraceId::parse)
}

fn trace_of(row: &Row) -> Option<TraceId> {
    trace_in(&row.head)
}

fn exchange_of(row: &Row) -> Option<ExchangeId> {
    let id = row.head.get("exchange_id").and_then(Value::as_str)?;
    Some(ExchangeId::from_bytes(u128::from_str_radix(id, 16).ok()?.to_be_bytes()))
}

/// When a step began.
pub fn began(head: &Head) -> Option<Micros> {
    head.get("start_time").and_then(Value::as_str).and_then(Micros::parse_rfc3339)
}
