//! Sums by the version of a system prompt and of a set of tools, kept up with every generation.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::Columns;
use super::fault::{Result, broken};
use super::list::searched;
use super::observation::{Found, columns, find, found};
use super::plan::{Clause, plan};
use super::reading::Reading;
use super::rollup::{put_sketch, read_sketch};
use super::search::Search;
use super::summary::{put_totals, read_totals};
use super::writing::Writing;
use crate::model::{Kind, Micros, ObservationId};
use crate::store::pieces::Reader;
use crate::store::{Filter, Order, Page, PromptVersion, Sketch, Totals};

/// Their places among the words of an observation.
const PROMPT: usize = 11;
const TOOLS: usize = 12;

/// The words for the versions of the prompt and of the tools; 0 stands for none.
pub type PromptKey = (i64, i64);

/// A version's row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    pub first: i64,
    pub last: i64,
    /// The id of the newest call with it.
    pub example: i64,
    pub lossy: i64,
    pub totals: Totals,
    pub duration: Sketch,
    pub first_token: Sketch,
    /// What stood at one of its ends was taken out.
    frayed: bool,
}

const COLUMNS: &str = "version, tools, first, last, observation, lossy, sums, duration, first_token";

/// What is counted here, of a row `o`.
const COUNTED: &str = "o.kind = 0 AND (o.prompt_version IS NOT NULL OR o.tools_version IS NOT NULL)";

/// More than there ever are.
const ALL: usize = usize::MAX >> 1;

fn prompt(row: &Row) -> tokio_rusqlite::rusqlite::Result<(PromptKey, Option<Prompt>)> {
    let key = (row.get(0)?, row.get(1)?);
    let (sums, duration, first): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(6)?, row.get(7)?, row.get(8)?);
    let mut prompt = Prompt {
        first: row.get(2)?,
        last: row.get(3)?,
        example: row.get(4)?,
        lossy: row.get(5)?,
        ..Prompt::default()
    };
    let read = || {
        prompt.totals = read_totals(&mut Reader(&sums))?;
        prompt.duration = read_sketch(&duration)?;
        prompt.first_token = read_sketch(&first)?;
        Some(prompt)
    };
    Ok((key, read()))
}

impl Prompt {
    fn apply(&mut self, columns: &Columns, adds: bool) {
        let is_first = self.totals.observations == 0;
        let start = columns.start;
        let id = columns.id.cast_signed();
        for (sketch, took) in [(&mut self.duration, columns.took), (&mut self.first_token, columns.ttft)] {
            let Some(took) = took.map(|took| took.max(0).cast_unsigned()) else { continue };
            if adds { sketch.add(took) } else { sketch.remove(took) }
        }
        if adds {
            self.totals.add(&columns.totals());
            self.lossy += i64::from(columns.lossy);
            if is_first || start >= self.last {
                (self.last, self.example) = (start, id);
            }
            self.first = if is_first { start } else { self.first.min(start) };
        } else {
            self.totals.subtract(&columns.totals());
            self.lossy -= i64::from(columns.lossy);
            self.frayed |= start <= self.first || start >= self.last || id == self.example;
        }
    }

    fn said(self, version: String, tools: String) -> PromptVersion {
        let Self { first, last, example, lossy: _, totals, duration, first_token, frayed: _ } = self;
        let at = |micros: i64| Micros(micros.max(0).cast_unsigned());
        PromptVersion {
            version: Some(version).filter(|version| !version.is_empty()),
            tools: Some(tools).filter(|tools| !tools.is_empty()),
            first: at(first),
            last: at(last),
            example: ObservationId(example.cast_unsigned()),
            totals,
            duration,
            first_token,
        }
    }
}

impl Writing<'_> {
    /// Adds a generation to the sums of its versions, or takes it out.
    pub fn roll_prompt(&mut self, columns: &Columns, adds: bool) -> Result<()> {
        let (version, tools) = (&columns.words[PROMPT], &columns.words[TOOLS]);
        if columns.kind() != Kind::Generation || (version.is_none() && tools.is_none()) {
            return Ok(());
        }
        let mut word = |text: &Option<String>| text.as_deref().map_or(Ok(0), |text| self.word(text));
        let key = (word(version)?, word(tools)?);
        if !self.prompts.contains_key(&key) {
            let known = read(self.db, key)?.unwrap_or_default();
            self.prompts.insert(key, known);
        }
        if let Some(prompt) = self.prompts.get_mut(&key)
            && (adds || prompt.totals.observations > 0)
        {
            prompt.apply(columns, adds);
        }
        Ok(())
    }

    pub fn put_prompts(&mut self) -> Result<()> {
        for (key, mut prompt) in std::mem::take(&mut self.prompts) {
            if prompt.frayed && prompt.totals.observations > 0 {
                ends(self.db, key, &mut prompt)?;
            }
            put(self.db, key, &prompt)?;
        }
        Ok(())
    }
}

