//! Work that lets others go first: the threads that relay are woken for a moment at a time, and on a machine whose cores are
//! all busy they would wait until the one that records has used up its turn, which is milliseconds.

use std::time::{Duration, Instant};

/// Work of a while, done in small pieces. Whoever has worked for so long lets nobody go first any more: where others take all
/// the time there is, records would wait for ever.
#[derive(Clone, Copy, Debug)]
pub struct Way(Instant);

const LONGEST: Duration = Duration::from_millis(250);

impl Way {
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// To be called between pieces of tens of microseconds.
    pub fn give(&self) {
        if self.0.elapsed() < LONGEST {
            std::thread::yield_now();
        }
    }
}
