//! wiretape: a tape recorder on the wire between AI agents and model providers.
//!
//! This file is the map. Data flows down the list; a room knows only rooms above it (`tests/architecture.rs` holds
//! which), and what is read from the wire never flows back up to it:
//!
//! ```text
//! client ──▶ proxy ──▶ provider        the data plane: bytes through, unchanged
//!              │
//!              ▼ reference-counted copies
//!             tape                      the bounded queue behind it
//!              │
//!              ▼ bytes as they came
//!            dialect                    what a provider said: events out of bytes
//!
//! trace                                 which trace and session a reading belongs to, pure
//! redact                                what must not be kept, taken out before anything is
//! tokens                                what a call used, counted where the provider did not say
//! price                                 what a call costs: usage × price table, pure
//! store                                 what was recorded, each piece of it once
//! recorder                              joins them: tape → dialect → trace → price → store
//! html                                  values to markup, pure; what was recorded is hostile there
//! export                                from the store out: whole records
//! web                                   the pages, the API and the live feed, on a port of their own
//! push                                  spans to other systems, as they come and after the fact
//! ```
//!
//! Beside them all stand `turns`, whose turn it is on a CPU, and `demo`, which only calls.

pub mod model;
pub mod turns;
pub mod tape;
pub mod proxy;
pub mod dialect;
pub mod trace;
pub mod redact;
pub mod tokens;
pub mod price;
pub mod store;
pub mod recorder;
pub mod html;
pub mod export;
pub mod push;
pub mod web;
pub mod config;
pub mod app;
pub mod demo;
pub mod cli;
