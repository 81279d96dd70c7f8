//! What a run did, as its records tell.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::{Map, Value};

use super::super::heading;
use super::super::table::plain;
use super::labels::RUN;
use crate::export::summary::name;
use crate::export::words::duration;
use crate::model::{Micros, Usd};
use crate::store::{Cursor, Filter, Order, Page, Row, Store, StoreError, Totals};

/// So many records are read at once.
const PART: usize = 500;
/// So many sessions are named.
const SESSIONS: usize = 5;

#[derive(Default)]
struct Told {
    totals: Totals,
    models: Vec<String>,
    sessions: Vec<String>,
    /// By name, how often it was called.
    tools: BTreeMap<String, u64>,
    first: Option<Micros>,
    last: Option<Micros>,
}

/// What is to be said about a run that began then.
pub(super) async fn tell(store: &dyn Store, run: &str, since: Micros, web: Option<SocketAddr>) -> String {
    let told = match told(store, run, since).await {
        Ok(told) => told,
        Err(why) => return format!("wiretape: what it did cannot be told: {why}"),
    };
    if told.totals.observations == 0 {
        return no_calls(run, web);
    }
    let mut text = format!("wiretape: {run}: {}", heading::calls(&told.totals));
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            // Writing to a text does not fail.
            let _ = write!(text, "\n  {name:<9} {}", plain(value));
        }
    };
    line("tokens", &heading::tokens(&told.totals));
    line("cost", &heading::cost(&told.totals));
    line("models", &told.models.join(", "));
    let tools = told.tools.iter().map(|(name, count)| format!("{name} {count}"));
    line("tools", &tools.collect::<Vec<_>>().join(", "));
    if let (Some(first), Some(last)) = (told.first, told.last) {
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let millis = last.0.saturating_sub(first.0) as f64 / 1000.0;
        line("time", &format!("{} from the first call to the last", duration(Some(&millis.into()))));
    }
    let mut look = Vec::new();
    let known = store.sessions(Filter { since: Some(since), ..Filter::default() }, page(PART, None)).await;
    let known = known.unwrap_or_default();
    for session in told.sessions.iter().take(SESSIONS) {
        let called = known.iter().find(|summary| summary.id == *session).map(name);
        line("session", &format!("{session}  {}", called.unwrap_or_default()));
        look.push(format!("wiretape show {session}"));
    }
    let more = told.sessions.len().saturating_sub(SESSIONS);
    if more > 0 {
        line("", &format!("and {more} {} more", heading::plural(more as u64, "session")));
    }
    look.truncate(1);
    look.push(web.map_or_else(|| "wiretape serve".to_owned(), |web| format!("http://{web}/")));
    line("look", &look.join("   "));
    text
}

/// Nothing came by: why that may be.
fn no_calls(run: &str, web: Option<SocketAddr>) -> String {
    let elsewhere = web.map(|web| format!(", or the recorder at http://{web}/ keeps its records elsewhere"));
    format!(
        "wiretape: {run}: no call came by. Either it made none, or it takes its base URL from elsewhere than the \
         environment (docs/clients.md says where){}",
        elsewhere.unwrap_or_default()
    )
}

fn page(limit: usize, after: Option<Cursor>) -> Page {
    Page { order: Order::NewestFirst, limit, after }
}

async fn told(store: &dyn Store, run: &str, since: Micros) -> Result<Told, StoreError> {
    let mut told = Told::default();
    let mut own = HashSet::new();
    let mut after = None;
    let mut tools = Vec::new();
    loop {
        let filter = Filter { since: Some(since), ..Filter::default() };
        let rows = store.list(filter, page(PART, after.take())).await?;
        let is_last = rows.len() < PART;
        after = rows.last().map(|row| row.cursor.clone());
        for row in rows {
            if text(&row.head, "type") == Some("tool") {
                tools.push(row);
            } else if row.head.get("labels").and_then(|labels| labels.get(RUN)?.as_str()) == Some(run) {
                own.extend(text(&row.head, "id").map(str::to_owned));
                told.call(&row);
            }
        }
        if is_last {
            break;
        }
    }
    // A tool's call bears no label: it is the run's where the call is that asked for it.
    for tool in tools {
        if text(&tool.head, "parent_id").is_some_and(|parent| own.contains(parent)) {
            told.totals.tools += 1;
            let name = text(&tool.head, "name").unwrap_or_default().to_owned();
            *told.tools.entry(name).or_default() += 1;
        }
    }
    // They came newest first.
    told.sessions.reverse();
    told.models.reverse();
    Ok(told)
}

fn text<'a>(head: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    head.get(key)?.as_str()
}

impl Told {
    fn call(&mut self, row: &Row) {
        let head = &row.head;
        let totals = &mut self.totals;
        totals.observations += 1;
        totals.generations += 1;
        match text(head, "status") {
            Some("error") => totals.errors += 1,
            Some("cancelled") => totals.cancelled += 1,
            Some("interrupted") => totals.interrupted += 1,
            _ => {}
        }
        totals.retries += u64::from(head.get("attempt").and_then(Value::as_u64) > Some(1));
        let used = |key: &str| head.get("usage").and_then(|usage| usage.get(key)?.as_u64());
        if used("input").is_none() && used("output").is_none() {
            totals.unknown_usage += 1;
        }
        totals.input += used("input").unwrap_or_default();
        totals.output += used("output").unwrap_or_default();
        totals.cache_read += used("cache_read").unwrap_or_default();
        totals.cache_write += used("cache_write").unwrap_or_default();
        totals.reasoning += used("reasoning").unwrap_or_default();
        let cost = head.get("cost").and_then(|cost| Usd::from_f64(cost.get("total")?.as_f64()?));
        match cost {
            Some(cost) => totals.cost = totals.cost + cost,
            None => totals.unknown_cost += 1,
        }
        let model = text(head, "response_model").or_else(|| text(head, "request_model"));
        add(&mut self.models, model);
        add(&mut self.sessions, text(head, "session_id"));
        let start = text(head, "start_time").and_then(Micros::parse_rfc3339);
        let end = text(head, "end_time").and_then(Micros::parse_rfc3339);
        self.first = self.first.into_iter().chain(start).min();
        self.last = self.last.into_iter().chain(end).max();
    }
}

fn add(all: &mut Vec<String>, one: Option<&str>) {
    if let Some(one) = one.filter(|one| !all.iter().any(|known| known == one)) {
        all.push(one.to_owned());
    }
}
