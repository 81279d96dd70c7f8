//! The tape: what relays hand over, behind a queue that is bounded in bytes and events. Knows bytes, not models.
//!
//! Invariant: nothing here makes a relay wait. A push takes a lock that is held for a few instructions; what does not
//! fit is left out, counted, and marked on the exchange it belongs to.

mod config;
mod event;
mod queue;
mod reader;
mod tap;

pub use config::{Config, SETTINGS};
pub use event::{Begin, Event, Headers, Record, ResponseHead};
pub use queue::{Counters, Counts, Queue};
pub use reader::{Reader, Sink, Tally, TallyCounts};
pub use tap::Tap;
