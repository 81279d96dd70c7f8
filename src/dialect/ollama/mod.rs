//! What Ollama speaks on its own paths. A stream is a JSON object a line, and comes unless the caller declines it.

pub mod chat;
pub mod embed;
pub mod generate;
mod listen;
