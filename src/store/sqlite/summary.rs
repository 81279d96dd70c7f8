//! Traces and sessions in one row each, kept up with every observation.

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, params};

use super::columns::{Columns, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL, USER};
use super::fault::{Result, broken};
use super::observation::{Found, find_all};
use super::writing::Writing;
use crate::model::Usd;
use crate::store::Totals;
use crate::store::pieces::{Reader, put};

/// Which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SumKey {
    Trace(i64),
    Session(i64),
}

/// A trace's or session's row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    pub first: i64,
    pub last: i64,
    pub first_observation: i64,
    pub last_observation: i64,
    /// When the last observation began: it is not the one that ended last.
    pub last_start: i64,
    pub traces: i64,
    /// The one session of a trace.
    pub session: Option<i64>,
    pub totals: Totals,
    /// Models, providers, users and tags, by their ids, in the order they came.
    pub words: [Vec<i64>; 4],
}

/// Of lists of words no more is kept: a session with a thousand users is none.
const MOST_WORDS: usize = 64;

impl SumKey {
    pub const fn table(self) -> &'static str {
        match self {
            Self::Trace(_) => "trace",
            Self::Session(_) => "session",
        }
    }

    pub const fn seq(self) -> i64 {
        match self {
            Self::Trace(seq) | Self::Session(seq) => seq,
        }
    }
}

impl Sum {
    fn add(&mut self, seq: i64, columns: &Columns, words: &[Vec<i64>; 4]) {
        let end = columns.start.saturating_add(columns.took.unwrap_or(0)).max(columns.start);
        let is_first = self.totals.observations == 0;
        if is_first || columns.start < self.first {
            (self.first, self.first_observation) = (columns.start, seq);
        }
        if is_first || columns.start >= self.last_start {
            (self.last_start, self.last_observation) = (columns.start, seq);
        }
        self.last = if is_first { end } else { self.last.max(end) };
        self.totals.add(&columns.totals());
        for (all, new) in self.words.iter_mut().zip(words) {
            for word in new {
                if all.len() < MOST_WORDS && !all.contains(word) {
                    all.push(*word);
                }
            }
        }
    }
}

pub fn put_totals(totals: &Totals) -> Vec<u8> {
    let mut to = Vec::new();
    for number in totals.counts() {
        put(&mut to, number);
    }
    put(&mut to, u64::try_from(totals.cost.picos()).unwrap_or(0));
    to
}

pub fn read_totals(from: &mut Reader) -> Option<Totals> {
    let mut totals = Totals::default();
    for number in totals.counts_mut() {
        *number = from.number()?;
    }
    totals.cost = Usd::from_picos(i128::from(from.number()?));
    Some(totals)
}

fn put_words(words: &[Vec<i64>; 4]) -> Vec<u8> {
    let mut to = Vec::new();
    for list in words {
        put(&mut to, list.len() as u64);
        list.iter().for_each(|word| put(&mut to, word.cast_unsigned()));
    }
    to
}

fn read_words(from: &mut Reader) -> Option<[Vec<i64>; 4]> {
    let mut words: [Vec<i64>; 4] = Default::default();
    for list in &mut words {
        for _ in 0..from.number()? {
            list.push(from.number()?.cast_signed());
        }
    }
    Some(words)
}

