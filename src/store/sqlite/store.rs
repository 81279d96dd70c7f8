//! The store's promises, each kept by the file that knows how.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::annotations;
use super::columns::Columns;
use super::exchange::{find as find_exchange, had};
use super::groups::{Group, summaries};
use super::list::{exchanges, list};
use super::observation::{Found, find, find_all};
use super::outbox::{is_sent, parked};
use super::placing::{is_own, is_same};
use super::prompts::prompts;
use super::reading::Reading;
use super::report::{rollups, stats};
use super::state::data_version;
use super::verify::verify;
use super::writing::Writing;
use super::{SqliteStore, fault};
use crate::model::{Annotation, AnnotationId, ExchangeId, ObservationId, Target};
use crate::store::{
    Entry, Filter, Had, Observed, Outbox, Outgoing, Page, Parked, PromptVersion, Prune, Pruned, Rollup,
    RollupFilter, Row, Sending, Stats, Store, StoreError, Stored, Summary, Verified, VerifyAt, Work,
};
use crate::trace::TOOL_PLACE;

impl Store for SqliteStore {
    fn write(&self, entries: Arc<[Entry]>) -> Work<'_, ()> {
        Box::pin(self.change(move |writing| entries.iter().try_for_each(|entry| writing.entry(entry))))
    }

    fn had(&self, exchange: ExchangeId) -> Work<'_, Had> {
        Box::pin(self.read(move |db| had(db, exchange)))
    }

    fn list(&self, filter: Filter, page: Page) -> Work<'_, Vec<Row>> {
        Box::pin(async move {
            self.index_for(&filter).await?;
            self.read(move |db| list(db, &filter, &page)).await
        })
    }

    fn traces(&self, filter: Filter, page: Page) -> Work<'_, Vec<Summary>> {
        Box::pin(async move {
            self.index_for(&filter).await?;
            self.read(move |db| summaries(db, Group::Traces, &filter, &page)).await
        })
    }

    fn sessions(&self, filter: Filter, page: Page) -> Work<'_, Vec<Summary>> {
        Box::pin(async move {
            self.index_for(&filter).await?;
            self.read(move |db| summaries(db, Group::Sessions, &filter, &page)).await
        })
    }

    fn observation(&self, id: ObservationId) -> Work<'_, Option<Stored>> {
        Box::pin(self.read(move |db| {
            let found = find(db, "o.id = ?1", &Cell::Integer(id.0.cast_signed()))?;
            found.map(|found| Reading::new(db)?.stored(&found)).transpose()
        }))
    }

    fn of_exchange(&self, exchange: ExchangeId) -> Work<'_, Vec<Stored>> {
        Box::pin(self.read(move |db| {
            let Some((seq, _)) = find_exchange(db, exchange)? else { return Ok(Vec::new()) };
            let found = find_all(db, "o.exchange = ?1 ORDER BY o.place, o.seq", [seq])?;
            let mut reading = Reading::new(db)?;
            found.iter().map(|found| reading.stored(found)).collect()
        }))
    }

    fn exchange(&self, exchange: ExchangeId) -> Work<'_, Option<crate::model::Exchange>> {
        Box::pin(self.read(move |db| Reading::new(db)?.exchange(exchange)))
    }

    fn answered(&self, response_id: String) -> Work<'_, Option<Stored>> {
        Box::pin(self.read(move |db| {
            let newest = "substr(o.response_id, -4) = substr(?1, -4) AND o.response_id = ?1 ORDER BY o.start DESC, o.seq DESC LIMIT 1";
            let found = find(db, newest, &Cell::Text(response_id))?;
            found.map(|found| Reading::new(db)?.stored(&found)).transpose()
        }))
    }

    fn exchanges(
        &self,
        filter: Filter,
        after: Option<ExchangeId>,
        limit: usize,
    ) -> Work<'_, Vec<ExchangeId>> {
        Box::pin(async move {
            self.index_for(&filter).await?;
            self.read(move |db| exchanges(db, &filter, after, limit)).await
        })
    }

    fn reread(&self, exchange: ExchangeId, observations: Vec<Observed>) -> Work<'_, ()> {
        Box::pin(self.change(move |writing| writing.reread(exchange, &observations)))
    }

    fn rollups(&self, filter: RollupFilter) -> Work<'_, Vec<Rollup>> {
        Box::pin(self.read(move |db| rollups(db, &filter)))
    }

    fn prompts(&self, filter: Filter) -> Work<'_, Vec<PromptVersion>> {
        Box::pin(async move {
            self.index_for(&filter).await?;
            self.read(move |db| prompts(db, &filter)).await
        })
    }

    fn pin(&self, id: ObservationId, pinned: bool) -> Work<'_, bool> {
        Box::pin(self.change(move |writing| {
            let mut update = writing.db.prepare_cached("UPDATE observation SET pinned = ?2 WHERE id = ?1")?;
            Ok(update.execute((id.0.cast_signed(), pinned))? > 0)
        }))
    }

    fn annotate(&self, annotation: Annotation) -> Work<'_, bool> {
        Box::pin(self.change(move |writing| writing.annotate(&annotation)))
    }

    fn unannotate(&self, id: AnnotationId) -> Work<'_, bool> {
        Box::pin(self.change(move |writing| writing.unannotate(id)))
    }

    fn annotations(&self, of: Vec<Target>) -> Work<'_, Vec<Annotation>> {
        Box::pin(self.read(move |db| annotations::annotations(db, &of)))
    }

    fn all_annotations(&self, after: Option<AnnotationId>, limit: usize) -> Work<'_, Vec<Annotation>> {
        Box::pin(self.read(move |db| annotations::page(db, after, limit)))
    }

    fn tags(&self, limit: usize) -> Work<'_, Vec<String>> {
        Box::pin(self.read(move |db| annotations::tags(db, limit)))
    }

    fn prune(&self, prune: Prune) -> Work<'_, Pruned> {
        Box::pin(async move {
            self.index_for(&prune.filter).await?;
            self.prune_step(prune).await
        })
    }

    fn verify(&self, at: VerifyAt) -> Work<'_, Verified> {
        Box::pin(self.read(move |db| verify(db, &at)))
    }

    fn stats(&self) -> Work<'_, Stats> {
        Box::pin(self.read(stats))
    }

    fn outbox(&self, destination: String) -> Work<'_, Outbox> {
        Box::pin(self.change(move |writing| writing.outbox(&destination)))
    }

    fn sending(&self, destination: String, sending: Sending) -> Work<'_, ()> {
        Box::pin(self.change(move |writing| writing.sending(&destination, &sending)))
    }

    fn is_sent(&self, destination: String, all: Vec<Outgoing>) -> Work<'_, Vec<bool>> {
        Box::pin(self.read(move |db| is_sent(db, &destination, &all)))
    }

    fn parked(&self, destination: Option<String>, limit: usize) -> Work<'_, Vec<Parked>> {
        Box::pin(self.read(move |db| parked(db, destination.as_deref(), limit)))
    }

    fn unpark(&self, destination: String) -> Work<'_, u64> {
        Box::pin(self.change(move |writing| writing.unpark(&destination)))
    }

    fn version(&self) -> Work<'_, u64> {
        // Always the same connection: it sees the others write, ours too.
        Box::pin(async {
            let version = self.readers[0].call(|db| data_version(db)).await;
            version.map(i64::cast_unsigned).map_err(StoreError::from)
        })
    }
}

