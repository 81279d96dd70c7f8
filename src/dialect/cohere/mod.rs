//! What Cohere speaks: chat in two versions, its older generate, and embeddings. Rerank is with the others' rerank.

pub mod chat;
pub mod embed;
pub mod generate;
mod listen;
pub mod usage;
