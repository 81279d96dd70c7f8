//! Sums by the hour, kept up with every observation.

use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{CLIENT, Columns, PROVIDER, USER};
use super::fault::{Result, broken};
use super::summary::{put_totals, read_totals};
use super::writing::Writing;
use crate::model::{Kind, Micros};
use crate::store::pieces::{Reader, put};
use crate::store::{Rollup, Sketch, Totals};

/// Hour, kind, and the words for provider, model, client and user.
pub type RollupKey = [i64; 6];

pub const AN_HOUR: i64 = 3_600_000_000;

/// The columns for `rollup`, and what is to be known of the key.
pub const COLUMNS: &str = "hour, kind, provider, model, client, user, lossy, sums, duration, first_token";

/// Reads a row; the names in it are left out.
pub fn rollup(row: &Row) -> tokio_rusqlite::rusqlite::Result<(RollupKey, Option<(Rollup, i64)>)> {
    let mut key = RollupKey::default();
    for (at, part) in key.iter_mut().enumerate() {
        *part = row.get(at)?;
    }
    let lossy = row.get(6)?;
    let (sums, duration, first): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(7)?, row.get(8)?, row.get(9)?);
    let read = || {
        let mut rollup = empty(&key);
        rollup.totals = read_totals(&mut Reader(&sums))?;
        rollup.duration = read_sketch(&duration)?;
        rollup.first_token = read_sketch(&first)?;
        Some((rollup, lossy))
    };
    Ok((key, read()))
}

pub fn empty(key: &RollupKey) -> Rollup {
    Rollup {
        hour: Micros(key[0].saturating_mul(AN_HOUR).max(0).cast_unsigned()),
        kind: usize::try_from(key[1])
            .ok()
            .and_then(|kind| Kind::ALL.get(kind).copied())
            .unwrap_or(Kind::Event),
        provider: String::new(),
        model: String::new(),
        client: String::new(),
        user: String::new(),
        totals: Totals::default(),
        duration: Sketch::default(),
        first_token: Sketch::default(),
    }
}

pub fn put_sketch(sketch: &Sketch) -> Vec<u8> {
    let (mut to, mut last) = (Vec::new(), 0);
    for (bin, count) in &sketch.bins {
        put(&mut to, u64::from(bin - last));
        put(&mut to, *count);
        last = *bin;
    }
    to
}

pub fn read_sketch(bytes: &[u8]) -> Option<Sketch> {
    let (mut from, mut last, mut bins) = (Reader(bytes), 0_u16, Vec::new());
    while !from.is_at_end() {
        last = last.checked_add(u16::try_from(from.number()?).ok()?)?;
        bins.push((last, from.number()?));
    }
    Some(Sketch { bins })
}

/// Adds an observation to its hour's sums, or takes it away.
pub fn apply(sums: &mut (Rollup, i64), columns: &Columns, adds: bool) {
    let (rollup, lossy) = sums;
    let totals = columns.totals().without_times();
    let sketches = [(&mut rollup.duration, columns.took), (&mut rollup.first_token, columns.ttft)];
    for (sketch, took) in sketches {
        let Some(took) = took.map(|took| took.max(0).cast_unsigned()) else { continue };
        if adds { sketch.add(took) } else { sketch.remove(took) }
    }
    if adds {
        rollup.totals.add(&totals);
        *lossy += i64::from(columns.lossy);
    } else {
        rollup.totals.subtract(&totals);
        *lossy -= i64::from(columns.lossy);
    }
}

