//! What Anthropic speaks, and all who speak like it.

pub mod answer;
pub mod batches;
pub mod complete;
mod content;
pub mod count_tokens;
pub mod messages;
pub mod request;
mod usage;
