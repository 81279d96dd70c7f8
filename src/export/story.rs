//! The steps of a trace or a session, out of the store.

use std::collections::HashMap;

use serde_json::Value;

use crate::store::{Cursor, Filter, Order, Page, Row, Store, StoreError, Stored, Summary};

/// How many rows are asked for at once.
const AT_ONCE: usize = 1_000;

/// The steps of one trace, with what it came to.
pub type Told = (Option<Summary>, Vec<Row>);

/// The first steps that pass, in the order they began, and whether there are more.
pub async fn steps(store: &dyn Store, filter: &Filter, limit: usize) -> Result<(Vec<Row>, bool), StoreError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut after = None;
    // One more than is wanted says whether there are more.
    let most = limit.max(1).saturating_add(1);
    while rows.len() < most {
        let asked = AT_ONCE.min(most - rows.len());
        let page = Page { order: Order::OldestFirst, limit: asked, after: after.take() };
        let more = store.list(filter.clone(), page).await?;
        let is_last = more.len() < asked;
        rows.extend(more);
        after = rows.last().map(|row| row.cursor.clone());
        if is_last {
            break;
        }
    }
    let is_cut = rows.len() == most;
    if is_cut {
        rows.pop();
    }
    Ok((rows, is_cut))
}

/// Rows by their traces, those in the order in which they began.
pub fn by_trace(rows: Vec<Row>, summaries: Vec<Summary>) -> Vec<Told> {
    let mut traces: Vec<(String, Vec<Row>)> = Vec::new();
    let mut places = HashMap::new();
    for row in rows {
        let id = row.head.get("trace_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = *places.entry(id.clone()).or_insert_with(|| {
            traces.push((id, Vec::new()));
            traces.len() - 1
        });
        if let Some((_, rows)) = traces.get_mut(at) {
            rows.push(row);
        }
    }
    let mut summaries: HashMap<String, Summary> =
        summaries.into_iter().map(|summary| (summary.id.clone(), summary)).collect();
    traces.into_iter().map(|(id, rows)| (summaries.remove(&id), rows)).collect()
}

/// A step as a list has it, without what only lists show.
pub fn row(stored: &Stored) -> Row {
    Row {
        head: stored.head.clone(),
        input_preview: String::new(),
        output_preview: String::new(),
        snippet: None,
        cursor: Cursor::default(),
    }
}
