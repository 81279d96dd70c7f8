//! An exchange: one HTTP request and its response, or one upgraded connection, as bytes with times.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// The wall clock's time. A clock before 1970 reads as 0 rather than failing a call over it.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

/// Names one exchange. Ids sort by the time they were made: 48 bits of milliseconds, then 16 bits that tell processes
/// apart, then a counter of the process, so that two exchanges of one process never share an id and those of two
/// recorders before one store practically never do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(u128);

static COUNTER: AtomicU32 = AtomicU32::new(0);

impl ExchangeId {
    /// A new id. `process` is drawn at random once a process; its low 48 bits are used.
    pub fn new(at: Micros, process: u64) -> Self {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let millis = u128::from(at.0 / 1000) & 0xffff_ffff_ffff;
        Self(millis << 80 | u128::from(process & 0xffff_ffff_ffff) << 32 | u128::from(count))
    }

    /// Which process saw it: the number that this gave itself when it began.
    pub fn process(self) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "48 bits of it are the process'")]
        let process = (self.0 >> 32) as u64;
        process & 0xffff_ffff_ffff
    }

    /// In the order in which ids sort.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the upstream.
    Request,
    /// From the upstream to the client.
    Response,
}

/// How one direction of an exchange came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The sender said that this was all.
    Complete,
    /// It broke off before that.
    Broken {
        /// Who broke it off.
        by: Closer,
        /// What the transport said, for people.
        why: String,
    },
}

/// Who ended something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Closer {
    /// The side that asked.
    Client,
    /// The side that answers.
    Upstream,
    /// This program: a time-out, a limit, a shutdown.
    Us,
}

/// What a caller says about its call: `session`, `user`, `tag`, or a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The part before `=`, or after `x-wiretape-`.
    pub key: String,
    /// The value, percent-decoded where it came in a path.
    pub value: String,
}
