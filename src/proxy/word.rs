//! A word to everything that runs, such as to stop: cheap to ask about with each byte, and possible to wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// A token alone would do, but asking and cloning one takes a lock each time.
#[derive(Clone, Default)]
pub struct Word(Arc<(AtomicBool, CancellationToken)>);

impl Word {
    /// Another word, which is heard when this one is, and can be said alone. It counts as said only once it is said.
    pub fn narrower(&self) -> Self {
        Self(Arc::new((AtomicBool::new(false), self.0.1.child_token())))
    }

    pub fn say(&self) {
        self.0.0.store(true, Ordering::Release);
        self.0.1.cancel();
    }

    pub fn is_said(&self) -> bool {
        self.0.0.load(Ordering::Acquire)
    }

    /// Waits until it is said.
    pub fn heard(&self) -> WaitForCancellationFuture<'_> {
        self.0.1.cancelled()
    }
}
