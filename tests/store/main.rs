//! What any store promises, tested on each engine there is.
//!
//! ```text
//! cargo test --test store
//! ```

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod support;
mod back;
mod lists;
mod sums;
mod prune;
mod files;
mod sql;
mod prompts;
mod annotations;
