//! Goes through what an export is made of, a page at a time: steps, conversations, exchanges, traces.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::encode::{InTrace, Step, Trace, Wire};
use super::record::Records;
use super::wanted::Wanted;
use crate::model::{ExchangeId, Micros, ObservationId, TraceId};
use crate::store::{Cursor, Filter, Order, Page, Row, Store, StoreError, Summary};

/// How many rows are asked for at once.
const AT_ONCE: usize = 500;

/// Rows that pass, oldest first; with a limit, newest first.
pub struct Rows {
    store: Arc<dyn Store>,
    wanted: Wanted,
    page: VecDeque<Row>,
    after: Option<Cursor>,
    is_last: bool,
    left: usize,
}

impl Rows {
    pub fn new(store: Arc<dyn Store>, wanted: Wanted) -> Self {
        let left = wanted.limit.unwrap_or(usize::MAX);
        Self { store, wanted, page: VecDeque::new(), after: None, is_last: false, left }
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
        Ok(())
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
            if let Some(step) = step(&mut self.records, row, &self.rows.wanted, self.with_content).await? {
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
    with_content: bool,
) -> Result<Option<Step>, StoreError> {
    let Row { head, input_preview, output_preview, snippet: _, cursor: _ } = row;
    let record = if with_content {
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
    let mut step = Step { record, input_preview, output_preview };
    wanted.leave.step(&mut step);
    Ok(Some(step))
}

/// Of each conversation the generation that holds the most of it: none that another goes on from.
///
/// First all heads are gone through, then those that are left are read. What is kept is an id for each conversation.
pub struct Conversations {
    first: Option<Rows>,
    second: Rows,
    records: Records,
    longest: HashSet<ObservationId>,
    left: usize,
}

impl Conversations {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        let records = Records::leaving(Arc::clone(store), Arc::clone(&wanted.leave));
        let left = wanted.limit.unwrap_or(usize::MAX);
        // It is a limit of conversations, not of steps.
        let rows = || Rows { left: usize::MAX, ..Rows::new(Arc::clone(store), wanted.clone()) };
        Self { first: Some(rows()), second: rows(), records, longest: HashSet::new(), left }
    }

    pub async fn next(&mut self) -> Result<Option<Step>, StoreError> {
        if let Some(mut rows) = self.first.take() {
            // With a limit the newest come first, and a call before the one that it goes on from.
            let mut gone_on_from = HashSet::new();
            while let Some(row) = rows.next().await? {
                let Some(id) = id_of(&row.head).filter(|_| is_of_conversation(&row)) else { continue };
                let prior = row.head.get("prior_id").and_then(Value::as_str).and_then(ObservationId::parse);
                if let Some(prior) = prior
                    && !self.longest.remove(&prior)
                {
                    gone_on_from.insert(prior);
                }
                if !gone_on_from.remove(&id) {
                    self.longest.insert(id);
                }
            }
        }
        while self.left > 0
            && let Some(row) = self.second.next().await?
        {
            if id_of(&row.head).is_some_and(|id| self.longest.contains(&id))
                && let Some(step) = step(&mut self.records, row, &self.second.wanted, true).await?
            {
                self.left -= 1;
                return Ok(Some(step));
            }
        }
        Ok(None)
    }
}

/// A generation on the main line that was answered.
fn is_of_conversation(row: &Row) -> bool {
    let is = |key: &str, value: &str| row.head.get(key).and_then(Value::as_str) == Some(value);
    is("type", "generation") && is("status", "ok") && !row.head.contains_key("side")
}

/// Exchanges of which a step passes, oldest first; with a limit, newest first.
pub struct Wires {
    store: Arc<dyn Store>,
    wanted: Wanted,
    ids: VecDeque<ExchangeId>,
    after: Option<ExchangeId>,
    is_last: bool,
    /// With a limit: the steps that are gone through, and exchanges that were seen.
    newest: Option<(Rows, HashSet<ExchangeId>)>,
}

impl Wires {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        let newest = wanted.limit.map(|_| {
            let mut rows = Rows::new(Arc::clone(store), wanted.clone());
            // It is a limit of exchanges, not of steps.
            rows.left = usize::MAX;
            (rows, HashSet::new())
        });
        let (ids, store) = (VecDeque::new(), Arc::clone(store));
        Self { store, wanted, ids, after: None, is_last: false, newest }
    }

    pub async fn next(&mut self) -> Result<Option<Wire>, StoreError> {
        while let Some(id) = self.next_id().await? {
            let observations = self.store.of_exchange(id).await?;
            let trace = observations.first().and_then(|first| trace_in(&first.head));
            if self.wanted.sample.is_some_and(|sample| trace.is_none_or(|trace| !sample.has(trace))) {
                continue;
            }
            if let Some(mut exchange) = self.store.exchange(id).await? {
                self.wanted.leave.wire(&mut exchange);
                return Ok(Some(Wire { exchange, observations }));
            }
        }
        Ok(None)
    }

    async fn next_id(&mut self) -> Result<Option<ExchangeId>, StoreError> {
        if let Some((rows, seen)) = &mut self.newest {
            let limit = self.wanted.limit.unwrap_or(usize::MAX);
            while seen.len() < limit
                && let Some(row) = rows.next().await?
            {
                if let Some(id) = exchange_of(&row)
                    && seen.insert(id)
                {
                    return Ok(Some(id));
                }
            }
            return Ok(None);
        }
        if self.ids.is_empty() && !self.is_last {
            self.ids = self.store.exchanges(self.wanted.filter.clone(), self.after, AT_ONCE).await?.into();
            self.is_last = self.ids.len() < AT_ONCE;
            self.after = self.ids.back().copied();
        }
        Ok(self.ids.pop_front())
    }
}

/// Traces of which a step passes, oldest first; with a limit, newest first. Each is whole.
pub struct Traces {
    store: Arc<dyn Store>,
    wanted: Wanted,
    records: Records,
    summaries: VecDeque<Summary>,
    after: Option<Cursor>,
    is_last: bool,
    left: usize,
    /// Steps of the trace at hand that are still to come.
    open: Option<VecDeque<Row>>,
}

impl Traces {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        Self {
            records: Records::leaving(Arc::clone(store), Arc::clone(&wanted.leave)),
            store: Arc::clone(store),
            left: wanted.limit.unwrap_or(usize::MAX),
            wanted,
            summaries: VecDeque::new(),
            after: None,
            is_last: false,
            open: None,
        }
    }

