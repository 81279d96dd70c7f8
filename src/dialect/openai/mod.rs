//! What OpenAI speaks, and all who speak like it.

pub mod chat;
pub(super) mod content;
mod executed;
mod head;
mod merge;
pub(super) mod usage;
