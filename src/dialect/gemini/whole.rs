//! Listens to answers that are one JSON body.

use serde_json::Value;

use crate::dialect::error::in_json;
use crate::dialect::{Answer, Finished, Heard};
use crate::model::{ApiError, Asked};

/// Reads a body once it is there.
pub type Read = fn(&Value, &mut Asked) -> Finished;

/// Keeps the body, and reads it at the end.
pub struct Whole {
    read: Read,
    body: Value,
    error: Option<ApiError>,
}

impl Whole {
    pub fn boxed(read: Read) -> Box<dyn Answer> {
        Box::new(Self { read, body: Value::Null, error: None })
    }
}

impl Answer for Whole {
    fn event(&mut self, heard: Heard<'_>) {
        if let Some(error) = in_json(&heard.json, None) {
            self.error = Some(error);
        }
        if self.body.is_null() {
            self.body = heard.json;
        }
    }

    fn finish(self: Box<Self>, asked: &mut Asked) -> Finished {
        if self.body.is_null() {
            return Finished::default();
        }
        let mut finished = (self.read)(&self.body, asked);
        finished.answered.complete = true;
        if finished.answered.error.is_none() {
            finished.answered.error = self.error;
        }
        finished
    }
}