/// Reads a row.
pub fn sum(db: &Connection, key: SumKey) -> Result<Option<Sum>> {
    let (table, session) = match key {
        SumKey::Trace(_) => ("trace", "session"),
        SumKey::Session(_) => ("session", "NULL"),
    };
    let sql = format!(
        "SELECT first, last, first_observation, last_observation, traces, {session}, sums, words,
            (SELECT start FROM observation WHERE seq = last_observation) FROM {table} WHERE seq = ?1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let row = statement.query_row([key.seq()], |row| {
        let sum = Sum {
            first: row.get(0)?,
            last: row.get(1)?,
            first_observation: row.get(2)?,
            last_observation: row.get(3)?,
            last_start: row.get::<_, Option<i64>>(8)?.unwrap_or(0),
            traces: row.get(4)?,
            session: row.get(5)?,
            ..Sum::default()
        };
        Ok((sum, row.get::<_, Vec<u8>>(6)?, row.get::<_, Vec<u8>>(7)?))
    });
    let Some((mut sum, sums, words)) = row.optional()? else { return Ok(None) };
    let damaged = || broken(format!("{} {}: its sums are damaged", key.table(), key.seq()));
    // An empty one was only just made.
    if !sums.is_empty() {
        sum.totals = read_totals(&mut Reader(&sums)).ok_or_else(damaged)?;
        sum.words = read_words(&mut Reader(&words)).ok_or_else(damaged)?;
    }
    Ok(Some(sum))
}

/// What the observations themselves add up to. `None` where there are none.
pub fn counted(db: &Connection, key: SumKey) -> Result<Option<Sum>> {
    let seq = Cell::Integer(key.seq());
    let (column, other) = match key {
        SumKey::Trace(_) => ("trace", "session"),
        SumKey::Session(_) => ("session", "trace"),
    };
    let all = find_all(db, &format!("o.{column} = ?1 ORDER BY o.start, o.seq"), &seq)?;
    let mut sum = Sum::default();
    let (mut others, mut tags) =
        (Vec::new(), db.prepare_cached("SELECT tag FROM tag WHERE observation = ?1")?);
    for found in &all {
        let tags: Vec<i64> =
            tags.query_map([found.seq], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        sum.add(found.seq, &found.columns, &lists(found, tags));
        others.extend(if other == "trace" { found.trace } else { found.session });
    }
    others.sort_unstable();
    others.dedup();
    match key {
        SumKey::Trace(_) => {
            sum.traces = 1;
            sum.session = if let [one] = others[..] { Some(one) } else { None };
        }
        SumKey::Session(_) => sum.traces = i64::try_from(others.len()).unwrap_or(i64::MAX),
    }
    Ok((!all.is_empty()).then_some(sum))
}

fn lists(found: &Found, tags: Vec<i64>) -> [Vec<i64>; 4] {
    let one = |word: Option<i64>| word.into_iter().collect();
    let model = found.words[RESPONSE_MODEL].or(found.words[REQUEST_MODEL]);
    [one(model), one(found.words[PROVIDER]), one(found.words[USER]), tags]
}

impl Writing<'_> {
    /// The numbers of an observation's trace and session, made if they are new.
    pub fn places(&mut self, columns: &Columns) -> Result<(Option<i64>, Option<i64>)> {
        let trace = columns.trace.map(|trace| self.place("trace", &Cell::Blob(trace.to_be_bytes().to_vec())));
        let session = columns.session.clone().map(|session| self.place("session", &Cell::Text(session)));
        Ok((trace.transpose()?, session.transpose()?))
    }

    fn place(&self, table: &str, id: &Cell) -> Result<i64> {
        let sql = format!("SELECT seq FROM {table} WHERE id = ?1");
        if let Some(seq) = self.db.prepare_cached(&sql)?.query_row([id], |row| row.get(0)).optional()? {
            return Ok(seq);
        }
        let sql = format!(
            "INSERT INTO {table} (id, first, last, first_observation, last_observation, traces, sums, words,
                observations, generations, tools, errors, input, output, cost)
             VALUES (?1, 0, 0, 0, 0, 0, x'', x'', 0, 0, 0, 0, 0, 0, 0)"
        );
        Ok(self.db.prepare_cached(&sql)?.insert([id])?)
    }

    /// Adds an observation, which is in its table already, to its trace and session.
    pub fn add(
        &mut self,
        seq: i64,
        trace: Option<i64>,
        session: Option<i64>,
        columns: &Columns,
    ) -> Result<()> {
        let model = columns.model().map(|model| self.word(model)).transpose()?;
        let mut word = |at: usize| columns.words[at].as_deref().map(|word| self.word(word)).transpose();
        let (provider, user) = (word(PROVIDER)?, word(USER)?);
        let tags = columns.tags.iter().map(|tag| self.word(tag)).collect::<Result<Vec<i64>>>()?;
        let one = |word: Option<i64>| word.into_iter().collect::<Vec<i64>>();
        let words = [one(model), one(provider), one(user), tags];
        if let Some(session) = session {
            let more = trace.is_some_and(|trace| self.is_first_of_both(seq, trace, session).unwrap_or(false));
            let sum = self.pending(SumKey::Session(session))?;
            sum.add(seq, columns, &words);
            sum.traces += i64::from(more);
        }
        if let Some(trace) = trace {
            let sum = self.pending(SumKey::Trace(trace))?;
            sum.add(seq, columns, &words);
            sum.traces = 1;
            let (had, one) = (sum.session, session);
            if one.is_some() && had != one {
                // Of several sessions it is none's.
                let only = had.is_none() && self.is_only_session(trace, one)?;
                self.pending(SumKey::Trace(trace))?.session = if only { one } else { None };
            }
        }
        Ok(())
    }

    fn is_only_session(&self, trace: i64, session: Option<i64>) -> Result<bool> {
        let mut other = self.db.prepare_cached(
            "SELECT 1 FROM observation INDEXED BY observation_trace WHERE trace = ?1 AND session <> ?2 LIMIT 1",
        )?;
        Ok(!other.exists(params![trace, session])?)
    }

    /// Whether this is the only observation so far of a trace within a session.
    fn is_first_of_both(&self, seq: i64, trace: i64, session: i64) -> Result<bool> {
        let mut other = self.db.prepare_cached(
            "SELECT 1 FROM observation INDEXED BY observation_trace WHERE trace = ?1 AND session = ?2 AND seq <> ?3 LIMIT 1",
        )?;
        Ok(!other.exists(params![trace, session, seq])?)
    }

    fn pending(&mut self, key: SumKey) -> Result<&mut Sum> {
        if !self.sums.contains_key(&key) {
            let sum = sum(self.db, key)?.unwrap_or_default();
            self.sums.insert(key, sum);
        }
        self.sums.get_mut(&key).ok_or_else(|| broken("a sum went missing"))
    }

    /// Adds a trace and a session up again from their observations, at the end: one was taken out.
    pub fn count_again(&mut self, trace: Option<i64>, session: Option<i64>) {
        self.recount.extend([trace.map(SumKey::Trace), session.map(SumKey::Session)].into_iter().flatten());
    }

    pub fn put_sums(&mut self) -> Result<()> {
        for key in std::mem::take(&mut self.recount) {
            let sum = counted(self.db, key)?.unwrap_or_default();
            self.sums.insert(key, sum);
        }
        for (key, sum) in std::mem::take(&mut self.sums) {
            let table = key.table();
            if sum.totals.observations == 0 {
                self.db.execute(&format!("DELETE FROM {table} WHERE seq = ?1"), [key.seq()])?;
                continue;
            }
            let session = if matches!(key, SumKey::Trace(_)) { ", session = ?17" } else { "" };
            let sql = format!(
                "UPDATE {table} SET first = ?2, last = ?3, first_observation = ?4, last_observation = ?5, traces = ?6,
                    sums = ?7, words = ?8, observations = ?9, generations = ?10, tools = ?11, errors = ?12, input = ?13,
                    output = ?14, cost = ?15{session} WHERE seq = ?1 AND ?16"
            );
            let totals = &sum.totals;
            let count = |number: u64| Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX));
            let mut cells = vec![
                Cell::Integer(key.seq()),
                Cell::Integer(sum.first),
                Cell::Integer(sum.last),
                Cell::Integer(sum.first_observation),
                Cell::Integer(sum.last_observation),
                Cell::Integer(sum.traces),
                Cell::Blob(put_totals(totals)),
                Cell::Blob(put_words(&sum.words)),
                count(totals.observations),
                count(totals.generations),
                count(totals.tools),
                count(totals.errors),
                count(totals.input),
                count(totals.output),
                Cell::Integer(i64::try_from(totals.cost.picos()).unwrap_or(i64::MAX)),
                Cell::Integer(1),
            ];
            if !session.is_empty() {
                cells.push(sum.session.map_or(Cell::Null, Cell::Integer));
            }
            let mut update = self.db.prepare_cached(&sql)?;
            update.execute(tokio_rusqlite::rusqlite::params_from_iter(cells))?;
        }
        Ok(())
    }
}
