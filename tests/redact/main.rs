//! What must not be kept, from the outside: whatever way a secret is written, cut, framed or compressed, it does not
//! survive, and everything else does.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod encoded;
mod frames;
mod passes;
mod sockets;
mod stream;
mod support;
mod text;
