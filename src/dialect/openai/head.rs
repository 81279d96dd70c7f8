//! What gateways and hosts say of a call in the head of its answer: costs, and how long it took them.

use serde_json::{Map, Value};

use crate::dialect::AnswerHead;
use crate::model::{Answered, Usd};

/// Headers that say what the call costs.
const COSTS: &[&str] = &["x-litellm-response-cost"];
/// Headers worth keeping, by how their names begin.
const KEPT: &[&str] = &[
    "fireworks-",
    "x-metrics-",
    "x-litellm-model-",
    "x-litellm-call-id",
    "x-litellm-response-duration",
    "openai-processing-ms",
    "x-inference-time",
    "x-ms-served-model",
    "x-ms-is-spilled-over",
];

#[derive(Clone, Debug, Default)]
pub struct Said {
    cost: Option<Usd>,
    kept: Map<String, Value>,
}

impl Said {
    pub fn of(head: &AnswerHead) -> Self {
        let cost = COSTS.iter().find_map(|name| Usd::from_f64(head.headers.text(name)?.trim().parse().ok()?));
        let mut kept = Map::new();
        for (name, value) in head.headers.iter() {
            let begins =
                |begin: &&str| name.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin));
            if KEPT.iter().any(begins)
                && let Ok(value) = std::str::from_utf8(value)
            {
                kept.insert(name.to_ascii_lowercase(), value.into());
            }
        }
        Self { cost, kept }
    }

    /// Adds it to what the body says, whose word counts first.
    pub fn put(self, answered: &mut Answered, streamed: bool) {
        // The head of a stream goes out before anyone knows what it costs.
        let cost = self.cost.filter(|cost| !streamed || *cost > Usd::ZERO);
        answered.billed = answered.billed.or(cost);
        if !self.kept.is_empty() {
            answered.extra.insert("headers".to_owned(), self.kept.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Headers;

    use super::*;

    #[test]
    fn a_cost_in_the_head_counts_where_the_body_has_none() {
        let billed = |cost: &str, streamed, own: Option<Usd>| {
            let headers = Headers::from_lines(format!("x-litellm-response-cost: {cost}\r\n").into_bytes());
            let mut answered = Answered { billed: own, ..Answered::default() };
            Said::of(&AnswerHead { status: 200, headers }).put(&mut answered, streamed);
            answered.billed
        };
        assert_eq!(billed("1.25e-05", false, None), Usd::parse("0.0000125"));
        assert_eq!(billed("0.0", false, None), Some(Usd::ZERO));
        assert_eq!(billed("0.0", true, None), None);
        assert_eq!(billed("1", false, Usd::parse("2")), Usd::parse("2"));
        assert_eq!(billed("None", false, None), None);
    }
}
