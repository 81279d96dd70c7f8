//! From the store out: records as other programs take them.
//!
//! ```text
//! store ──▶ walk: rows, records, exchanges, traces ──▶ leave: less what must not leave ──▶ Encoder of a form ──▶ bytes
//! ```
//!
//! The store has a record's head; what was said is read again from the exchange's bytes, by today's dialects. A new form is
//! a file here and a line in `format`.

mod atif;
mod beside;
mod chat;
mod columns;
mod csv;
mod encode;
mod finetune;
mod format;
mod har;
mod import;
mod jsonl;
mod leave;
mod markdown;
mod notes;
mod page;
#[cfg(feature = "parquet")]
mod parquet;
pub mod otlp;
mod raw;
mod record;
mod run;
mod sharegpt;
mod walk;
mod wanted;

pub mod parts;
pub mod prompts;
pub mod story;
pub mod summary;
pub mod talk;
pub mod tree;
pub mod words;

pub use beside::{Beside, Source};
pub use columns::{COLUMNS, ColumnKind};
pub use encode::{EncodeError, Encoder, InTalk, InTrace, Step, Trace, Wire};
pub use format::{FORMATS, Format, Takes, format};
pub use har::{Entries as HarEntries, exchange as har_exchange, upstream as har_upstream};
pub use import::entry as import_line;
pub use leave::Leave;
pub use record::{Records, line};
pub use run::{Export, Failed};
pub use wanted::{Origin, Sample, Wanted, share};
