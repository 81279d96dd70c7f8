//! What is in the store as steps of a destination's tree: each under a parent that is there, else under the trace's root.

use std::sync::Arc;

use prost::Message as _;
use serde_json::{Map, Value};

use super::deliver::Ready;
use super::destination::Destination;
use crate::export::Records;
use crate::export::otlp::{Gather, Mode, Servers, Step, is_main, root_id};
use crate::model::{Micros, ObservationId, TraceId};
use crate::store::{Filter, Order, Outgoing, Page, Row, Store, StoreError, Stored, Summary};
use crate::trace::{DOUBLE, OwnConvention, is_told, said};

/// So many of a trace's first steps, and of its last, are looked at for what its root says.
const LOOKED_AT: usize = 200;
/// A record from which on it is found out what is new in it: less of it may have to go along.
const LARGE: usize = 1 << 20;

/// Reads steps for one destination.
pub struct Steps<'a> {
    pub store: Arc<dyn Store>,
    pub records: Records,
    pub servers: &'a Servers,
    pub conventions: &'a [OwnConvention],
    pub destination: &'a Destination,
}

/// The same call as an SDK told of it that was seen on the wire, too: that is told of once.
pub fn is_told_elsewhere(head: &Map<String, Value>) -> bool {
    head.get("side").is_some_and(|side| side == DOUBLE) && is_told(head)
}

pub fn trace_of(head: &Map<String, Value>) -> Option<TraceId> {
    head.get("trace_id").and_then(Value::as_str).and_then(TraceId::parse)
}

pub fn id_of(row: &Row) -> Option<ObservationId> {
    row.head.get("id").and_then(Value::as_str).and_then(ObservationId::parse)
}

impl<'a> Steps<'a> {
    pub fn new(
        store: &Arc<dyn Store>,
        servers: &'a Servers,
        conventions: &'a [OwnConvention],
        destination: &'a Destination,
    ) -> Self {
        let records = Records::new(Arc::clone(store));
        Self { store: Arc::clone(store), records, servers, conventions, destination }
    }

    /// The span of a step. `None` where it makes none.
    pub async fn ready(&mut self, stored: &Stored) -> Result<Option<Ready>, StoreError> {
        let Some(mut step) = self.step(stored).await? else { return Ok(None) };
        step.parent = Some(self.parent(&step, &stored.head).await?);
        Ok(Some(self.finished(Outgoing::Step(stored.id), &step)))
    }

    fn finished(&self, what: Outgoing, step: &Step) -> Ready {
        let most = usize::try_from(self.destination.config.batch_bytes.0).unwrap_or(usize::MAX);
        let span = self.destination.form.span_within(step, most);
        let bytes = span.encoded_len();
        Ready { what, span, bytes }
    }

    async fn step(&mut self, stored: &Stored) -> Result<Option<Step>, StoreError> {
        let mut record = self.records.record(stored, false).await?;
        let wants_new = matches!(self.destination.form.content, Mode::New | Mode::Preview);
        let is_large = || record.get("input").is_some_and(|input| input.to_string().len() > LARGE);
        if wants_new || is_large() {
            self.records.beside(stored, self.conventions).await?.put(&mut record);
        }
        let Some(mut step) = Step::of(&record, self.servers) else { return Ok(None) };
        if let Some(source) = self.records.source(stored).await? {
            let said = said(&source.exchange, source.reading(), self.conventions);
            let trace = said.trace.and_then(|trace| TraceId::parse(&trace.value));
            let span = said.parent.and_then(|span| ObservationId::parse(&span.value));
            step.links.extend(trace.zip(span).map(|(trace, span)| (trace.0, span.0)));
        }
        Ok(Some(step))
    }

    /// What a step stands under there.
    async fn parent(&self, step: &Step, head: &Map<String, Value>) -> Result<u64, StoreError> {
        let root = root_id(TraceId(step.trace));
        if let Some(parent) = step.parent.filter(|parent| *parent != step.id)
            && let Some(known) = self.store.observation(ObservationId(parent)).await?
        {
            let is_there = trace_of(&known.head) == trace_of(head)
                && !is_told_elsewhere(&known.head)
                && (!self.destination.is_choosy() || self.destination.takes(&known.head));
            return Ok(if is_there { parent } else { root });
        }
        let caller = step.links.iter().find(|(trace, _)| *trace == step.trace);
        Ok(match caller {
            Some((_, span)) if self.destination.parent_is_caller() => *span,
            _ => root,
        })
    }

    /// The root of a trace.
    pub async fn root(&mut self, trace: TraceId, since: Micros) -> Result<Option<Ready>, StoreError> {
        let filter = Filter { trace: Some(trace), ..Filter::default() };
        let mut gather = Gather::default();
        match summary(&*self.store, trace).await? {
            Some(summary) => gather.any(summary.first, summary.last),
            // Its steps have been put elsewhere since; what was sent needs a root all the same.
            None => gather.any(since, since),
        }
        let mut name = None;
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let page = Page { order, limit: LOOKED_AT, after: None };
            let rows = self.store.list(filter.clone(), page).await?;
            if name.is_none() {
                name = rows.first().and_then(|row| row.head.get("name")?.as_str().map(str::to_owned));
            }
            let main = rows.iter().find(|row| is_main(&row.head)).and_then(id_of);
            let Some(main) = main else { continue };
            if let Some(stored) = self.store.observation(main).await?
                && let Some(step) = self.step(&stored).await?
            {
                gather.main(&step);
            }
        }
        let Some(mut root) = gather.root(trace) else { return Ok(None) };
        if root.name.is_empty() {
            root.name = name.unwrap_or_default();
        }
        if self.destination.parent_is_caller() {
            root.parent = root.links.iter().find(|(own, _)| *own == trace.0).map(|(_, span)| *span);
        }
        Ok(Some(self.finished(Outgoing::Root(trace), &root)))
    }
}

pub async fn summary(store: &dyn Store, trace: TraceId) -> Result<Option<Summary>, StoreError> {
    let filter = Filter { trace: Some(trace), ..Filter::default() };
    let page = Page { order: Order::OldestFirst, limit: 1, after: None };
    Ok(store.traces(filter, page).await?.pop())
}

/// When a trace is taken to be over, if nothing more comes.
pub fn closes_at(summary: &Summary, destination: &Destination) -> Micros {
    let config = &destination.config;
    let wait = if summary.status == "unfinished" { config.give_up.max(config.idle) } else { config.idle };
    Micros(summary.last.0.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)))
}
