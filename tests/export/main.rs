//! Every form of export against the same recordings: nothing, one call, tools, errors, a cut stream, a socket, hostile and
//! foreign texts. Each must be well-formed, whole, the same each time, and let nothing out that must stay.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod calls;
mod contract;
#[path = "../dialects/fixture.rs"]
#[expect(dead_code, reason = "of a fixture only the exchange is wanted")]
mod fixture;
mod forms;
mod rounds;
mod support;
