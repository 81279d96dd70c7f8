//! What the recorder has done and what it could not do, for those who watch it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::meter::Meters;

/// Counters of one recorder.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) exchanges: AtomicU64,
    pub(super) observations: AtomicU64,
    pub(super) recovered: AtomicU64,
    pub(super) interrupted: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) to_tape: AtomicU64,
    pub(super) cut_bodies: AtomicU64,
    pub(super) lost_exchanges: AtomicU64,
    pub(super) store_failures: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) store_down: AtomicBool,
    last_error: Mutex<Option<String>>,
    /// What calls took and used.
    pub meters: Meters,
}

/// The counters' values at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exchanges that are in the store.
    pub exchanges: u64,
    /// What was read from them.
    pub observations: u64,
    /// Of the exchanges: left on the tape by an earlier run.
    pub recovered: u64,
    /// Of those: cut off by the end of that run.
    pub interrupted: u64,
    /// Readers that panicked. The bytes are kept all the same.
    pub panics: u64,
    /// Exchanges that were let go of in memory and read back from the tape.
    pub to_tape: u64,
    /// Bodies of which the end is missing in the store.
    pub cut_bodies: u64,
    /// Exchanges that began and could not be kept.
    pub lost_exchanges: u64,
    /// Times that the store did not take something.
    pub store_failures: u64,
    /// Exchanges that have ended and are not in the store yet.
    pub waiting: u64,
    /// The store does not take anything just now.
    pub store_down: bool,
    /// What the store said last.
    pub last_error: Option<String>,
}

/// What tape and recorder have done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    pub journal: crate::tape::JournalCounts,
    pub recorder: Counts,
    /// What lies on the tape now.
    pub tape_bytes: u64,
}

impl Counters {
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            exchanges: read(&self.exchanges),
            observations: read(&self.observations),
            recovered: read(&self.recovered),
            interrupted: read(&self.interrupted),
            panics: read(&self.panics),
            to_tape: read(&self.to_tape),
            cut_bodies: read(&self.cut_bodies),
            lost_exchanges: read(&self.lost_exchanges),
            store_failures: read(&self.store_failures),
            waiting: read(&self.waiting),
            store_down: self.store_down.load(Ordering::Relaxed),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn failed(&self, why: String) {
        add(&self.store_failures, 1);
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
