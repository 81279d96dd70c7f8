//! The recorder's loop.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::behind::{self, Behind};
use super::counts::{Counters, add};
use super::gather::{Gather, Open, cut_off};
use super::handoff::Handoff;
use super::keep::Keep;
use super::live::{Onlooker, PAUSE};
use super::{Parts, Reader};

use crate::model::{Direction, Exchange, ExchangeId, Headers, Status};
use crate::redact::Redactor;
use crate::store::Entry;
use crate::tape::{self, Found, Shelf, recover};
use crate::turns::{self, Way};

/// How long the thread sleeps when there is nothing to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// After so many records others go first.
const FEW_RECORDS: usize = 16;
const SHORTEST: Duration = Duration::from_millis(1);
/// A socket's calls are written while it is open, this long apart at least, and much longer apart than writing them takes.
const SOCKET_PAUSE: Duration = Duration::from_millis(250);
const SOCKET_SHARE: u32 = 20;
/// How long a stopping recorder tries to get rid of what the store does not take.
const LAST_TRIES: Duration = Duration::from_secs(2);

pub struct Run {
    handoff: Arc<Handoff>,
    counters: Arc<Counters>,
    shelf: Arc<Shelf>,
    reader: Arc<Reader>,
    redactor: Redactor,
    gather: Gather,
    keep: Keep,
    max_body: usize,
    /// Exchanges that are over and of which the tape has the bodies.
    behind: Behind,
    /// When each open socket may be written again.
    sockets: HashMap<ExchangeId, Instant>,
    way: Way,
    onlooker: Onlooker,
}

impl Run {
    pub fn new(
        parts: Parts,
        handoff: Arc<Handoff>,
        counters: Arc<Counters>,
        memory: usize,
    ) -> std::io::Result<Self> {
        let Parts { config, shelf, store, reader, redactor, upstream, live } = parts;
        let max_body = usize::try_from(config.max_body.0).unwrap_or(usize::MAX);
        Ok(Self {
            handoff,
            shelf: Arc::clone(&shelf),
            reader,
            redactor,
            gather: Gather::new(memory / 2, max_body, upstream),
            keep: Keep::new(store, shelf, Arc::clone(&counters), memory / 4)?,
            counters,
            max_body,
            behind: Behind::default(),
            sockets: HashMap::new(),
            way: Way::begin(),
            onlooker: Onlooker::new(live),
        })
    }

    pub fn run(mut self) {
        turns::come_last(5);
        self.recover();
        loop {
            let patience =
                if self.keep.is_idle() && self.sockets.is_empty() { PATIENCE } else { SOCKET_PAUSE / 2 };
            let patience = if self.onlooker.is_watched() { patience.min(PAUSE) } else { patience };
            let due = self.keep.due().map_or(patience, |due| due.clamp(SHORTEST, patience));
            let taken = self.handoff.take(due);
            self.way = Way::begin();
            for (number, record) in taken.records.into_iter().enumerate() {
                if number % FEW_RECORDS == 0 {
                    self.way.give();
                }
                let tape::Record { exchange, at, event } = record;
                if let Some(mut open) = self.gather.take(exchange, at, tape::Entry::Event(event)) {
                    if let Some(bytes) = taken.on_tape.get(&exchange) {
                        (open.on_tape, open.let_go) = (true, open.let_go + bytes);
                    }
                    self.over(exchange, open);
                }
            }
            self.read_back();
            self.gather.missing(&taken.on_tape);
            self.look_at_sockets();
            self.onlooker.look(&mut self.gather, &self.redactor);
            self.keep.flush_if_due();
            self.catch_up();
            if taken.closed {
                return self.last_tries();
            }
        }
    }

