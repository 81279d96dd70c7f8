//! What waits for a destination, and what of it is ready to go.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::deliver::Ready;
use super::steps::{Steps, closes_at, summary, trace_of};
use crate::model::{Micros, Status, TraceId};
use crate::store::{Outgoing, StoreError, Waiting};

/// What is not ready is looked at again after this, unless it says itself when it will be.
const AGAIN: Duration = Duration::from_secs(1);
/// A batch has no more spans than this.
pub const MOST_SPANS: usize = 512;

/// Something that waits.
#[derive(Clone, Copy, Debug)]
struct Item {
    since: Micros,
    /// When it is to be looked at.
    due: Micros,
    /// Of a step: where it was when it was looked at.
    trace: Option<TraceId>,
    /// Its trace is over: it will not be more finished than it is.
    is_over: bool,
}

/// What waits for one destination.
#[derive(Debug, Default)]
pub struct Shelf {
    items: HashMap<Outgoing, Item>,
}

/// What was found when the shelf was looked through.
#[derive(Debug, Default)]
pub struct Batch {
    pub ready: Vec<Ready>,
    /// What is no longer there, or makes no span.
    pub gone: Vec<Outgoing>,
    /// Since when the oldest of those that are ready has waited.
    pub oldest: Option<Micros>,
}

pub fn later(at: Micros, by: Duration) -> Micros {
    Micros(at.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
}

impl Shelf {
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn put(&mut self, waiting: &[Waiting]) {
        for Waiting { what, since } in waiting {
            self.items.entry(*what).or_insert(Item {
                since: *since,
                due: Micros(0),
                trace: None,
                is_over: false,
            });
        }
    }

    pub fn remove<'w>(&mut self, all: impl IntoIterator<Item = &'w Outgoing>) {
        for what in all {
            self.items.remove(what);
        }
    }

    /// Takes what is ready, the oldest first, as much as fits one batch.
    pub async fn batch(&mut self, steps: &mut Steps<'_>, now: Micros) -> Result<Batch, StoreError> {
        let mut due: Vec<(Outgoing, Item)> = self
            .items
            .iter()
            .filter(|(_, item)| item.due <= now)
            .map(|(what, item)| (*what, *item))
            .collect();
        // Roots come after the steps that wait for nothing else.
        due.sort_by_key(|(what, item)| (matches!(what, Outgoing::Root(_)), item.since));
        let most = usize::try_from(steps.destination.config.batch_bytes.0).unwrap_or(usize::MAX);
        let (mut batch, mut bytes) = (Batch::default(), 0);
        for (what, item) in due {
            let found = match what {
                Outgoing::Step(_) => self.step(steps, what, item, now).await?,
                Outgoing::Root(trace) => self.root(steps, trace, item, now).await?,
            };
            match found {
                Found::Waits => continue,
                Found::Gone => batch.gone.push(what),
                Found::Ready(ready) => {
                    let is_full = bytes + ready.bytes > most || batch.ready.len() >= MOST_SPANS;
                    if is_full && !batch.ready.is_empty() {
                        break;
                    }
                    bytes += ready.bytes;
                    batch.oldest = Some(batch.oldest.map_or(item.since, |oldest| oldest.min(item.since)));
                    batch.ready.push(*ready);
                }
            }
        }
        Ok(batch)
    }

    async fn step(
        &mut self,
        steps: &mut Steps<'_>,
        what: Outgoing,
        item: Item,
        now: Micros,
    ) -> Result<Found, StoreError> {
        let Outgoing::Step(id) = what else { return Ok(Found::Gone) };
        let Some(stored) = steps.store.observation(id).await? else { return Ok(Found::Gone) };
        if let Some(item) = self.items.get_mut(&what) {
            item.trace = trace_of(&stored.head);
        }
        let ready_at = ready_at(&stored.head, steps.destination.config.settle);
        let is_ready = item.is_over || ready_at.is_some_and(|at| at <= now);
        if !is_ready {
            self.look_again(what, ready_at.unwrap_or(later(now, AGAIN)));
            return Ok(Found::Waits);
        }
        let ready = steps.ready(&stored).await?;
        Ok(ready.map_or(Found::Gone, |ready| Found::Ready(Box::new(ready))))
    }

    /// A root is ready when its trace is over and none of its steps waits any more.
    async fn root(
        &mut self,
        steps: &mut Steps<'_>,
        trace: TraceId,
        item: Item,
        now: Micros,
    ) -> Result<Found, StoreError> {
        let what = Outgoing::Root(trace);
        if let Some(summary) = summary(&*steps.store, trace).await? {
            let closes = closes_at(&summary, steps.destination);
            if closes > now {
                self.look_again(what, closes);
                return Ok(Found::Waits);
            }
        }
        let mut is_waited_for = false;
        for own in self.items.values_mut().filter(|own| own.trace == Some(trace)) {
            is_waited_for = true;
            (own.is_over, own.due) = (true, Micros(0));
        }
        if is_waited_for {
            return Ok(Found::Waits);
        }
        let root = steps.root(trace, item.since).await?;
        Ok(root.map_or(Found::Gone, |root| Found::Ready(Box::new(root))))
    }

    fn look_again(&mut self, what: Outgoing, at: Micros) {
        if let Some(item) = self.items.get_mut(&what) {
            item.due = at;
        }
    }
}

enum Found {
    Waits,
    /// There is nothing to be sent.
    Gone,
    Ready(Box<Ready>),
}

/// When a step will have been as it is for long enough. `None` where it is not finished.
fn ready_at(head: &Map<String, Value>, settle: Duration) -> Option<Micros> {
    let text = |key: &str| head.get(key).and_then(Value::as_str);
    if text("status") == Some(Status::Open.name()) {
        return None;
    }
    // A tool's result may be known long after the tool ended, and what is imported ended long ago.
    let result = head.get("tool").and_then(|tool| tool.get("result_time")?.as_str());
    let end = result.or(text("end_time")).or(text("start_time")).and_then(Micros::parse_rfc3339)?;
    Some(later(end, settle))
}
