//! Into the store: entries in batches, again and again while it does not take them, and never more of them in memory than
//! there is room for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::counts::{Counters, add};
use crate::model::ExchangeId;
use crate::store::{Entry, Store, StoreError};
use crate::tape::Shelf;

/// A batch is written when it has this many entries or bytes, or when its first entry has waited for so long.
const BATCH: usize = 4096;
const BATCH_BYTES: usize = 16 << 20;
/// Room for so many is kept from one batch to the next.
const KEPT: usize = 1024;
/// A write that takes longer than this is told of: another program may have the store to itself.
const SLOW: Duration = Duration::from_secs(2);
const GATHERING: Duration = Duration::from_millis(100);
/// Where many come, they wait for more: what a commit costs beside its entries is shared by all of them.
const MANY: usize = 32;
const GATHERING_MANY: Duration = Duration::from_millis(400);
/// How long to wait after the store did not take something.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is to be written.
pub struct Keep {
    store: Arc<dyn Store>,
    shelf: Arc<Shelf>,
    counters: Arc<Counters>,
    runtime: tokio::runtime::Runtime,
    waiting: Vec<Entry>,
    /// What is to be known of each of them.
    about: Vec<About>,
    /// When the first of them came.
    since: Option<Instant>,
    bytes: usize,
    max_bytes: usize,
    /// Let go of while the store was down, and how large they are; on the tape.
    deferred: VecDeque<(ExchangeId, usize)>,
    pause: Duration,
    again: Option<Instant>,
}

/// What is to be known of an entry when it is written, or is not.
struct About {
    exchange: ExchangeId,
    /// It has ended: once written, the tape may forget it.
    whole: bool,
    bytes: usize,
}

impl Keep {
    pub fn new(
        store: Arc<dyn Store>,
        shelf: Arc<Shelf>,
        counters: Arc<Counters>,
        max_bytes: usize,
    ) -> std::io::Result<Self> {
        Ok(Self {
            store,
            shelf,
            counters,
            runtime: tokio::runtime::Builder::new_current_thread().enable_time().build()?,
            waiting: Vec::new(),
            about: Vec::new(),
            since: None,
            bytes: 0,
            max_bytes,
            deferred: VecDeque::new(),
            pause: FIRST_PAUSE,
            again: None,
        })
    }

    /// One more to write.
    pub fn put(&mut self, exchange: ExchangeId, whole: bool, entry: Entry) {
        let bytes = entry
            .exchange
            .as_ref()
            .map_or(0, |exchange| exchange.request.bytes.len() + exchange.response.bytes.len());
        if self.again.is_some() && self.bytes + bytes > self.max_bytes {
            if whole {
                self.deferred.push_back((exchange, bytes));
            }
        } else {
            self.bytes += bytes;
            self.since.get_or_insert_with(Instant::now);
            self.waiting.push(entry);
            self.about.push(About { exchange, whole, bytes });
            if self.waiting.len() >= BATCH || self.bytes >= BATCH_BYTES.min(self.max_bytes) {
                self.flush();
            }
        }
        self.tell();
    }

    /// Whether the store has an exchange as a whole already. Where it does not say, it is taken not to.
    pub fn has(&self, exchange: ExchangeId) -> bool {
        let had = self.runtime.block_on(self.store.had(exchange));
        matches!(had, Ok(crate::store::Had::Whole))
    }

    /// The tape may forget an exchange.
    pub fn commit(&self, exchange: ExchangeId) {
        self.shelf.commit(exchange);
    }

    /// The next exchanges that were let go of, once the store takes something again.
    pub fn deferred(&mut self) -> Vec<ExchangeId> {
        let (mut next, mut bytes) = (Vec::new(), 0);
        if self.is_pausing() || self.bytes > self.max_bytes / 2 {
            return next;
        }
        while let Some((exchange, size)) = self.deferred.front()
            && (next.is_empty() || bytes + size <= self.max_bytes / 4)
            && next.len() < BATCH
        {
            bytes += size;
            next.push(*exchange);
            self.deferred.pop_front();
        }
        if !next.is_empty() {
            // Should nothing else wait, it is these that try the store again.
            self.again = None;
        }
        next
    }

