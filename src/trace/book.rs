//! What is known of other calls: the few look-ups that placing one takes. A store answers them in the transaction that
//! writes the call, so that several recorders before one store agree.

use std::sync::Arc;

use super::facts::Facts;
use super::mark::{Mark, MarkKind};
use super::told::Told;
use super::tool::{Answer, Tool};
use crate::model::{Link, Micros, ObservationId, TraceId};

/// A call that was placed.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub id: ObservationId,
    pub start: Micros,
    pub end: Option<Micros>,
    pub failed: bool,
    /// What it asked cannot be answered.
    pub is_refused: bool,
    /// It is seen elsewhere already: another recorder before the same provider saw it too.
    pub is_double: bool,
    pub is_beside: bool,
    pub trace: TraceId,
    pub session: Option<String>,
    pub parent: Option<ObservationId>,
    pub prior: Option<ObservationId>,
    pub attempt: u32,
    /// The program that called.
    pub client: Option<String>,
    /// The process that recorded it, where that is known.
    pub process: Option<u64>,
    /// Of a tool's call: the how-manieth of its answer.
    pub place: usize,
}

/// Where a call belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub trace: TraceId,
    pub session: Option<String>,
    /// Of a sub-agent's step: the tool's call that started it.
    pub parent: Option<ObservationId>,
    /// The call whose conversation it goes on with.
    pub prior: Option<ObservationId>,
    /// The caller's own span that it stands under, where it stands under nothing of ours.
    pub callers: Option<ObservationId>,
    /// By which of its needs that was found.
    pub need: Option<usize>,
    pub attempt: u32,
    /// What it is for, where it is no step of what the user asked.
    pub side: Option<&'static str>,
    /// The same call, seen by another recorder on its way.
    pub double_of: Option<ObservationId>,
    pub links: Vec<Link>,
}

/// Which marks to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub kind: MarkKind,
    pub mark: Mark,
    /// Of calls begun from here to there, both included.
    pub from: Micros,
    pub to: Micros,
    pub order: Nearest,
    pub limit: usize,
}

/// Which come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    Oldest,
    Newest,
}

impl Wanted {
    /// The newest begun no later than this.
    pub fn before(kind: MarkKind, mark: Mark, to: Micros) -> Self {
        Self { kind, mark, from: Micros(0), to, order: Nearest::Newest, limit: MOST }
    }

    /// The oldest begun no earlier than this.
    pub fn since(kind: MarkKind, mark: Mark, from: Micros) -> Self {
        Self { kind, mark, from, to: Micros(LAST), order: Nearest::Oldest, limit: MOST }
    }

    /// Those begun within so many microseconds.
    pub fn around(kind: MarkKind, mark: Mark, at: Micros, within: u64) -> Self {
        let (from, to) = (Micros(at.0.saturating_sub(within)), Micros(at.0.saturating_add(within)));
        Self { kind, mark, from, to, order: Nearest::Oldest, limit: MOST }
    }
}

/// Of those that have a mark in common no more are looked at: what a thousand calls have is no mark.
const MOST: usize = 32;
/// Later than all times, and within what databases count.
const LAST: u64 = i64::MAX as u64;

pub trait Book {
    type Error;

    fn find(&mut self, wanted: Wanted) -> Result<Vec<Known>, Self::Error>;

    /// Whether there may be what is wanted; false only where it is known without looking that there is none.
    fn may_find(&self, _wanted: &Wanted) -> bool {
        true
    }

    fn known(&mut self, id: ObservationId) -> Result<Option<Known>, Self::Error>;

    /// What a call that is in the book already tells: its exchange is read again.
    fn facts(&mut self, id: ObservationId) -> Result<Option<Arc<Facts>>, Self::Error>;

    /// Whether a call that is in the book was put where it is for these reasons.
    fn has_links(&mut self, id: ObservationId, links: &[Link]) -> Result<bool, Self::Error>;

    /// What the caller's own spans tell of a call. Who keeps none has nothing to tell.
    fn told(&mut self, _facts: &Facts) -> Result<Option<Told>, Self::Error> {
        Ok(None)
    }

    /// Puts a call where it belongs, with the calls of tools that it asks for, unanswered.
    fn put(&mut self, facts: &Facts, placed: &Placed) -> Result<(), Self::Error>;

    /// The calls of tools that a call asked for, in order.
    fn tools(&mut self, asker: ObservationId) -> Result<Vec<Tool>, Self::Error>;

    /// Puts a tool's result beside its call.
    fn answer(&mut self, tool: &Tool, answer: &Answer) -> Result<(), Self::Error>;
}
