//! Checks everything, a part at a time: hashes, references, lengths, sums, indexes. It says what is wrong and where, and
//! goes on.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite::Connection;

use super::exchange::{COLUMNS as EXCHANGE, Stored, stored};
use super::fault::{Result, broken};
use super::garbage::is_known;
use super::observation::{Found, find_all};
use super::reading::{Made, Reading};
use super::rollup::{self, AN_HOUR, RollupKey, apply};
use super::summary::{Sum, SumKey, counted, sum};
use crate::store::pieces::{Kind, children};
use crate::store::{Rollup, StoreError, Totals, Verified, VerifyAt};

/// How many rows of each part are a step.
const PIECES: usize = 500;
const EXCHANGES: usize = 50;
const ROWS: usize = 500;
const SUMS: usize = 100;

/// A part: checks what comes behind a row, and says up to which it got, or nothing when it is through.
type Check = fn(&mut Reading, i64, &mut Verified) -> Result<Option<i64>>;

const PARTS: [Check; 9] = [file, pieces, exchanges, observations, traces, sessions, hours, counts, prompts];

pub fn verify(db: &Connection, at: &VerifyAt) -> Result<Verified> {
    let mut verified = Verified::default();
    let Some(check) = usize::try_from(at.part).ok().and_then(|part| PARTS.get(part)) else {
        return Ok(verified);
    };
    let row = check(&mut Reading::new(db)?, at.row, &mut verified)?;
    verified.next = match row {
        Some(row) => Some(VerifyAt { part: at.part, row }),
        None => {
            Some(VerifyAt { part: at.part + 1, row: 0 }).filter(|next| (next.part as usize) < PARTS.len())
        }
    };
    Ok(verified)
}

