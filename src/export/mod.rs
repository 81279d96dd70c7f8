//! From the store out: records as other programs take them.
//!
//! The store has a record's head; what was said is read again from the exchange's bytes, by today's dialects.

mod beside;
mod import;
mod jsonl;
mod raw;
mod record;
pub mod parts;
pub mod prompts;
pub mod story;
pub mod summary;
pub mod talk;
pub mod tree;
pub mod words;

pub use beside::{Beside, Source};
pub use import::entry as import_line;
pub use jsonl::{Failed, Options, write as jsonl};
pub use record::{Records, line};
