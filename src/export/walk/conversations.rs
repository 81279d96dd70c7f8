//! Conversations, each as long as it became.

use std::collections::{HashMap, HashSet};
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
            let mut leaves = Leaves::default();
            while let Some(row) = rows.next().await? {
                let prior = row.head.get("prior_id").and_then(Value::as_str).and_then(ObservationId::parse);
                if let Some(id) = id_of(&row.head) {
                    leaves.add(id, prior, is_of_conversation(&row));
                }
            }
            self.longest = leaves.longest;
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

/// Calls that no other goes on from, whichever of the two comes first.
#[derive(Default)]
struct Leaves {
    longest: HashSet<ObservationId>,
    /// Gone on from by a call that came before.
    gone_on_from: HashSet<ObservationId>,
    /// Calls that failed, and what each went on from: whoever goes on from one goes on from that.
    through: HashMap<ObservationId, ObservationId>,
}

impl Leaves {
    /// `counts`: it has something that may be the longest.
    fn add(&mut self, id: ObservationId, prior: Option<ObservationId>, counts: bool) {
        if counts {
            prior.into_iter().for_each(|prior| self.leave(prior));
            if !self.gone_on_from.remove(&id) {
                self.longest.insert(id);
            }
        } else if let Some(prior) = prior {
            if self.gone_on_from.remove(&id) {
                self.leave(prior);
            } else {
                self.through.insert(id, prior);
            }
        }
    }

    fn leave(&mut self, mut prior: ObservationId) {
        // A ring would be a mistake of the store's; its end is not waited for.
        for _ in 0..=self.through.len() {
            match self.through.get(&prior) {
                Some(before) => prior = *before,
                None => break,
            }
        }
        if !self.longest.remove(&prior) {
            self.gone_on_from.insert(prior);
        }
    }
}

/// A generation on the main line that was answered.
fn is_of_conversation(row: &Row) -> bool {
    let is = |key: &str, value: &str| row.head.get(key).and_then(Value::as_str) == Some(value);
    is("type", "generation") && is("status", "ok") && !row.head.contains_key("side")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_in_between_does_not_part_a_conversation() {
        // 1 ← 2 (failed) ← 3 (failed) ← 4, and 5 on its own, in both orders.
        let calls =
            [(1, None, true), (2, Some(1), false), (3, Some(2), false), (4, Some(3), true), (5, None, true)];
        for is_backwards in [false, true] {
            let mut leaves = Leaves::default();
            let mut calls = calls.to_vec();
            if is_backwards {
                calls.reverse();
            }
            for (id, prior, counts) in calls {
                leaves.add(ObservationId(id), prior.map(ObservationId), counts);
            }
            assert_eq!(leaves.longest, HashSet::from([ObservationId(4), ObservationId(5)]));
        }
    }
}
