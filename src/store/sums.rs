//! What a store says about many observations at once.

use crate::model::{Kind, Micros, ObservationId, Usd};

/// A trace or a session in one line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The trace's or the session's id.
    pub id: String,
    /// The one session of a trace, where there is one.
    pub session: Option<String>,
    pub first: Micros,
    pub last: Micros,
    pub traces: u64,
    /// As a call beside it named it; else the preview of what was said first will do.
    pub title: Option<String>,
    /// `ok`, `error` or `unfinished`, as its last step on the main line ended.
    pub status: &'static str,
    pub totals: Totals,
    /// Where the first observation's input, and the last one's output, begin.
    pub input_preview: String,
    pub output_preview: String,
    pub models: Vec<String>,
    pub providers: Vec<String>,
    pub users: Vec<String>,
    pub tags: Vec<String>,
    pub tools: Vec<String>,
    /// Its place in the list it came in.
    pub cursor: super::Cursor,
}

/// Sums. Where a call's tokens or cost are unknown, `unknown_usage` and `unknown_cost` count it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub observations: u64,
    pub generations: u64,
    pub tools: u64,
    pub errors: u64,
    pub cancelled: u64,
    pub interrupted: u64,
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
    pub reasoning: u64,
    pub cost: Usd,
    pub unknown_usage: u64,
    pub unknown_cost: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// In microseconds: models at work, tools at work, calls of models that came to nothing.
    pub model_time: u64,
    pub tool_time: u64,
    pub wasted_time: u64,
    /// What calls used that came to nothing.
    pub wasted_tokens: u64,
}

/// Which sums of hours.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollupFilter {
    pub since: Option<Micros>,
    pub until: Option<Micros>,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub kind: Option<Kind>,
    pub user: Option<String>,
}

/// The sums of one hour, of one model at one provider asked by one client and user.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollup {
    /// When the hour began.
    pub hour: Micros,
    pub kind: Kind,
    pub provider: String,
    pub model: String,
    pub client: String,
    pub user: String,
    pub totals: Totals,
    pub duration: Sketch,
    pub first_token: Sketch,
}

/// What was asked with one version of a system prompt and of a set of tools. One of the two may be absent: prompts without
/// tools, tools without a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptVersion {
    pub version: Option<String>,
    pub tools: Option<String>,
    /// When the first call with it began, and the last.
    pub first: Micros,
    pub last: Micros,
    /// The last of them.
    pub example: ObservationId,
    pub totals: Totals,
    pub duration: Sketch,
    pub first_token: Sketch,
}

/// How long things took: counts in bins that grow by a tenth, so that a percentile is off by no more than 5 %.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Bin and count, by bin; bin `b` holds durations from 1.1^b microseconds up to the next.
    pub bins: Vec<(u16, u64)>,
}

/// What to prune. At least one of the bounds is set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prune {
    /// What passes it may go.
    pub filter: super::Filter,
    /// Oldest first, until the store is no larger than this.
    pub down_to_bytes: Option<u64>,
    /// Say what would go, and change nothing.
    pub dry_run: bool,
}

/// What a step of a pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub observations: u64,
    pub exchanges: u64,
    pub pieces: u64,
    pub bytes: u64,
    pub done: bool,
}

/// How far a check has got. The default is its beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyAt {
    pub part: u32,
    pub row: i64,
}

/// What a step of a check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// Where to go on; absent when all is checked.
    pub next: Option<VerifyAt>,
    pub pieces: u64,
    pub exchanges: u64,
    pub observations: u64,
    /// What is wrong, in words that say where.
    pub wrong: Vec<String>,
}

/// A store in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    pub exchanges: u64,
    pub observations: u64,
    pub sessions: u64,
    pub traces: u64,
    pub pieces: u64,
    /// What the bodies were on the wire.
    pub raw_bytes: u64,
    /// What the pieces are, each once, before compression.
    pub unique_bytes: u64,
    /// What all takes on disk.
    pub disk_bytes: u64,
    /// What could be given back to the system.
    pub free_bytes: u64,
    pub oldest: Option<Micros>,
    pub newest: Option<Micros>,
    pub totals: Totals,
    /// Observations with a loss marked on them.
    pub with_losses: u64,
}

/// So many counts are written before the cost, as they were at first, and the others behind it.
pub(super) const COUNTS_BEFORE_COST: usize = 13;

impl Totals {
    /// All but the cost.
    pub(super) fn counts(&self) -> [u64; 18] {
        let Self {
            observations,
            generations,
            tools,
            errors,
            cancelled,
            interrupted,
            input,
            output,
            cache_read,
            cache_write,
            reasoning,
            cost: _,
            unknown_usage,
            unknown_cost,
            retries,
            model_time,
            tool_time,
            wasted_time,
            wasted_tokens,
        } = *self;
        [
            observations,
            generations,
            tools,
            errors,
            cancelled,
            interrupted,
            input,
            output,
            cache_read,
            cache_write,
            reasoning,
            unknown_usage,
            unknown_cost,
            retries,
            model_time,
            tool_time,
            wasted_time,
            wasted_tokens,
        ]
    }

