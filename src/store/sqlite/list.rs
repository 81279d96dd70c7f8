//! Lists of observations and of exchanges that pass a filter, page by page.

use std::collections::HashSet;

use tokio_rusqlite::rusqlite::Connection;
use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::fault::{Result, broken};
use super::observation::find;
use super::plan::{Clause, Place, Plan, plan};
use super::probe::{self, Probe};
use super::reading::Reading;
use super::search::Search;
use crate::model::ExchangeId;
use crate::store::{Cursor, Filter, Order, Page, Row, StoreError};

/// How many rows are looked at together where each is asked whether it is a find.
pub const WINDOW: usize = 2000;
/// Up to so many observations, their traces or sessions are looked up; of more, those are walked.
const FEW: usize = 5000;
/// Where it is known before, walking is quicker from so many on: they are met soon.
const MANY: usize = 2500;

/// Traces, sessions or exchanges that the index of texts is asked about together.
pub const TOGETHER: usize = 64;

/// Keys of the whole record's head that lists leave out.
const LONG: [&str; 4] = ["parameters", "extra", "server_tool_calls", "attributes"];

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

/// An observation, and where in its texts a find stands.
type Shown = (Place, Option<String>);

pub fn searched(
    reading: &mut Reading,
    plan: &Plan,
    search: &Search,
    page: &Page,
    mut after: Option<(i64, i64)>,
) -> Result<Vec<Shown>> {
    if let Some(probe) = Probe::of(search)?
        && let Some(found) = looked_at(reading, plan, probe, page, after)?
    {
        return Ok(found);
    }
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

/// The same where looking at a few of them is enough; `None` where it is not.
fn looked_at(
    reading: &mut Reading,
    plan: &Plan,
    mut probe: Probe,
    page: &Page,
    after: Option<(i64, i64)>,
) -> Result<Option<Vec<Shown>>> {
    let places = plan.places(reading.db, page.order, after, probe::MOST)?;
    let mut found = Vec::new();
    for place in &places {
        if found.len() == page.limit {
            return Ok(Some(found));
        }
        match probe.any(reading, std::slice::from_ref(place))? {
            None => return Ok(None),
            Some(false) => {}
            Some(true) => found.push((*place, probe.search.snippet(reading, place)?)),
        }
    }
    let is_all = places.len() < probe::MOST || found.len() == page.limit;
    Ok(is_all.then_some(found))
}

/// Sorts, and leaves out what comes before the page.
pub fn in_order<T, K: Ord + Copy>(
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
    let detail = reading.detail(&found)?;
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

pub fn cursor(value: i64, seq: i64) -> Cursor {
    Cursor(format!("{value}.{seq}"))
}

pub fn place_of(cursor: &Cursor) -> Result<(i64, i64)> {
    let parts = cursor.0.split_once('.').and_then(|(at, seq)| Some((at.parse().ok()?, seq.parse().ok()?)));
    parts.ok_or_else(|| StoreError::Asked(format!("{:?} is no cursor of this list", cursor.0)))
}

/// Everything that passes, where it is not much.
pub fn few(
    reading: &mut Reading,
    plan: &Plan,
    search: Option<&Search>,
    is_all: bool,
) -> Result<Option<Vec<Place>>> {
    if is_all {
        return Ok(None);
    }
    let Some(search) = search else {
        if plan.has_many(reading.db, MANY)? {
            return Ok(None);
        }
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

/// How to find out whether observations are what is searched for.
pub enum Asking<'s> {
    /// They all are.
    Nothing,
    Index(&'s Search),
    Texts(Probe<'s>),
}

/// Of each of these conditions, whether an observation that it finds passes. `None` where too many were asked.
pub fn passing(
    reading: &mut Reading,
    plan: &Plan,
    asking: &mut Asking,
    index: &str,
    clauses: Vec<Clause>,
) -> Result<Option<Vec<bool>>> {
    let db = reading.db;
    let search = match asking {
        Asking::Nothing => {
            let passes = |clause| plan.passes(db, index, clause);
            return clauses.into_iter().map(passes).collect::<Result<_>>().map(Some);
        }
        Asking::Texts(probe) => {
            let mut passing = Vec::with_capacity(clauses.len());
            for clause in clauses {
                let Some(passes) = probe.any(reading, &plan.within(db, index, clause)?)? else {
                    return Ok(None);
                };
                passing.push(passes);
            }
            return Ok(Some(passing));
        }
        Asking::Index(search) => *search,
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
    Ok(Some(passing))
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
    let mut asking = search.as_ref().map_or(Asking::Nothing, Asking::Index);
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
            let passed = passing(&mut reading, &plan, &mut asking, index, clauses.collect())?;
            let passed = few.iter().zip(passed.unwrap_or_default()).filter(|(_, passes)| *passes);
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