    /// Whether there is something left to write, now or later.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.deferred.is_empty()
    }

    /// The store did not take something a moment ago.
    pub fn is_pausing(&self) -> bool {
        self.again.is_some_and(|again| Instant::now() < again)
    }

    /// Writes what waits.
    pub fn flush(&mut self) {
        if self.waiting.is_empty() || self.is_pausing() {
            return;
        }
        self.since = None;
        // The room that they waited in is kept for the next, as far as it is not large.
        let entries: Arc<[Entry]> = self.waiting.drain(..).collect();
        self.waiting.shrink_to(KEPT);
        let about = std::mem::take(&mut self.about);
        // Should it fail, they are copied; almost always it does not.
        match self.write(Arc::clone(&entries)) {
            Ok(()) => self.written(&entries, about),
            Err(StoreError::Unavailable(why)) => self.not_now(entries.to_vec(), about, &why),
            // Something in it is not to be written. One by one, what is sound goes in.
            Err(StoreError::Asked(_) | StoreError::Broken(_)) => self.one_by_one(entries.to_vec(), about),
        }
        self.tell();
    }

    /// Writes what waits if it has waited for long enough: one commit for many costs little more than one for one.
    pub fn flush_if_due(&mut self) {
        if self.due().is_none_or(|due| due.is_zero()) {
            self.flush();
        }
    }

    /// How long until something is to be written; `None` where nothing waits.
    pub fn due(&self) -> Option<Duration> {
        if self.is_idle() {
            return None;
        }
        let gathering = if self.waiting.len() < MANY { GATHERING } else { GATHERING_MANY };
        match self.again {
            Some(again) => Some(again.saturating_duration_since(Instant::now())),
            None => self.since.map(|since| gathering.saturating_sub(since.elapsed())),
        }
    }

    fn write(&self, entries: Arc<[Entry]>) -> Result<(), StoreError> {
        self.runtime.block_on(async {
            let mut writing = self.store.write(entries);
            match tokio::time::timeout(SLOW, &mut writing).await {
                Ok(done) => done,
                Err(_) => {
                    self.down("it keeps a write waiting");
                    writing.await
                }
            }
        })
    }

    fn written(&mut self, entries: &[Entry], about: Vec<About>) {
        if self.counters.store_down.swap(false, Ordering::Relaxed) {
            tracing::info!("the store takes records again");
        }
        self.again = None;
        self.pause = FIRST_PAUSE;
        for (entry, About { exchange, whole, bytes }) in entries.iter().zip(about) {
            self.bytes -= bytes;
            let heads = entry.observations.iter().map(|one| &one.head);
            self.counters.meters.count(exchange, whole, heads);
            if whole {
                add(&self.counters.exchanges, 1);
                add(&self.counters.observations, entry.observations.len() as u64);
                self.shelf.commit(exchange);
            }
        }
    }

    fn not_now(&mut self, mut entries: Vec<Entry>, mut about: Vec<About>, why: &str) {
        self.counters.failed(why.to_owned());
        self.down(why);
        self.again = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        entries.append(&mut self.waiting);
        about.append(&mut self.about);
        (self.waiting, self.about) = (entries, about);
        while self.bytes > self.max_bytes
            && let Some(About { exchange, whole, bytes }) = self.about.pop()
        {
            self.waiting.pop();
            self.bytes -= bytes;
            if whole {
                self.deferred.push_front((exchange, bytes));
            }
        }
    }

    fn down(&self, why: &str) {
        if !self.counters.store_down.swap(true, Ordering::Relaxed) {
            tracing::error!("the store does not take records, calls go on and the tape keeps them: {why}");
        }
    }

    fn one_by_one(&mut self, entries: Vec<Entry>, about: Vec<About>) {
        let mut left = entries.into_iter().zip(about);
        while let Some((entry, about)) = left.next() {
            let entries: Arc<[Entry]> = vec![entry].into();
            match self.write(Arc::clone(&entries)) {
                Ok(()) => self.written(&entries, vec![about]),
                Err(StoreError::Unavailable(why)) => {
                    let waiting = entries.iter().cloned().zip([about]);
                    let (entries, about) = waiting.chain(left).unzip();
                    return self.not_now(entries, about, &why);
                }
                Err(why) => {
                    self.bytes -= about.bytes;
                    self.counters.failed(why.to_string());
                    add(&self.counters.lost_exchanges, u64::from(about.whole));
                    // It stays on the tape, for a program that knows better.
                    tracing::error!(exchange = %about.exchange, "the store refuses an exchange: {why}");
                }
            }
        }
    }

    fn tell(&self) {
        let waiting = self.waiting.len() + self.deferred.len();
        self.counters.waiting.store(waiting as u64, Ordering::Relaxed);
    }
}
