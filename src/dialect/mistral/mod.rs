//! What Mistral speaks beside what it took over from OpenAI: conversations that it keeps, and documents read.

pub mod conversations;
mod entry;
pub mod ocr;
