//! By what a list can be narrowed down, and how much would be left: from the sums of hours, which are there already.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::model::Micros;
use crate::store::{Filter, Rollup, RollupFilter, Store};
use crate::web::fault::Fault;
use crate::web::query::{OF_LISTS, Query};

/// Sums go back so far from the last call at most, or to the time that is asked for.
const BACK: u64 = 30 * 24 * AN_HOUR;
const AN_HOUR: u64 = 3_600_000_000;
/// And no further once there are so many of them: where thousands of users call in an hour, the last hours tell enough.
const MOST_SUMS: usize = 5_000;
/// So many values of each are shown, the most frequent.
const MOST: usize = 50;

/// Values with the number of steps that have them, of what the time, model, provider, type and user leave. Filters of which
/// there are no sums do not count.
pub async fn facets(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let filter = query.filter(OF_LISTS)?;
    let all = newest(store, &filter).await?;
    let mut facets = Map::new();
    for (name, of) in OF {
        // The values that would be left if it were not asked for itself: so that another can be picked.
        let passing = all.iter().filter(|rollup| passes(rollup, &filter, name));
        facets.insert((*name).to_owned(), count(passing, *of));
    }
    let passing: Vec<&Rollup> = all.iter().filter(|rollup| passes(rollup, &filter, "status")).collect();
    facets.insert("status".to_owned(), statuses(&passing));
    let tags = store.tags(MOST).await?;
    facets.insert("tag".to_owned(), tags.into_iter().map(|tag| json!({"value": tag})).collect());
    Ok(Value::Object(facets))
}

/// The sums of the newest hours, further and further back until there are enough.
async fn newest(store: &dyn Store, filter: &Filter) -> Result<Vec<Rollup>, Fault> {
    let last = match filter.until {
        Some(until) => Some(until),
        None => store.stats().await?.newest.map(|newest| Micros(newest.0 + AN_HOUR)),
    };
    let Some(last) = last else { return Ok(Vec::new()) };
    let first = filter.since.unwrap_or(Micros(last.0.saturating_sub(BACK)));
    let (mut all, mut until, mut hours) = (Vec::new(), last, 1);
    while until > first && all.len() < MOST_SUMS {
        // Whole hours: none is counted twice.
        let since = Micros((until.0.saturating_sub(hours * AN_HOUR) / AN_HOUR * AN_HOUR).max(first.0));
        let asked = RollupFilter { since: Some(since), until: Some(until), ..RollupFilter::default() };
        all.extend(store.rollups(asked).await?);
        (until, hours) = (since, hours * 2);
    }
    Ok(all)
}

/// Whether a sum passes all filters but the one of this name.
fn passes(rollup: &Rollup, filter: &Filter, but: &str) -> bool {
    let Filter { model, provider, kind, user, .. } = filter;
    let is = |name: &str, wanted: &Option<String>, own: &str| {
        name == but || wanted.as_deref().is_none_or(|wanted| is_like(own, wanted))
    };
    is("model", model, &rollup.model)
        && is("provider", provider, &rollup.provider)
        && is("user", user, &rollup.user)
        && (but == "type" || kind.is_none_or(|kind| kind == rollup.kind))
}

/// A text in which `*` stands for any.
fn is_like(text: &str, pattern: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('*') else { return text == pattern };
    let Some(mut text) = text.strip_prefix(before) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = text.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

type Of = fn(&Rollup) -> &str;

const OF: &[(&str, Of)] = &[
    ("provider", |rollup| &rollup.provider),
    ("model", |rollup| &rollup.model),
    ("type", |rollup| rollup.kind.name()),
    ("user", |rollup| &rollup.user),
    ("client", |rollup| &rollup.client),
];

fn count<'a>(rollups: impl Iterator<Item = &'a Rollup>, of: Of) -> Value {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for rollup in rollups {
        *counts.entry(of(rollup)).or_default() += rollup.totals.observations;
    }
    let mut counts: Vec<(&str, u64)> = counts.into_iter().filter(|(value, _)| !value.is_empty()).collect();
    counts.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    counts.truncate(MOST);
    counts.into_iter().map(|(value, count)| json!({"value": value, "count": count})).collect()
}

fn statuses(rollups: &[&Rollup]) -> Value {
    let sum = |of: fn(&Rollup) -> u64| rollups.iter().map(|rollup| of(rollup)).sum::<u64>();
    let errors = sum(|rollup| rollup.totals.errors);
    let cancelled = sum(|rollup| rollup.totals.cancelled);
    let interrupted = sum(|rollup| rollup.totals.interrupted);
    let all = sum(|rollup| rollup.totals.observations);
    let well = all.saturating_sub(errors + cancelled + interrupted);
    let counts = [("ok", well), ("error", errors), ("cancelled", cancelled), ("interrupted", interrupted)];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(value, count)| json!({"value": value, "count": count})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (text, pattern) in [
            ("gpt-4.1", "gpt-4.1"),
            ("gpt-4.1", "gpt-*"),
            ("gpt-4.1", "*4*"),
            ("gpt-4.1", "*"),
            ("aXbXc", "a*b*c"),
        ] {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in
            [("gpt-4.1", "gpt"), ("gpt-4.1", "*5*"), ("gpt-4.1", "claude*"), ("ab", "a*b*b")]
        {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }
}
