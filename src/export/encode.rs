//! What a form of export is made of: items in, bytes out. Pure: what is asked of the store stands elsewhere, so that the
//! command line and the web side write the same bytes.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::talk::Said;
use crate::model::Exchange;
use crate::store::{Row, Stored, Summary};

/// Turns items into bytes. What it keeps from one item to the next is bounded.
pub trait Encoder<T: ?Sized>: Send {
    /// What stands before the first item, also where there is none.
    fn begin(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }

    /// Adds an item. Says how many things it wrote: 0 where this form has no room for the item.
    fn put(&mut self, item: &T, out: &mut Vec<u8>) -> Result<u64, EncodeError>;

    /// What stands behind the last item.
    fn end(&mut self, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// An item that could not be written, in words.
#[derive(Debug)]
pub struct EncodeError(pub String);

/// An observation.
#[derive(Debug, Default)]
pub struct Step {
    /// Its record; without what was said where a form does not ask for that.
    pub record: Map<String, Value>,
    /// Where what the user said last begins, and the answer.
    pub input_preview: String,
    pub output_preview: String,
}

/// What was on the wire, and what was read from it.
#[derive(Debug)]
pub struct Wire {
    pub exchange: Exchange,
    pub observations: Vec<Stored>,
}

/// A trace as it comes: its beginning, its steps by their begin, its end.
#[derive(Debug)]
pub enum InTrace {
    Begin(Box<Trace>),
    Step(Box<Step>),
    End,
}

/// A trace as the conversation it was.
#[derive(Debug)]
pub enum InTalk {
    Begin(Box<Trace>),
    /// What was said at a step, which is this one of the trace's rows.
    Said {
        row: usize,
        said: Said,
        /// The answer of a model, and not what was sent to it.
        is_answer: bool,
    },
    End,
}

/// What is known of a trace before its steps come.
#[derive(Clone, Debug)]
pub struct Trace {
    pub summary: Summary,
    /// Every step as a list shows it.
    pub rows: Arc<[Row]>,
}
