//! Takes out what is old, in short steps: rows first, then the pieces that nobody needs any more, then the space.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite::Connection;
use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::SqliteStore;
use super::fault::Result;
use super::garbage::{Lost, Marks};
use super::list::searched;
use super::observation::find;
use super::plan::{Clause, Place, Plan, plan};
use super::reading::Reading;
use super::search::Search;
use super::writing::Writing;
use crate::store::{Order, Page, Prune, Pruned, StoreError};

/// A pruning under way.
pub struct Pruning {
    task: Prune,
    phase: Phase,
    /// Behind this one; those before it stay.
    after: Option<(i64, i64)>,
    /// How many observations may go before the size is looked at again.
    quota: u64,
    /// Whether anything went since it was last looked at.
    went: bool,
}

enum Phase {
    Rows,
    Lost(Lost),
    Mark(Marks),
    Sweep(Marks),
    Space,
}

/// How long a step may keep others from writing.
const SHORT: Duration = Duration::from_millis(30);
/// How long others then have for writing: who waits for the store asks for it again and again, and not all the time.
const PAUSE: Duration = Duration::from_millis(10);
/// Observations that are taken out together.
const FEW: usize = 25;
/// A step's worth of pages to give back.
const PAGES: usize = 500;

/// A pinned observation keeps its exchange, and with it what else was read from it.
const NOT_PINNED: &str =
    "o.pinned = 0 AND NOT EXISTS (SELECT 1 FROM observation p INDEXED BY observation_pinned
    WHERE p.pinned = 1 AND p.exchange = o.exchange)";

impl SqliteStore {
    pub async fn prune_step(&self, task: Prune) -> Result<Pruned> {
        if task.filter == crate::store::Filter::default() && task.down_to_bytes.is_none() {
            return Err(StoreError::Asked("prune what? Give a filter or a size".to_owned()));
        }
        if task.dry_run {
            return self.read(move |db| dry_run(db, &task)).await;
        }
        let shared = Arc::clone(&self.pruning);
        let only_reads = {
            let mut pruning = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if pruning.as_ref().is_none_or(|known| known.task != task) {
                *pruning = Some(Pruning::new(task));
            }
            match pruning.as_ref().map(|pruning| &pruning.phase) {
                Some(Phase::Mark(_)) => true,
                Some(Phase::Lost(lost)) => !lost.is_enough(),
                _ => false,
            }
        };
        if only_reads {
            return self.read(move |db| step(&shared, |pruning| pruning.look(db))).await;
        }
        let pruned = self.change(move |writing| step(&shared, |pruning| pruning.change(writing))).await?;
        if !pruned.done {
            self.pause(PAUSE).await?;
        }
        Ok(pruned)
    }
}

fn step(shared: &Mutex<Option<Pruning>>, act: impl FnOnce(&mut Pruning) -> Result<Pruned>) -> Result<Pruned> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(pruning) = shared.as_mut() else { return Ok(Pruned { done: true, ..Pruned::default() }) };
    let pruned = act(pruning);
    if !matches!(pruned, Ok(Pruned { done: false, .. })) {
        *shared = None;
    }
    pruned
}

impl Pruning {
    fn new(task: Prune) -> Self {
        Self { task, phase: Phase::Rows, after: None, quota: 0, went: false }
    }

    /// What a step does that keeps nobody from writing.
    fn look(&mut self, db: &Connection) -> Result<Pruned> {
        let begun = Instant::now();
        match &mut self.phase {
            Phase::Mark(marks) => {
                while begun.elapsed() < SHORT {
                    if marks.mark(db)? {
                        self.phase = Phase::Sweep(std::mem::take(marks));
                        break;
                    }
                }
            }
            Phase::Lost(lost) => {
                while begun.elapsed() < SHORT && !lost.is_enough() {
                    lost.find(db)?;
                }
            }
            Phase::Rows | Phase::Sweep(_) | Phase::Space => {}
        }
        Ok(Pruned::default())
    }

    fn change(&mut self, writing: &mut Writing) -> Result<Pruned> {
        let before = used_bytes(writing.db)?;
        let mut pruned = Pruned::default();
        match &mut self.phase {
            Phase::Rows => self.rows(writing, &mut pruned)?,
            Phase::Lost(lost) => {
                writing.remove_lost(lost)?;
                if lost.is_over {
                    self.phase = Phase::Mark(Marks::default());
                }
            }
            Phase::Sweep(marks) => {
                let begun = Instant::now();
                let mut is_done = false;
                while !is_done && begun.elapsed() < SHORT {
                    let gone;
                    (is_done, gone) = writing.sweep(marks)?;
                    pruned.pieces += gone;
                }
                if is_done {
                    writing.remove_lost_annotations()?;
                    // What was taken out of the index is still in it until it is merged.
                    for table in ["said", "answer"] {
                        writing.db.execute(
                            &format!("INSERT INTO {table} ({table}, rank) VALUES ('merge', 200)"),
                            [],
                        )?;
                    }
                    self.phase = self.after_sweep(writing.db)?;
                }
            }
            Phase::Space => {
                let mut vacuum = writing.db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
                let mut rows = vacuum.query([])?;
                while rows.next()?.is_some() {}
                pruned.done = free_pages(writing.db)? == 0;
            }
            Phase::Mark(_) => {}
        }
        pruned.bytes = before.saturating_sub(used_bytes(writing.db)?);
        Ok(pruned)
    }

