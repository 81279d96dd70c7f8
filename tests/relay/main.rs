//! The relay between a client and an upstream that speak raw bytes: what arrives is what was sent, and ends as it ended.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what went wrong by panicking")]

mod early;
mod endings;
mod heads;
mod bodies;
mod http2;
mod stop;
mod support;
mod tape;
mod upgrade;
mod via;
