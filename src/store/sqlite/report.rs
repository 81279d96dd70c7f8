//! What the store says about itself: rollups and numbers.

use tokio_rusqlite::rusqlite::Connection;
use tokio_rusqlite::rusqlite::params_from_iter;
use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::columns::number_of;
use super::fault::{Result, broken};
use super::plan::{Clause, join, models};
use super::reading::Reading;
use super::rollup::{AN_HOUR, COLUMNS, rollup, total};
use super::writing::word_id;
use crate::model::{Kind, Micros};
use crate::store::{Rollup, RollupFilter, Stats};

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
    let sql = format!(
        "SELECT {COLUMNS} FROM rollup WHERE {condition} ORDER BY hour, kind, provider, model, client, user"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut reading = Reading::new(db)?;
    let mut found = Vec::new();
    for row in statement.query_map(params_from_iter(cells), rollup)? {
        let (key, sums) = row?;
        let (mut sums, _) = sums.ok_or_else(|| broken("an hour's sums are damaged"))?;
        sums.provider = reading.word(key[2])?;
        sums.model = reading.word(key[3])?;
        sums.client = reading.word(key[4])?;
        sums.user = reading.word(key[5])?;
        found.push(sums);
    }
    Ok(found)
}

pub fn stats(db: &Connection) -> Result<Stats> {
    let mut counters = db.prepare_cached("SELECT value FROM counter WHERE name = ?1")?;
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
