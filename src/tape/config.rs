//! The tape's settings.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::setting::{ByteSize, Raw, Setting, Value, quote};
use crate::setting;

/// `[tape]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub queue_bytes: ByteSize,
    pub queue_events: usize,
    pub on_overload: Overload,
    pub dir: PathBuf,
    pub content: bool,
    pub sync: Sync,
    pub sync_interval: Duration,
    pub segment_bytes: ByteSize,
    pub max_bytes: ByteSize,
    pub secrets: Vec<String>,
}

/// What happens when more comes than can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// It is relayed all the same, and counted.
    Drop,
    /// It waits: no record, no call.
    Block,
}

/// When written records are made to survive a crash of the machine. One of the program alone they always survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// When the system gets to it.
    Never,
    /// Together, a short time after.
    Interval,
    /// Each batch before the next.
    Always,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_bytes: ByteSize(128 << 20),
            queue_events: 200_000,
            on_overload: Overload::Drop,
            dir: PathBuf::from("tape"),
            content: true,
            sync: Sync::Interval,
            sync_interval: Duration::from_millis(500),
            segment_bytes: ByteSize(64 << 20),
            max_bytes: ByteSize(4 << 30),
            secrets: Vec::new(),
        }
    }
}

/// Every setting of `[tape]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        queue_bytes,
        "How many bytes of traffic may wait to be recorded. What comes on top is relayed all the same, left out of \
         the recording, and counted. A chunk counts with the memory it keeps alive."
    ),
    setting!(
        queue_events,
        "How many events (heads, chunks, ends) may wait to be recorded; an event costs about 100 bytes beside its bytes."
    ),
    setting!(
        on_overload,
        "What happens when more comes than can be recorded: \"drop\" relays it all the same and counts what is missing, \
         \"block\" makes calls wait, for audits: no record, no call. A call that has waited ten seconds to begin is answered \
         503."
    ),
    setting!(
        dir,
        "The folder in which traffic is written down as it happens, until it is in the store. Relative to the data folder."
    ),
    setting!(
        content,
        "Whether bodies are written to the tape. false: only heads, times and lengths; a crash then loses the bodies of \
         calls under way."
    ),
    setting!(
        sync,
        "When what is written is made to survive a crash of the machine: \"never\" (left to the system), \"interval\", \
         or \"always\" (each batch before the next). A crash of wiretape alone loses nothing of it in any case."
    ),
    setting!(sync_interval, "How long after it was written, with sync = \"interval\"."),
    setting!(
        segment_bytes,
        "How large one file of the tape grows. A file is deleted once the store has everything in it."
    ),
    setting!(
        max_bytes,
        "How large the tape may grow while the store does not keep up. Above it bodies are left out of the recording, and \
         then whole calls; they are relayed all the same, and counted."
    ),
    setting!(
        secrets,
        "Names of headers, query parameters and labels that hold credentials, beside those that are known. A fingerprint \
         is recorded in place of their values.",
    ),
];

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if self.sync_interval.is_zero() {
            wrong.push(("sync_interval", "is zero: sync = \"always\" says that".to_owned()));
        }
        if self.segment_bytes.0 < 64 << 10 {
            wrong.push(("segment_bytes", "must be at least 64KiB".to_owned()));
        }
        if self.max_bytes.0 < 1 << 20 {
            wrong.push(("max_bytes", "must be at least 1MiB".to_owned()));
        }
        wrong
    }
}

impl Value for Overload {
    fn read(raw: &Raw) -> Result<Self, String> {
        const EXPECTED: &str = "expected \"drop\" or \"block\", got";
        match raw {
            Raw::Text(text) => match text.as_str() {
                "drop" => Ok(Self::Drop),
                "block" => Ok(Self::Block),
                _ => Err(format!("{EXPECTED} {text:?}")),
            },
            other => Err(format!("{EXPECTED} {}", other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(match self {
            Self::Drop => "drop",
            Self::Block => "block",
        }))
    }
}

impl Value for Sync {
    fn read(raw: &Raw) -> Result<Self, String> {
        const EXPECTED: &str = "expected \"never\", \"interval\" or \"always\", got";
        match raw {
            Raw::Text(text) => match text.as_str() {
                "never" => Ok(Self::Never),
                "interval" => Ok(Self::Interval),
                "always" => Ok(Self::Always),
                _ => Err(format!("{EXPECTED} {text:?}")),
            },
            other => Err(format!("{EXPECTED} {}", other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(match self {
            Self::Never => "never",
            Self::Interval => "interval",
            Self::Always => "always",
        }))
    }
}
