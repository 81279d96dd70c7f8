//! What an export is asked for: which records, how many of them, and how much of each.

use std::sync::Arc;

use super::leave::Leave;
use crate::model::TraceId;
use crate::store::Filter;

#[derive(Clone, Default)]
pub struct Wanted {
    pub filter: Filter,
    /// No more than so many, the newest.
    pub limit: Option<usize>,
    pub sample: Option<Sample>,
    /// With what was on the wire, where the form has room for it.
    pub raw: bool,
    /// Where calls of each upstream went.
    pub origins: Arc<Vec<Origin>>,
    /// What may leave the house.
    pub leave: Arc<Leave>,
}

/// An upstream as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub upstream: String,
    /// Whose rules hold there.
    pub provider: String,
    /// As `https://api.openai.com`.
    pub url: String,
}

/// A part of all traces. Whole ones, and the same ones each time: which, their ids and the seed say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// From 0 to 1.
    pub share: f64,
    pub seed: u64,
}

impl Sample {
    /// Whether this trace is one of them.
    pub fn has(self, TraceId(trace): TraceId) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let halves = [(trace >> 64) as u64, trace as u64];
        let drawn = halves.into_iter().fold(mixed(self.seed), |sum, half| mixed(sum ^ half));
        #[expect(clippy::cast_precision_loss, reason = "53 bits are enough to draw by")]
        let drawn = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.share
    }
}

/// Every bit of the result hangs on every bit of the number (the finalizer of `SplitMix64`).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// `5%`, or 0.05.
pub fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().map(|number| number / whole);
    let share = share.ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a part of all, as 5% or 0.05".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_same_each_time_and_as_large_as_was_asked() {
        let count = |share: f64, seed: u64| {
            let sample = Sample { share, seed };
            (0..10_000).filter(|trace| sample.has(TraceId(*trace))).collect::<Vec<_>>()
        };
        let drawn = count(0.05, 1);
        assert!((400..600).contains(&drawn.len()), "{}", drawn.len());
        assert_eq!(drawn, count(0.05, 1));
        assert_ne!(drawn, count(0.05, 2));
        // A larger share has all of the smaller one.
        let more = count(0.1, 1);
        assert!(drawn.iter().all(|trace| more.contains(trace)));
        assert_eq!((count(0.0, 1).len(), count(1.0, 1).len()), (0, 10_000));
        let high = Sample { share: 0.5, seed: 1 };
        let kept = (0..1000_u128).filter(|trace| high.has(TraceId(trace << 64))).count();
        assert!((400..600).contains(&kept), "{kept}");
    }
}
