//! What a call used, in one meaning for all providers.
//!
//! Providers count differently: some leave cached tokens out of the input, some leave reasoning out of the output. A
//! dialect translates; whoever reads a `Usage` need not know whose it was.

use std::time::Duration;

use serde_json::{Map, Value};

/// What a call used. Absent means unknown, never zero.
///
/// `input` and `output` are wholes; the other counts are parts of them, except the `billed_` ones, and `requests`,
/// `audio` and `characters`, which are billed beside tokens. Where the provider's numbers contradict each other they are kept as they are, and
/// `anomalies` says so.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Everything sent in, cached or not.
    pub input: Option<u64>,
    /// Everything generated, reasoning included.
    pub output: Option<u64>,
    /// The provider's own sum.
    pub total: Option<u64>,
    /// Of the input: read from a cache.
    pub cache_read: Option<u64>,
    /// Of the input: written to a cache, however long it is kept.
    pub cache_write: Option<u64>,
    /// Of `cache_write`: kept for five minutes.
    pub cache_write_5m: Option<u64>,
    /// Of `cache_write`: kept for an hour.
    pub cache_write_1h: Option<u64>,
    /// Of `cache_write`: kept for twelve hours.
    pub cache_write_12h: Option<u64>,
    /// Of the output: reasoning, seen or not.
    pub reasoning: Option<u64>,
    /// Of the input: sound, cached or not.
    pub audio_input: Option<u64>,
    /// Of the output: sound.
    pub audio_output: Option<u64>,
    /// Of `cache_read`, and of `audio_input`: sound read from a cache.
    pub audio_cache_read: Option<u64>,
    /// Of the input: images, cached or not.
    pub image_input: Option<u64>,
    /// Of the output: images.
    pub image_output: Option<u64>,
    /// Of the input: what tools that the provider ran itself fed back.
    pub tool_input: Option<u64>,
    /// What the provider bills as input, where it says so and it is not `input`: Cohere leaves its own preamble out.
    pub billed_input: Option<u64>,
    /// The same of the output.
    pub billed_output: Option<u64>,
    /// What is billed by the piece, as (`web_search`, 2). The price table knows `web_search`, `web_fetch`, `file_search`,
    /// `social_search`, `code_execution`, `rerank_search` and `page`.
    pub requests: Vec<(String, u64)>,
    /// Sound that was billed by its length.
    pub audio: Option<Duration>,
    /// Text that was billed by the character.
    pub characters: Option<u64>,
    pub source: UsageSource,
    /// The provider's last usage object as sent.
    pub raw: Option<Value>,
    /// Where its numbers contradict each other.
    pub anomalies: Vec<String>,
}

/// Where the numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UsageSource {
    /// The provider said so.
    #[default]
    Reported,
    /// Counted by us, from the text.
    Estimated,
    /// The provider said so before the end, and the end never came.
    Partial,
}

impl UsageSource {
    /// As the record says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Estimated => "estimated",
            Self::Partial => "partial",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reported, Self::Estimated, Self::Partial].into_iter().find(|source| source.name() == name)
    }
}

/// What is used rarely has more keys than this.
const KEYS: usize = 12;

impl Usage {
    /// The counts of tokens with their names in the record, in its order.
    pub fn counts(&self) -> [(&'static str, Option<u64>); 18] {
        [
            ("input", self.input),
            ("output", self.output),
            ("total", self.total),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
            ("cache_write_12h", self.cache_write_12h),
            ("reasoning", self.reasoning),
            ("audio_input", self.audio_input),
            ("audio_output", self.audio_output),
            ("audio_cache_read", self.audio_cache_read),
            ("image_input", self.image_input),
            ("image_output", self.image_output),
            ("tool_input", self.tool_input),
            ("billed_input", self.billed_input),
            ("billed_output", self.billed_output),
            ("characters", self.characters),
        ]
    }

    /// Whether nothing is known of it.
    pub fn is_empty(&self) -> bool {
        self.counts().iter().all(|(_, count)| count.is_none())
            && self.requests.is_empty()
            && self.audio.is_none()
    }

    /// As the record holds it.
    pub fn into_json(self) -> Value {
        let mut object = Map::with_capacity(KEYS);
        for (name, count) in self.counts() {
            if let Some(count) = count {
                object.insert(name.to_owned(), count.into());
            }
        }
        if !self.requests.is_empty() {
            let requests = self.requests.into_iter().map(|(name, count)| (name, count.into()));
            object.insert("requests".to_owned(), Value::Object(requests.collect()));
        }
        if let Some(audio) = self.audio {
            object.insert("audio_seconds".to_owned(), audio.as_secs_f64().into());
        }
        object.insert("source".to_owned(), self.source.name().into());
        if let Some(raw) = self.raw {
            object.insert("raw".to_owned(), raw);
        }
        if !self.anomalies.is_empty() {
            object.insert("anomalies".to_owned(), self.anomalies.into());
        }
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_unknown_is_left_out() {
        assert_eq!(Usage::default().into_json(), json!({"source": "reported"}));
        assert!(Usage::default().is_empty());
        let usage = Usage {
            input: Some(1200),
            cache_read: Some(0),
            requests: vec![("web_search".to_owned(), 2)],
            audio: Some(Duration::from_millis(2500)),
            source: UsageSource::Partial,
            raw: Some(json!({"input_tokens": 1200})),
            anomalies: vec!["cached above input".to_owned()],
            ..Usage::default()
        };
        assert!(!usage.is_empty());
        let expected = json!({
            "input": 1200, "cache_read": 0, "requests": {"web_search": 2}, "audio_seconds": 2.5, "source": "partial",
            "raw": {"input_tokens": 1200}, "anomalies": ["cached above input"],
        });
        assert_eq!(usage.into_json(), expected);
    }

    #[test]
    fn sources_have_names() {
        for source in [UsageSource::Reported, UsageSource::Estimated, UsageSource::Partial] {
            assert_eq!(UsageSource::from_name(source.name()), Some(source));
        }
        assert_eq!(UsageSource::from_name("guessed"), None);
    }
}
