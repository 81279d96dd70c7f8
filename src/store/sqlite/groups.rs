//! Lists of traces and sessions: those of which an observation passes a filter.

use std::collections::HashSet;

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension};

use super::columns::{Columns, FINISH};
use super::fault::{Result, broken};
use super::list::{Asking, TOGETHER, WINDOW, cursor, few, in_order, passing, place_of};
use super::observation::find;
use super::plan::{Clause, Place, Plan, plan};
use super::probe::Probe;
use super::reading::Reading;
use super::search::Search;
use super::summary::{SumKey, sum};
use crate::model::{Micros, Status, TraceId};
use crate::store::{Cursor, Filter, Page, Summary};

/// Traces or sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Traces,
    Sessions,
}

impl Group {
    const fn table(self) -> &'static str {
        match self {
            Self::Traces => "trace",
            Self::Sessions => "session",
        }
    }

    /// By what they are listed.
    const fn order(self) -> &'static str {
        match self {
            Self::Traces => "first",
            Self::Sessions => "last",
        }
    }

    fn of(self, place: &Place) -> Option<i64> {
        match self {
            Self::Traces => place.trace,
            Self::Sessions => place.session,
        }
    }

    const fn key(self, seq: i64) -> SumKey {
        match self {
            Self::Traces => SumKey::Trace(seq),
            Self::Sessions => SumKey::Session(seq),
        }
    }
}

pub fn summaries(db: &Connection, group: Group, filter: &Filter, page: &Page) -> Result<Vec<Summary>> {
    let after = page.after.as_ref().map(place_of).transpose()?;
    let Some(plan) = plan(db, filter)? else { return Ok(Vec::new()) };
    let search = filter.search.as_deref().map(Search::parse).transpose()?;
    let mut reading = Reading::new(db)?;
    let mut seqs = None;
    if let Some(probe) = search.as_ref().map(Probe::of).transpose()?.flatten() {
        seqs = walked(&mut reading, group, &plan, &mut Asking::Texts(probe), filter, page, after)?;
    }
    let seqs = match seqs {
        Some(seqs) => seqs,
        None => indexed(&mut reading, group, &plan, search.as_ref(), filter, page, after)?,
    };
    seqs.into_iter()
        .map(|(at, seq)| Ok(Summary { cursor: cursor(at, seq), ..summary(&mut reading, group.key(seq))? }))
        .collect()
}

/// Those of which an observation passes, by what the indices say.
fn indexed(
    reading: &mut Reading,
    group: Group,
    plan: &Plan,
    search: Option<&Search>,
    filter: &Filter,
    page: &Page,
    after: Option<(i64, i64)>,
) -> Result<Vec<(i64, i64)>> {
    let Some(places) = few(reading, plan, search, *filter == Filter::default())? else {
        let mut asking = search.map_or(Asking::Nothing, Asking::Index);
        return Ok(walked(reading, group, plan, &mut asking, filter, page, after)?.unwrap_or_default());
    };
    let groups: HashSet<i64> = places.iter().filter_map(|place| group.of(place)).collect();
    let mut keyed = Vec::with_capacity(groups.len());
    let sql = format!("SELECT {} FROM {} WHERE seq = ?1", group.order(), group.table());
    let mut order = reading.db.prepare_cached(&sql)?;
    for seq in groups {
        keyed.push((order.query_row([seq], |row| row.get(0))?, seq));
    }
    let mut keyed = in_order(keyed, page.order, after, |key| *key);
    keyed.truncate(page.limit);
    Ok(keyed)
}

