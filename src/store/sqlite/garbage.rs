//! Pieces that nobody needs any more: first all that are needed are marked, a short while at a time, and then the others
//! taken out, some at a time.
//!
//! Others write meanwhile. What they write is marked before anything is taken out, inside the same lock: whatever came
//! after the last row that was marked, and the exchanges that were open then. A piece that is not marked then is in
//! nobody's recipe, and whoever wants it later finds it missing from the table of hashes and stores it again.

use std::collections::BTreeSet;

use tokio_rusqlite::rusqlite::Connection;

use super::exchange::{COLUMNS, Stored, stored};
use super::fault::{Result, broken};
use super::hashes;
use super::reading::{Made, Reading, made};
use super::writing::{Writing, has_hash, hash};
use crate::store::pieces::{Kind, Reader, Run, children};

/// What is needed, as far as it is known.
#[derive(Debug, Default)]
pub struct Marks {
    /// By a piece's id: 0, or who needs it first.
    owners: Vec<u32>,
    /// The last rows that were marked.
    exchange: i64,
    observation: i64,
    /// Exchanges that may have changed since.
    open: BTreeSet<i64>,
    /// Up to which piece the others were taken out.
    pub swept: i64,
}

/// Needed by an observation, and not as text of an exchange.
const OBSERVATION: u32 = u32::MAX;

const EXCHANGES: usize = 100;
const OBSERVATIONS: usize = 1000;
const PIECES: usize = 400;

impl Marks {
    /// Marks some more; true when there was no more.
    pub fn mark(&mut self, db: &Connection) -> Result<bool> {
        let mut reading = Reading::new(db)?;
        let sql = format!("SELECT {COLUMNS} FROM exchange WHERE seq > ?1 ORDER BY seq LIMIT {EXCHANGES}");
        let rows: Vec<Stored> = db
            .prepare_cached(&sql)?
            .query_map([self.exchange], stored)?
            .collect::<std::result::Result<_, _>>()?;
        for row in &rows {
            self.exchange_of(&mut reading, row)?;
            self.exchange = row.seq;
        }
        let mut open = db.prepare_cached("SELECT seq FROM exchange WHERE open = 1 AND seq <= ?1")?;
        for seq in open.query_map([self.exchange], |row| row.get(0))? {
            self.open.insert(seq?);
        }
        let sql = format!(
            "SELECT observation, text, content FROM detail WHERE observation > ?1 ORDER BY observation LIMIT {OBSERVATIONS}"
        );
        let details: Vec<(i64, Vec<u8>, Option<Vec<u8>>)> = db
            .prepare_cached(&sql)?
            .query_map([self.observation], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<std::result::Result<_, _>>()?;
        for (seq, text, content) in &details {
            for recipe in [Some(text), content.as_ref()].into_iter().flatten() {
                let made = made(&mut Reader(recipe));
                let made = made.ok_or_else(|| broken(format!("observation {seq}: a recipe is damaged")))?;
                self.made(&mut reading, &made, OBSERVATION)?;
            }
            self.observation = *seq;
        }
        Ok(rows.len() < EXCHANGES && details.len() < OBSERVATIONS)
    }

    /// Marks all that came or changed since. Inside the lock of whoever is about to take something out.
    fn catch_up(&mut self, db: &Connection) -> Result<()> {
        let mut reading = Reading::new(db)?;
        for seq in std::mem::take(&mut self.open) {
            if let Some(row) = reading.exchange_row(seq)? {
                self.exchange_of(&mut reading, &row)?;
            }
        }
        while !self.mark(db)? {}
        Ok(())
    }

    fn exchange_of(&mut self, reading: &mut Reading, row: &Stored) -> Result<()> {
        let owner = u32::try_from(row.seq).unwrap_or(OBSERVATION).min(OBSERVATION - 1);
        self.own(row.request_shape, owner);
        if let Some(shape) = row.response_shape {
            self.own(shape, owner);
        }
        for part in reading.parts(row)? {
            self.made(reading, &part.request, owner)?;
            self.made(reading, &part.response, owner)?;
        }
        Ok(())
    }

    fn made(&mut self, reading: &mut Reading, made: &Made, owner: u32) -> Result<()> {
        for Run { level, ids } in &made.recipe.runs {
            for id in ids {
                self.tree(reading, *id, usize::from(*level), owner)?;
            }
        }
        Ok(())
    }

    fn tree(&mut self, reading: &mut Reading, id: i64, level: usize, owner: u32) -> Result<()> {
        // What is below a node that is marked is marked too.
        if !self.own(id, owner) || level == 0 {
            return Ok(());
        }
        let node = children(&reading.piece(id)?.1).filter(|node| usize::from(node.level) == level);
        for id in node.ok_or_else(|| broken(format!("piece {id} is no node")))?.ids {
            self.tree(reading, id, level - 1, owner)?;
        }
        Ok(())
    }

    /// True the first time.
    fn own(&mut self, id: i64, owner: u32) -> bool {
        let at = usize::try_from(id).unwrap_or(0);
        if at >= self.owners.len() {
            self.owners.resize(at + at / 4 + 64, 0);
        }
        let is_first = self.owners[at] == 0;
        // Text that an observation brought is an exchange's to be found by, if one has it too.
        if is_first || self.owners[at] == OBSERVATION {
            self.owners[at] = owner;
        }
        is_first
    }

    fn owner(&self, id: i64) -> u32 {
        usize::try_from(id).ok().and_then(|at| self.owners.get(at)).copied().unwrap_or(0)
    }
}

/// Marks of observations that are gone, as far as they were looked for. No observation takes the number of one that is
/// gone, so that whoever is found here stays one.
#[derive(Debug, Default)]
pub struct Lost {
    /// Behind this one.
    after: Option<MarkRow>,
    found: Vec<MarkRow>,
    /// All were looked at.
    pub is_over: bool,
}

/// Hash, time and observation.
type MarkRow = (i64, i64, i64);

/// So many marks are looked at together, and taken out together.
const LOOKED_AT: usize = 5000;
const TAKEN: usize = 1000;

impl Lost {
    /// It is time to take out what was found.
    pub fn is_enough(&self) -> bool {
        self.is_over || self.found.len() >= TAKEN
    }

