//! What goes out to other systems: how far each destination has got, and what it waits for.

use super::Cursor;
use crate::model::{Micros, ObservationId, TraceId};

/// Something that is sent once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outgoing {
    Step(ObservationId),
    /// The span that stands for a whole trace.
    Root(TraceId),
}

/// How it stands with a destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbox {
    /// Behind this observation, in the order in which they came, nothing was looked at.
    pub cursor: Cursor,
    /// What was looked at and is not sent, the oldest first.
    pub waiting: Vec<Waiting>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub what: Outgoing,
    pub since: Micros,
}

/// What a destination refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Parked {
    pub destination: String,
    pub what: Outgoing,
    pub at: Micros,
    pub why: String,
}

/// What becomes of things on their way: all of it is kept, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sending {
    /// All before this has been looked at.
    pub cursor: Option<Cursor>,
    /// Has to be sent. What waits already, was sent or was refused stays as it is.
    pub waiting: Vec<Waiting>,
    /// Was sent, or need not be.
    pub sent: Vec<Outgoing>,
    pub parked: Vec<(Outgoing, String)>,
}

impl Sending {
    pub fn is_empty(&self) -> bool {
        let Self { cursor, waiting, sent, parked } = self;
        cursor.is_none() && waiting.is_empty() && sent.is_empty() && parked.is_empty()
    }
}
