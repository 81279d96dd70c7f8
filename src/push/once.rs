//! What was recorded earlier, sent when somebody asks for it: trace by trace, those that are over.

use std::sync::Arc;
use std::time::Duration;

use super::counts::Counters;
use super::deliver::{Ready, Sender, Settled, Wait};
use super::destination::Destination;
use super::ready::MOST_SPANS;
use super::run::Sources;
use super::steps::{Steps, closes_at, id_of, is_told_elsewhere};
use crate::model::{Micros, TraceId};
use crate::store::{Filter, Order, Outgoing, Page, Row, Sending, StoreError, Summary};

/// Traces, and steps of one, are asked for so many at once.
const TRACES: usize = 100;
const STEPS: usize = 500;
/// How often a batch is tried before it is given up.
const TRIES: u32 = 6;

/// What is to be sent.
#[derive(Clone, Debug, Default)]
pub struct Once {
    pub filter: Filter,
    /// Also what the destination has had.
    pub again: bool,
    /// The destination is one of the configuration: what it has had and what it refused is kept.
    pub is_known: bool,
}

/// What was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    pub spans: u64,
    pub traces: u64,
    /// Traces that are still under way, and steps that the destination had.
    pub left_open: u64,
    pub had: u64,
    pub parked: Vec<(Outgoing, String)>,
    pub rejected: u64,
}

/// Why not all of it was sent.
#[derive(Debug)]
pub enum Failed {
    Store(StoreError),
    Destination(String),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(why) => write!(f, "the store: {why}"),
            Self::Destination(why) => f.write_str(why),
        }
    }
}

impl From<StoreError> for Failed {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

/// Sends it. `tell` hears how far it has got.
pub async fn push(
    sources: &Sources,
    destination: &Destination,
    once: &Once,
    tell: &mut (dyn FnMut(&Pushed) + Send),
) -> Result<Pushed, Failed> {
    let Sources { store, client, servers, conventions } = sources;
    let counters = Counters::new(&destination.name);
    let mut work = Work {
        once,
        sender: Sender { client, destination, counters: &counters, failures: 0 },
        steps: Steps::new(store, servers, conventions, destination),
        batch: Vec::new(),
        bytes: 0,
        pushed: Pushed::default(),
    };
    let mut after = None;
    loop {
        let page = Page { order: Order::OldestFirst, limit: TRACES, after: after.take() };
        let summaries = store.traces(once.filter.clone(), page).await?;
        after = summaries.last().map(|last| last.cursor.clone());
        for summary in &summaries {
            work.trace(summary).await?;
            tell(&work.pushed);
        }
        if summaries.len() < TRACES {
            break;
        }
    }
    work.flush().await?;
    work.pushed.rejected = counters.counts().rejected;
    Ok(work.pushed)
}

struct Work<'a> {
    once: &'a Once,
    sender: Sender<'a>,
    steps: Steps<'a>,
    batch: Vec<Ready>,
    bytes: usize,
    pushed: Pushed,
}

impl Work<'_> {
    async fn trace(&mut self, summary: &Summary) -> Result<(), Failed> {
        let Some(trace) = TraceId::parse(&summary.id) else { return Ok(()) };
        if closes_at(summary, self.sender.destination) > Micros::now() {
            self.pushed.left_open += 1;
            return Ok(());
        }
        let filter = Filter { trace: Some(trace), ..self.once.filter.clone() };
        let (mut after, mut any) = (None, false);
        loop {
            let page = Page { order: Order::OldestFirst, limit: STEPS, after: after.take() };
            let rows = self.steps.store.list(filter.clone(), page).await?;
            after = rows.last().map(|row| row.cursor.clone());
            any |= self.rows(&rows).await?;
            if rows.len() < STEPS {
                break;
            }
        }
        let root = Outgoing::Root(trace);
        if any && !self.had(&[root]).await?.contains(&true) {
            if let Some(ready) = self.steps.root(trace, summary.first).await? {
                self.put(ready).await?;
            }
            self.pushed.traces += 1;
        }
        Ok(())
    }

    /// True where any was to be sent.
    async fn rows(&mut self, rows: &[Row]) -> Result<bool, Failed> {
        let destination = self.sender.destination;
        let taken: Vec<_> = rows
            .iter()
            .filter(|row| !is_told_elsewhere(&row.head) && destination.takes(&row.head))
            .filter_map(id_of)
            .collect();
        let all: Vec<Outgoing> = taken.iter().copied().map(Outgoing::Step).collect();
        let had = self.had(&all).await?;
        let mut any = false;
        for (id, had) in taken.into_iter().zip(had) {
            if had {
                self.pushed.had += 1;
                continue;
            }
            let Some(stored) = self.steps.store.observation(id).await? else { continue };
            if let Some(ready) = self.steps.ready(&stored).await? {
                self.put(ready).await?;
                any = true;
            }
        }
        Ok(any)
    }

    async fn had(&self, all: &[Outgoing]) -> Result<Vec<bool>, Failed> {
        if self.once.again || !self.once.is_known {
            return Ok(vec![false; all.len()]);
        }
        let name = self.sender.destination.name.clone();
        Ok(self.steps.store.is_sent(name, all.to_vec()).await?)
    }

    async fn put(&mut self, ready: Ready) -> Result<(), Failed> {
        let most = usize::try_from(self.sender.destination.config.batch_bytes.0).unwrap_or(usize::MAX);
        if self.batch.len() >= MOST_SPANS || !self.batch.is_empty() && self.bytes + ready.bytes > most {
            self.flush().await?;
        }
        self.bytes += ready.bytes;
        self.batch.push(ready);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Failed> {
        self.bytes = 0;
        let mut batch = std::mem::take(&mut self.batch);
        let mut pause = Duration::from_millis(500);
        let mut tries = 0;
        while !batch.is_empty() {
            tries += 1;
            let mut all = Vec::new();
            let delivered = self
                .sender
                .deliver(batch.clone(), |settled| {
                    all.push(settled);
                    std::future::ready(Ok(()))
                })
                .await;
            for settled in all {
                batch.retain(|ready| !is_in(&settled, &ready.what));
                self.settled(settled).await?;
            }
            match delivered {
                Ok(()) => break,
                Err(Wait { why, .. }) if tries >= TRIES => return Err(Failed::Destination(why)),
                Err(Wait { after, .. }) => tokio::time::sleep(after.unwrap_or(pause)).await,
            }
            pause *= 2;
        }
        Ok(())
    }

    async fn settled(&mut self, settled: Settled) -> Result<(), Failed> {
        let Settled { sent, parked } = settled;
        self.pushed.spans += sent.len() as u64;
        if self.once.is_known {
            let name = self.sender.destination.name.clone();
            let roots = sent.into_iter().filter(|what| matches!(what, Outgoing::Root(_))).collect();
            let sending = Sending { sent: roots, parked: parked.clone(), ..Sending::default() };
            let store = Arc::clone(&self.steps.store);
            // Whoever never ran with this destination keeps nothing of it.
            store.outbox(name.clone()).await?;
            store.sending(name, sending).await?;
        }
        self.pushed.parked.extend(parked);
        Ok(())
    }
}

fn is_in(settled: &Settled, what: &Outgoing) -> bool {
    settled.sent.contains(what) || settled.parked.iter().any(|(parked, _)| parked == what)
}