    /// Goes round again if it was to become smaller than it is.
    fn after_sweep(&mut self, db: &Connection) -> Result<Phase> {
        let too_large =
            self.task.down_to_bytes.is_some_and(|down_to| used_bytes(db).is_ok_and(|used| used > down_to));
        if too_large && self.went {
            (self.quota, self.went) = (0, false);
            return Ok(Phase::Rows);
        }
        Ok(Phase::Space)
    }

    fn rows(&mut self, writing: &mut Writing, pruned: &mut Pruned) -> Result<()> {
        let plan =
            plan(writing.db, &self.task.filter)?.map(|plan| plan.and(Clause(NOT_PINNED.to_owned(), vec![])));
        if let Some(down_to) = self.task.down_to_bytes
            && self.quota == 0
        {
            self.quota = quota(writing.db, down_to)?;
            if self.quota == 0 {
                self.phase = Phase::Lost(Lost::default());
                return Ok(());
            }
        }
        let begun = Instant::now();
        while begun.elapsed() < SHORT {
            let few = match self.task.down_to_bytes {
                Some(_) => usize::try_from(self.quota).unwrap_or(FEW).min(FEW),
                None => FEW,
            };
            let places = match &plan {
                Some(plan) => next(writing.db, plan, &self.task, self.after, few)?,
                None => Vec::new(),
            };
            for place in &places {
                writing.prune(place, pruned)?;
                self.after = Some((place.start, place.seq));
                self.went = true;
            }
            let is_enough = self.task.down_to_bytes.is_some() && {
                self.quota = self.quota.saturating_sub(places.len() as u64);
                self.quota == 0
            };
            if is_enough || places.len() < few {
                self.phase = Phase::Lost(Lost::default());
                break;
            }
        }
        Ok(())
    }
}

/// How many of the oldest have to go, by what one takes on average. A little less: another round does the rest.
fn quota(db: &Connection, down_to: u64) -> Result<u64> {
    let used = used_bytes(db)?;
    if used <= down_to {
        return Ok(0);
    }
    let all: i64 = db.query_row("SELECT value FROM meta WHERE key = 'observations'", [], |row| row.get(0))?;
    let part = u128::from(used - down_to) * u128::from(all.max(0).cast_unsigned()) * 9
        / 10
        / u128::from(used.max(1));
    Ok(u64::try_from(part).unwrap_or(u64::MAX).max(1))
}

fn next(
    db: &Connection,
    plan: &Plan,
    task: &Prune,
    after: Option<(i64, i64)>,
    limit: usize,
) -> Result<Vec<Place>> {
    let Some(search) = &task.filter.search else {
        return plan.places(db, Order::OldestFirst, after, limit);
    };
    let page = Page { order: Order::OldestFirst, limit, after: None };
    let found = searched(&mut Reading::new(db)?, plan, &Search::parse(search)?, &page, after)?;
    Ok(found.into_iter().map(|(place, _)| place).collect())
}

impl Writing<'_> {
    fn prune(&mut self, place: &Place, pruned: &mut Pruned) -> Result<()> {
        let Some(found) = find(self.db, "o.seq = ?1", &Cell::Integer(place.seq))? else { return Ok(()) };
        self.remove_observation(&found)?;
        pruned.observations += 1;
        let Some(exchange) = found.exchange else { return Ok(()) };
        let mut others = self.db.prepare_cached("SELECT 1 FROM observation WHERE exchange = ?1 LIMIT 1")?;
        if !others.exists([exchange])? {
            self.remove_exchange(exchange)?;
            pruned.exchanges += 1;
        }
        Ok(())
    }
}

fn pragma(db: &Connection, name: &str) -> Result<u64> {
    let value: i64 = db.pragma_query_value(None, name, |row| row.get(0))?;
    Ok(value.max(0).cast_unsigned())
}

fn free_pages(db: &Connection) -> Result<u64> {
    pragma(db, "freelist_count")
}

/// What is in the file, without what could be given back.
fn used_bytes(db: &Connection) -> Result<u64> {
    Ok(pragma(db, "page_count")?.saturating_sub(free_pages(db)?) * pragma(db, "page_size")?)
}

/// What would go.
fn dry_run(db: &Connection, task: &Prune) -> Result<Pruned> {
    const MANY: usize = 5000;
    let mut pruned = Pruned { done: true, ..Pruned::default() };
    let Some(plan) = plan(db, &task.filter)? else { return Ok(pruned) };
    let plan = plan.and(Clause(NOT_PINNED.to_owned(), vec![]));
    let used = used_bytes(db)?;
    let most = match task.down_to_bytes {
        Some(down_to) => quota(db, down_to)?,
        None => u64::MAX,
    };
    let mut of_exchange: HashMap<i64, i64> = HashMap::new();
    let (mut after, mut seen) = (None, HashSet::new());
    while pruned.observations < most {
        let places = next(db, &plan, task, after, MANY)?;
        for place in places.iter().take(usize::try_from(most - pruned.observations).unwrap_or(usize::MAX)) {
            pruned.observations += u64::from(seen.insert(place.seq));
            if let Some(exchange) = place.exchange {
                *of_exchange.entry(exchange).or_default() += 1;
            }
        }
        match places.last() {
            Some(last) if places.len() == MANY => after = Some((last.start, last.seq)),
            _ => break,
        }
    }
    let mut all = db.prepare_cached("SELECT count(*) FROM observation WHERE exchange = ?1")?;
    for (exchange, going) in of_exchange {
        pruned.exchanges += u64::from(all.query_row([exchange], |row| row.get::<_, i64>(0))? == going);
    }
    pruned.bytes = task.down_to_bytes.map_or(0, |down_to| used.saturating_sub(down_to));
    Ok(pruned)
}
