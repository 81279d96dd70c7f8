//! Records as lines of JSON.

use std::io::{self, Write};
use std::sync::Arc;

use super::record::{Records, line};
use crate::store::{Filter, Order, Page, Store, StoreError};

/// How many observations are asked for at once.
const AT_ONCE: usize = 500;

/// What is written of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What was on the wire, too.
    pub raw: bool,
    /// No more than so many, the newest first where there is a limit.
    pub limit: Option<usize>,
}

/// Why an export ended early.
#[derive(Debug)]
pub enum Failed {
    Store(StoreError),
    Write(io::Error),
}

impl From<StoreError> for Failed {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

impl From<io::Error> for Failed {
    fn from(why: io::Error) -> Self {
        Self::Write(why)
    }
}

/// Writes what passes the filter, oldest first; with a limit, newest first. Says how many there were.
pub async fn write(
    store: &Arc<dyn Store>,
    filter: Filter,
    options: Options,
    out: &mut (dyn Write + Send),
) -> Result<usize, Failed> {
    let mut records = Records::new(Arc::clone(store));
    let order = if options.limit.is_some() { Order::NewestFirst } else { Order::OldestFirst };
    let limit = options.limit.unwrap_or(usize::MAX);
    let mut after = None;
    let mut written = 0;
    while written < limit {
        let page = Page { order, limit: AT_ONCE.min(limit - written), after: after.take() };
        let rows = store.list(filter.clone(), page).await?;
        for row in &rows {
            let id = row.head.get("id").and_then(serde_json::Value::as_str);
            let id = id.and_then(crate::model::ObservationId::parse);
            let Some(id) = id else { continue };
            // It may have been pruned since it was listed.
            if let Some(record) = records.by_id(id, options.raw).await? {
                out.write_all(line(&record).as_bytes())?;
                written += 1;
            }
        }
        match rows.last() {
            Some(last) if rows.len() == AT_ONCE || written < limit => after = Some(last.cursor.clone()),
            _ => break,
        }
    }
    out.flush()?;
    Ok(written)
}
