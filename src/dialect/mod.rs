//! What providers speak: pure functions from an exchange's bytes to what was said.
//!
//! Invariant: no I/O, no clock, and no panic whatever the bytes are. Readers take bytes as they come, so that a stream can
//! be watched while it grows, and how the bytes were cut into chunks never shows in what they read.

pub mod framing;
