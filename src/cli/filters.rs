//! Which records: the same flags for every command that lists, writes or removes some.

use clap::Args;

use crate::model::{Kind, Micros, Status, TraceId};
use crate::store::Filter;

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

fn trace(text: &str) -> Result<TraceId, String> {
    TraceId::parse(text).ok_or_else(|| "expected 32 hexadecimal digits".to_owned())
}

fn status(text: &str) -> Result<Status, String> {
    Status::from_name(text).ok_or_else(|| {
        let names = Status::ALL.map(Status::name);
        format!("expected one of {}", names.join(", "))
    })
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name);
        format!("expected one of {}", names.join(", "))
    })
}

/// A time, or how long ago.
fn time(text: &str) -> Result<Micros, String> {
    if let Some(time) = Micros::parse_rfc3339(text) {
        return Ok(time);
    }
    let ago = age(text).ok_or("expected 2026-11-21, 2026-11-21T10:00:00Z, or 30m, 2h, 7d")?;
    Ok(Micros(Micros::now().0.saturating_sub(ago)))
}

/// `30s`, `30m`, `2h`, `7d`, `4w` in microseconds.
pub(super) fn age(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    count.checked_mul(seconds)?.checked_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_points_or_ages() {
        assert_eq!(age("2h"), Some(7_200_000_000));
        assert_eq!(age("h"), None);
        assert_eq!(age("2y"), None);
        assert!(time("2026-11-21").is_ok());
        assert!(time("7d").unwrap() < Micros::now());
        assert!(time("soon").is_err());
    }
}
