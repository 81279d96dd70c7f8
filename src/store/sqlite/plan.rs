//! A filter as SQL. Which index to go along is said here: the one that the filter narrows down most.
//!
//! Every list walks an index in the order of its rows and stops when the page is full, so that what it costs does not grow
//! with the store.

use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::annotations;
use super::columns::number_of;
use super::fault::Result;
use super::writing::word_id;
use crate::model::{Kind, Status};
use crate::store::{Filter, Order};

/// A condition and the values for its question marks.
#[derive(Clone, Debug)]
pub struct Clause(pub String, pub Vec<Cell>);

/// How to find what passes a filter.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Rows to walk along; together they are all, some may be in two.
    streams: Vec<Stream>,
    /// What else must hold of a row `o`.
    rest: Vec<Clause>,
    /// Everything that must hold of a row `o`, however it was found.
    pub all: Vec<Clause>,
}

#[derive(Clone, Debug)]
pub struct Stream {
    from: String,
    /// The index alone, where it stands apart from the rows.
    index: Option<&'static str>,
    start: &'static str,
    seq: &'static str,
    clause: Option<Clause>,
}

/// An observation that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub start: i64,
    pub seq: i64,
    pub exchange: Option<i64>,
    pub trace: Option<i64>,
    pub session: Option<i64>,
}

/// What has more places in an index than this is looked up row by row.
const FEW_STREAMS: usize = 200;

/// The plan for a filter, without its search. `None` where nothing can pass.
pub fn plan(db: &Connection, filter: &Filter) -> Result<Option<Plan>> {
    let Filter { session, trace, kind, model, provider, status, tag, user, since, until, search: _ } = filter;
    // In the order in which they narrow down: the first one is walked along.
    let mut found: Vec<(Vec<Stream>, Clause)> = Vec::new();
    let by = |column: &str, index: &str, id: i64| {
        let clause = Clause(format!("o.{column} = ?"), vec![Cell::Integer(id)]);
        (vec![Stream::along(index, Some(clause.clone()))], clause)
    };
    macro_rules! some_or_nothing {
        ($id:expr) => {
            match $id? {
                Some(id) => id,
                None => return Ok(None),
            }
        };
    }
    if let Some(trace) = trace {
        let id = Cell::Blob(trace.0.to_be_bytes().to_vec());
        found.push(by("trace", "observation_trace", some_or_nothing!(seq_of(db, "trace", &id))));
    }
    if let Some(session) = session {
        let id = Cell::Text(session.clone());
        found.push(by("session", "observation_session", some_or_nothing!(seq_of(db, "session", &id))));
    }
    if let Some(tag) = tag {
        let said = word_id(db, tag)?.map(tagged);
        let given = annotations::tagged(db, tag)?;
        let Some(both) = either(said, given) else { return Ok(None) };
        found.push(both);
    }
    if let Some(user) = user {
        found.push(by("user", "observation_user", some_or_nothing!(word_id(db, user))));
    }
    if let Some(model) = model {
        let models = models(db, model)?;
        if models.is_empty() {
            return Ok(None);
        }
        found.push(of_models(db, &models)?);
    }
    if let Some(status) = status {
        found.push(rare("status", number_of(&Status::ALL, *status), 0));
    }
    if let Some(kind) = kind {
        found.push(rare("kind", number_of(&Kind::ALL, *kind), number_of(&Kind::ALL, Kind::Tool)));
    }
    if let Some(provider) = provider {
        found.push(of_provider(db, some_or_nothing!(word_id(db, provider)))?);
    }
    for (bound, sign) in [(since, ">="), (until, "<")] {
        if let Some(bound) = bound {
            let at = i64::try_from(bound.0).unwrap_or(i64::MAX);
            found.push((Vec::new(), Clause(format!("o.start {sign} ?"), vec![Cell::Integer(at)])));
        }
    }
    Ok(Some(Plan::of(&found)))
}

/// The observations of a tag stand in a table of their own.
fn tagged(tag: i64) -> (Vec<Stream>, Clause) {
    let stream = Stream {
        from: "tag g CROSS JOIN observation o ON o.seq = g.observation".to_owned(),
        index: Some("tag g"),
        start: "g.start",
        seq: "g.observation",
        clause: Some(Clause("g.tag = ?".to_owned(), vec![Cell::Integer(tag)])),
    };
    let exists =
        "EXISTS (SELECT 1 FROM tag g WHERE g.tag = ? AND g.start = o.start AND g.observation = o.seq)";
    (vec![stream], Clause(exists.to_owned(), vec![Cell::Integer(tag)]))
}

/// Tags that calls have, and those that people gave.
fn either(
    said: Option<(Vec<Stream>, Clause)>,
    given: Option<(Vec<Stream>, String)>,
) -> Option<(Vec<Stream>, Clause)> {
    match (said, given) {
        (said, None) => said,
        (None, Some((streams, condition))) => Some((streams, Clause(format!("({condition})"), Vec::new()))),
        (Some((mut streams, Clause(said, cells))), Some((others, given))) => {
            streams.extend(others);
            Some((streams, Clause(format!("({said} OR {given})"), cells)))
        }
    }
}