fn put(db: &Connection, (version, tools): PromptKey, prompt: &Prompt) -> Result<()> {
    let Prompt { first, last, example, lossy, totals, duration, first_token, frayed: _ } = prompt;
    if totals.observations == 0 {
        let mut delete = db.prepare_cached("DELETE FROM prompt WHERE version = ?1 AND tools = ?2")?;
        delete.execute([version, tools])?;
        return Ok(());
    }
    let sql =
        format!("INSERT OR REPLACE INTO prompt ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    let (sums, duration, first_token) =
        (put_totals(totals, true), put_sketch(duration), put_sketch(first_token));
    let mut insert = db.prepare_cached(&sql)?;
    insert.execute(params![version, tools, first, last, example, lossy, sums, duration, first_token])?;
    Ok(())
}

/// Looks for the first and the last call again, within the time between those that were known: what is pruned is old, so
/// that the next is near.
fn ends(db: &Connection, (version, tools): PromptKey, prompt: &mut Prompt) -> Result<()> {
    let word = |id: i64| if id == 0 { Cell::Null } else { Cell::Integer(id) };
    let end = |order: &str| -> Result<Option<(i64, i64)>> {
        let sql = format!(
            "SELECT o.start, o.id FROM observation o INDEXED BY observation_start
             WHERE {COUNTED} AND o.prompt_version IS ?1 AND o.tools_version IS ?2 AND o.start BETWEEN ?3 AND ?4
             ORDER BY o.start {order}, o.seq {order} LIMIT 1"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let cells = params![word(version), word(tools), prompt.first, prompt.last];
        Ok(statement.query_row(cells, |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    };
    if let (Some((first, _)), Some((last, example))) = (end("ASC")?, end("DESC")?) {
        (prompt.first, prompt.last, prompt.example) = (first, last, example);
    }
    prompt.frayed = false;
    Ok(())
}

fn read(db: &Connection, key: PromptKey) -> Result<Option<Prompt>> {
    let sql = format!("SELECT {COLUMNS} FROM prompt WHERE version = ?1 AND tools = ?2");
    match db.prepare_cached(&sql)?.query_row([key.0, key.1], prompt).optional()? {
        None => Ok(None),
        Some((_, known)) => known.map(Some).ok_or_else(|| broken("a prompt's sums are damaged")),
    }
}

/// Everything that is kept.
fn kept(db: &Connection) -> Result<HashMap<PromptKey, Prompt>> {
    let mut statement = db.prepare(&format!("SELECT {COLUMNS} FROM prompt"))?;
    let rows = statement.query_map([], prompt)?;
    let mut all = HashMap::new();
    for row in rows {
        let (key, prompt) = row?;
        all.insert(key, prompt.ok_or_else(|| broken("a prompt's sums are damaged"))?);
    }
    Ok(all)
}

fn count(all: &mut HashMap<PromptKey, Prompt>, found: &Found) {
    let key = (found.words[PROMPT].unwrap_or(0), found.words[TOOLS].unwrap_or(0));
    all.entry(key).or_default().apply(&found.columns, true);
}

/// What the observations themselves add up to.
fn counted(db: &Connection) -> Result<HashMap<PromptKey, Prompt>> {
    let sql = format!("SELECT {} FROM observation o WHERE {COUNTED} ORDER BY o.start, o.seq", columns());
    let mut statement = db.prepare(&sql)?;
    let mut all = HashMap::new();
    for row in statement.query_map([], found)? {
        count(&mut all, &row?);
    }
    Ok(all)
}

/// Adds up what a store of an earlier version has: it kept no such sums.
pub fn fill(db: &Connection) -> Result<()> {
    counted(db)?.iter().try_for_each(|(key, prompt)| put(db, *key, prompt))
}

/// What passes a filter, added up; without one, what is kept.
pub fn prompts(db: &Connection, filter: &Filter) -> Result<Vec<PromptVersion>> {
    let mut reading = Reading::new(db)?;
    let all = if *filter == Filter::default() { kept(db)? } else { passing(&mut reading, filter)? };
    let mut all: Vec<(PromptKey, Prompt)> = all.into_iter().collect();
    all.sort_by_key(|(key, prompt)| (std::cmp::Reverse(prompt.last), *key));
    let mut word = |id: i64| if id == 0 { Ok(String::new()) } else { reading.word(id) };
    all.into_iter().map(|((version, tools), prompt)| Ok(prompt.said(word(version)?, word(tools)?))).collect()
}

fn passing(reading: &mut Reading, filter: &Filter) -> Result<HashMap<PromptKey, Prompt>> {
    let mut all = HashMap::new();
    let Some(plan) = plan(reading.db, filter)? else { return Ok(all) };
    let plan = plan.and(Clause(COUNTED.to_owned(), Vec::new()));
    let page = Page { order: Order::OldestFirst, limit: ALL, after: None };
    let places = match &filter.search {
        None => plan.places(reading.db, page.order, None, page.limit)?,
        Some(search) => {
            let finds = searched(reading, &plan, &Search::parse(search)?, &page, None)?;
            finds.into_iter().map(|(place, _)| place).collect()
        }
    };
    for place in places {
        if let Some(found) = find(reading.db, "o.seq = ?1", &Cell::Integer(place.seq))? {
            count(&mut all, &found);
        }
    }
    Ok(all)
}

/// What is wrong with the sums, in words.
pub fn wrong(db: &Connection) -> Result<Vec<String>> {
    let (kept, mut counted) = (kept(db)?, counted(db)?);
    let mut wrong = Vec::new();
    let mut exists = db.prepare("SELECT 1 FROM observation WHERE id = ?1")?;
    for ((version, tools), prompt) in kept {
        let name = format!("prompt {version}, tools {tools}");
        let mut own = counted.remove(&(version, tools)).unwrap_or_default();
        if !exists.exists([prompt.example])? {
            wrong.push(format!("{name}: its example is missing"));
        }
        // Of those that began together, whichever came last.
        own.example = prompt.example;
        if own != prompt {
            wrong.push(format!("{name}: its sums are not those of its observations"));
        }
    }
    if !counted.is_empty() {
        wrong.push(format!("prompts: the sums of {} are missing", counted.len()));
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::columns::WORDS;
    use super::*;

    #[test]
    fn versions_are_where_they_are_looked_for() {
        assert_eq!([WORDS[PROMPT].0, WORDS[TOOLS].0], ["prompt_version", "tools_version"]);
    }
}
