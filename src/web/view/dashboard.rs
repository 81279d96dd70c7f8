//! What was used, over time: sums and percentiles by the hour or the day, by model, provider, client, user, tag or version of
//! a prompt.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::limits::limits;
use crate::model::{Kind, Micros, Usd};
use crate::store::{Filter, Order, Page, Rollup, RollupFilter, Sketch, Store, Totals};
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

/// What it can be told by from the steps alone.
const BY_STEPS: &[&str] = &["tag", "prompt_version"];
/// So many steps are looked at, so many at once.
const MOST_ROWS: usize = 20_000;
const AT_ONCE: usize = 1_000;

#[derive(Clone, Default)]
struct Sum {
    totals: Totals,
    duration: Sketch,
    first_token: Sketch,
}

impl Sum {
    fn merge(&mut self, other: &Self) {
        self.totals.add(&other.totals);
        self.duration.merge(&other.duration);
        self.first_token.merge(&other.first_token);
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

/// What the sums are made of: of one hour or one step, whose it is and when.
type Piece = (Vec<String>, Micros, Sum);

pub async fn dashboard(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let filter = query.filter(&["by"])?;
    let by = query.first("by").unwrap_or("model");
    let known = BY.iter().map(|(name, _)| *name).chain(BY_STEPS.iter().copied());
    let Some(by) = known.clone().find(|name| *name == by) else {
        let names: Vec<&str> = known.collect();
        return Err(Fault::asked(format!("by={by}: expected one of {}", names.join(", "))));
    };
    let until = filter.until.unwrap_or(Micros::now());
    let since = filter.since.unwrap_or(Micros(until.0.saturating_sub(BACK)));
    let step = if until.0.saturating_sub(since.0) > HOURS { A_DAY } else { AN_HOUR };
    let asked = Filter { since: Some(since), until: Some(until), ..filter };
    let kind = asked.kind.unwrap_or(Kind::Generation);
    let asked = Filter { kind: Some(kind), ..asked };
    let (pieces, is_cut) = match BY.iter().find(|(name, _)| *name == by) {
        // Of these there are no sums by the hour.
        _ if is_narrow(&asked) => of_steps(store, asked.clone(), by).await?,
        Some((_, of)) => (of_hours(store, &asked, *of).await?, false),
        None => of_steps(store, asked.clone(), by).await?,
    };
    let first = since.0 / step * step;
    let steps = ((until.0.saturating_sub(first)) / step + 1).min(MOST_STEPS);
    let buckets: Vec<u64> = (0..steps).map(|at| first + at * step).collect();
    let mut all = Sum::default();
    let mut lines: HashMap<&str, (Sum, BTreeMap<u64, Sum>)> = HashMap::new();
    for (keys, at, piece) in &pieces {
        all.merge(piece);
        // What has several tags counts for each of them.
        for key in keys {
            let (sum, points) = lines.entry(key).or_default();
            sum.merge(piece);
            points.entry(at.0 / step * step).or_default().merge(piece);
        }
    }
    let mut data = json!({
        "since": since.rfc3339(), "until": until.rfc3339(), "by": by,
        "step": if step == A_DAY { "day" } else { "hour" },
        "buckets": buckets.iter().map(|at| Micros(*at).rfc3339()).collect::<Vec<_>>(),
        "totals": all.to_json(), "series": series(lines, &buckets), "filter": query.filters(),
    });
    if is_cut {
        data["only_newest"] = MOST_ROWS.into();
    }
    let newest =
        store.rollups(RollupFilter { since: Some(since), until: Some(until), ..RollupFilter::default() });
    let newest = newest.await?;
    let mut providers: Vec<&str> = newest.iter().map(|rollup| rollup.provider.as_str()).collect();
    providers.sort_unstable();
    providers.dedup();
    data["rate_limits"] = limits(store, &providers).await?.into();
    Ok(data)
}

/// Whether a filter asks for more than sums by the hour can tell.
fn is_narrow(filter: &Filter) -> bool {
    let Filter {
        session,
        trace,
        status,
        tag,
        search,
        kind: _,
        model: _,
        provider: _,
        user: _,
        since: _,
        until: _,
    } = filter;
    session.is_some() || trace.is_some() || status.is_some() || tag.is_some() || search.is_some()
}

async fn of_hours(store: &dyn Store, asked: &Filter, of: Of) -> Result<Vec<Piece>, Fault> {
    let asked = RollupFilter {
        since: asked.since,
        until: asked.until,
        model: asked.model.clone(),
        provider: asked.provider.clone(),
        kind: asked.kind,
        user: asked.user.clone(),
    };
    let rollups = store.rollups(asked).await?;
    let piece = |rollup: Rollup| {
        let key = of(&rollup).to_owned();
        let Rollup { totals, duration, first_token, hour, .. } = rollup;
        (vec![key], hour, Sum { totals, duration, first_token })
    };
    Ok(rollups.into_iter().map(piece).collect())
}

/// The same from the steps themselves, the newest first, as far as there is time for it.
async fn of_steps(store: &dyn Store, asked: Filter, by: &str) -> Result<(Vec<Piece>, bool), Fault> {
    let mut pieces = Vec::new();
    let mut after = None;
    while pieces.len() < MOST_ROWS {
        let page = Page { order: Order::NewestFirst, limit: AT_ONCE, after: after.take() };
        let rows = store.list(asked.clone(), page).await?;
        let is_last = rows.len() < AT_ONCE;
        after = rows.last().map(|row| row.cursor.clone());
        pieces.extend(rows.iter().filter_map(|row| piece(&row.head, by)));
        if is_last {
            return Ok((pieces, false));
        }
    }
    Ok((pieces, true))
}

/// What one step adds.
fn piece(head: &Map<String, Value>, by: &str) -> Option<Piece> {
    let text = |key: &str| head.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let at = Micros::parse_rfc3339(&text("start_time"))?;
    let usage = |key: &str| head.get("usage").and_then(|usage| usage.get(key)).and_then(Value::as_u64);
    let cost = head.get("cost").and_then(|cost| cost.get("total")).and_then(Value::as_f64);
    let is = |status: &str| u64::from(text("status") == status);
    let totals = Totals {
        observations: 1,
        errors: is("error"),
        cancelled: is("cancelled"),
        interrupted: is("interrupted"),
        input: usage("input").unwrap_or(0),
        output: usage("output").unwrap_or(0),
        cache_read: usage("cache_read").unwrap_or(0),
        cache_write: usage("cache_write").unwrap_or(0),
        reasoning: usage("reasoning").unwrap_or(0),
        cost: cost.and_then(Usd::from_f64).unwrap_or_default(),
        unknown_usage: u64::from(usage("input").is_none()),
        unknown_cost: u64::from(cost.is_none()),
        ..Totals::default()
    };
    let mut sum = Sum { totals, ..Sum::default() };
    for (key, sketch) in [("duration_ms", &mut sum.duration), ("ttft_ms", &mut sum.first_token)] {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no time is negative")]
        if let Some(millis) = head.get(key).and_then(Value::as_f64) {
            sketch.add((millis * 1000.0) as u64);
        }
    }
    let keys = match by {
        "tag" => {
            let tags = head.get("tags").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            tags.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        "client" => vec![
            head.get("client").and_then(|client| client.get("name")?.as_str()).unwrap_or_default().to_owned(),
        ],
        "model" => {
            vec![Some(text("response_model")).filter(|own| !own.is_empty()).unwrap_or(text("request_model"))]
        }
        other => vec![text(other)],
    };
    Some((if keys.is_empty() { vec![String::new()] } else { keys }, at, sum))
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
