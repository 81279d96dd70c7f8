//! Traces and sessions in one row each, kept up with every observation.

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::columns::{Columns, NAME, PROVIDER, REQUEST_MODEL, RESPONSE_MODEL, SIDE, USER};
use super::fault::{Result, broken};
use super::left::end;
use super::observation::{Found, find_all};
use super::writing::Writing;
use crate::model::{Kind, Usd};
use crate::store::Totals;
use crate::store::pieces::{Reader, put};
use crate::store::sums::COUNTS_BEFORE_COST;

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
    /// Whether they are steps of the main line, and when they began: those come first and last if there are any.
    pub first_key: (bool, i64),
    pub last_key: (bool, i64),
    pub traces: i64,
    /// The one session of a trace.
    pub session: Option<i64>,
    pub totals: Totals,
    /// An earlier version wrote it, which counted less.
    pub is_old: bool,
    /// Its row is as this is.
    pub is_put: bool,
    /// As a call beside them named it, and when that began.
    pub title: Option<(i64, String)>,
    /// Models, providers, users, tags and tools, by their ids, in the order they came.
    pub words: Lists,
}

/// Words by their ids.
pub type Lists = [Vec<i64>; 5];

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

const fn is_tool(kind: Kind) -> bool {
    matches!(kind, Kind::Tool | Kind::Retriever)
}

