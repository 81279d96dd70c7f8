//! Spans out and in: what is recorded arrives at collectors once and finished, whatever goes wrong on the way, and what
//! applications send stands beside the calls that it belongs to.
//!
//! ```text
//! cargo test --test otlp
//! ```
//!
//! Each test runs the program itself, between a scripted provider and a scripted collector on this machine.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

#[path = "../record/support.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod support;
#[path = "../record/provider.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod provider;
mod collector;
mod calls;
mod live;
mod trouble;
mod push;
mod projections;
mod ingest;
