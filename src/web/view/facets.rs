//! By what a list can be narrowed down, and how much would be left: from the sums of hours, which are there already.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::model::Micros;
use crate::store::{Rollup, RollupFilter, Store};
use crate::web::fault::Fault;
use crate::web::query::{OF_LISTS, Query};

/// Where no time is given, sums go back so far from the last call.
const BACK: u64 = 30 * 24 * 3_600_000_000;
/// So many values of each are shown, the most frequent.
const MOST: usize = 50;

/// Values with the number of steps that have them, of what the time, model, provider, type and user leave. Filters of which
/// there are no sums do not count.
pub async fn facets(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let filter = query.filter(OF_LISTS)?;
    let newest = store.stats().await?.newest;
    let since = filter.since.or_else(|| newest.map(|newest| Micros(newest.0.saturating_sub(BACK))));
    // Of each, the values that are left if it were not asked for itself: so that another can be picked.
    let without = |name: &str| RollupFilter {
        since,
        until: filter.until,
        model: filter.model.clone().filter(|_| name != "model"),
        provider: filter.provider.clone().filter(|_| name != "provider"),
        kind: filter.kind.filter(|_| name != "type"),
        user: filter.user.clone().filter(|_| name != "user"),
    };
    let all = store.rollups(without("")).await?;
    let mut facets = Map::new();
    let asked = |name: &str| query.first(name).is_some();
    for (name, of) in OF {
        let counts =
            if asked(name) { count(&store.rollups(without(name)).await?, *of) } else { count(&all, *of) };
        facets.insert((*name).to_owned(), counts);
    }
    facets.insert("status".to_owned(), statuses(&all));
    let tags = store.tags(MOST).await?;
    facets.insert("tag".to_owned(), tags.into_iter().map(|tag| json!({"value": tag})).collect());
    Ok(Value::Object(facets))
}

type Of = fn(&Rollup) -> &str;

const OF: &[(&str, Of)] = &[
    ("provider", |rollup| &rollup.provider),
    ("model", |rollup| &rollup.model),
    ("type", |rollup| rollup.kind.name()),
    ("user", |rollup| &rollup.user),
    ("client", |rollup| &rollup.client),
];

fn count(rollups: &[Rollup], of: Of) -> Value {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for rollup in rollups {
        *counts.entry(of(rollup)).or_default() += rollup.totals.observations;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().filter(|(value, _)| !value.is_empty()).collect();
    counts.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    counts.truncate(MOST);
    counts.into_iter().map(|(value, count)| json!({"value": value, "count": count})).collect()
}

fn statuses(rollups: &[Rollup]) -> Value {
    let sum = |of: fn(&Rollup) -> u64| rollups.iter().map(of).sum::<u64>();
    let errors = sum(|rollup| rollup.totals.errors);
    let cancelled = sum(|rollup| rollup.totals.cancelled);
    let interrupted = sum(|rollup| rollup.totals.interrupted);
    let all = sum(|rollup| rollup.totals.observations);
    let well = all.saturating_sub(errors + cancelled + interrupted);
    let counts = [("ok", well), ("error", errors), ("cancelled", cancelled), ("interrupted", interrupted)];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(value, count)| json!({"value": value, "count": count})).collect()
}
