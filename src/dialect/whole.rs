//! Answers that come whole: one JSON body, or the elements of one array.

use serde_json::Value;

use super::error::in_event;
use super::json::parse;
use super::{Answer, Finished, Heard};
use crate::model::{Answered, Asked};

/// Reads each JSON of an answer into what was answered.
pub struct Whole<R> {
    read: R,
    answered: Answered,
}

impl<R: FnMut(&Value, &mut Answered) + Send> Whole<R> {
    pub fn new(read: R) -> Self {
        Self { read, answered: Answered::default() }
    }
}

impl<R: FnMut(&Value, &mut Answered) + Send> Answer for Whole<R> {
    fn event(&mut self, heard: Heard<'_>) {
        if let Some(error) = in_event(&heard) {
            self.answered.error = Some(error);
        }
        if !heard.json.is_null() {
            (self.read)(&heard.json, &mut self.answered);
            self.answered.complete = true;
        }
    }

    fn finish(self: Box<Self>, _asked: &mut Asked) -> Finished {
        self.answered.into()
    }
}

/// A request's body as JSON; where it is none, what was asked says so.
pub fn request(body: &[u8], asked: &mut Asked) -> Value {
    parse(body).unwrap_or_else(|why| {
        asked.problems.push(format!("request: {why}"));
        Value::Null
    })
}
