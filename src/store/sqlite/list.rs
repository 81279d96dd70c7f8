//! Lists: of observations, traces, sessions and exchanges that pass a filter, page by page.

use std::collections::HashSet;

use tokio_rusqlite::rusqlite::Connection;
use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::columns::{Columns, FINISH};
use super::fault::{Result, broken};
use super::observation::find;
use super::plan::{Clause, Place, Plan, plan};
use super::reading::Reading;
use super::search::Search;
use super::summary::{SumKey, sum};
use crate::model::{ExchangeId, Micros, Status, TraceId};
use crate::store::{Cursor, Filter, Order, Page, Row, StoreError, Summary};

/// How many rows are looked at together where each is asked whether it is a find.
const WINDOW: usize = 2000;
/// Up to so many observations, their traces or sessions are looked up; of more, those are walked.
const FEW: usize = 5000;

/// Traces, sessions or exchanges that the index of texts is asked about together.
const TOGETHER: usize = 64;

/// Keys of the whole record's head that lists leave out.
const LONG: [&str; 3] = ["parameters", "extra", "server_tool_calls"];

pub fn list(db: &Connection, filter: &Filter, page: &Page) -> Result<Vec<Row>> {
    let after = page.after.as_ref().map(place_of).transpose()?;
    let Some(plan) = plan(db, filter)? else { return Ok(Vec::new()) };
    let mut reading = Reading::new(db)?;
    let places = match &filter.search {
        None => {
            let places = plan.places(db, page.order, after, page.limit)?;
            places.into_iter().map(|place| (place, None)).collect()
        }
        Some(search) => searched(&mut reading, &plan, &Search::parse(search)?, page, after)?,
    };
    places.into_iter().map(|(place, snippet)| row(&mut reading, &place, snippet)).collect()
}

pub fn searched(
    reading: &mut Reading,
    plan: &Plan,
    search: &Search,
    page: &Page,
    mut after: Option<(i64, i64)>,
) -> Result<Vec<(Place, Option<String>)>> {
    let mut found = Vec::new();
    if let Some(few) = search.few(reading.db, plan)? {
        let key = |(start, seq)| if page.order.is_by_arrival() { (seq, start) } else { (start, seq) };
        for place in in_order(few, page.order, after.map(key), |place| key((place.start, place.seq))) {
            if found.len() == page.limit {
                break;
            }
            if let Some(snippet) = search.snippet(reading, &place)? {
                found.push((place, Some(snippet)));
            }
        }
        return Ok(found);
    }
    loop {
        let places = plan.places(reading.db, page.order, after, WINDOW)?;
        let finds = search.among(reading.db, &places)?;
        for place in places.iter().filter(|place| finds.contains(&place.seq)) {
            if found.len() == page.limit {
                return Ok(found);
            }
            if let Some(snippet) = search.snippet(reading, place)? {
                found.push((*place, Some(snippet)));
            }
        }
        match places.last() {
            Some(last) if places.len() == WINDOW => after = Some((last.start, last.seq)),
            _ => return Ok(found),
        }
    }
}

/// Sorts, and leaves out what comes before the page.
fn in_order<T, K: Ord + Copy>(
    all: impl IntoIterator<Item = T>,
    order: Order,
    after: Option<K>,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut all: Vec<T> = all
        .into_iter()
        .filter(|one| {
            after.is_none_or(|after| if order.is_descending() { key(one) < after } else { key(one) > after })
        })
        .collect();
    all.sort_unstable_by_key(&key);
    if order.is_descending() {
        all.reverse();
    }
    all
}

fn row(reading: &mut Reading, place: &Place, snippet: Option<String>) -> Result<Row> {
    let found = find(reading.db, "o.seq = ?1", &Cell::Integer(place.seq))?;
    let found = found.ok_or_else(|| broken(format!("observation {} is missing", place.seq)))?;
    let detail = reading.detail(place.seq)?;
    let mut head = reading.head(&found, detail.rest)?;
    head.retain(|key, _| !LONG.contains(&key.as_str()));
    for (object, inner) in [("usage", "raw"), ("cost", "details")] {
        if let Some(serde_json::Value::Object(object)) = head.get_mut(object) {
            object.remove(inner);
        }
    }
    Ok(Row {
        head,
        input_preview: detail.input_preview,
        output_preview: detail.output_preview,
        snippet: snippet.filter(|snippet| !snippet.is_empty()),
        cursor: cursor(place.start, place.seq),
    })
}

fn cursor(value: i64, seq: i64) -> Cursor {
    Cursor(format!("{value}.{seq}"))
}

fn place_of(cursor: &Cursor) -> Result<(i64, i64)> {
    let parts = cursor.0.split_once('.').and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse().ok()?)));
    parts.ok_or_else(|| StoreError::Asked(format!("{:?} is no cursor of this list", cursor.0)))
}

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
    let seqs = match few(&mut reading, &plan, search.as_ref(), *filter == Filter::default())? {
        Some(places) => {
            let groups: HashSet<i64> = places.iter().filter_map(|place| group.of(place)).collect();
            let mut keyed = Vec::with_capacity(groups.len());
            let sql = format!("SELECT {} FROM {} WHERE seq = ?1", group.order(), group.table());
            let mut order = db.prepare_cached(&sql)?;
            for seq in groups {
                keyed.push((order.query_row([seq], |row| row.get(0))?, seq));
            }
            let mut keyed = in_order(keyed, page.order, after, |key| *key);
            keyed.truncate(page.limit);
            keyed
        }
        None => walked(&mut reading, group, &plan, search.as_ref(), filter, page, after)?,
    };
    seqs.into_iter()
        .map(|(at, seq)| Ok(Summary { cursor: cursor(at, seq), ..summary(&mut reading, group.key(seq))? }))
        .collect()
}

