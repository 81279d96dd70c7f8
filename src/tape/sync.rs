//! The thread that makes written bytes durable, so that a slow disk holds up nobody who writes, and the last bytes before a
//! silence become durable too.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::counts::JournalCounters;

const LONGEST: Duration = Duration::from_secs(3600);

/// The thread, and what it has to do. Dropping it does what is left and ends the thread.
pub struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Files written to since they were last synced.
    dirty: Mutex<Vec<Arc<File>>>,
    stop: AtomicBool,
    failed: AtomicBool,
    counters: Arc<JournalCounters>,
}

impl Syncer {
    /// Starts the thread. A file is synced at most `interval` after it was marked.
    pub fn start(interval: Duration, counters: Arc<JournalCounters>) -> io::Result<Self> {
        let shared = Arc::new(Shared { counters, ..Shared::default() });
        let working = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("tape-sync".to_owned())
            .spawn(move || work(&working, interval))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// This file has bytes that are not durable yet.
    pub fn mark(&self, file: &Arc<File>) {
        let mut dirty = self.shared.dirty.lock().unwrap_or_else(PoisonError::into_inner);
        if dirty.iter().any(|known| Arc::ptr_eq(known, file)) {
            return;
        }
        dirty.push(Arc::clone(file));
        drop(dirty);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Whether a sync has failed since this was last asked.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.swap(false, Ordering::Relaxed)
    }
}

fn work(shared: &Shared, interval: Duration) {
    // A time that a clock can tell, whatever was configured.
    let interval = interval.min(LONGEST);
    loop {
        // Asked before taking: what was marked before the stop is then synced for certain.
        let stop = shared.stop.load(Ordering::Acquire);
        let dirty = std::mem::take(&mut *shared.dirty.lock().unwrap_or_else(PoisonError::into_inner));
        for file in &dirty {
            shared.counters.synced();
            if let Err(why) = file.sync_data() {
                shared.failed.store(true, Ordering::Relaxed);
                tracing::warn!("the tape cannot be made durable: {why}");
            }
        }
        if stop {
            return;
        }
        if dirty.is_empty() {
            std::thread::park();
        }
        // Also after the first mark behind a silence, so that what comes in an interval is synced together. Further marks
        // wake the thread; it goes back to sleep.
        let due = Instant::now() + interval;
        while !shared.stop.load(Ordering::Acquire) {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the tape's syncing had panicked");
            }
        }
    }
}
