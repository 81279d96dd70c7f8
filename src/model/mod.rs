//! The nouns everyone shares. No I/O here, and nothing that knows how a noun came to be.

pub mod setting;