    pub async fn next(&mut self) -> Result<Option<InTrace>, StoreError> {
        if let Some(rows) = &mut self.open {
            while let Some(row) = rows.pop_front() {
                if let Some(step) = step(&mut self.records, row, &self.wanted, true).await? {
                    return Ok(Some(InTrace::Step(Box::new(step))));
                }
            }
            self.open = None;
            return Ok(Some(InTrace::End));
        }
        let Some(mut summary) = self.next_summary().await? else { return Ok(None) };
        let rows = rows_of(&self.store, &summary).await?;
        self.open = Some(rows.iter().cloned().collect());
        self.wanted.leave.summary(&mut summary);
        Ok(Some(InTrace::Begin(Box::new(Trace { summary, rows }))))
    }

    async fn next_summary(&mut self) -> Result<Option<Summary>, StoreError> {
        while self.left > 0 {
            if let Some(summary) = self.summaries.pop_front() {
                let id = TraceId::parse(&summary.id);
                if self.wanted.sample.is_none_or(|sample| id.is_some_and(|id| sample.has(id))) {
                    self.left -= 1;
                    return Ok(Some(summary));
                }
            } else if self.is_last {
                break;
            } else {
                let order = if self.wanted.limit.is_some() { Order::NewestFirst } else { Order::OldestFirst };
                let page = Page { order, limit: AT_ONCE, after: self.after.take() };
                self.summaries = self.store.traces(self.wanted.filter.clone(), page).await?.into();
                self.is_last = self.summaries.len() < AT_ONCE;
                self.after = self.summaries.back().map(|summary| summary.cursor.clone());
            }
        }
        Ok(None)
    }
}

/// Every step of a trace, by its begin.
async fn rows_of(store: &Arc<dyn Store>, summary: &Summary) -> Result<Vec<Row>, StoreError> {
    let filter = Filter { trace: TraceId::parse(&summary.id), ..Filter::default() };
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.cursor.clone());
        let more =
            store.list(filter.clone(), Page { order: Order::OldestFirst, limit: AT_ONCE, after }).await?;
        let is_last = more.len() < AT_ONCE;
        rows.extend(more);
        if is_last {
            return Ok(rows);
        }
    }
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