/// Everything that passes, where it is not much.
fn few(
    reading: &mut Reading,
    plan: &Plan,
    search: Option<&Search>,
    is_all: bool,
) -> Result<Option<Vec<Place>>> {
    if is_all {
        return Ok(None);
    }
    let Some(search) = search else {
        let places = plan.places(reading.db, Order::NewestFirst, None, FEW)?;
        return Ok((places.len() < FEW).then_some(places));
    };
    let Some(places) = search.few(reading.db, plan)? else { return Ok(None) };
    let mut found = Vec::new();
    for place in places {
        if search.is_in(reading, &place)? {
            found.push(place);
        }
    }
    Ok(Some(found))
}

/// Goes along the traces or sessions, and asks each whether an observation of it passes.
fn walked(
    reading: &mut Reading,
    group: Group,
    plan: &Plan,
    search: Option<&Search>,
    filter: &Filter,
    page: &Page,
    mut after: Option<(i64, i64)>,
) -> Result<Vec<(i64, i64)>> {
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
            let passed = passing(reading, plan, search, &index, clauses.collect())?;
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
    Ok(found)
}

/// Of each of these conditions, whether an observation that it finds passes.
fn passing(
    reading: &mut Reading,
    plan: &Plan,
    search: Option<&Search>,
    index: &str,
    clauses: Vec<Clause>,
) -> Result<Vec<bool>> {
    let db = reading.db;
    let Some(search) = search else {
        let passes = |clause| plan.passes(db, index, clause);
        return clauses.into_iter().map(passes).collect();
    };
    // The index is asked once for all of them: what they have lies close together.
    let places =
        clauses.into_iter().map(|clause| plan.within(db, index, clause)).collect::<Result<Vec<_>>>()?;
    let finds = search.among(db, &places.concat())?;
    let mut passing = Vec::with_capacity(places.len());
    for places in places {
        let mut passes = false;
        for place in places.iter().filter(|place| finds.contains(&place.seq)) {
            if search.is_in(reading, place)? {
                passes = true;
                break;
            }
        }
        passing.push(passes);
    }
    Ok(passing)
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
    let mut preview = |seq: i64| reading.detail(seq);
    let (first, last) = (preview(sum.first_observation)?, preview(sum.last_observation)?);
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
        input_preview: first.input_preview,
        output_preview: last.output_preview,
        models,
        providers,
        users,
        tags,
        tools,
        cursor: Cursor::default(),
    })
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

/// Exchanges of which an observation passes, by their ids, behind one.
pub fn exchanges(
    db: &Connection,
    filter: &Filter,
    after: Option<ExchangeId>,
    limit: usize,
) -> Result<Vec<ExchangeId>> {
    let Some(plan) = plan(db, filter)? else { return Ok(Vec::new()) };
    let search = filter.search.as_deref().map(Search::parse).transpose()?;
    let mut reading = Reading::new(db)?;
    let mut after = after.map_or([0; 16], ExchangeId::to_bytes);
    if let Some(places) = few(&mut reading, &plan, search.as_ref(), *filter == Filter::default())? {
        let seqs: HashSet<i64> = places.iter().filter_map(|place| place.exchange).collect();
        let ids = seqs.into_iter().map(|seq| reading.exchange_id(seq)).collect::<Result<Vec<_>>>()?;
        let first = ExchangeId::from_bytes(after);
        let mut ids = in_order(ids, Order::OldestFirst, Some(first), |id| *id);
        ids.truncate(limit);
        return Ok(ids);
    }
    let mut found = Vec::new();
    while found.len() < limit {
        let mut statement =
            db.prepare_cached("SELECT id, seq FROM exchange WHERE id > ?1 ORDER BY id LIMIT ?2")?;
        let window: Vec<([u8; 16], i64)> = statement
            .query_map((&after[..], i64::try_from(WINDOW).unwrap_or(i64::MAX)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<std::result::Result<_, _>>()?;
        for few in window.chunks(TOGETHER) {
            let clauses =
                few.iter().map(|(_, seq)| Clause("o.exchange = ?".to_owned(), vec![Cell::Integer(*seq)]));
            let index = "INDEXED BY observation_exchange";
            let passed = passing(&mut reading, &plan, search.as_ref(), index, clauses.collect())?;
            let passed = few.iter().zip(passed).filter(|(_, passes)| *passes);
            found.extend(passed.map(|((id, _), _)| ExchangeId::from_bytes(*id)));
        }
        found.truncate(limit);
        match window.last() {
            Some((last, _)) if window.len() == WINDOW => after = *last,
            _ => break,
        }
    }
    Ok(found)
}
