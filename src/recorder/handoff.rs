//! From the tape's thread to the recorder's: what has been written down, behind a bound. Nobody waits here for the
//! recorder: what does not fit is let go of, for it lies on the tape.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::ExchangeId;
use crate::tape::{Event, Journal, Record, Sink};

/// What an event costs beside its bytes, about.
const EVENT_COST: usize = 128;

/// What waits for the recorder.
pub struct Handoff {
    state: Mutex<State>,
    ready: Condvar,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    bytes: usize,
    /// Exchanges of which bytes were let go of, and how many.
    on_tape: HashMap<ExchangeId, usize>,
    closed: bool,
}

/// What the recorder takes over.
pub struct Taken {
    pub records: Vec<Record>,
    /// Exchanges of which bytes are missing in the records, and how many.
    pub on_tape: HashMap<ExchangeId, usize>,
    /// Nothing more comes.
    pub closed: bool,
}

impl Handoff {
    pub fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), ready: Condvar::new(), max_bytes })
    }

    /// Waits until there is something to take over, or as long as `patience`.
    pub fn take(&self, patience: Duration) -> Taken {
        let mut state = self.lock();
        if state.records.is_empty() && !state.closed {
            let waited = self.ready.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.bytes = 0;
        let on_tape = std::mem::take(&mut state.on_tape);
        Taken { records: std::mem::take(&mut state.records), on_tape, closed: state.closed }
    }

    /// The tape's thread has ended.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    fn put(&self, records: &mut Vec<Record>) {
        let mut state = self.lock();
        state.records.reserve(records.len());
        for record in records.drain(..) {
            let size = size(&record);
            let marked = state.on_tape.contains_key(&record.exchange);
            if size > 0 && (marked || state.bytes.saturating_add(size) > self.max_bytes) {
                *state.on_tape.entry(record.exchange).or_default() += size;
                if let Some(record) = without_bytes(&record) {
                    state.bytes += EVENT_COST;
                    state.records.push(record);
                }
                continue;
            }
            state.bytes += size + EVENT_COST;
            state.records.push(record);
        }
        drop(state);
        self.ready.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a body.
fn size(record: &Record) -> usize {
    match &record.event {
        Event::Data(_, bytes) | Event::Last(_, bytes) => bytes.len(),
        Event::Begin(_)
        | Event::Informational(_)
        | Event::Head(_)
        | Event::Trailers(..)
        | Event::Closed { .. } => 0,
    }
}

/// The same without its bytes; nothing where it says nothing else.
fn without_bytes(record: &Record) -> Option<Record> {
    match record.event {
        Event::Last(direction, _) => {
            let event = Event::Last(direction, bytes::Bytes::new());
            Some(Record { event, exchange: record.exchange, at: record.at })
        }
        _ => None,
    }
}

/// Both ends of the tape's thread: what it takes is written down, then handed over.
pub struct Tape {
    pub journal: Journal,
    pub handoff: Arc<Handoff>,
}

impl Sink for Tape {
    fn take(&mut self, records: &mut Vec<Record>) {
        self.journal.take(records);
        self.handoff.put(records);
    }

    fn is_stuck(&mut self) -> bool {
        self.journal.is_stuck()
    }

    fn idle(&mut self) -> bool {
        self.journal.idle()
    }
}
