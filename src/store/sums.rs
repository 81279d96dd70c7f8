//! What a store says about many observations at once.

use crate::model::{Kind, Micros, Usd};

/// A trace or a session in one line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The trace's or the session's id.
    pub id: String,
    /// The one session of a trace, where there is one.
    pub session: Option<String>,
    pub first: Micros,
    pub last: Micros,
    pub traces: u64,
    pub totals: Totals,
    /// Where the first observation's input, and the last one's output, begin.
    pub input_preview: String,
    pub output_preview: String,
    pub models: Vec<String>,
    pub providers: Vec<String>,
    pub users: Vec<String>,
    pub tags: Vec<String>,
}

/// Sums. Where a call's tokens or cost are unknown, `unknown_usage` and `unknown_cost` count it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub observations: u64,
    pub generations: u64,
    pub tools: u64,
    pub errors: u64,
    pub cancelled: u64,
    pub interrupted: u64,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub reasoning: u64,
    pub cost: Usd,
    pub unknown_usage: u64,
    pub unknown_cost: u64,
}

/// Which sums of hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollupFilter {
    pub since: Option<Micros>,
    pub until: Option<Micros>,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub kind: Option<Kind>,
    pub user: Option<String>,
}

/// The sums of one hour, of one model at one provider asked by one client and user.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// When the hour began.
    pub hour: Micros,
    pub kind: Kind,
    pub provider: String,
    pub model: String,
    pub client: String,
    pub user: String,
    pub totals: Totals,
    pub duration: Sketch,
    pub first_token: Sketch,
}

/// How long things took: counts in bins that grow by a tenth, so that a percentile is off by no more than 5 %.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Bin and count, by bin; bin `b` holds durations from 1.1^b microseconds up to the next.
    pub bins: Vec<(u16, u64)>,
}

/// What to prune. At least one of the bounds is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prune {
    /// What passes it may go.
    pub filter: super::Filter,
    /// Oldest first, until the store is no larger than this.
    pub down_to_bytes: Option<u64>,
    /// Say what would go, and change nothing.
    pub dry_run: bool,
}

/// What a step of a pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub observations: u64,
    pub exchanges: u64,
    pub pieces: u64,
    pub bytes: u64,
    pub done: bool,
}

/// How far a check has got. The default is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyAt {
    pub part: u32,
    pub row: i64,
}

/// What a step of a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// Where to go on; absent when all is checked.
    pub next: Option<VerifyAt>,
    pub pieces: u64,
    pub exchanges: u64,
    pub observations: u64,
    /// What is wrong, in words that say where.
    pub wrong: Vec<String>,
}

/// A store in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub exchanges: u64,
    pub observations: u64,
    pub sessions: u64,
    pub traces: u64,
    pub pieces: u64,
    /// What the bodies were on the wire.
    pub raw_bytes: u64,
    /// What the pieces are, each once, before compression.
    pub unique_bytes: u64,
    /// What all takes on disk.
    pub disk_bytes: u64,
    /// What could be given back to the system.
    pub free_bytes: u64,
    pub oldest: Option<Micros>,
    pub newest: Option<Micros>,
    pub totals: Totals,
    /// Observations with a loss marked on them.
    pub with_losses: u64,
}
