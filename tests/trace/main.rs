//! Where calls are put: played sessions of which each call's place is known, in any order; and a corpus of recorded ones.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod agent;
mod corpus;
mod cost;
mod habits;
mod memory;
mod order;
#[path = "../dialects/record.rs"]
mod record;
mod sessions;
mod stored;
mod wire;
