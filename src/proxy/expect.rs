//! A request body that waits until the upstream wants it.
//!
//! A client that sends `Expect: 100-continue` holds its body back. hyper tells it to go on when the body is first read,
//! so the body is not read before the upstream has said 100; if it answers at once instead, the body is never asked for.
//! An upstream that has said nothing for a second is taken to ignore the header, as curl does.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Sleep;

/// How long to wait for a 100 before the body is sent without one.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Default)]
struct State {
    open: bool,
    waker: Option<Waker>,
}

/// Opens its `Gate`.
#[derive(Clone, Default)]
pub struct Opener(Arc<Mutex<State>>);

impl Opener {
    pub fn open(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.open = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pub struct Gate {
    opener: Opener,
    patience: Pin<Box<Sleep>>,
}

impl Gate {
    pub fn new(opener: Opener) -> Self {
        Self { opener, patience: Box::pin(tokio::time::sleep(PATIENCE)) }
    }

    /// Ready once the body may be read.
    pub fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.opener.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open || self.patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
