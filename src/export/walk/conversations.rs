//! Conversations, each as long as it became.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::super::encode::Step;
use super::super::record::Records;
use super::super::wanted::Wanted;
use super::{Rows, id_of, step};
use crate::model::ObservationId;
use crate::store::{Row, Store, StoreError};

/// Of each conversation the generation that holds the most of it: none that another goes on from.
///
/// First all heads are gone through, then those that are left are read. What is kept is an id for each conversation.
pub struct Conversations {
    first: Option<Rows>,
    second: Rows,
    records: Records,
    longest: HashSet<ObservationId>,
    left: usize,
}

impl Conversations {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        let records = Records::leaving(Arc::clone(store), Arc::clone(&wanted.leave));
        let left = wanted.limit.unwrap_or(usize::MAX);
        // It is a limit of conversations, not of steps.
        let rows = |wanted| Rows { left: usize::MAX, ..Rows::new(Arc::clone(store), wanted) };
        let first = Some(rows(wanted.clone()));
        Self { first, second: rows(wanted), records, longest: HashSet::new(), left }
    }

    pub async fn next(&mut self) -> Result<Option<Step>, StoreError> {
        if let Some(mut rows) = self.first.take() {
            // With a limit the newest come first, and a call before the one that it goes on from.
            let mut gone_on_from = HashSet::new();
            while let Some(row) = rows.next().await? {
                let Some(id) = id_of(&row.head).filter(|_| is_of_conversation(&row)) else { continue };
                let prior = row.head.get("prior_id").and_then(Value::as_str).and_then(ObservationId::parse);
                if let Some(prior) = prior
                    && !self.longest.remove(&prior)
                {
                    gone_on_from.insert(prior);
                }
                if !gone_on_from.remove(&id) {
                    self.longest.insert(id);
                }
            }
        }
        while self.left > 0
            && let Some(row) = self.second.next().await?
        {
            if id_of(&row.head).is_some_and(|id| self.longest.contains(&id))
                && let Some(step) =
                    step(&mut self.records, row, &self.second.wanted, &self.second.notes, true).await?
            {
                self.left -= 1;
                return Ok(Some(step));
            }
        }
        Ok(None)
    }
}

/// A generation on the main line that was answered.
fn is_of_conversation(row: &Row) -> bool {
    let is = |key: &str, value: &str| row.head.get(key).and_then(Value::as_str) == Some(value);
    is("type", "generation") && is("status", "ok") && !row.head.contains_key("side")
}
