//! The way out to other systems: what was recorded, as spans, to wherever a team looks at them.
//!
//! ```text
//! store ──▶ intake: what is new, kept as waiting ──▶ ready: finished and settled ──▶ batch, by bytes ──▶ send
//!   ▲                                                                                                      │
//!   └────────────────────────── sent, refused: kept in the same store ◀───────────────────────────────────┘
//! ```
//!
//! Invariant: nothing is forgotten before the destination has said that it has it, and nothing is sent before it is
//! finished. Whoever is interrupted between sending and keeping sends once more, under the same ids.

mod config;
mod counts;
mod deliver;
mod destination;
mod live;
mod once;
mod ready;
mod run;
mod steps;

pub use config::{Config, Parent, SETTINGS};
pub use counts::Counts;
pub use destination::Destination;
pub use once::{Once, Pushed, push};
pub use run::{Push, Sources};
