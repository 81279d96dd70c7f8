//! What calls took and used, in histograms: counted once each, when it is written, so that nobody has to add it up from the
//! store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use crate::model::{ExchangeId, Usd};

/// No more sets of words than these have counts of their own; what comes later is counted under `OTHER`. Models are named by
/// whoever calls, and may be any number.
const MOST: usize = 300;
/// No word is longer.
const LONGEST: usize = 100;
/// In the place of words there is no more room for.
const OTHER: &str = "other";

/// Seconds, as OpenTelemetry's conventions have them: doubled from a hundredth.
pub const SECONDS: [f64; 14] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
/// Tokens, likewise: fourfold from one.
pub const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// Whose counts: what was done, by whom, with which model, and what went wrong if it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Words {
    pub operation: String,
    pub provider: String,
    pub model: String,
    /// Empty where nothing did.
    pub error: String,
}

/// How often something was how large.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// One for each bound, and one for what lies above all.
    pub counts: [u64; 15],
    pub sum: f64,
}

/// The counts of one set of words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meter {
    pub duration: Histogram,
    pub first_chunk: Histogram,
    pub input: Histogram,
    pub output: Histogram,
    pub cache_read: u64,
    pub cache_write: u64,
    pub reasoning: u64,
    pub cost: Usd,
    /// Of those: without a price, or without tokens.
    pub without_cost: u64,
}

/// All counts.
#[derive(Debug, Default)]
pub struct Meters(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    meters: HashMap<Words, Meter>,
    /// Of exchanges that go on, how many of their observations are counted.
    open: HashMap<ExchangeId, usize>,
}

impl Meters {
    /// Counts what was read from an exchange and is written now; of one that goes on, what is new.
    pub(super) fn count<'a>(
        &self,
        exchange: ExchangeId,
        whole: bool,
        heads: impl ExactSizeIterator<Item = &'a Map<String, Value>>,
    ) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = heads.len();
        let counted = if whole { state.open.remove(&exchange) } else { state.open.insert(exchange, all) };
        for head in heads.skip(counted.unwrap_or_default()).filter(|head| is_of_model(head)) {
            let words = state.words(head);
            state.meters.entry(words).or_default().count(head);
        }
    }

    /// Their values, in order.
    pub fn values(&self) -> Vec<(Words, Meter)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let values = state.meters.iter().map(|(words, meter)| (words.clone(), meter.clone()));
        let mut values: Vec<_> = values.collect();
        values.sort_by(|(one, _), (other, _)| one.cmp(other));
        values
    }
}

/// What no dialect knows is no operation of a model's.
fn is_of_model(head: &Map<String, Value>) -> bool {
    matches!(head.get("type").and_then(Value::as_str), Some("generation" | "embedding" | "retriever"))
}

