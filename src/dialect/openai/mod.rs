//! What OpenAI speaks, and all who speak like it.

pub mod chat;
pub mod completions;
pub(super) mod content;
pub mod embeddings;
mod executed;
mod head;
pub mod images;
mod merge;
pub mod moderations;
pub mod realtime;
pub mod responses;
pub mod speech;
pub mod transcriptions;
pub mod usage;