impl Writing<'_> {
    /// Adds an observation to its hour, or takes it out.
    pub fn roll(&mut self, columns: &Columns, adds: bool) -> Result<()> {
        let key = self.rollup_key(columns)?;
        if !self.rollups.contains_key(&key) {
            let sums = read(self.db, &key)?.unwrap_or_else(|| (empty(&key), 0));
            self.rollups.insert(key, sums);
        }
        if let Some(sums) = self.rollups.get_mut(&key) {
            apply(sums, columns, adds);
        }
        let (totals, lossy) = if adds { &mut self.more } else { &mut self.less };
        totals.add(&columns.totals().without_times());
        *lossy += i64::from(columns.lossy);
        self.roll_prompt(columns, adds)
    }

    fn rollup_key(&mut self, columns: &Columns) -> Result<RollupKey> {
        let mut word = |text: Option<&str>| self.word(text.unwrap_or_default());
        Ok([
            columns.start.div_euclid(AN_HOUR),
            i64::from(columns.kind),
            word(columns.words[PROVIDER].as_deref())?,
            word(columns.model())?,
            word(columns.words[CLIENT].as_deref())?,
            word(columns.words[USER].as_deref())?,
        ])
    }

    /// Keeps the sums of everything.
    fn put_total(&mut self) -> Result<()> {
        let ((more, more_lossy), (less, less_lossy)) = (&self.more, &self.less);
        if more.observations == 0 && less.observations == 0 {
            return Ok(());
        }
        let (mut totals, lossy) = total(self.db)?;
        totals.add(more);
        totals.subtract(less);
        let mut insert = self
            .db
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('lossy', ?1), ('total', ?2)")?;
        insert.execute(params![lossy + more_lossy - less_lossy, put_totals(&totals, false)])?;
        Ok(())
    }

    pub fn put_rollups(&mut self) -> Result<()> {
        self.put_total()?;
        for (key, (rollup, lossy)) in std::mem::take(&mut self.rollups) {
            let [hour, kind, provider, model, client, user] = key;
            if rollup.totals.observations == 0 {
                let mut delete = self.db.prepare_cached(
                    "DELETE FROM rollup WHERE hour = ?1 AND kind = ?2 AND provider = ?3 AND model = ?4 AND client = ?5
                     AND user = ?6",
                )?;
                delete.execute(params![hour, kind, provider, model, client, user])?;
                continue;
            }
            let sql = format!(
                "INSERT OR REPLACE INTO rollup ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
            );
            let sums = put_totals(&rollup.totals, false);
            let (duration, first) = (put_sketch(&rollup.duration), put_sketch(&rollup.first_token));
            let mut insert = self.db.prepare_cached(&sql)?;
            insert
                .execute(params![hour, kind, provider, model, client, user, lossy, sums, duration, first])?;
        }
        Ok(())
    }
}

/// The sums of everything, and how many observations have a loss marked on them.
pub fn total(db: &Connection) -> Result<(Totals, i64)> {
    let mut statement = db.prepare_cached(
        "SELECT t.value, l.value FROM meta t JOIN meta l ON l.key = 'lossy' WHERE t.key = 'total'",
    )?;
    let row = statement.query_row([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?)));
    let Some((sums, lossy)) = row.optional()? else { return Ok((Totals::default(), 0)) };
    Ok((read_totals(&mut Reader(&sums)).ok_or_else(|| broken("the sums of everything are damaged"))?, lossy))
}

fn read(db: &Connection, key: &RollupKey) -> Result<Option<(Rollup, i64)>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM rollup WHERE hour = ?1 AND kind = ?2 AND provider = ?3 AND model = ?4 AND client = ?5
         AND user = ?6"
    );
    let Some((_, sums)) = db.prepare_cached(&sql)?.query_row(*key, rollup).optional()? else {
        return Ok(None);
    };
    sums.map(Some).ok_or_else(|| broken("an hour's sums are damaged"))
}

/// The key of an observation's sums, of words that are known already.
pub fn known_key(db: &Connection, columns: &Columns) -> Result<Option<RollupKey>> {
    let words = [
        columns.words[PROVIDER].as_deref(),
        columns.model(),
        columns.words[CLIENT].as_deref(),
        columns.words[USER].as_deref(),
    ];
    let mut key = [columns.start.div_euclid(AN_HOUR), i64::from(columns.kind), 0, 0, 0, 0];
    for (part, word) in key[2..].iter_mut().zip(words) {
        match super::writing::word_id(db, word.unwrap_or_default())? {
            Some(id) => *part = id,
            None => return Ok(None),
        }
    }
    Ok(Some(key))
}
