//! The tape: what relays hand over, behind a queue that is bounded in bytes and events, and the journal that it is written
//! to. Knows bytes, not models.
//!
//! ```text
//! Tap ──▶ Queue ──▶ Reader ──▶ Journal ──▶ segments ──▶ Recovery      after a crash
//!                                │  └ Keeper: credentials out
//!                              Shelf: which segments are still needed
//! ```
//!
//! Invariant: nothing here makes a relay wait. A push takes a lock that is held for a few instructions; what does not
//! fit is left out, counted, and marked on the exchange it belongs to. Files are the reader's thread's alone.

mod config;
mod event;
mod queue;
mod reader;
mod tap;
mod secret;
pub mod format;
mod segment;
mod shelf;
mod counts;
mod sync;
mod writer;
mod journal;
mod scan;
pub mod recover;
mod fetch;

#[cfg(test)]
mod testing;

pub use config::{Config, Overload, SETTINGS, Sync};
pub use counts::{JournalCounters, JournalCounts};
pub use event::{Begin, Event, Record, ResponseHead, lines_of};
pub use fetch::fetch;
pub use format::{Entry, Stored};
pub use journal::Journal;
pub use queue::{Counters, Counts, Queue, Room};
pub use reader::{Reader, Sink, Tally, TallyCounts};
pub use recover::{Found, Recovered, Recovery};
pub use secret::{Keeper, KeyFile};
pub use shelf::Shelf;
pub use tap::Tap;