    /// What earlier runs left on the tape.
    fn recover(&mut self) {
        let shelf = Arc::clone(&self.shelf);
        let recovery = recover::open(&shelf);
        let mut count = 0_u64;
        let mut headless = HashSet::new();
        for found in recovery {
            match found {
                Found::Record { record, .. } => {
                    let tape::Stored { exchange, at, entry } = record;
                    if let Some(open) = self.gather.take(exchange, at, entry) {
                        count += 1;
                        self.recovered(exchange, open);
                    } else if !self.gather.has(exchange) {
                        headless.insert(exchange);
                    }
                }
                Found::Interrupted { exchange, .. } => {
                    add(&self.counters.interrupted, 1);
                    match self.gather.interrupt(exchange) {
                        Some(mut open) => {
                            count += 1;
                            cut_off(&mut open.exchange);
                            self.recovered(exchange, open);
                        }
                        None => {
                            headless.insert(exchange);
                        }
                    }
                }
                Found::Torn { .. } | Found::Bad { .. } | Found::Unreadable { .. } => {}
            }
        }
        self.read_back();
        // Their beginnings are gone: an earlier run had them in the store.
        headless.into_iter().for_each(|exchange| self.keep.commit(exchange));
        self.keep.flush();
        if count > 0 {
            let interrupted = self.counters.counts().interrupted;
            tracing::info!(exchanges = count, interrupted, "read what an earlier run had left on the tape");
        }
    }

    fn recovered(&mut self, id: ExchangeId, open: Open) {
        if self.keep.has(id) {
            self.keep.commit(id);
        } else {
            add(&self.counters.recovered, 1);
            self.over(id, open);
        }
    }

    /// An exchange has ended.
    fn over(&mut self, id: ExchangeId, open: Open) {
        self.sockets.remove(&id);
        self.onlooker.over(id);
        if !open.on_tape {
            return self.ended(open.whole());
        }
        add(&self.counters.to_tape, 1);
        if self.behind.put(id, open) {
            self.read_back();
        }
    }

    fn ended(&mut self, mut exchange: Exchange) {
        // A body that may not be kept is cut, too.
        self.redact(&mut exchange);
        let cut = [&exchange.request, &exchange.response].into_iter().filter(|body| body.lost > 0).count();
        add(&self.counters.cut_bodies, cut as u64);
        self.read(exchange, true);
    }

    /// Reads exchanges back that were let go of in memory. What the tape does not have either is lost, and marked.
    fn read_back(&mut self) {
        let mut open = self.behind.take();
        let ids: Vec<ExchangeId> = open.keys().copied().collect();
        self.fetch(&ids, |run, id, found| {
            if let Some(open) = open.remove(&id) {
                run.ended(behind::joined(open, found));
            }
        });
        for open in open.into_values() {
            self.ended(behind::without_bodies(open));
        }
    }

    /// Reads exchanges from the tape, and hands each out as it is whole there, or at last as far as it is there.
    fn fetch(&mut self, ids: &[ExchangeId], mut out: impl FnMut(&mut Self, ExchangeId, Exchange)) {
        if ids.is_empty() {
            return;
        }
        let mut gather = Gather::new(usize::MAX, self.max_body, Box::new(|_| (String::new(), None)));
        let (shelf, mut count) = (Arc::clone(&self.shelf), 0);
        let mut give = |run: &mut Self, id: ExchangeId, found: Open| {
            count += 1;
            let mut exchange = found.whole();
            (exchange.provider, exchange.dialect) = run.gather.upstream(&exchange.upstream);
            out(run, id, exchange);
        };
        let read = tape::fetch(&shelf, ids, &mut |tape::Stored { exchange, at, entry }| {
            if let Some(open) = gather.take(exchange, at, entry) {
                give(self, exchange, open);
            }
        });
        for id in gather.ids() {
            if let Some(open) = gather.interrupt(id) {
                give(self, id, open);
            }
        }
        let missing = ids.len().saturating_sub(count);
        if missing > 0 || read.is_err() {
            let why = read.err().map_or_else(|| "they are not there".to_owned(), |why| why.to_string());
            tracing::error!(exchanges = missing, "exchanges could not be read back from the tape: {why}");
        }
    }