    /// The same, in the same order, to be changed.
    pub(super) fn counts_mut(&mut self) -> [&mut u64; 18] {
        [
            &mut self.observations,
            &mut self.generations,
            &mut self.tools,
            &mut self.errors,
            &mut self.cancelled,
            &mut self.interrupted,
            &mut self.input,
            &mut self.output,
            &mut self.cache_read,
            &mut self.cache_write,
            &mut self.reasoning,
            &mut self.unknown_usage,
            &mut self.unknown_cost,
            &mut self.retries,
            &mut self.model_time,
            &mut self.tool_time,
            &mut self.wasted_time,
            &mut self.wasted_tokens,
        ]
    }

    /// Without times, attempts and what was wasted, which sums by the hour do not have.
    pub(super) fn without_times(mut self) -> Self {
        self.counts_mut().into_iter().skip(COUNTS_BEFORE_COST).for_each(|count| *count = 0);
        self
    }

    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.counts_mut().into_iter().zip(other.counts()) {
            *own = own.saturating_add(other);
        }
        self.cost = self.cost + other.cost;
    }

    /// Takes away what was added before.
    pub fn subtract(&mut self, other: &Self) {
        for (own, other) in self.counts_mut().into_iter().zip(other.counts()) {
            *own = own.saturating_sub(other);
        }
        self.cost = Usd::from_picos(self.cost.picos() - other.cost.picos());
    }
}

impl Sketch {
    /// Counts a duration in microseconds.
    pub fn add(&mut self, micros: u64) {
        let bin = Self::bin(micros);
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(at) => self.bins[at].1 += 1,
            Err(at) => self.bins.insert(at, (bin, 1)),
        }
    }

    /// Takes away one that was counted.
    pub fn remove(&mut self, micros: u64) {
        let bin = Self::bin(micros);
        if let Ok(at) = self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            self.bins[at].1 = self.bins[at].1.saturating_sub(1);
            if self.bins[at].1 == 0 {
                self.bins.remove(at);
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (bin, count) in &other.bins {
            match self.bins.binary_search_by_key(bin, |(bin, _)| *bin) {
                Ok(at) => self.bins[at].1 += count,
                Err(at) => self.bins.insert(at, (*bin, *count)),
            }
        }
    }

    pub fn count(&self) -> u64 {
        self.bins.iter().map(|(_, count)| count).sum()
    }

    /// The duration, in microseconds, that this part of all (0.5, 0.95) took no longer than.
    pub fn quantile(&self, part: f64) -> Option<f64> {
        let count = self.count();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a percentile of more calls than a double counts is as good"
        )]
        let place = ((count as f64 * part.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut seen = 0;
        let bin = self.bins.iter().find(|(_, count)| {
            seen += count;
            seen >= place
        });
        bin.map(|(bin, _)| Self::middle(*bin))
    }

    fn bin(micros: u64) -> u16 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the logarithm of 64 bits is below 500"
        )]
        let bin = ((micros.max(1) as f64).ln() / GROWTH.ln()).floor() as u16;
        bin
    }

    fn middle(bin: u16) -> f64 {
        GROWTH.powi(i32::from(bin)) * f64::midpoint(1.0, GROWTH)
    }
}

/// How much larger each bin is than the one before.
const GROWTH: f64 = 1.1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_off_by_no_more_than_a_twentieth() {
        let mut sketch = Sketch::default();
        (1..=10_000).for_each(|number| sketch.add(number * 1000));
        for (part, expected) in [(0.5, 5_000_000.0), (0.95, 9_500_000.0), (1.0, 10_000_000.0)] {
            let found = sketch.quantile(part).unwrap();
            assert!((found / expected - 1.0).abs() < 0.0501, "{part}: {found}");
        }
        let mut twice = sketch.clone();
        twice.merge(&sketch);
        assert_eq!((twice.count(), sketch.count()), (20_000, 10_000));
        (1..=10_000).for_each(|number| sketch.remove(number * 1000));
        assert_eq!(sketch, Sketch::default());
        assert_eq!(sketch.quantile(0.5), None);
        sketch.add(0);
        sketch.add(u64::MAX);
        assert_eq!(sketch.count(), 2);
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let one = Totals { observations: 1, input: 5, cost: Usd::from_picos(7), ..Totals::default() };
        let mut sum = one.clone();
        sum.add(&one);
        assert_eq!((sum.observations, sum.input, sum.cost.picos()), (2, 10, 14));
        sum.subtract(&one);
        assert_eq!(sum, one);
    }
}
