//! What a price is for: the names the table writes before `=`, and how many of each its price buys.

use std::fmt;

/// What a price is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Input,
    Output,
    /// Reasoning, where it has a price of its own; else it costs what other output does.
    Reasoning,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    CacheWrite12h,
    AudioInput,
    AudioOutput,
    AudioCacheRead,
    /// Images, where they have a price of their own; else they cost what text does.
    ImageInput,
    ImageOutput,
    Characters,
    AudioHour,
    /// What is billed by the thousand: `web_search`, `rerank_search`; `call` is the call itself.
    Thousand(String),
}

/// Every unit that has a name of its own, in the order they are written.
const NAMED: &[(&str, Unit)] = &[
    ("input", Unit::Input),
    ("output", Unit::Output),
    ("reasoning", Unit::Reasoning),
    ("cache_read", Unit::CacheRead),
    ("cache_write", Unit::CacheWrite),
    ("cache_write_1h", Unit::CacheWrite1h),
    ("cache_write_12h", Unit::CacheWrite12h),
    ("audio_input", Unit::AudioInput),
    ("audio_output", Unit::AudioOutput),
    ("audio_cache_read", Unit::AudioCacheRead),
    ("image_input", Unit::ImageInput),
    ("image_output", Unit::ImageOutput),
    ("characters", Unit::Characters),
    ("audio_hour", Unit::AudioHour),
];

/// Ends the name of what is billed by the thousand.
const THOUSAND: &str = "/k";

impl Unit {
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(name) = name.strip_suffix(THOUSAND) {
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            return (!name.is_empty() && name.chars().all(is_name)).then(|| Self::Thousand(name.to_owned()));
        }
        NAMED.iter().find(|(known, _)| *known == name).map(|(_, unit)| unit.clone())
    }

    /// The price of one call, whatever is in it.
    pub fn call() -> Self {
        Self::Thousand("call".to_owned())
    }

    /// Whether tokens are counted.
    pub fn is_tokens(&self) -> bool {
        !matches!(self, Self::Characters | Self::AudioHour | Self::Thousand(_))
    }

    /// How many a price is for. Sound is counted in milliseconds.
    pub fn per(&self) -> u64 {
        match self {
            Self::Thousand(_) => 1_000,
            Self::AudioHour => 3_600_000,
            _ => 1_000_000,
        }
    }

    /// The name without how many it is for, as a cost's details say it.
    pub fn name(&self) -> &str {
        match self {
            Self::Thousand(name) => name,
            _ => NAMED.iter().find(|(_, unit)| unit == self).map_or("", |(name, _)| name),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if matches!(self, Self::Thousand(_)) { f.write_str(THOUSAND) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for (name, unit) in NAMED {
            assert_eq!(unit.to_string(), *name);
            assert_eq!(Unit::parse(name).as_ref(), Some(unit));
        }
        assert!(NAMED.iter().map(|(_, unit)| unit).is_sorted());
        assert_eq!(Unit::parse("web_search/k").unwrap().to_string(), "web_search/k");
        for wrong in ["", "inputs", "/k", "a b/k", "Input"] {
            assert_eq!(Unit::parse(wrong), None, "{wrong}");
        }
    }
}
