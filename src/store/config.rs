//! The store's settings.

use crate::model::setting::{ByteSize, Raw, Setting, Value, quote};
use crate::setting;

/// `[store]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub url: String,
    pub durable: Durable,
    pub readers: usize,
    pub cache_bytes: ByteSize,
    pub recent_bytes: ByteSize,
}

/// What a write that was answered survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// A crash of the program; of the machine, all but the last moments. The tape still has those.
    Normal,
    /// A crash of the machine too. Each batch waits for the disk.
    Full,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "sqlite:wiretape.db".to_owned(),
            durable: Durable::Normal,
            readers: 3,
            cache_bytes: ByteSize(32 << 20),
            recent_bytes: ByteSize(64 << 20),
        }
    }
}

/// Every setting of `[store]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(url, "Where records are kept: sqlite:FILE, relative to the data folder."),
    setting!(
        durable,
        "What a batch that was written survives: \"normal\", a crash of wiretape, and of the machine all but the last \
         moments, which the tape still has; \"full\", that of the machine too, and each batch waits for the disk."
    ),
    setting!(readers, "How many questions are answered at once."),
    setting!(
        cache_bytes,
        "How much of the store each of its connections keeps in memory, one for writing and one for each reader."
    ),
    setting!(
        recent_bytes,
        "How much of the last calls' bodies is kept in memory, so that what the next call repeats is known by comparing \
         bytes. 0 turns it off: the store becomes the same, with more work."
    ),
];

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if let Err(why) = super::place(&self.url, std::path::Path::new("")) {
            wrong.push(("url", why.to_string()));
        }
        if !(1..=64).contains(&self.readers) {
            wrong.push(("readers", "must be from 1 to 64".to_owned()));
        }
        wrong
    }
}

impl Value for Durable {
    fn read(raw: &Raw) -> Result<Self, String> {
        const EXPECTED: &str = "expected \"normal\" or \"full\", got";
        match raw {
            Raw::Text(text) if text == "normal" => Ok(Self::Normal),
            Raw::Text(text) if text == "full" => Ok(Self::Full),
            Raw::Text(text) => Err(format!("{EXPECTED} {text:?}")),
            other => Err(format!("{EXPECTED} {}", other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(match self {
            Self::Normal => "normal",
            Self::Full => "full",
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_shown() {
        let mut config = Config::default();
        for setting in SETTINGS {
            assert!((setting.show)(&config).is_some(), "{}", setting.key);
        }
        for durable in [Durable::Normal, Durable::Full] {
            config.durable = durable;
            let shown = durable.show().unwrap();
            assert_eq!(Durable::read(&Raw::Text(shown.trim_matches('"').to_owned())), Ok(durable));
        }
        assert!(config.check().is_empty());
        let wrong = Config { url: "mysql://x".to_owned(), readers: 0, ..config };
        assert_eq!(wrong.check().iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["url", "readers"]);
    }
}