/// A word as it is counted under.
fn word(text: &str) -> String {
    if text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return text.to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

impl State {
    fn words(&self, head: &Map<String, Value>) -> Words {
        let said = |key: &str| head.get(key).and_then(Value::as_str).unwrap_or_default();
        let error = match said("status") {
            "ok" => "",
            status => head.get("error").and_then(|error| error.get("type")?.as_str()).unwrap_or(status),
        };
        let words = Words {
            operation: word(said("operation")),
            provider: word(said("provider")),
            model: word(said("request_model")),
            error: word(error),
        };
        if self.meters.len() < MOST || self.meters.contains_key(&words) {
            return words;
        }
        let error = if words.error.is_empty() { "" } else { OTHER };
        let [operation, provider, model] = [OTHER; 3].map(str::to_owned);
        Words { operation, provider, model, error: error.to_owned() }
    }
}

impl Meter {
    fn count(&mut self, head: &Map<String, Value>) {
        let seconds = |key: &str| head.get(key).and_then(Value::as_f64).map(|millis| millis / 1000.0);
        if let Some(duration) = seconds("duration_ms") {
            self.duration.put(&SECONDS, duration);
        }
        if head.get("streamed") == Some(&Value::Bool(true))
            && let Some(first) = seconds("ttft_ms")
        {
            self.first_chunk.put(&SECONDS, first);
        }
        let used = |key: &str| head.get("usage").and_then(|usage| usage.get(key)?.as_u64());
        for (histogram, key) in [(&mut self.input, "input"), (&mut self.output, "output")] {
            if let Some(tokens) = used(key) {
                #[expect(clippy::cast_precision_loss, reason = "no call has 2^53 tokens")]
                histogram.put(&TOKENS, tokens as f64);
            }
        }
        self.cache_read += used("cache_read").unwrap_or_default();
        self.cache_write += used("cache_write").unwrap_or_default();
        self.reasoning += used("reasoning").unwrap_or_default();
        match head.get("cost").and_then(|cost| Usd::from_f64(cost.get("total")?.as_f64()?)) {
            Some(cost) => self.cost = self.cost + cost,
            None => self.without_cost += 1,
        }
    }
}

impl Histogram {
    fn put(&mut self, bounds: &[f64; 14], value: f64) {
        let at = bounds.partition_point(|bound| *bound < value);
        self.counts[at] += 1;
        self.sum += value;
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn head(model: &str, value: &Value) -> Map<String, Value> {
        let mut head = value.as_object().unwrap().clone();
        head.insert("request_model".to_owned(), model.into());
        head
    }

    fn ok() -> Value {
        json!({"type": "generation", "operation": "chat", "provider": "openai", "status": "ok", "streamed": true, "duration_ms": 1280.0,
            "ttft_ms": 100.0, "usage": {"input": 1000, "output": 5, "cache_read": 600}, "cost": {"total": 0.25}})
    }

    fn id(number: u8) -> ExchangeId {
        ExchangeId::from_bytes([number; 16])
    }

    #[test]
    fn a_call_is_counted_where_it_belongs() {
        let meters = Meters::default();
        let failed = json!({"type": "generation", "operation": "chat", "provider": "openai", "status": "error", "duration_ms": 20.0,
            "error": {"type": "rate_limit"}});
        let unknown = json!({"type": "span", "operation": "http", "status": "ok"});
        let heads = [head("m", &ok()), head("m", &failed), head("m", &unknown)];
        meters.count(id(1), true, heads.iter());
        let values = meters.values();
        assert_eq!(values.len(), 2);
        let (words, meter) = &values[0];
        assert_eq!((words.operation.as_str(), words.model.as_str(), words.error.as_str()), ("chat", "m", ""));
        // A bound belongs to what lies below it.
        assert_eq!(meter.duration.counts[7], 1);
        assert_eq!((meter.input.counts[5], meter.output.counts[2], meter.cache_read), (1, 1, 600));
        assert_eq!((meter.duration.sum, meter.without_cost), (1.28, 0));
        assert_eq!(values[1].0.error, "rate_limit");
        assert_eq!((values[1].1.without_cost, values[1].1.first_chunk.count()), (1, 0));
    }

    #[test]
    fn what_goes_on_is_counted_once() {
        let meters = Meters::default();
        let heads = [head("m", &ok()), head("m", &ok()), head("m", &ok())];
        meters.count(id(1), false, heads[..1].iter());
        meters.count(id(1), false, heads[..2].iter());
        meters.count(id(1), true, heads.iter());
        assert_eq!(meters.values()[0].1.duration.count(), 3);
    }

    #[test]
    fn names_are_bounded() {
        let meters = Meters::default();
        for number in 0..MOST * 2 {
            meters.count(id(1), true, [&head(&format!("m{number}"), &ok())].into_iter());
        }
        let values = meters.values();
        assert_eq!(values.len(), MOST + 1);
        let other = values.iter().find(|(words, _)| words.model == OTHER).unwrap();
        assert_eq!(other.1.duration.count(), MOST as u64);
    }
}