/// The commonest values have no index: those rows are met all the time.
fn rare(column: &str, number: u8, commonest: u8) -> (Vec<Stream>, Clause) {
    let clause = Clause(format!("o.{column} = ?"), vec![Cell::Integer(number.into())]);
    if number <= commonest {
        return (Vec::new(), clause);
    }
    let along = Clause(format!("{} AND o.{column} > {commonest}", clause.0), clause.1.clone());
    (vec![Stream::along(&format!("observation_{column}"), Some(along))], clause)
}

fn of_models(db: &Connection, models: &[i64]) -> Result<(Vec<Stream>, Clause)> {
    let list = models.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let clause = Clause(format!("(o.request_model IN ({list}) OR o.response_model IN ({list}))"), Vec::new());
    let providers = providers(db)?;
    if models.len() * (providers.len() + 2) > FEW_STREAMS {
        return Ok((Vec::new(), clause));
    }
    let mut streams = Vec::new();
    for model in models {
        let of_none = Clause("o.provider IS NULL AND o.request_model = ?".to_owned(), vec![(*model).into()]);
        streams.push(Stream::along("observation_request_model", Some(of_none)));
        streams.extend(providers.iter().map(|provider| called(*provider, *model)));
        let answered = "o.response_model = ? AND o.response_model IS NOT o.request_model";
        let answered = Clause(answered.to_owned(), vec![(*model).into()]);
        streams.push(Stream::along("observation_response_model", Some(answered)));
    }
    Ok((streams, clause))
}

fn of_provider(db: &Connection, provider: i64) -> Result<(Vec<Stream>, Clause)> {
    let clause = Clause("o.provider = ?".to_owned(), vec![provider.into()]);
    let next = "SELECT min(request_model) FROM observation INDEXED BY observation_request_model
        WHERE provider = ?2 AND request_model > ?1";
    let models = each(db, next, &[provider])?;
    if models.len() > FEW_STREAMS {
        return Ok((Vec::new(), clause));
    }
    let of_none = Clause("o.provider = ? AND o.request_model IS NULL".to_owned(), vec![provider.into()]);
    let mut streams = vec![Stream::along("observation_request_model", Some(of_none))];
    streams.extend(models.into_iter().map(|model| called(provider, model)));
    Ok((streams, clause))
}

fn called(provider: i64, model: i64) -> Stream {
    let clause =
        Clause("o.provider = ? AND o.request_model = ?".to_owned(), vec![provider.into(), model.into()]);
    Stream::along("observation_request_model", Some(clause))
}

/// All providers of which a model was asked.
fn providers(db: &Connection) -> Result<Vec<i64>> {
    let next = "SELECT min(provider) FROM observation INDEXED BY observation_request_model
        WHERE provider > ?1";
    each(db, next, &[])
}

/// What an index has, each once: `next` finds the least behind one.
fn each(db: &Connection, next: &str, more: &[i64]) -> Result<Vec<i64>> {
    let mut statement = db.prepare_cached(next)?;
    let (mut found, mut last) = (Vec::new(), i64::MIN);
    while found.len() <= FEW_STREAMS {
        let cells = std::iter::once(&last).chain(more);
        match statement.query_row(params_from_iter(cells), |row| row.get::<_, Option<i64>>(0))? {
            Some(next) => {
                found.push(next);
                last = next;
            }
            None => break,
        }
    }
    Ok(found)
}

