//! What the demo's agents and provider share. An agent puts the answer that it wants here under the very bytes of its
//! request, and the provider looks there: that it finds it shows that the bytes came through as they were sent.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// An answer as it is to go out.
#[derive(Clone, Debug)]
pub struct Staged {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub content_type: &'static str,
    /// Before the head.
    pub think: Duration,
    pub pieces: VecDeque<Bytes>,
    /// Between two pieces.
    pub gap: Duration,
    pub ending: Ending,
}

/// What happens where the pieces end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    #[default]
    Whole,
    /// The provider breaks off.
    Breaks,
    /// More would come, but the client does not wait for it.
    Waits,
}

impl Staged {
    /// An answer in one piece.
    pub fn at_once(body: &Value) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            content_type: "application/json",
            think: Duration::ZERO,
            pieces: VecDeque::from([Bytes::from(body.to_string())]),
            gap: Duration::ZERO,
            ending: Ending::Whole,
        }
    }
}

/// Where it is played.
#[derive(Debug)]
pub struct Stage {
    /// Where agents call.
    pub proxy: SocketAddr,
    /// All pauses are divided by this; 0: there are none.
    pub pace: u32,
    answers: Mutex<HashMap<Bytes, VecDeque<Staged>>>,
    calls: AtomicU64,
}

impl Stage {
    pub fn new(proxy: SocketAddr, pace: u32) -> Self {
        Self { proxy, pace, answers: Mutex::default(), calls: AtomicU64::new(0) }
    }

    pub fn put(&self, request: Bytes, answer: Staged) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(request).or_default().push_back(answer);
    }

    pub fn take(&self, request: &Bytes) -> Option<Staged> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = answers.get_mut(request)?;
        let answer = waiting.pop_front();
        if waiting.is_empty() {
            answers.remove(request);
        }
        answer
    }

    /// Answers that nobody came for: their requests came through as something else, or not at all.
    pub fn left(&self) -> usize {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.values().map(VecDeque::len).sum()
    }

    /// Calls that agents have made.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub fn paced(&self, millis: u64) -> Duration {
        Duration::from_millis(millis).checked_div(self.pace).unwrap_or_default()
    }

    pub async fn pause(&self, millis: u64) {
        let pause = self.paced(millis);
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}
