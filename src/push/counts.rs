//! What became of what was to be sent, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How it stands with a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub destination: String,
    /// Spans that it took since this program began.
    pub sent: u64,
    /// Calls that failed, and will be made again.
    pub failed: u64,
    /// Spans that it refused, which are kept aside.
    pub parked: u64,
    /// Spans that it said it left out of a batch it took.
    pub rejected: u64,
    /// What waits now: what is not finished, too.
    pub waiting: u64,
    /// Milliseconds that the oldest finished step has waited.
    pub lag_ms: u64,
    /// What went wrong last, where nothing has gone right since.
    pub last_error: Option<String>,
}

/// The same, being counted.
#[derive(Debug, Default)]
pub struct Counters {
    pub name: String,
    pub sent: AtomicU64,
    pub failed: AtomicU64,
    pub parked: AtomicU64,
    pub rejected: AtomicU64,
    pub waiting: AtomicU64,
    pub lag_ms: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl Counters {
    pub fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), ..Self::default() })
    }

    pub fn add(&self, to: &AtomicU64, count: usize) {
        to.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Says what went wrong last. True where that is news.
    pub fn wrong(&self, why: Option<String>) -> bool {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = *last != why;
        *last = why;
        is_news
    }

    pub fn counts(&self) -> Counts {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let Self { name, sent, failed, parked, rejected, waiting, lag_ms, last_error } = self;
        Counts {
            destination: name.clone(),
            sent: count(sent),
            failed: count(failed),
            parked: count(parked),
            rejected: count(rejected),
            waiting: count(waiting),
            lag_ms: count(lag_ms),
            last_error: last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