fn seq_of(db: &Connection, table: &str, id: &Cell) -> Result<Option<i64>> {
    let mut statement = db.prepare_cached(&format!("SELECT seq FROM {table} WHERE id = ?1"))?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// The ids of the models that a pattern means.
pub fn models(db: &Connection, pattern: &str) -> Result<Vec<i64>> {
    if !pattern.contains('*') {
        return Ok(word_id(db, pattern)?.into_iter().collect());
    }
    // Of GLOB's signs only the star is ours.
    let glob: String = pattern
        .chars()
        .map(|c| if matches!(c, '[' | '?') { format!("[{c}]") } else { c.to_string() })
        .collect();
    let mut statement = db.prepare_cached("SELECT id FROM word WHERE text GLOB ?1")?;
    let ids = statement.query_map([glob], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
    Ok(ids)
}

impl Stream {
    /// Along no index: what the condition finds is not much.
    pub fn over(clause: Option<Clause>) -> Self {
        Self { from: "observation o".to_owned(), index: None, start: "o.start", seq: "o.seq", clause }
    }

    pub fn along(index: &str, clause: Option<Clause>) -> Self {
        let from = format!("observation o INDEXED BY {index}");
        Self { from, index: None, start: "o.start", seq: "o.seq", clause }
    }
}

impl Plan {
    fn of(found: &[(Vec<Stream>, Clause)]) -> Self {
        let all: Vec<Clause> = found.iter().map(|(_, clause)| clause.clone()).collect();
        let driver = found.iter().position(|(streams, _)| !streams.is_empty());
        let streams = match driver {
            Some(at) => found[at].0.clone(),
            None => vec![Stream::along("observation_start", None)],
        };
        let rest = all.iter().enumerate().filter(|(at, _)| Some(*at) != driver);
        Self { streams, rest: rest.map(|(_, clause)| clause.clone()).collect(), all }
    }

    /// The same with one more condition.
    pub fn and(mut self, clause: Clause) -> Self {
        self.rest.push(clause.clone());
        self.all.push(clause);
        self
    }

    /// What passes, in order, behind a place.
    pub fn places(
        &self,
        db: &Connection,
        order: Order,
        after: Option<(i64, i64)>,
        limit: usize,
    ) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        let (direction, sign) = if order.is_descending() { ("DESC", "<") } else { ("ASC", ">") };
        if order.is_by_arrival() {
            let behind =
                after.map(|(_, number)| Clause(format!("o.seq {sign} ?"), vec![Cell::Integer(number)]));
            let (condition, cells) = join(behind.into_iter().chain(self.all.iter().cloned()).collect());
            let sql = format!(
                "SELECT o.start, o.seq, o.exchange, o.trace, o.session FROM observation o NOT INDEXED
                 WHERE {condition} ORDER BY o.seq {direction} LIMIT {limit}"
            );
            return read(db, &sql, cells);
        }
        for Stream { from, start, seq, clause, .. } in &self.streams {
            let mut clauses: Vec<Clause> = clause.iter().chain(&self.rest).cloned().collect();
            if let Some((at, number)) = after {
                let cells = vec![Cell::Integer(at), Cell::Integer(number)];
                clauses.push(Clause(format!("({start}, {seq}) {sign} (?, ?)"), cells));
            }
            let (condition, cells) = join(clauses);
            let sql = format!(
                "SELECT o.start, o.seq, o.exchange, o.trace, o.session FROM {from} WHERE {condition}
                 ORDER BY {start} {direction}, {seq} {direction} LIMIT {limit}"
            );
            places.extend(read(db, &sql, cells)?);
        }
        places.sort_unstable_by_key(|place| (place.start, place.seq));
        if order.is_descending() {
            places.reverse();
        }
        places.dedup();
        places.truncate(limit);
        Ok(places)
    }

    /// Whether at least so many rows pass: told where an index alone can tell.
    pub fn has_many(&self, db: &Connection, many: usize) -> Result<bool> {
        if !self.rest.is_empty() {
            return Ok(false);
        }
        let mut count = 0;
        for Stream { from, index, clause, .. } in &self.streams {
            let (condition, cells) = join(clause.iter().cloned().collect());
            let from = index.unwrap_or(from);
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {from} WHERE {condition} LIMIT {many})");
            let found: i64 = db.prepare_cached(&sql)?.query_row(params_from_iter(cells), |row| row.get(0))?;
            count += usize::try_from(found).unwrap_or(usize::MAX);
        }
        Ok(count >= many)
    }

    /// Of the rows that a condition finds, those that pass.
    pub fn within(&self, db: &Connection, index: &str, clause: Clause) -> Result<Vec<Place>> {
        let clauses = std::iter::once(clause).chain(self.all.iter().cloned()).collect();
        let (condition, cells) = join(clauses);
        let sql = format!(
            "SELECT o.start, o.seq, o.exchange, o.trace, o.session FROM observation o {index} WHERE {condition}"
        );
        read(db, &sql, cells)
    }

    /// Whether any of the rows that a condition finds passes.
    pub fn passes(&self, db: &Connection, index: &str, clause: Clause) -> Result<bool> {
        let clauses = std::iter::once(clause).chain(self.all.iter().cloned()).collect();
        let (condition, cells) = join(clauses);
        let sql = format!("SELECT 1 FROM observation o {index} WHERE {condition} LIMIT 1");
        Ok(db.prepare_cached(&sql)?.exists(params_from_iter(cells))?)
    }
}

/// All of them as one condition.
pub fn join(clauses: Vec<Clause>) -> (String, Vec<Cell>) {
    let (mut condition, mut cells) = ("1".to_owned(), Vec::new());
    for Clause(sql, values) in clauses {
        condition.push_str(" AND ");
        condition.push_str(&sql);
        cells.extend(values);
    }
    (condition, cells)
}

fn read(db: &Connection, sql: &str, cells: Vec<Cell>) -> Result<Vec<Place>> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params_from_iter(cells), |row| {
        Ok(Place {
            start: row.get(0)?,
            seq: row.get(1)?,
            exchange: row.get(2)?,
            trace: row.get(3)?,
            session: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}
