//! Lists of calls, traces and sessions.

use serde_json::{Map, Value};

use super::{facets, put};
use crate::export::summary::{line, summary};
use crate::store::{Cursor, Row, Store, Summary};
use crate::web::annotate;
use crate::web::fault::Fault;
use crate::web::query::{OF_LISTS, Query};

/// Steps that pass the filters.
pub async fn calls(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let (filter, page) = (query.filter(OF_LISTS)?, query.page()?);
    let shown = page.limit - 1;
    let mut rows: Vec<Row> = store.list(filter, page).await?;
    let next = next(&mut rows, shown, |row| &row.cursor);
    let items = rows.iter().map(line).collect();
    let items = annotate::beside_calls(store, items).await?;
    whole(store, query, items, next).await
}

pub async fn traces(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let (filter, page) = (query.filter(OF_LISTS)?, query.page()?);
    let shown = page.limit - 1;
    let mut sums: Vec<Summary> = store.traces(filter, page).await?;
    let next = next(&mut sums, shown, |sum| &sum.cursor);
    let items = annotate::beside_traces(store, sums.iter().map(summary).collect()).await?;
    whole(store, query, items, next).await
}

pub async fn sessions(store: &dyn Store, query: &Query) -> Result<Value, Fault> {
    let (filter, page) = (query.filter(OF_LISTS)?, query.page()?);
    let shown = page.limit - 1;
    let mut sums: Vec<Summary> = store.sessions(filter, page).await?;
    let next = next(&mut sums, shown, |sum| &sum.cursor);
    let items = annotate::beside_sessions(store, sums.iter().map(summary).collect()).await?;
    whole(store, query, items, next).await
}

/// Takes off the row that only told that there are more, and says where they go on.
fn next<T>(rows: &mut Vec<T>, shown: usize, cursor: impl Fn(&T) -> &Cursor) -> Option<String> {
    let is_cut = rows.len() > shown;
    rows.truncate(shown);
    rows.last().filter(|_| is_cut).map(|last| cursor(last).0.clone())
}

async fn whole(
    store: &dyn Store,
    query: &Query,
    items: Vec<Value>,
    next: Option<String>,
) -> Result<Value, Fault> {
    let mut list = Map::new();
    list.insert("items".to_owned(), items.into());
    put(&mut list, "next", next);
    list.insert("filter".to_owned(), Value::Object(query.filters()));
    if query.has("facets") {
        list.insert("facets".to_owned(), facets::facets(store, query).await?);
    }
    Ok(Value::Object(list))
}
