//! Records as lines of JSON: all that is known of each step, and what `import` takes in.

use super::encode::{EncodeError, Encoder, Step};
use super::format::{Format, Takes};
use super::record::line;

pub const FORMAT: Format = Format {
    name: "jsonl",
    extension: "jsonl",
    media_type: "application/x-ndjson",
    help: "Records as lines of JSON, all of each; import takes them in.",
    is_binary: false,
    takes: Takes::Steps(|_| Box::new(Jsonl)),
};

struct Jsonl;

impl Encoder<Step> for Jsonl {
    fn put(&mut self, step: &Step, out: &mut Vec<u8>) -> Result<u64, EncodeError> {
        out.extend_from_slice(line(&step.record).as_bytes());
        Ok(1)
    }
}