/// Goes along the traces or sessions, and asks each whether an observation of it passes. `None` where too many were asked.
fn walked(
    reading: &mut Reading,
    group: Group,
    plan: &Plan,
    asking: &mut Asking,
    filter: &Filter,
    page: &Page,
    mut after: Option<(i64, i64)>,
) -> Result<Option<Vec<(i64, i64)>>> {
    let (direction, sign) = if page.order.is_descending() { ("DESC", "<") } else { ("ASC", ">") };
    let (table, order) = (group.table(), group.order());
    let index = format!("INDEXED BY observation_{table}");
    let bound = |at: Option<Micros>, none: i64| at.map_or(none, |at| i64::try_from(at.0).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    while found.len() < page.limit {
        let start = after.unwrap_or(if sign == "<" { (i64::MAX, i64::MAX) } else { (i64::MIN, i64::MIN) });
        let sql = format!(
            "SELECT {order}, seq FROM {table} WHERE ({order}, seq) {sign} (?1, ?2) AND last >= ?3 AND first < ?4
             ORDER BY {order} {direction}, seq {direction} LIMIT {WINDOW}"
        );
        let mut statement = reading.db.prepare_cached(&sql)?;
        let bounds = (start.0, start.1, bound(filter.since, i64::MIN), bound(filter.until, i64::MAX));
        let window: Vec<(i64, i64)> = statement
            .query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<std::result::Result<_, _>>()?;
        for few in window.chunks(TOGETHER) {
            let clauses =
                few.iter().map(|(_, seq)| Clause(format!("o.{table} = ?"), vec![Cell::Integer(*seq)]));
            let Some(passed) = passing(reading, plan, asking, &index, clauses.collect())? else {
                return Ok(None);
            };
            found.extend(few.iter().zip(passed).filter(|(_, passes)| *passes).map(|(one, _)| *one));
            if found.len() >= page.limit {
                found.truncate(page.limit);
                break;
            }
        }
        match window.last() {
            Some(last) if window.len() == WINDOW => after = Some(*last),
            _ => break,
        }
    }
    Ok(Some(found))
}

fn summary(reading: &mut Reading, key: SumKey) -> Result<Summary> {
    let sum =
        sum(reading.db, key)?.ok_or_else(|| broken(format!("{} {} is missing", key.table(), key.seq())))?;
    let id = match key {
        SumKey::Trace(seq) => {
            let mut statement = reading.db.prepare_cached("SELECT id FROM trace WHERE seq = ?1")?;
            TraceId(u128::from_be_bytes(statement.query_row([seq], |row| row.get(0))?)).to_string()
        }
        SumKey::Session(seq) => session_id(reading.db, seq)?,
    };
    let input_preview = preview(reading.db, "input_preview", sum.first_observation)?;
    let output_preview = preview(reading.db, "output_preview", sum.last_observation)?;
    let last_one = find(reading.db, "o.seq = ?1", &Cell::Integer(sum.last_observation))?;
    let last_one = last_one.map(|found| reading.with_words(&found)).transpose()?;
    let [models, providers, users, tags, tools] = sum.words;
    let mut names =
        |ids: Vec<i64>| ids.into_iter().map(|id| reading.word(id)).collect::<Result<Vec<String>>>();
    let (models, providers, users, tags) = (names(models)?, names(providers)?, names(users)?, names(tags)?);
    let tools = names(tools)?;
    let micros = |at: i64| Micros(at.max(0).cast_unsigned());
    Ok(Summary {
        id,
        session: sum.session.map(|seq| session_id(reading.db, seq)).transpose()?,
        first: micros(sum.first),
        last: micros(sum.last),
        traces: sum.traces.max(0).cast_unsigned(),
        title: sum.title.map(|(_, title)| title),
        status: last_one.as_ref().map_or("ok", status),
        totals: sum.totals,
        input_preview,
        output_preview,
        models,
        providers,
        users,
        tags,
        tools,
        cursor: Cursor::default(),
    })
}

fn preview(db: &Connection, which: &str, observation: i64) -> Result<String> {
    let sql =
        format!("SELECT p.text FROM detail d JOIN preview p ON p.id = d.{which} WHERE d.observation = ?1");
    let found = db.prepare_cached(&sql)?.query_row([observation], |row| row.get(0)).optional()?;
    Ok(found.unwrap_or_default())
}

/// How it stands with what ended like this.
fn status(last: &Columns) -> &'static str {
    match Status::ALL.get(usize::from(last.status)) {
        Some(Status::Error) => "error",
        Some(Status::Cancelled | Status::Interrupted | Status::Open) => "unfinished",
        // The model waits for a tool.
        _ if last.words[FINISH].as_deref() == Some("tool_call") => "unfinished",
        _ => "ok",
    }
}

fn session_id(db: &Connection, seq: i64) -> Result<String> {
    Ok(db.prepare_cached("SELECT id FROM session WHERE seq = ?1")?.query_row([seq], |row| row.get(0))?)
}
