//! One destination that is kept up with: as long as this program runs, and where it left off when it runs again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::counts::Counters;
use super::deliver::{Sender, Settled, Wait};
use super::destination::Destination;
use super::ready::{Batch, Shelf};
use super::run::Sources;
use super::steps::{Steps, is_told_elsewhere};
use crate::export::otlp::Span;
use crate::model::{Micros, TraceId};
use crate::store::{Cursor, Filter, Order, Outbox, Outgoing, Page, Sending, Store, StoreError, Waiting};

/// How often it is looked whether something is to be done.
const TICK: Duration = Duration::from_millis(250);
/// How often it is looked whether somebody wants what was refused to be tried again.
const RELOAD: Duration = Duration::from_secs(5);
/// Rows that are taken in at once.
const PAGE: usize = 256;
/// With so many waiting, nothing more is taken in: the store has it.
const MOST_WAITING: usize = 5000;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Traces whose roots are known to wait or to have been sent are remembered.
const MOST_ROOTS: usize = 100_000;

/// Keeps up until it is told to stop.
pub async fn keep_up(
    sources: &Sources,
    destination: &Destination,
    counters: &Arc<Counters>,
    stop: &CancellationToken,
) {
    let mut live = Live::new(sources, destination, counters);
    loop {
        let pause = tokio::select! {
            () = stop.cancelled() => return,
            pause = live.turn() => pause,
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

struct Live<'a> {
    store: &'a Arc<dyn Store>,
    steps: Steps<'a>,
    sender: Sender<'a>,
    shelf: Shelf,
    /// Absent until the store has said how it stands.
    cursor: Option<Cursor>,
    /// As of which version of the store all has been taken in.
    seen: Option<u64>,
    loaded: Option<Instant>,
    roots: HashSet<TraceId>,
    /// What the store has not kept yet.
    unkept: Vec<Sending>,
    /// How long to wait after a failure, and until when nothing is sent.
    pause: Duration,
    not_before: Option<Instant>,
}

impl<'a> Live<'a> {
    fn new(sources: &'a Sources, destination: &'a Destination, counters: &'a Arc<Counters>) -> Self {
        let Sources { store, client, servers, conventions } = sources;
        Self {
            store,
            steps: Steps::new(store, servers, conventions, destination),
            sender: Sender { client, destination, counters, failures: 0 },
            shelf: Shelf::default(),
            cursor: None,
            seen: None,
            loaded: None,
            roots: HashSet::new(),
            unkept: Vec::new(),
            pause: FIRST_PAUSE,
            not_before: None,
        }
    }

    fn name(&self) -> String {
        self.sender.destination.name.clone()
    }

    /// Does what is to be done, and says how long there will be nothing.
    async fn turn(&mut self) -> Duration {
        match self.try_turn().await {
            Ok(true) => Duration::ZERO,
            Ok(false) => TICK,
            Err(why) => {
                self.says(Some(format!("the store: {why}")));
                FIRST_PAUSE
            }
        }
    }

    /// True where there may be more to do.
    async fn try_turn(&mut self) -> Result<bool, StoreError> {
        self.keep().await?;
        self.load().await?;
        let took = self.intake().await?;
        self.sender.counters.waiting.store(self.shelf.len() as u64, Ordering::Relaxed);
        if self.not_before.is_some_and(|until| Instant::now() < until) {
            return Ok(false);
        }
        let Batch { ready, gone, oldest } = self.shelf.batch(&mut self.steps, Micros::now()).await?;
        if !gone.is_empty() {
            self.unkept.push(Sending { sent: gone.clone(), ..Sending::default() });
            self.shelf.remove(&gone);
        }
        if ready.is_empty() {
            self.sender.counters.lag_ms.store(0, Ordering::Relaxed);
            return Ok(took);
        }
        let traces: HashMap<Outgoing, TraceId> =
            ready.iter().filter_map(|ready| Some((ready.what, trace_of(&ready.span)?))).collect();
        let mut settled = Vec::new();
        let delivered = self
            .sender
            .deliver(ready, |done: Settled| {
                settled.push(done);
                std::future::ready(Ok(()))
            })
            .await;
        for done in settled {
            self.settle(done, &traces).await?;
        }
        Ok(self.went(delivered, oldest))
    }

    /// True where it went well.
    fn went(&mut self, delivered: Result<(), Wait>, oldest: Option<Micros>) -> bool {
        match delivered {
            Ok(()) => {
                (self.pause, self.not_before) = (FIRST_PAUSE, None);
                self.sender.counters.lag_ms.store(0, Ordering::Relaxed);
                self.says(None);
                true
            }
            Err(Wait { after, why }) => {
                // Not all at the same moment, where many recorders wait for one destination.
                let part = u32::try_from(Micros::now().0 % 500).unwrap_or(0);
                let spread = self.pause.mul_f64(0.75 + f64::from(part) / 1000.0);
                let pause = after.unwrap_or(spread);
                self.not_before = Some(Instant::now() + pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                let lag = oldest.map_or(0, |oldest| Micros::now().0.saturating_sub(oldest.0) / 1000);
                self.sender.counters.lag_ms.store(lag, Ordering::Relaxed);
                self.says(Some(why));
                false
            }
        }
    }

    fn says(&self, wrong: Option<String>) {
        let name = &self.sender.destination.name;
        let text = wrong.clone();
        if self.sender.counters.wrong(wrong) {
            match text {
                Some(why) => tracing::warn!(destination = name, "spans wait: {why}"),
                None => tracing::info!(destination = name, "spans are taken"),
            }
        }
    }

    /// What was taken or refused is kept, and the roots of its traces are to follow.
    async fn settle(&mut self, done: Settled, traces: &HashMap<Outgoing, TraceId>) -> Result<(), StoreError> {
        let Settled { sent, parked } = done;
        let new: HashSet<TraceId> = sent
            .iter()
            .filter(|what| matches!(what, Outgoing::Step(_)))
            .filter_map(|what| traces.get(what).copied())
            .filter(|trace| !self.roots.contains(trace))
            .collect();
        let since = Micros::now();
        let waiting: Vec<Waiting> =
            new.iter().map(|trace| Waiting { what: Outgoing::Root(*trace), since }).collect();
        self.shelf.remove(sent.iter().chain(parked.iter().map(|(what, _)| what)));
        self.unkept.push(Sending { cursor: None, waiting: waiting.clone(), sent, parked });
        self.keep().await?;
        let roots: Vec<Outgoing> = waiting.iter().map(|waiting| waiting.what).collect();
        if !roots.is_empty() {
            let had = self.store.is_sent(self.name(), roots).await?;
            let open: Vec<Waiting> =
                waiting.into_iter().zip(had).filter(|(_, had)| !had).map(|(waiting, _)| waiting).collect();
            self.shelf.put(&open);
        }
        if self.roots.len() > MOST_ROOTS {
            self.roots.clear();
        }
        self.roots.extend(new);
        Ok(())
    }

    /// Has the store keep what it has not kept.
    async fn keep(&mut self) -> Result<(), StoreError> {
        while let Some(first) = self.unkept.first() {
            self.store.sending(self.name(), first.clone()).await?;
            self.unkept.remove(0);
        }
        Ok(())
    }

    async fn load(&mut self) -> Result<(), StoreError> {
        if self.loaded.is_some_and(|at| at.elapsed() < RELOAD) {
            return Ok(());
        }
        let Outbox { cursor, waiting } = self.store.outbox(self.name()).await?;
        self.cursor.get_or_insert(cursor);
        self.shelf.put(&waiting);
        self.loaded = Some(Instant::now());
        Ok(())
    }

    /// Looks at what is new. True where there may be more.
    async fn intake(&mut self) -> Result<bool, StoreError> {
        if self.shelf.len() >= MOST_WAITING {
            return Ok(false);
        }
        let version = self.store.version().await?;
        if self.seen == Some(version) {
            return Ok(false);
        }
        let page = Page { order: Order::AsRecorded, limit: PAGE, after: self.cursor.clone() };
        let rows = self.store.list(Filter::default(), page).await?;
        let is_all = rows.len() < PAGE;
        if is_all {
            self.seen = Some(version);
        }
        let Some(last) = rows.last() else { return Ok(false) };
        let since = Micros::now();
        let taken = rows
            .iter()
            .filter(|row| !is_told_elsewhere(&row.head) && self.sender.destination.takes(&row.head));
        let waiting: Vec<Waiting> = taken
            .filter_map(|row| Some(Waiting { what: Outgoing::Step(super::steps::id_of(row)?), since }))
            .collect();
        let cursor = Some(last.cursor.clone());
        self.store
            .sending(
                self.name(),
                Sending { cursor: cursor.clone(), waiting: waiting.clone(), ..Sending::default() },
            )
            .await?;
        self.shelf.put(&waiting);
        self.cursor = cursor;
        Ok(!is_all)
    }
}

fn trace_of(span: &Span) -> Option<TraceId> {
    let bytes: [u8; 16] = span.trace_id.as_slice().try_into().ok()?;
    Some(TraceId(u128::from_be_bytes(bytes)))
}
