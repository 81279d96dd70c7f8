//! Which records: the same flags for every command that lists, writes or removes some.

use clap::Args;

use crate::model::{Kind, Micros, Status, TraceId};
use crate::store::Filter;
use crate::store::query::{kind, status, time, trace};

#[derive(Clone, Debug, Default, Args)]
pub(super) struct Filters {
    /// Only this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only this trace
    #[arg(long, value_name = "ID", value_parser = trace)]
    trace: Option<TraceId>,
    /// Only this model, asked for or answering; * stands for any text
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Only steps that ended so: ok, error, cancelled, interrupted
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<Status>,
    /// Only this kind: generation, tool, retriever, embedding, span, event
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Option<Kind>,
    /// Only what has this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only this user's
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Begun at this time or later: 2026-11-21, 2026-11-21T10:00:00Z, or so long ago: 30m, 2h, 7d
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Micros>,
    /// Begun before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Micros>,
    /// Only what says these words; in quotes, just as they stand
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
}

impl Filters {
    pub(super) fn filter(self) -> Filter {
        let Self { session, trace, model, provider, status, kind, tag, user, since, until, search } = self;
        Filter { session, trace, kind, model, provider, status, tag, user, since, until, search }
    }

    /// Whether every record passes.
    pub(super) fn is_empty(&self) -> bool {
        self.clone().filter() == Filter::default()
    }
}
