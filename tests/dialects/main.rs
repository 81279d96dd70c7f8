//! Every dialect against its fixtures: an exchange and what is read from it, side by side.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod corpus;
mod fixture;
mod record;
mod run;
mod sockets;