    /// Looks at some more.
    pub fn find(&mut self, db: &Connection) -> Result<()> {
        let sql = format!(
            "SELECT m.hash, m.at, m.observation, o.seq IS NULL
             FROM mark m LEFT JOIN observation o ON o.seq = m.observation
             WHERE (m.hash, m.at, m.observation) > (?1, ?2, ?3)
             ORDER BY m.hash, m.at, m.observation LIMIT {LOOKED_AT}"
        );
        let (hash, at, observation) = self.after.unwrap_or((i64::MIN, -1, -1));
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([hash, at, observation])?;
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            let mark = (row.get(0)?, row.get(1)?, row.get(2)?);
            if row.get(3)? {
                self.found.push(mark);
            }
            self.after = Some(mark);
            looked_at += 1;
        }
        self.is_over = looked_at < LOOKED_AT;
        Ok(())
    }
}

impl Writing<'_> {
    /// Takes out the marks that were found.
    pub fn remove_lost(&mut self, lost: &mut Lost) -> Result<()> {
        let mut delete =
            self.db.prepare_cached("DELETE FROM mark WHERE hash = ?1 AND at = ?2 AND observation = ?3")?;
        for mark in lost.found.drain(..) {
            delete.execute(mark)?;
        }
        Ok(())
    }

    /// Takes out some pieces that are not marked. True when all were looked at; the number says how many went.
    pub fn sweep(&mut self, marks: &mut Marks) -> Result<(bool, u64)> {
        marks.catch_up(self.db)?;
        let sql = format!("SELECT id, first, kind FROM piece WHERE id > ?1 ORDER BY id LIMIT {PIECES}");
        let pieces: Vec<(i64, Option<i64>, i64)> = self
            .db
            .prepare_cached(&sql)?
            .query_map([marks.swept], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<std::result::Result<_, _>>()?;
        let has_records = self.db.prepare_cached("SELECT 1 FROM detail LIMIT 1")?.exists([])?;
        let (mut gone, mut changed) = (0, BTreeSet::new());
        for (id, first, kind) in &pieces {
            match marks.owner(*id) {
                // Whoever came since may have taken it for its own.
                0 if *kind == Kind::Form as i64 && has_records => {}
                0 => {
                    changed.extend(first.filter(|first| *first > 0));
                    if self.is_base(*id)? {
                        // It goes with the last one that is packed against it; until then it is not to be found.
                        let sql = "UPDATE piece SET first = 0 WHERE id = ?1 AND first IS NOT NULL";
                        self.db.prepare_cached(sql)?.execute([id])?;
                    } else {
                        gone += 1 + self.remove_piece(*id, marks)?;
                    }
                }
                owner if *first == Some(0) => {
                    let owner = (owner != OBSERVATION).then_some(i64::from(owner));
                    let mut adopt = self.db.prepare_cached("UPDATE piece SET first = ?2 WHERE id = ?1")?;
                    adopt.execute((*id, owner))?;
                    changed.extend(owner);
                }
                _ => {}
            }
            marks.swept = *id;
        }
        for exchange in changed {
            let mut known = self.db.prepare_cached("SELECT 1 FROM exchange WHERE seq = ?1")?;
            if known.exists([exchange])? {
                self.index_again(exchange)?;
            } else {
                // It went since it was marked.
                self.db.prepare_cached("UPDATE piece SET first = 0 WHERE first = ?1")?.execute([exchange])?;
            }
        }
        if gone > 0 {
            self.state.forget();
        }
        Ok((pieces.len() < PIECES, gone))
    }

    /// Takes out a piece, and its base if nobody needs that any more. The number says how many bases went.
    fn remove_piece(&mut self, id: i64, marks: &Marks) -> Result<u64> {
        let (kind, bytes) = Reading::new(self.db)?.piece(id)?;
        let mut base = self.db.prepare_cached("SELECT base FROM piece WHERE id = ?1")?;
        let base: Option<i64> = base.query_row([id], |row| row.get(0))?;
        let hash = hash(&self.state.key, kind, &bytes);
        hashes::remove(self.db, &hash, id)?;
        self.db.prepare_cached("DELETE FROM piece WHERE id = ?1")?.execute([id])?;
        self.counters.pieces -= 1;
        self.counters.unique_bytes -= i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        match base {
            // Bases come before what is packed against them, and were looked at already.
            Some(base) if self.leave_base(base)? && marks.owner(base) == 0 => {
                Ok(1 + self.remove_piece(base, marks)?)
            }
            _ => Ok(0),
        }
    }
}

/// The piece of a hash, and whether it is the one it should be.
pub fn is_known(db: &Connection, key: &[u8; 32], id: i64, kind: Kind, bytes: &[u8]) -> Result<bool> {
    Ok(!has_hash(kind) || hashes::is_kept(db, &hash(key, kind, bytes), id)?)
}
