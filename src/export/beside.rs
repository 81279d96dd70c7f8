//! What can be said of a call beside its record: the reading it was made of, what is new in it against the call that it
//! goes on from, where the provider's cache broke, and every id that its caller said.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Records;
use crate::model::{Exchange, Micros, ObservationId, Reading};
use crate::store::{StoreError, Stored};
use crate::trace::cache::{CacheBreak, cache_break};
use crate::trace::changes::{Changes, changes};
use crate::trace::{OwnConvention, Seen, said};

/// A reading, in the exchange that it was read from.
#[derive(Clone)]
pub struct Source {
    pub exchange: Arc<Exchange>,
    readings: Arc<Vec<Reading>>,
    at: usize,
}

/// What a call says against the one before it, and what its caller says of it.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Absent where it goes on from nothing, or that is no longer there.
    pub changes: Option<Changes>,
    pub cache_break: Option<CacheBreak>,
    pub ids: Vec<Seen>,
}

impl Source {
    pub fn reading(&self) -> Option<&Reading> {
        self.readings.get(self.at)
    }
}

impl Beside {
    /// Adds it to a record.
    pub fn put(&self, record: &mut Map<String, Value>) {
        let Self { changes, cache_break, ids } = self;
        if let Some(changes) = changes {
            record.insert("changes".to_owned(), changes.to_json());
        }
        if let Some(broke) = cache_break {
            record.insert("cache_break".to_owned(), broke.to_json());
        }
        if !ids.is_empty() {
            let ids = ids
                .iter()
                .map(|Seen { means, place, value }| json!({"means": means, "place": place, "value": value}));
            record.insert("ids".to_owned(), ids.collect());
        }
    }
}

impl Records {
    /// What an observation was read from. A tool's call has no reading of its own, nor has what came without its exchange.
    pub async fn source(&mut self, stored: &Stored) -> Result<Option<Source>, StoreError> {
        let Some(id) = stored.exchange.filter(|_| !stored.head.contains_key("tool")) else { return Ok(None) };
        let Some((exchange, readings)) = self.read(id).await? else { return Ok(None) };
        let at = usize::try_from(stored.index).unwrap_or(usize::MAX);
        Ok(Some(Source { exchange, readings, at }))
    }

    /// The call that an observation goes on from, where both are still there.
    pub async fn prior(&mut self, stored: &Stored) -> Result<Option<(Stored, Source)>, StoreError> {
        let prior = stored.head.get("prior_id").and_then(Value::as_str).and_then(ObservationId::parse);
        let Some(prior) = prior else { return Ok(None) };
        let Some(prior) = self.store.observation(prior).await? else { return Ok(None) };
        let source = self.source(&prior).await?;
        Ok(source.map(|source| (prior, source)))
    }

    /// What is to be said beside the record.
    pub async fn beside(&mut self, stored: &Stored, own: &[OwnConvention]) -> Result<Beside, StoreError> {
        let Some(source) = self.source(stored).await? else { return Ok(Beside::default()) };
        let ids = said(&source.exchange, source.reading(), own).seen;
        let mut beside = Beside { ids, ..Beside::default() };
        if let Some((before, prior)) = self.prior(stored).await?
            && let (Some(was), Some(is)) = (prior.reading(), source.reading())
        {
            beside.changes = Some(changes(was, is));
            beside.cache_break = cache_break(was, is, start(&before), start(stored));
        }
        Ok(beside)
    }
}

fn start(stored: &Stored) -> Option<Micros> {
    stored.head.get("start_time").and_then(Value::as_str).and_then(Micros::parse_rfc3339)
}
