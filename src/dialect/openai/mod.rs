//! What OpenAI speaks, and all who speak like it.

pub mod chat;
mod content;
mod usage;
