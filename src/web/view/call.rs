//! One step: its record, what was on the wire, what is new in it, and how to repeat it.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::put;
use crate::export::Records;
use crate::export::summary::line;
use crate::model::{Body, ExchangeId, ObservationId, TraceId};
use crate::store::{Filter, Order, Page, Store, Stored};
use crate::trace::OwnConvention;
use crate::web::annotate::{self, Target};
use crate::web::curl::curl;
use crate::web::fault::Fault;
use crate::web::query::Query;

/// So much of a body stands in a page; all of it is to be had alone.
const LONGEST_BODY: usize = 128 << 10;
/// The steps under one are looked for among so many of its trace.
const MOST_STEPS: usize = 1_000;

/// Which side of what was on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

/// How much of what was on the wire is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Nothing.
    None,
    /// Bodies as far as a page shows them.
    Cut,
    All,
}

async fn stored(store: &dyn Store, id: &str) -> Result<Stored, Fault> {
    let missing = || Fault::missing(format!("there is no call {id:?}, or no longer"));
    let id = ObservationId::parse(id).ok_or_else(missing)?;
    store.observation(id).await?.ok_or_else(missing)
}

/// Everything about a step.
pub async fn call(
    store: &Arc<dyn Store>,
    conventions: &[OwnConvention],
    proxy: &str,
    id: &str,
    wire: Wire,
) -> Result<Value, Fault> {
    let stored = stored(store.as_ref(), id).await?;
    let mut records = Records::new(Arc::clone(store));
    let mut record = records.record(&stored, wire != Wire::None).await?;
    if wire == Wire::Cut {
        cut_bodies(&mut record);
    }
    let mut data = Map::new();
    let mut beside = Map::new();
    records.beside(&stored, conventions).await?.put(&mut beside);
    put(&mut data, "parent", record.get("parent_id").cloned().unwrap_or_default());
    put(&mut data, "previous", record.get("prior_id").cloned().unwrap_or_default());
    data.insert("record".to_owned(), Value::Object(record));
    data.extend(beside);
    if let Some(id) = stored.exchange
        && let Some(exchange) = store.exchange(id).await?
    {
        data.insert("curl".to_owned(), curl(&exchange, proxy).into());
    }
    data.insert("children".to_owned(), children(store.as_ref(), &stored).await?);
    data.insert(
        "annotations".to_owned(),
        annotate::of(store.as_ref(), Target::Observation(stored.id)).await?,
    );
    Ok(Value::Object(data))
}

/// Steps that hang under one.
async fn children(store: &dyn Store, stored: &Stored) -> Result<Value, Fault> {
    let trace = stored.head.get("trace_id").and_then(Value::as_str).and_then(TraceId::parse);
    let Some(trace) = trace else { return Ok(Vec::<Value>::new().into()) };
    let since = stored.head.get("start_time").and_then(Value::as_str);
    let filter = Filter {
        trace: Some(trace),
        since: since.and_then(crate::model::Micros::parse_rfc3339),
        ..Filter::default()
    };
    let page = Page { order: Order::OldestFirst, limit: MOST_STEPS, after: None };
    let id = stored.id.to_string();
    let rows = store.list(filter, page).await?;
    let own = rows.iter().filter(|row| row.head.get("parent_id").and_then(Value::as_str) == Some(&id));
    Ok(own.map(line).collect())
}

/// Leaves the beginning of long bodies, and says how long they are.
fn cut_bodies(record: &mut Map<String, Value>) {
    let Some(Value::Object(raw)) = record.get_mut("raw") else { return };
    for side in ["request", "response"] {
        let Some(Value::Object(side)) = raw.get_mut(side) else { continue };
        for key in ["body", "body_b64"] {
            let Some(Value::String(body)) = side.get_mut(key) else { continue };
            let length = body.len();
            if length > LONGEST_BODY {
                let end = (0..=LONGEST_BODY).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
                body.truncate(end);
                side.insert("body_truncated".to_owned(), length.into());
            }
        }
    }
}

/// The bytes of one side, and what they are said to be.
pub async fn body(store: &dyn Store, id: &str, side: Side) -> Result<(Body, Option<String>), Fault> {
    let stored = stored(store, id).await?;
    let exchange: Option<ExchangeId> = stored.exchange;
    let exchange = match exchange {
        Some(id) => store.exchange(id).await?,
        None => None,
    };
    let Some(exchange) = exchange else {
        return Err(Fault::missing("what was on the wire was not recorded: it was imported"));
    };
    let headers = match side {
        Side::Request => Some(&exchange.headers),
        Side::Response => exchange.head.as_ref().map(|head| &head.headers),
    };
    let kind = headers.and_then(|headers| headers.text("content-type")).map(str::to_owned);
    let body = if side == Side::Request { exchange.request } else { exchange.response };
    Ok((body, kind))
}

/// Two steps side by side, as the query names them.
pub async fn pair(store: &Arc<dyn Store>, query: &Query) -> Result<(Stored, Stored), Fault> {
    let id = |name: &str| {
        query
            .first(name)
            .map(str::to_owned)
            .ok_or_else(|| Fault::asked(format!("{name} is missing: ?a=ID&b=ID")))
    };
    let (a, b) = (id("a")?, id("b")?);
    Ok((stored(store.as_ref(), &a).await?, stored(store.as_ref(), &b).await?))
}
