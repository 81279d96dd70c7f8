//! Traces, step by step or as the conversations they were.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::encode::{InTalk, InTrace, Trace};
use super::super::notes::Notes;
use super::super::record::Records;
use super::super::talk::{Beat, Said, Shown, Steps, Talk, What, beats};
use super::super::wanted::Wanted;
use super::{AT_ONCE, step};
use crate::model::TraceId;
use crate::store::{Cursor, Filter, Order, Page, Row, Store, StoreError, Summary};

/// Traces of which a step passes, oldest first; with a limit, newest first. Each is whole.
struct Whole {
    store: Arc<dyn Store>,
    wanted: Wanted,
    summaries: VecDeque<Summary>,
    after: Option<Cursor>,
    is_last: bool,
    left: usize,
    notes: Notes,
}

impl Whole {
    fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        Self {
            notes: Notes::new(Arc::clone(store)),
            store: Arc::clone(store),
            left: wanted.limit.unwrap_or(usize::MAX),
            wanted,
            summaries: VecDeque::new(),
            after: None,
            is_last: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Trace>, StoreError> {
        let Some(mut summary) = self.next_summary().await? else { return Ok(None) };
        let mut rows = rows_of(&self.store, &summary).await?;
        self.notes.look(rows.iter()).await?;
        self.wanted.leave.summary(&mut summary);
        for row in &mut rows {
            self.notes.put(&mut row.head);
            self.wanted.leave.row(row);
        }
        Ok(Some(Trace { summary, rows: rows.into() }))
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
        let page = Page { order: Order::OldestFirst, limit: AT_ONCE, after };
        let more = store.list(filter.clone(), page).await?;
        let is_last = more.len() < AT_ONCE;
        rows.extend(more);
        if is_last {
            return Ok(rows);
        }
    }
}

/// Traces, step by step.
pub struct Traces {
    whole: Whole,
    records: Records,
    /// Steps of the trace at hand, and how many of them have come.
    open: Option<(Arc<[Row]>, usize)>,
}

impl Traces {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        let records = Records::leaving(Arc::clone(store), Arc::clone(&wanted.leave));
        Self { whole: Whole::new(store, wanted), records, open: None }
    }

    pub async fn next(&mut self) -> Result<Option<InTrace>, StoreError> {
        if let Some((rows, at)) = &mut self.open {
            while let Some(row) = rows.get(*at) {
                *at += 1;
                let Whole { wanted, notes, .. } = &self.whole;
                if let Some(step) = step(&mut self.records, row.clone(), wanted, notes, true).await? {
                    return Ok(Some(InTrace::Step(Box::new(step))));
                }
            }
            self.open = None;
            return Ok(Some(InTrace::End));
        }
        let Some(trace) = self.whole.next().await? else { return Ok(None) };
        self.open = Some((Arc::clone(&trace.rows), 0));
        Ok(Some(InTrace::Begin(Box::new(trace))))
    }
}

/// Traces as the conversations they were.
pub struct Talks {
    whole: Whole,
    talk: Talk,
    open: Option<Open>,
}

/// The trace at hand: what is still to be said, and what was read already.
struct Open {
    rows: Arc<[Row]>,
    steps: Steps,
    beats: VecDeque<Beat>,
    said: VecDeque<(usize, Said, bool)>,
}

impl Talks {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        let records = Records::leaving(Arc::clone(store), Arc::clone(&wanted.leave));
        Self { whole: Whole::new(store, wanted), talk: Talk::new(records), open: None }
    }

    pub async fn next(&mut self) -> Result<Option<InTalk>, StoreError> {
        let leave = &self.whole.wanted.leave;
        if let Some(open) = &mut self.open {
            loop {
                if let Some((row, mut said, is_answer)) = open.said.pop_front() {
                    if let Some(row) = open.rows.get(row) {
                        leave.said(row, &mut said);
                    }
                    return Ok(Some(InTalk::Said { row, said, is_answer }));
                }
                let Some(beat) = open.beats.pop_front() else { break };
                let Some(row) = open.rows.get(beat.row) else { continue };
                let said = self.talk.said(row, beat, &open.steps).await?;
                let last = said.len().saturating_sub(1);
                let is_generation = matches!(beat.what, What::Generation { .. });
                let said = said.into_iter().enumerate();
                open.said.extend(said.map(|(at, said)| (beat.row, said, is_generation && at == last)));
            }
            self.open = None;
            return Ok(Some(InTalk::End));
        }
        let Some(trace) = self.whole.next().await? else { return Ok(None) };
        // Each trace has its prompts: a form that shows them once knows that it did.
        let beats = beats(&trace.rows, &mut Shown::new()).into();
        let (rows, steps) = (Arc::clone(&trace.rows), Steps::of(&trace.rows));
        self.open = Some(Open { rows, steps, beats, said: VecDeque::new() });
        Ok(Some(InTalk::Begin(Box::new(trace))))
    }
}
