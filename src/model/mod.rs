//! The nouns everyone shares. No I/O here, and nothing that knows how a noun came to be.

pub mod exchange;
pub mod setting;

pub use exchange::{Closer, Direction, Ending, ExchangeId, Label, Micros};