    /// Takes out what must not be kept. Where that fails, nothing is kept that it should have gone through.
    fn redact(&self, exchange: &mut Exchange) {
        self.way.give();
        let redacting = std::panic::AssertUnwindSafe(|| self.redactor.redact(exchange));
        if std::panic::catch_unwind(redacting).is_ok() {
            return;
        }
        add(&self.counters.panics, 1);
        exchange.redactions = vec!["everything: the redaction failed".to_owned()];
        exchange.labels.clear();
        exchange.headers = Headers::default();
        (exchange.forwarded, exchange.target) = (exchange.path_and_query().0.to_owned(), None);
        if let Some(head) = &mut exchange.head {
            head.headers = Headers::default();
        }
        for direction in [Direction::Request, Direction::Response] {
            let body = exchange.body_mut(direction);
            body.lose();
            body.trailers = None;
        }
    }

    /// Reads an exchange and hands it on to be written.
    fn read(&mut self, exchange: Exchange, whole: bool) {
        let read = self.reader.read(&exchange);
        self.way.give();
        add(&self.counters.panics, u64::from(read.panicked));
        let mut observations = read.observed;
        if !whole {
            // What goes on has no reading yet, and is no observation of its own.
            let goes_on = Some(Status::Interrupted.name());
            let text = |one: &crate::store::Observed, key: &str| {
                one.head.get(key).and_then(|value| value.as_str()).map(str::to_owned)
            };
            observations
                .retain(|one| text(one, "dialect").is_some() && text(one, "status").as_deref() != goes_on);
            if observations.is_empty() {
                return;
            }
        }
        let id = exchange.id;
        self.keep.put(id, whole, Entry { exchange: Some(exchange), more: false, observations });
    }

    /// The same of an exchange out of which nothing has been taken yet.
    fn put(&mut self, mut exchange: Exchange, whole: bool) {
        self.redact(&mut exchange);
        self.read(exchange, whole);
    }

    /// A socket may be open for hours: its calls are written as they are complete.
    fn look_at_sockets(&mut self) {
        let now = Instant::now();
        let mut due = Vec::new();
        for id in self.gather.upgrades() {
            let Some(open) = self.gather.get_mut(id) else { continue };
            let answered = open.exchange.head.as_ref().is_some_and(|head| head.status == 101);
            if !answered || open.on_tape || !open.touched {
                continue;
            }
            let again = self.sockets.entry(id).or_insert(now);
            if *again <= now {
                open.touched = false;
                due.push((id, open.so_far()));
            }
        }
        for (id, exchange) in due {
            self.put(exchange, false);
            self.sockets.insert(id, now + SOCKET_PAUSE.max(now.elapsed() * SOCKET_SHARE));
        }
    }

    /// What was let go of while the store was down.
    fn catch_up(&mut self) {
        loop {
            let ids = self.keep.deferred();
            if ids.is_empty() {
                return;
            }
            let mut missing = ids.len() as u64;
            self.fetch(&ids, |run, _, exchange| {
                missing -= 1;
                run.put(exchange, true);
            });
            add(&self.counters.lost_exchanges, missing);
            self.keep.flush();
        }
    }

    /// Nothing more comes. What the store does not take now is on the tape.
    fn last_tries(mut self) {
        for id in self.gather.ids() {
            if let Some(mut open) = self.gather.interrupt(id) {
                cut_off(&mut open.exchange);
                self.over(id, open);
            }
        }
        self.read_back();
        let end = Instant::now() + LAST_TRIES;
        self.keep.flush();
        while !self.keep.is_idle() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
            self.keep.flush();
            self.catch_up();
        }
        if !self.keep.is_idle() {
            tracing::warn!("the store did not take everything: the rest is on the tape, for the next start");
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
