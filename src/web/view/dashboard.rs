//! What was used, over time: sums and percentiles by the hour or the day, by model, provider, client or user.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::model::{Kind, Micros};
use crate::store::{Rollup, RollupFilter, Sketch, Store, Totals};
use crate::web::fault::Fault;
use crate::web::query::Query;

const AN_HOUR: u64 = 3_600_000_000;
const A_DAY: u64 = 24 * AN_HOUR;
/// Where nothing is said, so far back.
const BACK: u64 = 7 * A_DAY;
/// Longer than this, a day is a step.
const HOURS: u64 = 4 * A_DAY;
/// So many lines in a chart; what is left over is one more.
const LINES: usize = 8;
/// So many steps at most: a hidden clock mistake must not make a chart of a million.
const MOST_STEPS: u64 = 800;

type Of = fn(&Rollup) -> &str;

/// What it can be told by.
const BY: &[(&str, Of)] = &[
    ("model", |rollup| &rollup.model),
    ("provider", |rollup| &rollup.provider),
    ("client", |rollup| &rollup.client),
    ("user", |rollup| &rollup.user),
];

#[derive(Clone, Default)]
struct Sum {
    totals: Totals,
    duration: Sketch,
    first_token: Sketch,
}

impl Sum {
    fn add(&mut self, rollup: &Rollup) {
        self.totals.add(&rollup.totals);
        self.duration.merge(&rollup.duration);
        self.first_token.merge(&rollup.first_token);
    }

    fn to_json(&self) -> Value {
        let Self { totals, duration, first_token } = self;
        let millis = |sketch: &Sketch, part: f64| sketch.quantile(part).map(|micros| micros / 1000.0);
        #[expect(clippy::cast_precision_loss, reason = "a share is no exact number")]
        let rate = (totals.input > 0).then(|| totals.cache_read as f64 / totals.input as f64);
        json!({
            "requests": totals.observations, "errors": totals.errors, "cancelled": totals.cancelled,
            "interrupted": totals.interrupted, "retries": totals.retries, "input": totals.input, "output": totals.output,
            "cache_read": totals.cache_read, "cache_write": totals.cache_write, "reasoning": totals.reasoning,
            "cost": totals.cost.to_json(), "unknown_cost": totals.unknown_cost, "unknown_usage": totals.unknown_usage,
            "duration_p50_ms": millis(duration, 0.5), "duration_p95_ms": millis(duration, 0.95),
            "duration_p99_ms": millis(duration, 0.99), "ttft_p50_ms": millis(first_token, 0.5),
            "ttft_p95_ms": millis(first_token, 0.95), "cache_hit_rate": rate,
        })
    }
}

pub async fn dashboard(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let filter = query.filter(&["by"])?;
    let by = query.first("by").unwrap_or("model");
    let Some((by, of)) = BY.iter().find(|(name, _)| *name == by) else {
        let names: Vec<&str> = BY.iter().map(|(name, _)| *name).collect();
        return Err(Fault::asked(format!("by={by}: expected one of {}", names.join(", "))));
    };
    let now = Micros::now();
    let until = filter.until.unwrap_or(now);
    let since = filter.since.unwrap_or(Micros(until.0.saturating_sub(BACK)));
    let step = if until.0.saturating_sub(since.0) > HOURS { A_DAY } else { AN_HOUR };
    let asked = RollupFilter {
        since: Some(since),
        until: Some(until),
        model: filter.model.clone(),
        provider: filter.provider.clone(),
        kind: Some(filter.kind.unwrap_or(Kind::Generation)),
        user: filter.user.clone(),
    };
    let rollups = store.rollups(asked).await?;
    let first = since.0 / step * step;
    let steps = ((until.0.saturating_sub(first)) / step + 1).min(MOST_STEPS);
    let buckets: Vec<u64> = (0..steps).map(|at| first + at * step).collect();
    let mut all = Sum::default();
    let mut lines: HashMap<&str, (Sum, BTreeMap<u64, Sum>)> = HashMap::new();
    for rollup in &rollups {
        all.add(rollup);
        let (sum, points) = lines.entry(of(rollup)).or_default();
        sum.add(rollup);
        points.entry(rollup.hour.0 / step * step).or_default().add(rollup);
    }
    Ok(json!({
        "since": since.rfc3339(), "until": until.rfc3339(), "by": by,
        "step": if step == A_DAY { "day" } else { "hour" },
        "buckets": buckets.iter().map(|at| Micros(*at).rfc3339()).collect::<Vec<_>>(),
        "totals": all.to_json(), "series": series(lines, &buckets), "filter": query.filters(),
    }))
}

/// The largest, each with its points, and what is left over as one.
fn series(lines: HashMap<&str, (Sum, BTreeMap<u64, Sum>)>, buckets: &[u64]) -> Vec<Value> {
    let mut lines: Vec<_> = lines.into_iter().collect();
    lines.sort_unstable_by(|(one, (a, _)), (other, (b, _))| {
        b.totals.observations.cmp(&a.totals.observations).then(one.cmp(other))
    });
    let mut shown: Vec<(String, Sum, BTreeMap<u64, Sum>)> = Vec::new();
    for (at, (key, (sum, points))) in lines.into_iter().enumerate() {
        if at < LINES {
            let key = if key.is_empty() { "(unknown)" } else { key };
            shown.push((key.to_owned(), sum, points));
            continue;
        }
        if at == LINES {
            shown.push(("(others)".to_owned(), Sum::default(), BTreeMap::new()));
        }
        let Some((_, rest, rest_points)) = shown.last_mut() else { continue };
        rest.merge(&sum);
        for (bucket, sum) in points {
            rest_points.entry(bucket).or_default().merge(&sum);
        }
    }
    let empty = Sum::default();
    let line = |(key, sum, points): &(String, Sum, BTreeMap<u64, Sum>)| {
        let points = buckets.iter().map(|bucket| points.get(bucket).unwrap_or(&empty).to_json());
        json!({"key": key, "totals": sum.to_json(), "points": points.collect::<Vec<_>>()})
    };
    shown.iter().map(line).collect()
}

impl Sum {
    fn merge(&mut self, other: &Self) {
        self.totals.add(&other.totals);
        self.duration.merge(&other.duration);
        self.first_token.merge(&other.first_token);
    }
}