/// What went wrong in one place is a finding; that the store cannot be read at all is not.
fn finding<T>(verified: &mut Verified, place: &str, done: Result<T>) -> Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(StoreError::Broken(why)) => {
            verified.wrong.push(format!("{place}: {why}"));
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn file(reading: &mut Reading, _: i64, verified: &mut Verified) -> Result<Option<i64>> {
    // A connection keeps the form of a search index from when it last searched it, and the check would go by that: asking
    // something makes it look again.
    for table in ["said", "answer"] {
        let sql = format!("SELECT 1 FROM {table} WHERE {table} MATCH 'a' LIMIT 1");
        reading.db.prepare_cached(&sql)?.exists([])?;
    }
    let mut check = reading.db.prepare("PRAGMA quick_check(20)")?;
    for line in check.query_map([], |row| row.get::<_, String>(0))? {
        let line = line?;
        if line != "ok" {
            verified.wrong.push(format!("file: {line}"));
        }
    }
    Ok(None)
}

fn ids(db: &Connection, sql: &str, after: i64) -> Result<Vec<i64>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([after], |row| row.get(0))?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

fn next(ids: &[i64], full: usize) -> Option<i64> {
    ids.last().copied().filter(|_| ids.len() == full)
}

fn pieces(reading: &mut Reading, after: i64, verified: &mut Verified) -> Result<Option<i64>> {
    let key: Vec<u8> =
        reading.db.query_row("SELECT value FROM meta WHERE key = 'key'", [], |row| row.get(0))?;
    let key: [u8; 32] = key.try_into().map_err(|_| broken("the store's key is damaged"))?;
    let ids =
        ids(reading.db, &format!("SELECT id FROM piece WHERE id > ?1 ORDER BY id LIMIT {PIECES}"), after)?;
    for id in &ids {
        let place = format!("piece {id}");
        let piece = reading.piece(*id);
        let Some((kind, bytes)) = finding(verified, &place, piece)? else { continue };
        if !is_known(reading.db, &key, *id, kind, &bytes)? {
            verified.wrong.push(format!("{place}: its hash is not the one it is known by"));
        }
        if kind == Kind::Node {
            let node = children(&bytes).ok_or_else(|| broken("is no node"));
            for child in finding(verified, &place, node)?.map(|node| node.ids).unwrap_or_default() {
                if length(reading.db, child)?.is_none() {
                    verified.wrong.push(format!("{place}: piece {child}, which it needs, is missing"));
                }
            }
        }
    }
    verified.pieces += ids.len() as u64;
    Ok(next(&ids, PIECES))
}

fn length(db: &Connection, piece: i64) -> Result<Option<(i64, usize)>> {
    let mut statement = db.prepare_cached("SELECT kind, length FROM piece WHERE id = ?1")?;
    let mut rows = statement.query([piece])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((row.get(0)?, usize::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))
}

/// Whether the pieces of a recipe are there, and are as long together as what they make.
fn adds_up(reading: &mut Reading, made: &Made) -> Result<()> {
    let mut sum = 0;
    for leaf in reading.leaves(&made.recipe)? {
        let (kind, length) =
            length(reading.db, leaf)?.ok_or_else(|| broken(format!("piece {leaf} is missing")))?;
        if kind == Kind::Woven as i64 {
            // What the frames and the text make is known when it is made.
            return reading.bytes(made).map(|_| ());
        }
        sum += length;
    }
    if sum == made.length {
        Ok(())
    } else {
        Err(broken(format!("it has {sum} bytes and should have {}", made.length)))
    }
}

fn exchanges(reading: &mut Reading, after: i64, verified: &mut Verified) -> Result<Option<i64>> {
    let sql = format!("SELECT {EXCHANGE} FROM exchange WHERE seq > ?1 ORDER BY seq LIMIT {EXCHANGES}");
    let rows: Vec<Stored> = reading
        .db
        .prepare_cached(&sql)?
        .query_map([after], stored)?
        .collect::<std::result::Result<_, _>>()?;
    for row in &rows {
        let place = format!("exchange {}", row.id);
        let heads = reading.heads(row);
        finding(verified, &place, heads)?;
        let parts = reading.parts(row);
        for part in finding(verified, &place, parts)?.unwrap_or_default() {
            for (which, made) in [("request", &part.request), ("response", &part.response)] {
                let sum = adds_up(reading, made);
                finding(verified, &format!("{place}, {which}"), sum)?;
            }
        }
    }
    verified.exchanges += rows.len() as u64;
    Ok(rows.last().map(|row| row.seq).filter(|_| rows.len() == EXCHANGES))
}

fn observations(reading: &mut Reading, after: i64, verified: &mut Verified) -> Result<Option<i64>> {
    let rows = find_all(reading.db, &format!("o.seq > ?1 ORDER BY o.seq LIMIT {ROWS}"), [after])?;
    for found in &rows {
        let place = format!("observation {:016x}", found.columns.id);
        let whole = observation(reading, found);
        finding(verified, &place, whole)?;
    }
    verified.observations += rows.len() as u64;
    Ok(rows.last().map(|found| found.seq).filter(|_| rows.len() == ROWS))
}

fn observation(reading: &mut Reading, found: &Found) -> Result<()> {
    let detail = reading.detail(found)?;
    adds_up(reading, &detail.text)?;
    if let Some(content) = &detail.content {
        adds_up(reading, content)?;
    }
    for (key, seq) in [("trace", found.trace), ("session", found.session)] {
        let Some(seq) = seq else { continue };
        let mut known = reading.db.prepare_cached(&format!("SELECT 1 FROM {key} WHERE seq = ?1"))?;
        if !known.exists([seq])? {
            return Err(broken(format!("its {key} ({seq}) is missing")));
        }
    }
    reading.head(found, detail.rest).map(|_| ())
}

fn traces(reading: &mut Reading, after: i64, verified: &mut Verified) -> Result<Option<i64>> {
    summed(reading, "trace", SumKey::Trace, after, verified)
}

fn sessions(reading: &mut Reading, after: i64, verified: &mut Verified) -> Result<Option<i64>> {
    summed(reading, "session", SumKey::Session, after, verified)
}

fn summed(
    reading: &mut Reading,
    table: &str,
    key: fn(i64) -> SumKey,
    after: i64,
    verified: &mut Verified,
) -> Result<Option<i64>> {
    let ids =
        ids(reading.db, &format!("SELECT seq FROM {table} WHERE seq > ?1 ORDER BY seq LIMIT {SUMS}"), after)?;
    for seq in &ids {
        let kept = sum(reading.db, key(*seq));
        let kept = finding(verified, table, kept)?.flatten();
        let mut counted = counted(reading.db, key(*seq))?;
        // In which order the words came is not known any more, nor which of many were left out.
        if let (Some(kept), Some(counted)) = (&kept, &mut counted) {
            counted.words.clone_from(&kept.words);
            if kept.is_old {
                // It is counted anew when something is added to it.
                *counted = Sum { totals: counted.totals.clone().without_times(), ..kept.clone() };
            }
        }
        if kept != counted {
            verified.wrong.push(format!("{table} {seq}: its sums are not those of its observations"));
        }
    }
    Ok(next(&ids, SUMS))
}

/// The next hour in which something was, and its sums.
fn hours(reading: &mut Reading, after: i64, verified: &mut Verified) -> Result<Option<i64>> {
    let next: Option<i64> = reading.db.query_row(
        "SELECT min(hour) FROM (SELECT min(hour) AS hour FROM rollup WHERE hour > ?1
         UNION ALL SELECT min(start) / ?2 FROM observation WHERE start >= (?1 + 1) * ?2)",
        [after, AN_HOUR],
        |row| row.get(0),
    )?;
    let Some(hour) = next else { return Ok(None) };
    let condition = format!("o.start >= ?1 AND o.start < ?1 + {AN_HOUR}");
    let mut counted: HashMap<RollupKey, (Rollup, i64)> = HashMap::new();
    for found in find_all(reading.db, &condition, [hour * AN_HOUR])? {
        let columns = reading.with_words(&found)?;
        let key = rollup::known_key(reading.db, &columns)?.ok_or_else(|| broken("a word is missing"))?;
        apply(counted.entry(key).or_insert_with(|| (rollup::empty(&key), 0)), &columns, true);
    }
    let sql = format!("SELECT {} FROM rollup WHERE hour = ?1", rollup::COLUMNS);
    let mut statement = reading.db.prepare_cached(&sql)?;
    for row in statement.query_map([hour], rollup::rollup)? {
        let (key, sums) = row?;
        if sums.is_none() || counted.remove(&key) != sums {
            verified.wrong.push(format!("hour {hour}: its sums are not those of its observations"));
        }
    }
    if !counted.is_empty() {
        verified.wrong.push(format!("hour {hour}: sums are missing"));
    }
    Ok(Some(hour))
}

