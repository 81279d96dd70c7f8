//! What wiretape says about itself.

use crate::model::setting::{Raw, Setting, Value, quote};
use crate::setting;

/// `[log]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub level: String,
    pub format: Format,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

/// Every setting of `[log]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        level,
        "How much is said: error, warn, info, debug or trace; or one for each part, as in \
         \"info,wiretape::proxy=debug\"."
    ),
    setting!(format, "How a line is written: \"text\" for people, \"json\" for collectors."),
];

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        // An empty filter is one that lets nothing but errors through, which nobody asks for in this way.
        if self.level.trim().is_empty() {
            return vec![("level", "is empty".to_owned())];
        }
        match tracing_subscriber::EnvFilter::try_new(&self.level) {
            Ok(_) => Vec::new(),
            Err(why) => vec![("level", format!("{:?} is not a level or a filter: {why}", self.level))],
        }
    }
}

impl Value for Format {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == "text" => Ok(Self::Text),
            Raw::Text(text) if text == "json" => Ok(Self::Json),
            Raw::Text(text) => Err(format!("expected \"text\" or \"json\", got {text:?}")),
            other => Err(format!("expected \"text\" or \"json\", got {}", other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(match self {
            Self::Text => "text",
            Self::Json => "json",
        }))
    }
}
