//! What a list asks for. The same filters everywhere: in the command line, the API and the pages.

use crate::model::{Kind, Micros, Status, TraceId};

/// Which observations. What is unset holds for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub session: Option<String>,
    pub trace: Option<TraceId>,
    pub kind: Option<Kind>,
    /// The model that was asked for or that answered; `*` stands for any text.
    pub model: Option<String>,
    pub provider: Option<String>,
    pub status: Option<Status>,
    pub tag: Option<String>,
    pub user: Option<String>,
    /// Begun at this time or later.
    pub since: Option<Micros>,
    /// Begun before this time.
    pub until: Option<Micros>,
    /// Words that must all be in what was said there first; a text in quotes must be there as it stands.
    pub search: Option<String>,
}

impl Filter {
    /// What it may be asked by, in the command line, in queries and in pages' addresses.
    pub const NAMES: [&str; 11] = [
        "session", "trace", "model", "provider", "status", "type", "tag", "user", "since", "until", "search",
    ];

    /// Sets what a name stands for. `Ok(false)`: no filter has this name. An empty text leaves it unset.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, String> {
        if !Self::NAMES.contains(&name) {
            return Ok(false);
        }
        let text = text.trim();
        if text.is_empty() {
            return Ok(true);
        }
        let own = || Some(text.to_owned());
        match name {
            "session" => self.session = own(),
            "trace" => self.trace = Some(trace(text)?),
            "model" => self.model = own(),
            "provider" => self.provider = own(),
            "status" => self.status = Some(status(text)?),
            "type" => self.kind = Some(kind(text)?),
            "tag" => self.tag = own(),
            "user" => self.user = own(),
            "since" => self.since = Some(time(text)?),
            "until" => self.until = Some(time(text)?),
            _ => self.search = own(),
        }
        Ok(true)
    }
}

/// Reads a trace's id.
pub fn trace(text: &str) -> Result<TraceId, String> {
    TraceId::parse(text).ok_or_else(|| "expected 32 hexadecimal digits".to_owned())
}

pub fn status(text: &str) -> Result<Status, String> {
    Status::from_name(text).ok_or_else(|| {
        let names = Status::ALL.map(Status::name);
        format!("expected one of {}", names.join(", "))
    })
}

pub fn kind(text: &str) -> Result<Kind, String> {
    Kind::from_name(text).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name);
        format!("expected one of {}", names.join(", "))
    })
}

/// A time, or how long ago.
pub fn time(text: &str) -> Result<Micros, String> {
    if let Some(time) = Micros::parse_rfc3339(text) {
        return Ok(time);
    }
    let ago = age(text).ok_or("expected 2026-11-21, 2026-11-21T10:00:00Z, or 30m, 2h, 7d")?;
    Ok(Micros(Micros::now().0.saturating_sub(ago)))
}

/// `30s`, `30m`, `2h`, `7d`, `4w` in microseconds.
pub fn age(text: &str) -> Option<u64> {
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

/// Which comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
    /// As they came into the store: what began long ago and ended last is last. One that is replaced keeps its place.
    AsRecorded,
    /// The same from its end.
    LastRecorded,
}

impl Order {
    pub fn is_descending(self) -> bool {
        matches!(self, Self::NewestFirst | Self::LastRecorded)
    }

    /// By when they came into the store; else by when they began.
    pub fn is_by_arrival(self) -> bool {
        matches!(self, Self::AsRecorded | Self::LastRecorded)
    }
}

/// How much of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub order: Order,
    pub limit: usize,
    /// Behind this one.
    pub after: Option<Cursor>,
}

/// A place in a list, which stays where it is when the list grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub String);

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

    #[test]
    fn every_name_sets_something() {
        for name in Filter::NAMES {
            let text = match name {
                "trace" => "0123456789abcdef0123456789abcdef",
                "status" => "ok",
                "type" => "tool",
                "since" | "until" => "2d",
                _ => "x",
            };
            let mut filter = Filter::default();
            assert_eq!(filter.set(name, text), Ok(true), "{name}");
            assert_ne!(filter, Filter::default(), "{name}");
            assert_eq!(Filter::default().set(name, " "), Ok(true));
        }
        assert_eq!(Filter::default().set("other", "x"), Ok(false));
        assert!(Filter::default().set("status", "fine").is_err());
    }
}