/// All of them in one step: no index finds the calls of a version.
fn prompts(reading: &mut Reading, _: i64, verified: &mut Verified) -> Result<Option<i64>> {
    let wrong = super::prompts::wrong(reading.db);
    let wrong = finding(verified, "prompts", wrong)?.unwrap_or_default();
    verified.wrong.extend(wrong);
    Ok(None)
}

fn counts(reading: &mut Reading, _: i64, verified: &mut Verified) -> Result<Option<i64>> {
    let number = |sql: &str| -> Result<i64> { Ok(reading.db.query_row(sql, [], |row| row.get(0))?) };
    for (name, sql) in [
        ("pieces", "SELECT count(*) FROM piece"),
        ("unique_bytes", "SELECT coalesce(sum(length), 0) FROM piece"),
        ("exchanges", "SELECT count(*) FROM exchange"),
        ("observations", "SELECT count(*) FROM observation"),
    ] {
        let kept = number(&format!("SELECT value FROM meta WHERE key = '{name}'"))?;
        let counted = number(sql)?;
        if kept != counted {
            verified.wrong.push(format!("{name}: {counted}, but it is kept that they are {kept}"));
        }
    }
    let mut summed = (Totals::default(), 0);
    let mut hours = reading.db.prepare(&format!("SELECT {} FROM rollup", rollup::COLUMNS))?;
    for row in hours.query_map([], rollup::rollup)? {
        if let Some((sums, lossy)) = row?.1 {
            summed.0.add(&sums.totals);
            summed.1 += lossy;
        }
    }
    if rollup::total(reading.db)? != summed {
        verified.wrong.push("the sums of everything are not those of all hours".to_owned());
    }
    for (what, sql) in [
        ("hashes without their piece", "SELECT count(*) FROM hash WHERE piece >> 16 NOT IN (SELECT id FROM piece)"),
        (
            "pieces that others are packed against, and not as many as is kept",
            "SELECT count(*) FROM (SELECT base, count(*) AS uses FROM piece WHERE base IS NOT NULL GROUP BY base) c
             FULL JOIN base b ON b.piece = c.base WHERE b.uses IS NOT c.uses",
        ),
        (
            "previews, and not of as many observations as is kept",
            "SELECT count(*) FROM (SELECT id, count(*) AS uses FROM (SELECT input_preview AS id FROM detail
                UNION ALL SELECT output_preview FROM detail) WHERE id > 0 GROUP BY 1) d
             FULL JOIN preview p ON p.id = d.id WHERE p.uses IS NOT d.uses",
        ),
        (
            "texts found under an exchange that is not there",
            "SELECT count(*) FROM piece WHERE first > 0 AND first NOT IN (SELECT seq FROM exchange)",
        ),
        (
            "exchanges with texts that the search does not know",
            "SELECT count(DISTINCT first) FROM piece WHERE first > 0 AND first NOT IN (SELECT id FROM said_docsize)
             AND first * 2 NOT IN (SELECT row FROM unsaid)",
        ),
        (
            "answers in the search without their observation",
            "SELECT count(*) FROM answer_docsize WHERE id NOT IN (SELECT seq FROM observation)",
        ),
        (
            "details without their observation",
            "SELECT count(*) FROM detail WHERE observation NOT IN (SELECT seq FROM observation)",
        ),
        (
            "tags without their observation",
            "SELECT count(*) FROM tag WHERE observation NOT IN (SELECT seq FROM observation)",
        ),
    ] {
        let found = number(sql)?;
        if found > 0 {
            verified.wrong.push(format!("{what}: {found}"));
        }
    }
    Ok(None)
}
