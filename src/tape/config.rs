//! The tape's settings.

use crate::model::setting::{ByteSize, Setting};
use crate::setting;

/// `[tape]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub queue_bytes: ByteSize,
    pub queue_events: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { queue_bytes: ByteSize(64 << 20), queue_events: 200_000 }
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
];
