//! What OpenAI speaks, and all who speak like it.

pub mod chat;
mod content;
pub mod realtime;
pub mod responses;
pub mod usage;