impl Sum {
    fn add(&mut self, seq: i64, columns: &Columns, is_main: bool, words: &Lists) {
        let end = end(columns);
        let is_first = self.totals.observations == 0;
        let key = (!is_main, columns.start);
        if is_first || (key, seq) < (self.first_key, self.first_observation) {
            (self.first_key, self.first_observation) = (key, seq);
        }
        let key = (is_main, columns.start);
        if is_first || (key, seq) > (self.last_key, self.last_observation) {
            (self.last_key, self.last_observation) = (key, seq);
        }
        if let Some(title) = &columns.title
            && self.title.as_ref().is_none_or(|(at, _)| columns.start < *at)
        {
            self.title = Some((columns.start, title.clone()));
        }
        self.first = if is_first { columns.start } else { self.first.min(columns.start) };
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

pub fn put_totals(totals: &Totals, with_times: bool) -> Vec<u8> {
    let mut to = Vec::new();
    let counts = totals.counts();
    let (first, later) = counts.split_at(COUNTS_BEFORE_COST);
    first.iter().for_each(|number| put(&mut to, *number));
    put(&mut to, u64::try_from(totals.cost.picos()).unwrap_or(0));
    if with_times {
        later.iter().for_each(|number| put(&mut to, *number));
    }
    to
}

pub fn read_totals(from: &mut Reader) -> Option<Totals> {
    let mut totals = Totals::default();
    let mut cost = 0;
    for (at, number) in totals.counts_mut().into_iter().enumerate() {
        if at == COUNTS_BEFORE_COST {
            cost = from.number()?;
            if from.is_at_end() {
                break;
            }
        }
        *number = from.number()?;
    }
    totals.cost = Usd::from_picos(i128::from(cost));
    Some(totals)
}

fn put_words(words: &Lists) -> Vec<u8> {
    let mut to = Vec::new();
    for list in words {
        put(&mut to, list.len() as u64);
        list.iter().for_each(|word| put(&mut to, word.cast_unsigned()));
    }
    to
}

fn read_words(from: &mut Reader) -> Option<Lists> {
    let mut words = Lists::default();
    for list in &mut words {
        // Earlier versions had fewer.
        if from.is_at_end() {
            break;
        }
        for _ in 0..from.number()? {
            list.push(from.number()?.cast_signed());
        }
    }
    Some(words)
}

/// Whether an observation is a step of what the user asked.
fn is_main(table: &str) -> String {
    format!("{table}.kind = 0 AND {table}.parent IS NULL AND {table}.side IS NULL")
}

/// Reads a row.
pub fn sum(db: &Connection, key: SumKey) -> Result<Option<Sum>> {
    let (table, session) = match key {
        SumKey::Trace(_) => ("trace", "t.session"),
        SumKey::Session(_) => ("session", "NULL"),
    };
    let sql = format!(
        "SELECT t.first, t.last, t.first_observation, t.last_observation, t.traces, {session}, t.sums, t.words,
            f.start, {}, l.start, {}, title, title_at
         FROM {table} t LEFT JOIN observation f ON f.seq = t.first_observation
         LEFT JOIN observation l ON l.seq = t.last_observation WHERE t.seq = ?1",
        is_main("f"),
        is_main("l"),
    );
    let mut statement = db.prepare_cached(&sql)?;
    let row = statement.query_row([key.seq()], |row| {
        let sum = Sum {
            first: row.get(0)?,
            last: row.get(1)?,
            first_observation: row.get(2)?,
            last_observation: row.get(3)?,
            first_key: (
                !row.get::<_, Option<bool>>(9)?.unwrap_or(false),
                row.get::<_, Option<i64>>(8)?.unwrap_or(0),
            ),
            last_key: (
                row.get::<_, Option<bool>>(11)?.unwrap_or(false),
                row.get::<_, Option<i64>>(10)?.unwrap_or(0),
            ),
            title: row
                .get::<_, Option<String>>(12)?
                .zip(row.get::<_, Option<i64>>(13)?)
                .map(|(title, at)| (at, title)),
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
        let mut words = Reader(&words);
        sum.words = read_words(&mut words).ok_or_else(damaged)?;
        sum.is_old = sums == put_totals(&sum.totals, false);
    }
    Ok(Some(sum))
}

/// What the observations themselves add up to. `None` where there are none.
pub fn counted(db: &Connection, key: SumKey) -> Result<Option<Sum>> {
    let (column, other) = match key {
        SumKey::Trace(_) => ("trace", "session"),
        SumKey::Session(_) => ("session", "trace"),
    };
    let all = find_all(db, &format!("o.{column} = ?1 ORDER BY o.start, o.seq"), [key.seq()])?;
    let mut sum = Sum::default();
    let (mut others, mut tags) =
        (Vec::new(), db.prepare_cached("SELECT tag FROM tag WHERE observation = ?1")?);
    for found in &all {
        let tags: Vec<i64> =
            tags.query_map([found.seq], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        let mut columns = found.columns.clone();
        if found.words[SIDE].is_some() {
            columns.title = title(db, found)?;
        }
        sum.add(found.seq, &columns, found.is_main(), &lists(found, tags));
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

/// The title that an observation gave.
pub fn title(db: &Connection, found: &Found) -> Result<Option<String>> {
    let detail = super::reading::Reading::new(db)?.detail(found)?;
    Ok(detail.rest.get("title").and_then(serde_json::Value::as_str).map(str::to_owned))
}

pub fn lists(found: &Found, tags: Vec<i64>) -> Lists {
    let one = |word: Option<i64>| word.into_iter().collect();
    let model = found.words[RESPONSE_MODEL].or(found.words[REQUEST_MODEL]);
    let tool = found.words[NAME].filter(|_| is_tool(found.columns.kind()));
    [one(model), one(found.words[PROVIDER]), one(found.words[USER]), tags, one(tool)]
}

impl Writing<'_> {
    /// The numbers of an observation's trace and session. New ones have their rows as soon as the observation is added.
    pub fn places(&mut self, columns: &Columns) -> Result<(Option<i64>, Option<i64>)> {
        let trace = columns.trace.map(|trace| trace.to_be_bytes().to_vec());
        let trace = trace.map(|trace| self.place(SumKey::Trace, Cell::Blob(trace)));
        let session = columns.session.clone().map(|session| self.place(SumKey::Session, Cell::Text(session)));
        Ok((trace.transpose()?, session.transpose()?))
    }

    fn place(&mut self, kind: fn(i64) -> SumKey, id: Cell) -> Result<i64> {
        let sql = match kind(0) {
            SumKey::Trace(_) => "SELECT seq FROM trace WHERE id = ?1",
            SumKey::Session(_) => "SELECT seq FROM session WHERE id = ?1",
        };
        if let Some(seq) = self.db.prepare_cached(sql)?.query_row([&id], |row| row.get(0)).optional()? {
            return Ok(seq);
        }
        let key = self.place_seq(kind)?;
        self.sums.insert(key, Sum::default());
        self.new_places.push((key, id));
        Ok(key.seq())
    }

    fn is_new(&self, key: SumKey) -> bool {
        self.new_places.iter().any(|(new, _)| *new == key)
    }

    /// Writes the rows of those that are new, with what was added to them.
    pub fn put_new_places(&mut self) -> Result<()> {
        while let Some((key, id)) = self.new_places.pop() {
            let sum = self.pending(key)?;
            sum.is_put = true;
            let (mut cells, is_trace) = (sum_cells(key, sum), matches!(key, SumKey::Trace(_)));
            cells.push(id);
            let mut insert = self.db.prepare_cached(if is_trace { INSERT_TRACE } else { INSERT_SESSION })?;
            insert.execute(params_from_iter(cells))?;
        }
        Ok(())
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
        let tool = if is_tool(columns.kind()) { word(NAME)? } else { None };
        let tags = columns.tags.iter().map(|tag| self.word(tag)).collect::<Result<Vec<i64>>>()?;
        let one = |word: Option<i64>| word.into_iter().collect::<Vec<i64>>();
        let words = [one(model), one(provider), one(user), tags, one(tool)];
        let is_main = columns.is_main();
        if let Some(session) = session {
            let key = SumKey::Session(session);
            let more = match trace {
                Some(trace) if self.is_new(key) || self.is_new(SumKey::Trace(trace)) => true,
                Some(trace) => self.is_first_of_both(seq, trace, session)?,
                None => false,
            };
            let is_back = self.has_left(key, seq);
            let sum = self.pending(key)?;
            sum.traces += i64::from(more);
            if !is_back {
                sum.add(seq, columns, is_main, &words);
            }
        }
        if let Some(trace) = trace.filter(|trace| !self.has_left(SumKey::Trace(*trace), seq)) {
            let sum = self.pending(SumKey::Trace(trace))?;
            sum.add(seq, columns, is_main, &words);
            sum.traces = 1;
            let (had, one) = (sum.session, session);
            if one.is_some() && had != one {
                // Of several sessions it is none's.
                let is_new = self.is_new(SumKey::Trace(trace));
                let only = had.is_none() && (is_new || self.is_only_session(trace, one)?);
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
    pub fn is_first_of_both(&self, seq: i64, trace: i64, session: i64) -> Result<bool> {
        let mut other = self.db.prepare_cached(
            "SELECT 1 FROM observation INDEXED BY observation_trace WHERE trace = ?1 AND session = ?2 AND seq <> ?3 LIMIT 1",
        )?;
        Ok(!other.exists(params![trace, session, seq])?)
    }

    pub fn pending(&mut self, key: SumKey) -> Result<&mut Sum> {
        if !self.sums.contains_key(&key) {
            let sum = sum(self.db, key)?.unwrap_or_default();
            if sum.is_old {
                self.recount.insert(key);
            }
            self.sums.insert(key, sum);
        }
        let sum = self.sums.get_mut(&key).ok_or_else(|| broken("a sum went missing"))?;
        sum.is_put = false;
        Ok(sum)
    }

    /// An observation's end and status changed.
    pub fn change_sums(&mut self, old: &Found, before: &Columns, after: &Columns) -> Result<()> {
        let keys = [old.trace.map(SumKey::Trace), old.session.map(SumKey::Session)];
        for key in keys.into_iter().flatten() {
            if self.has_left(key, old.seq) {
                continue;
            }
            let sum = self.pending(key)?;
            if end(after) < end(before) && end(before) >= sum.last {
                // It may be what ended last.
                self.recount.insert(key);
                continue;
            }
            sum.totals.subtract(&before.totals());
            sum.totals.add(&after.totals());
            sum.last = sum.last.max(end(after));
        }
        Ok(())
    }

    pub fn put_sums(&mut self) -> Result<()> {
        self.settle_left()?;
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
            if sum.is_put {
                continue;
            }
            let session = if matches!(key, SumKey::Trace(_)) { ", session = ?18" } else { "" };
            let sql = format!(
                "UPDATE {table} SET first = ?2, last = ?3, first_observation = ?4, last_observation = ?5, traces = ?6,
                    sums = ?7, words = ?8, observations = ?9, generations = ?10, tools = ?11, errors = ?12, input = ?13,
                    output = ?14, cost = ?15, title = ?16, title_at = ?17{session} WHERE seq = ?1"
            );
            let mut update = self.db.prepare_cached(&sql)?;
            update.execute(params_from_iter(sum_cells(key, &sum)))?;
        }
        Ok(())
    }
}

const INSERT_TRACE: &str =
    "INSERT INTO trace (seq, first, last, first_observation, last_observation, traces, sums, words,
        observations, generations, tools, errors, input, output, cost, title, title_at, session, id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_SESSION: &str =
    "INSERT INTO session (seq, first, last, first_observation, last_observation, traces, sums,
        words, observations, generations, tools, errors, input, output, cost, title, title_at, id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// A row without its id, in the order in which the statements have it.
fn sum_cells(key: SumKey, sum: &Sum) -> Vec<Cell> {
    let totals = &sum.totals;
    let count = |number: u64| Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let mut cells = vec![
        Cell::Integer(key.seq()),
        Cell::Integer(sum.first),
        Cell::Integer(sum.last),
        Cell::Integer(sum.first_observation),
        Cell::Integer(sum.last_observation),
        Cell::Integer(sum.traces),
        Cell::Blob(put_totals(totals, true)),
        Cell::Blob(put_words(&sum.words)),
        count(totals.observations),
        count(totals.generations),
        count(totals.tools),
        count(totals.errors),
        count(totals.input),
        count(totals.output),
        Cell::Integer(i64::try_from(totals.cost.picos()).unwrap_or(i64::MAX)),
        sum.title.as_ref().map_or(Cell::Null, |(_, title)| Cell::Text(title.clone())),
        sum.title.as_ref().map_or(Cell::Null, |(at, _)| Cell::Integer(*at)),
    ];
    if matches!(key, SumKey::Trace(_)) {
        cells.push(sum.session.map_or(Cell::Null, Cell::Integer));
    }
    cells
}