impl Writing<'_> {
    fn entry(&mut self, entry: &Entry) -> fault::Result<()> {
        let Entry { exchange, more, observations } = entry;
        let Some(exchange) = exchange else { return self.observe(None, observations) };
        self.state.packer.begin(exchange.began);
        let seq = match find_exchange(self.db, exchange.id)? {
            None => self.new_exchange(exchange)?,
            // What is whole is as it was, and so is what was read from it.
            Some((seq, false)) => {
                let lacking = self.lacking(seq, observations)?;
                return self.observe(Some((seq, exchange.id)), &lacking);
            }
            Some((seq, true)) => {
                if *more {
                    self.continue_exchange(seq, exchange)?;
                } else {
                    self.replace_exchange(seq, exchange)?;
                }
                // Of a socket's calls most are as they were when it was looked at before.
                let changed = self.changed(seq, observations)?;
                return self.observe(Some((seq, exchange.id)), &changed);
            }
        };
        self.observe(Some((seq, exchange.id)), observations)
    }

    /// Of these, those that an exchange does not have.
    fn lacking(&self, seq: i64, observations: &[Observed]) -> fault::Result<Vec<Observed>> {
        let old = find_all(self.db, "o.exchange = ?1", [seq])?;
        let old: HashSet<u64> = old.iter().map(|old| old.columns.id).collect();
        let is_new = |one: &&Observed| id_of(one).is_none_or(|id| !old.contains(&id));
        Ok(observations.iter().filter(is_new).cloned().collect())
    }

    /// Of these, those that an exchange does not have as they are.
    fn changed(&self, seq: i64, observations: &[Observed]) -> fault::Result<Vec<Observed>> {
        let old = find_all(self.db, "o.exchange = ?1", [seq])?;
        let old: HashMap<u64, &Found> = old.iter().map(|old| (old.columns.id, old)).collect();
        let mut changed = Vec::new();
        for one in observations {
            let known = id_of(one).and_then(|id| old.get(&id));
            let is_same = match known {
                Some(known) => is_same(known, &Columns::of(&one.head)?),
                None => false,
            };
            if !is_same {
                changed.push(one.clone());
            }
        }
        Ok(changed)
    }

    fn reread(&mut self, exchange: ExchangeId, observations: &[Observed]) -> fault::Result<()> {
        let Some((seq, _)) = find_exchange(self.db, exchange)? else {
            return Err(StoreError::Asked(format!("there is no exchange {exchange}")));
        };
        let old = find_all(self.db, "o.exchange = ?1", [seq])?;
        let kept: HashSet<u64> = observations.iter().filter_map(id_of).collect();
        // Those that keep their id are replaced below, and stay pinned.
        let is_gone = |old: &&Found| is_own(old) && !kept.contains(&old.columns.id);
        let gone: HashSet<u32> = old.iter().filter(is_gone).map(|old| old.columns.place).collect();
        // With what they asked for.
        for gone in old.iter().filter(|old| gone.contains(&(old.columns.place % TOOL_PLACE))) {
            self.remove_observation(gone)?;
        }
        self.observe(Some((seq, exchange)), observations)
    }
}

fn id_of(observed: &Observed) -> Option<u64> {
    observed.head.get("id")?.as_str().and_then(ObservationId::parse).map(|id| id.0)
}
