//! Where a provider's prompt cache broke: what it could have read from there, what it did read, and the first place where
//! the two calls are not the same.
//!
//! Providers keep the beginning of a prompt, put together in the order tools, system, messages, and read it again as far as
//! it is the same to the letter. So here, unlike where versions and histories are compared, a date that moved on counts.

mod first;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};

use super::spot::Place;
use crate::model::{Micros, Reading, Usage, UsageSource};

/// A cache that was not read as far as it could have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheBreak {
    /// Where the prompts part; `Nothing` where they do not.
    pub at: Place,
    /// How many tokens were read anew that need not have been.
    pub tokens_lost: u64,
    pub reason: Reason,
    /// How long after the call before this one began, where both times are known.
    pub since: Option<Duration>,
}

/// Why a cache broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    Added,
    Removed,
    Changed,
    /// The same tools in another order.
    Reordered,
    /// It changed in a date, an id, a path or the like alone: nobody meant it to.
    Volatile,
    /// The provider took something out of the history.
    EditedByProvider,
    /// The prompts are the same as far as the cache went.
    Expired,
}

impl Reason {
    /// As the record says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Reordered => "reordered",
            Self::Volatile => "volatile",
            Self::EditedByProvider => "edited by the provider",
            Self::Expired => "expired or evicted",
        }
    }
}

impl CacheBreak {
    pub fn to_json(&self) -> Value {
        let Self { at, tokens_lost, reason, since } = self;
        let mut object = Map::new();
        object.insert("at".to_owned(), at.to_json());
        object.insert("tokens_lost".to_owned(), (*tokens_lost).into());
        object.insert("reason".to_owned(), reason.name().into());
        if let Some(since) = since {
            object.insert("seconds_since".to_owned(), since.as_secs_f64().into());
        }
        Value::Object(object)
    }
}

/// What providers that cache by themselves cache in steps of; less than this is never worth telling.
const STEP: u64 = 128;
/// What is shorter they do not cache.
const SHORTEST: u64 = 1024;

/// Where the cache broke that `after` could have read, which goes on from `before`; `None` where nothing was lost, or the
/// provider does not say what it read. A cache's time begins again whenever it is used: at each call's start.
pub fn cache_break(
    before: &Reading,
    after: &Reading,
    before_start: Option<Micros>,
    after_start: Option<Micros>,
) -> Option<CacheBreak> {
    let tokens_lost = lost(before, after)?;
    let (at, reason) = first::difference(before, after)
        .or_else(|| edited_by_provider(after))
        .unwrap_or((Place::Nothing, Reason::Expired));
    let since = before_start.zip(after_start);
    let since = since.and_then(|(before, after)| after.0.checked_sub(before.0)).map(Duration::from_micros);
    Some(CacheBreak { at, tokens_lost, reason, since })
}

fn lost(before: &Reading, after: &Reading) -> Option<u64> {
    let (was, is) = (usage(before)?, usage(after)?);
    // Who said before that something was read and now says nothing has read nothing.
    let shown = was.cache_read.is_some_and(|read| read > 0);
    let read = is.cache_read.or_else(|| (shown || is.cache_write.is_some()).then_some(0))?;
    let could = kept(before, was)?.min(is.input.unwrap_or(u64::MAX));
    could.checked_sub(read).filter(|lost| *lost >= STEP)
}

fn usage(reading: &Reading) -> Option<&Usage> {
    reading.answered.usage.as_ref().filter(|usage| usage.source != UsageSource::Estimated)
}

/// How much of a call's input the provider kept, as far as that is known.
fn kept(reading: &Reading, usage: &Usage) -> Option<u64> {
    match (usage.cache_read, usage.cache_write) {
        (read, Some(written)) => Some(read.unwrap_or_default().saturating_add(written)),
        (read, None) if is_asked_for(reading) => read,
        (_, None) => {
            let input = usage.input?;
            Some(if input < SHORTEST { 0 } else { input / STEP * STEP })
        }
    }
}

/// Whether the dialect's providers cache only what the caller marks.
fn is_asked_for(reading: &Reading) -> bool {
    reading.dialect.starts_with("anthropic.") || reading.dialect.starts_with("bedrock.")
}

fn edited_by_provider(after: &Reading) -> Option<(Place, Reason)> {
    let edits = after.answered.extra.get("context_management")?.get("applied_edits")?.as_array()?;
    let place = Place::Settings { name: "context_management".to_owned() };
    (!edits.is_empty()).then_some((place, Reason::EditedByProvider))
}
