//! Versions of prompts.

use std::sync::Arc;

use serde_json::{Value, json};

use super::compare::marked;
use crate::export::Records;
use crate::export::prompts::{beginning, compared, line, pick, tools};
use crate::store::{Filter, Store};
use crate::trace::diff::diff;
use crate::trace::prompt::system_text;
use crate::web::fault::Fault;
use crate::web::query::Query;

/// So many versions are shown where nothing else is said, and at most.
const VERSIONS: usize = 50;
const MOST: usize = 1_000;

/// Versions, the one seen last first.
pub async fn list(store: &Arc<dyn Store>, query: &Query) -> Result<Value, Fault> {
    let filter = query.filter(&["limit"])?;
    let limit = query.number("limit")?.unwrap_or(VERSIONS).clamp(1, MOST);
    let all = store.prompts(filter).await?;
    let mut records = Records::new(Arc::clone(store));
    let mut items = Vec::new();
    for one in all.iter().take(limit) {
        let mut item = line(one);
        item["prompt_preview"] = beginning(&records.prompt(one).await?).into();
        items.push(item);
    }
    Ok(json!({"items": items, "total": all.len(), "filter": query.filters()}))
}

/// One version, and what it differs in from the one that `?other=` names.
pub async fn one(store: &Arc<dyn Store>, name: &str, query: &Query) -> Result<Value, Fault> {
    let all = store.prompts(Filter::default()).await?;
    let find = |name: &str| {
        pick(&all, name).ok_or_else(|| Fault::missing(format!("no prompt has the version {name:?}")))
    };
    let version = find(name)?;
    let mut records = Records::new(Arc::clone(store));
    let source = records.example(version).await?;
    let reading = source.as_ref().and_then(|source| source.reading());
    let mut data = json!({
        "version": line(version), "system": reading.map(system_text),
        "tools": reading.map(|reading| reading.asked.tools.clone()).unwrap_or_default(),
        "others": all.iter().take(MOST).map(line).collect::<Vec<_>>(),
    });
    if let Some(other) = query.first("other") {
        let other = find(other)?;
        let before = records.example(other).await?;
        let found = match (&before, &source) {
            (Some(before), Some(after)) => compared(before, after),
            _ => None,
        };
        let Some((was, is, changed)) = found else {
            return Err(Fault::missing("of one of the two no call with its content is left"));
        };
        data["other"] = line(other);
        data["diff"] = json!({"system": marked(&diff(&was, &is)), "tools": tools(&changed)});
    }
    Ok(data)
}
