//! The recorder's settings.

use crate::model::setting::{ByteSize, Setting};
use crate::setting;

/// `[recorder]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub memory: ByteSize,
    pub max_body: ByteSize,
}

impl Default for Config {
    fn default() -> Self {
        Self { memory: ByteSize(128 << 20), max_body: ByteSize(256 << 20) }
    }
}

/// Every setting of `[recorder]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        memory,
        "How many bytes of traffic that is not in the store yet are held in memory. What is above lies on the tape alone \
         until its turn comes."
    ),
    setting!(
        max_body,
        "How much of one body is kept. What comes behind is relayed all the same, left out of the recording, and marked \
         on it."
    ),
];

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if self.memory.0 < 1 << 20 {
            wrong.push(("memory", "must be at least 1MiB".to_owned()));
        }
        wrong
    }
}
