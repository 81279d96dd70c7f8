//! What the store says about itself: rollups and numbers.

use std::collections::BTreeSet;

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::columns::number_of;
use super::fault::{Result, broken};
use super::plan::{Clause, join, models};
use super::reading::Reading;
use super::rollup::{AN_HOUR, COLUMNS, RollupKey, rollup, total};
use super::writing::word_id;
use crate::model::{Kind, Micros};
use crate::store::{Rollup, RollupFilter, Stats, StoreError};

/// Up to so many observations of a user, their sums are looked up one by one.
const FEW: usize = 10_000;

pub fn rollups(db: &Connection, filter: &RollupFilter) -> Result<Vec<Rollup>> {
    let RollupFilter { since, until, model, provider, kind, user } = filter;
    let hour = |at: Micros| i64::try_from(at.0).unwrap_or(i64::MAX).div_euclid(AN_HOUR);
    let mut clauses = Vec::new();
    if let Some(since) = since {
        clauses.push(Clause("hour >= ?".to_owned(), vec![Cell::Integer(hour(*since))]));
    }
    if let Some(until) = until {
        // The hour that this time is in is one of them, unless it only begins.
        let last = hour(Micros(until.0.saturating_sub(1)));
        clauses.push(Clause("hour <= ?".to_owned(), vec![Cell::Integer(last)]));
    }
    if let Some(kind) = kind {
        let number = Cell::Integer(number_of(&Kind::ALL, *kind).into());
        clauses.push(Clause("kind = ?".to_owned(), vec![number]));
    }
    if let Some(model) = model {
        let list = models(db, model)?.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        clauses.push(Clause(format!("model IN ({list})"), Vec::new()));
    }
    for (column, word) in [("provider", provider), ("user", user)] {
        let Some(word) = word else { continue };
        let Some(id) = word_id(db, word)? else { return Ok(Vec::new()) };
        clauses.push(Clause(format!("{column} = ?"), vec![Cell::Integer(id)]));
    }
    let (condition, cells) = join(clauses);
    let keys = user.as_deref().map(|user| keys_of(db, user, *since, *until)).transpose()?.flatten();
    let rows = match keys {
        Some(keys) => some(db, &condition, &cells, keys)?,
        None => all(db, &condition, cells)?,
    };
    let mut reading = Reading::new(db)?;
    let mut found = Vec::new();
    for (key, sums) in rows {
        let (mut sums, _) = sums.ok_or_else(|| broken("an hour's sums are damaged"))?;
        sums.provider = reading.word(key[2])?;
        sums.model = reading.word(key[3])?;
        sums.client = reading.word(key[4])?;
        sums.user = reading.word(key[5])?;
        found.push(sums);
    }
    Ok(found)
}

/// A row of sums, unless it is damaged.
type Sums = (RollupKey, Option<(Rollup, i64)>);

fn all(db: &Connection, condition: &str, cells: Vec<Cell>) -> Result<Vec<Sums>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rollup WHERE {condition} ORDER BY hour, kind, provider, model, client, user"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(cells), rollup)?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

/// Of these rows, those for which the condition holds.
fn some(db: &Connection, condition: &str, cells: &[Cell], keys: BTreeSet<RollupKey>) -> Result<Vec<Sums>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rollup WHERE {condition}
         AND (hour, kind, provider, model, client, user) = (?, ?, ?, ?, ?, ?)"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for key in keys {
        let cells = cells.iter().cloned().chain(key.map(Cell::Integer));
        found.extend(statement.query_row(params_from_iter(cells), rollup).optional()?);
    }
    Ok(found)
}

/// Where the sums are that one user's observations went into: sums are kept by the hour, and those of one user among many
/// lie far apart. `None` where the observations are many themselves.
fn keys_of(
    db: &Connection,
    user: &str,
    since: Option<Micros>,
    until: Option<Micros>,
) -> Result<Option<BTreeSet<RollupKey>>> {
    let (Some(user), Some(nothing)) = (word_id(db, user)?, word_id(db, "")?) else { return Ok(None) };
    let hour = |at: Micros| i64::try_from(at.0).unwrap_or(i64::MAX).div_euclid(AN_HOUR);
    let first = since.map_or(i64::MIN, |since| hour(since) * AN_HOUR);
    let end = until.map_or(i64::MAX, |until| hour(until).saturating_add(1).saturating_mul(AN_HOUR));
    let mut statement = db.prepare_cached(
        "SELECT start, kind, provider, coalesce(response_model, request_model), client
         FROM observation INDEXED BY observation_user WHERE user = ?1 AND start >= ?2 AND start < ?3 LIMIT ?4",
    )?;
    let limit = i64::try_from(FEW).unwrap_or(i64::MAX) + 1;
    let mut rows = statement.query(params![user, first, end, limit])?;
    let (mut keys, mut count) = (BTreeSet::new(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        let word = |at: usize| Ok::<_, StoreError>(row.get::<_, Option<i64>>(at)?.unwrap_or(nothing));
        let hour = row.get::<_, i64>(0)?.div_euclid(AN_HOUR);
        keys.insert([hour, row.get(1)?, word(2)?, word(3)?, word(4)?, user]);
    }
    Ok((count <= FEW).then_some(keys))
}

pub fn stats(db: &Connection) -> Result<Stats> {
    let mut counters = db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    let mut counter = |name: &str| -> Result<u64> {
        let value: i64 = counters.query_row([name], |row| row.get(0))?;
        Ok(value.max(0).cast_unsigned())
    };
    let number = |sql: &str| -> Result<u64> {
        Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?.max(0).cast_unsigned())
    };
    let time = |sql: &str| -> Result<Option<Micros>> {
        let at: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
        Ok(at.map(|at| Micros(at.max(0).cast_unsigned())))
    };
    let mut stats = Stats {
        exchanges: counter("exchanges")?,
        observations: counter("observations")?,
        pieces: counter("pieces")?,
        raw_bytes: counter("raw_bytes")?,
        unique_bytes: counter("unique_bytes")?,
        sessions: number("SELECT count(*) FROM session")?,
        traces: number("SELECT count(*) FROM trace")?,
        disk_bytes: disk_bytes(db)?,
        free_bytes: number("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size")?,
        oldest: time("SELECT min(start) FROM observation")?,
        newest: time("SELECT max(start) FROM observation")?,
        ..Stats::default()
    };
    let (totals, lossy) = total(db)?;
    (stats.totals, stats.with_losses) = (totals, lossy.max(0).cast_unsigned());
    Ok(stats)
}

/// What the file takes, and the journal beside it.
pub fn disk_bytes(db: &Connection) -> Result<u64> {
    let Some(path) = db.path().filter(|path| !path.is_empty()) else { return Ok(0) };
    let size = |path: String| std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(size(path.to_owned()) + size(format!("{path}-wal")))
}
