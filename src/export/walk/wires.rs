//! Exchanges.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::super::encode::Wire;
use super::super::wanted::Wanted;
use super::{AT_ONCE, Rows, exchange_of, trace_in};
use crate::model::ExchangeId;
use crate::store::{Store, StoreError};

/// Exchanges of which a step passes, oldest first; with a limit, newest first.
pub struct Wires {
    store: Arc<dyn Store>,
    wanted: Wanted,
    ids: VecDeque<ExchangeId>,
    after: Option<ExchangeId>,
    is_last: bool,
    /// With a limit: the steps that are gone through, and exchanges that were seen.
    newest: Option<(Rows, HashSet<ExchangeId>)>,
}

impl Wires {
    pub fn new(store: &Arc<dyn Store>, wanted: Wanted) -> Self {
        let newest = wanted.limit.map(|_| {
            let mut rows = Rows::new(Arc::clone(store), wanted.clone());
            // It is a limit of exchanges, not of steps.
            rows.left = usize::MAX;
            (rows, HashSet::new())
        });
        let (ids, store) = (VecDeque::new(), Arc::clone(store));
        Self { store, wanted, ids, after: None, is_last: false, newest }
    }

    pub async fn next(&mut self) -> Result<Option<Wire>, StoreError> {
        while let Some(id) = self.next_id().await? {
            let observations = self.store.of_exchange(id).await?;
            let trace = observations.first().and_then(|first| trace_in(&first.head));
            if self.wanted.sample.is_some_and(|sample| trace.is_none_or(|trace| !sample.has(trace))) {
                continue;
            }
            if let Some(mut exchange) = self.store.exchange(id).await? {
                self.wanted.leave.wire(&mut exchange);
                return Ok(Some(Wire { exchange, observations }));
            }
        }
        Ok(None)
    }

    async fn next_id(&mut self) -> Result<Option<ExchangeId>, StoreError> {
        if let Some((rows, seen)) = &mut self.newest {
            let limit = self.wanted.limit.unwrap_or(usize::MAX);
            while seen.len() < limit
                && let Some(row) = rows.next().await?
            {
                if let Some(id) = exchange_of(&row)
                    && seen.insert(id)
                {
                    return Ok(Some(id));
                }
            }
            return Ok(None);
        }
        if self.ids.is_empty() && !self.is_last {
            self.ids = self.store.exchanges(self.wanted.filter.clone(), self.after, AT_ONCE).await?.into();
            self.is_last = self.ids.len() < AT_ONCE;
            self.after = self.ids.back().copied();
        }
        Ok(self.ids.pop_front())
    }
}
