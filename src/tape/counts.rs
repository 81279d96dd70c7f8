//! What the journal has done and what it has left out, for those who watch it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters of one journal.
#[derive(Debug, Default)]
pub struct JournalCounters {
    batches: AtomicU64,
    writes: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    failures: AtomicU64,
    left_out_exchanges: AtomicU64,
    left_out_bytes: AtomicU64,
    cut_bodies: AtomicU64,
    full: AtomicBool,
    down: AtomicBool,
}

/// The counters' values at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalCounts {
    pub batches: u64,
    /// Buffers written, whole or in part.
    pub writes: u64,
    pub bytes: u64,
    /// Times that a segment was made durable.
    pub syncs: u64,
    /// Times that something could not be written or made durable.
    pub failures: u64,
    /// Exchanges of which nothing was written.
    pub left_out_exchanges: u64,
    /// Body bytes that were not written, `tape.content = false` aside.
    pub left_out_bytes: u64,
    /// Bodies that end early on the tape for this.
    pub cut_bodies: u64,
    /// The tape has no room for bodies now.
    pub full: bool,
    /// The tape cannot be written now.
    pub down: bool,
}

impl JournalCounters {
    pub fn counts(&self) -> JournalCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        JournalCounts {
            batches: read(&self.batches),
            writes: read(&self.writes),
            bytes: read(&self.bytes),
            syncs: read(&self.syncs),
            failures: read(&self.failures),
            left_out_exchanges: read(&self.left_out_exchanges),
            left_out_bytes: read(&self.left_out_bytes),
            cut_bodies: read(&self.cut_bodies),
            full: self.full.load(Ordering::Relaxed),
            down: self.down.load(Ordering::Relaxed),
        }
    }

    pub(super) fn took_batch(&self) {
        self.batches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, bytes: u64) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn synced(&self) {
        self.syncs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left_out_exchange(&self) {
        self.left_out_exchanges.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left_out_bytes(&self, bytes: u64) {
        self.left_out_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn cut_body(&self) {
        self.cut_bodies.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_full(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }

    pub(super) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}
