//! The API and the pages as programs and browsers ask for them, over what the demo recorded.
//!
//! ```text
//! cargo test --test api
//! ```

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

mod support;
mod shapes;
mod pages;
mod safety;
mod live;
