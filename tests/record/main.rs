//! The record from end to end: what passes by is there afterwards, once and whole, whatever goes wrong.
//!
//! ```text
//! cargo test --test record
//! ```
//!
//! Each test runs the program itself, in a data folder of its own, before a scripted provider on this machine.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod support;
mod provider;
mod passes;
mod places;
mod secrets;
mod sockets;
mod crash;
mod large;
mod trouble;
mod settings;
mod moved;
mod story;
