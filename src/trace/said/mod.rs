//! What a caller says about its call, by whatever convention it knows: ids in headers, in labels, in baggage, in bodies.

use std::collections::BTreeMap;

mod config;
mod cut;
mod fill;
mod index;
mod look;
mod means;
mod place;
mod table;
mod value;

pub use config::{CONVENTION_SETTINGS, OwnConvention, Where};
pub use means::{MEANINGS, Means};
pub use place::{Place, Source};
pub use table::{CONVENTIONS, Convention, KEYS, TRUSTS, Trust};

use crate::model::{Exchange, Reading};

/// What the caller of an exchange says about it, or about one of the calls on a socket, which the reading is of.
pub fn said(exchange: &Exchange, reading: Option<&Reading>, own: &[OwnConvention]) -> Said {
    let look = look::Look::at(exchange, reading);
    // The head of a socket was sent once, for all the calls on it.
    let socket = exchange.upgrade && reading.is_some();
    let mut found = Vec::new();
    let of_table = index::lines(&look).into_iter().filter_map(|at| CONVENTIONS.get(at).copied());
    for line in own.iter().filter_map(OwnConvention::line).chain(of_table) {
        fill::findings(&line, &look, socket, &mut found);
    }
    fill::filled(found)
}

/// All that is said about one call. Where several places say it, the one that stands first in the order of trust.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// What groups the turns of a conversation, or all that one agent does in its life.
    pub session: Option<Id>,
    /// The session that started this one.
    pub parent_session: Option<Id>,
    /// One line of messages within a session: of several agents in it each has its own.
    pub thread: Option<Id>,
    pub parent_thread: Option<Id>,
    /// One thing that a user asked for, with all that followed from it.
    pub turn: Option<Id>,
    /// The trace, by its own name.
    pub trace: Option<Id>,
    /// The caller's own span that the call was made in.
    pub parent: Option<Id>,
    /// What the call is for, and where that was said.
    pub role: Option<(Role, String)>,
    /// The agent's name or kind.
    pub agent: Option<Id>,
    pub user: Option<Id>,
    pub tags: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub prompt_version: Option<Id>,
    /// How the trace, or session, is to be called.
    pub trace_name: Option<Id>,
    pub session_name: Option<Id>,
    /// How often this request was tried before, as the client counts it.
    pub retries: Option<u32>,
    /// How long the tools took whose results this call brings, in the order they were asked: name and milliseconds.
    pub tool_durations: Vec<(String, f64)>,
    /// Every id that was seen, those above among them.
    pub seen: Vec<Seen>,
}

/// An id and where it was said: `header:x-claude-code-session-id`, `body:metadata.user_id`, `label:session`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id {
    pub value: String,
    pub place: String,
}

/// An id as it was found, and what it means there: `session`, `thread`, `turn`, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub means: &'static str,
    pub place: String,
    pub value: String,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A step of what the user asked for.
    Main,
    /// A step of an agent that another started.
    Subagent,
    /// Beside it: a title, a topic, a route, a warm-up, a probe.
    Side,
    /// A history is made shorter.
    Compaction,
}

#[cfg(test)]
mod tests;
