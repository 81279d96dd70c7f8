//! Calls in their places: the book that `trace` asks, in the transaction that writes.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use serde_json::{Map, Value};
use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Row, params};

use super::columns::Columns;
use super::fault::Result;
use super::head::Head;
use super::observation::{Found, find, find_all};
use super::reading::Reading;
use super::state::mark_key;
use super::writing::Writing;
use crate::model::{ExchangeId, Link, Micros, ObservationId, Status, TraceId};
use crate::store::{Observed, Reread};
use crate::trace::{
    self, Answer, Book, DOUBLE, Facts, Known, Mark, MarkKind, Nearest, Placed, TOOL_PLACE, Told, Tool,
    Wanted, answer_in, of_tool, place_in_head, put_answer,
};

/// A mark's row: the mark with its kind in it, when the call began, in seconds, and the observation.
pub type MarkRow = (i64, i64, i64);

/// Where an observation is read from: the exchange's row and id.
type From = Option<(i64, ExchangeId)>;

/// Observations' rows, and when they began, in seconds; nothing for those that have none.
type Rows = HashMap<ObservationId, Option<(i64, i64)>>;

fn seconds(at: Micros) -> i64 {
    i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX)
}

/// A transaction in which calls find their places.
pub struct Placing<'w, 'd, 'o> {
    pub(super) writing: &'w mut Writing<'d>,
    reread: Reread,
    /// What was read of exchanges in this transaction.
    pub(super) read: HashMap<ObservationId, (Cow<'o, Observed>, From)>,
    /// Observations that are not in the store.
    unknown: HashSet<ObservationId>,
    /// Marks of which there are none up to a time.
    none: HashMap<u64, Micros>,
}

impl<'w, 'd, 'o> Placing<'w, 'd, 'o> {
    pub fn new(writing: &'w mut Writing<'d>) -> Self {
        let reread = Arc::clone(&writing.state.reread);
        Self { writing, reread, read: HashMap::new(), unknown: HashSet::new(), none: HashMap::new() }
    }

    /// Stores observations that know of their place only what they tell themselves.
    pub fn settle(&mut self, from: From, observed: &[&'o Observed]) -> Result<()> {
        for one in observed {
            let Some(facts) = &one.facts else { continue };
            self.read.insert(facts.id, (Cow::Borrowed(one), from));
        }
        for facts in observed.iter().filter_map(|one| one.facts.clone()) {
            trace::settle(self, facts)?;
        }
        Ok(())
    }

    pub(super) fn row(&self, id: ObservationId) -> Result<Option<Found>> {
        if self.unknown.contains(&id) {
            return Ok(None);
        }
        find(self.writing.db, "o.id = ?1", &Cell::Integer(id.0.cast_signed()))
    }

    fn tool_rows(&self, asker: ObservationId) -> Result<Vec<Found>> {
        let Some(Found { exchange: Some(exchange), columns, .. }) = self.row(asker)? else {
            return Ok(Vec::new());
        };
        let mut rows = find_all(self.writing.db, "o.exchange = ?1 ORDER BY o.place", [exchange])?;
        rows.retain(|row| row.columns.place >= TOOL_PLACE && row.columns.place % TOOL_PLACE == columns.place);
        Ok(rows)
    }

    /// Puts the tools' calls of an answer where it is, in the place of those that were there.
    fn put_tools(
        &mut self,
        facts: &Facts,
        placed: &Placed,
        head: &Map<String, Value>,
        from: From,
        is_new: bool,
    ) -> Result<Rows> {
        let mut before: HashMap<u64, Found> = HashMap::new();
        for old in if is_new { Vec::new() } else { self.tool_rows(facts.id)? } {
            self.writing.remove_observation(&old)?;
            before.insert(old.columns.id, old);
        }
        let mut rows = Rows::new();
        if placed.double_of.is_some() {
            return Ok(rows);
        }
        let index = head.get("exchange_index").and_then(Value::as_u64).unwrap_or(0);
        for tool in trace::asked(facts) {
            let mut head = of_tool(&tool, placed, head);
            let place = (tool.place as u64 + 1) * u64::from(TOOL_PLACE) + index;
            head.insert("exchange_index".to_owned(), place.into());
            let columns = Columns::of(&head)?;
            let observed = Observed { input_preview: tool.preview, ..Observed::default() };
            let old = before.get(&columns.id);
            let seq = self.writing.put_observation(from, &(&head).into(), &observed, &columns, old)?;
            rows.insert(tool.id, Some((seq, columns.start.max(0) / 1_000_000)));
            self.unknown.remove(&tool.id);
        }
        Ok(rows)
    }

    fn put_marks(&mut self, facts: &Facts, placed: &Placed, rows: Rows) -> Result<()> {
        let marks = trace::marks(facts, placed);
        for (_, kind, mark) in &marks {
            self.none.remove(&mark_key(kind.number(), mark.0));
        }
        self.each_mark(marks, rows, |writing, row| {
            writing.marks.push(row);
            Ok(())
        })
    }

    /// Takes away what a call may have been known by where it was.
    fn remove_marks(&mut self, facts: &Facts) -> Result<()> {
        self.writing.put_marks()?;
        self.each_mark(trace::possible_marks(facts), Rows::new(), |writing, row| {
            let sql = "DELETE FROM mark WHERE hash = ?1 AND at = ?2 AND observation = ?3";
            writing.db.prepare_cached(sql)?.execute(row)?;
            Ok(())
        })
    }

    fn each_mark(
        &mut self,
        marks: Vec<(ObservationId, MarkKind, Mark)>,
        mut rows: Rows,
        act: impl Fn(&mut Writing, MarkRow) -> Result<()>,
    ) -> Result<()> {
        let now = seconds(Micros::now());
        for (id, kind, mark) in marks {
            let row = match rows.get(&id) {
                Some(row) => *row,
                None => {
                    let row = self.row(id)?.map(|row| (row.seq, row.columns.start.max(0) / 1_000_000));
                    rows.insert(id, row);
                    row
                }
            };
            // A call that was seen twice has its tools in one place alone.
            let Some((seq, at)) = row else { continue };
            let key = mark_key(kind.number(), mark.0);
            act(self.writing, (key.cast_signed(), at, seq))?;
            // One that was taken away is looked for in vain, which does no harm.
            self.writing.state.marks.put(key, now);
        }
        Ok(())
    }
}

const KNOWN: &str = "o.id, o.start, o.took, o.status, o.http_status, o.kind,
    (SELECT w.text FROM word w WHERE w.id = o.side), t.id, s.id, CASE WHEN o.callers IS NULL THEN o.parent END, o.prior, o.attempt, o.place,
    (SELECT w.text FROM word w WHERE w.id = o.client), (SELECT e.id FROM exchange e WHERE e.seq = o.exchange)";
const JOINS: &str = "LEFT JOIN trace t ON t.seq = o.trace LEFT JOIN session s ON s.seq = o.session";

fn known(row: &Row) -> tokio_rusqlite::rusqlite::Result<Known> {
    let id = |at: usize| -> tokio_rusqlite::rusqlite::Result<Option<ObservationId>> {
        Ok(row.get::<_, Option<i64>>(at)?.map(|id| ObservationId(id.cast_unsigned())))
    };
    let start: i64 = row.get(1)?;
    let micros = |at: i64| Micros(at.max(0).cast_unsigned());
    let took: Option<i64> = row.get(2)?;
    let status: u8 = row.get(3)?;
    let http: Option<u16> = row.get(4)?;
    let side: Option<String> = row.get(6)?;
    let trace: Option<[u8; 16]> = row.get(7)?;
    let place: u32 = row.get(12)?;
    let failed = Status::ALL
        .get(usize::from(status))
        .is_some_and(|status| !matches!(status, Status::Ok | Status::Open));
    Ok(Known {
        id: ObservationId(row.get::<_, i64>(0)?.cast_unsigned()),
        start: micros(start),
        end: took.map(|took| micros(start.saturating_add(took))),
        failed,
        is_refused: failed && http.is_some_and(trace::is_final),
        is_double: side.as_deref() == Some(DOUBLE),
        is_beside: side.as_deref().is_some_and(|side| side != DOUBLE),
        trace: TraceId(trace.map_or(0, u128::from_be_bytes)),
        session: row.get(8)?,
        parent: id(9)?,
        prior: id(10)?,
        attempt: row.get::<_, Option<u32>>(11)?.unwrap_or(1),
        client: row.get(13)?,
        process: row.get::<_, Option<[u8; 16]>>(14)?.map(|id| ExchangeId::from_bytes(id).process()),
        place: trace::tool_place(place).0,
    })
}

impl Book for Placing<'_, '_, '_> {
    type Error = crate::store::StoreError;

    fn may_find(&self, wanted: &Wanted) -> bool {
        let key = mark_key(wanted.kind.number(), wanted.mark.0);
        self.writing.state.marks.may_have(key, seconds(wanted.from))
    }

    fn find(&mut self, wanted: Wanted) -> Result<Vec<Known>> {
        if !self.may_find(&wanted) {
            return Ok(Vec::new());
        }
        let Wanted { kind, mark, from, to, order, limit } = wanted;
        let key = mark_key(kind.number(), mark.0);
        let is_from_the_first = from == Micros(0);
        if is_from_the_first && self.none.get(&key).is_some_and(|until| to <= *until) {
            return Ok(Vec::new());
        }
        let by = match order {
            Nearest::Oldest => "",
            Nearest::Newest => "DESC",
        };
        self.writing.put_marks()?;
        // A limit that is bound would have the statement planned anew each time.
        let sql = format!(
            "SELECT {KNOWN} FROM mark m JOIN observation o ON o.seq = m.observation {JOINS}
             WHERE m.hash = ?1 AND m.at BETWEEN ?2 AND ?3
             ORDER BY m.at {by}, m.observation {by} LIMIT {limit}"
        );
        let mut statement = self.writing.db.prepare_cached(&sql)?;
        let cells = params![key.cast_signed(), seconds(from), seconds(to)];
        let rows = statement.query_map(cells, known)?;
        let mut found: Vec<Known> = rows.collect::<std::result::Result<_, _>>()?;
        if is_from_the_first && found.is_empty() {
            self.none.insert(key, to);
        }
        found.retain(|known| (from..=to).contains(&known.start));
        found.sort_by_key(|known| (known.start, known.id));
        if order == Nearest::Newest {
            found.reverse();
        }
        Ok(found)
    }

    fn known(&mut self, id: ObservationId) -> Result<Option<Known>> {
        let sql = format!("SELECT {KNOWN} FROM observation o {JOINS} WHERE o.id = ?1");
        let mut statement = self.writing.db.prepare_cached(&sql)?;
        let mut rows = statement.query([id.0.cast_signed()])?;
        let found = rows.next()?.map(known).transpose()?;
        if found.is_none() {
            self.unknown.insert(id);
        }
        Ok(found)
    }

    fn facts(&mut self, id: ObservationId) -> Result<Option<Arc<Facts>>> {
        if !self.read.contains_key(&id) {
            let Some(Found { exchange: Some(seq), .. }) = self.row(id)? else { return Ok(None) };
            let reading = Reading::new(self.writing.db)?;
            let exchange = reading.exchange_id(seq)?;
            let Some(whole) = Reading::new(self.writing.db)?.exchange(exchange)? else { return Ok(None) };
            for observed in (self.reread)(&whole) {
                if let Some(facts) = &observed.facts {
                    self.read.insert(facts.id, (Cow::Owned(observed), Some((seq, exchange))));
                }
            }
        }
        Ok(self.read.get(&id).and_then(|(observed, _)| observed.facts.clone()))
    }

    fn has_links(&mut self, id: ObservationId, links: &[Link]) -> Result<bool> {
        let Some(row) = self.row(id)? else { return Ok(false) };
        let rest = Reading::new(self.writing.db)?.detail(&row)?.rest;
        let links: Value = links.iter().map(Link::to_json).collect();
        Ok(rest.get("links") == Some(&links))
    }

    fn told(&mut self, facts: &Facts) -> Result<Option<Told>> {
        self.told_of(facts)
    }

    fn put(&mut self, facts: &Facts, placed: &Placed) -> Result<()> {
        let Some((observed, from)) = self.read.get(&facts.id) else { return Ok(()) };
        let (observed, from) = (observed.clone(), *from);
        self.writing.way.give();
        let over = place_in_head(placed, facts.title.as_deref());
        let head = Head::new(&observed.head, &over);
        let columns = Columns::of(head)?;
        let old = self.row(facts.id)?;
        if let Some(old) = &old {
            self.remove_marks(facts)?;
            self.writing.remove_observation(old)?;
        }
        let seq = self.writing.put_observation(from, &head, &observed, &columns, old.as_ref())?;
        self.unknown.remove(&facts.id);
        let has_tools = !facts.calls.is_empty() || !facts.server_calls.is_empty();
        let mut rows = Rows::new();
        if has_tools || old.is_some() {
            rows = self.put_tools(facts, placed, &observed.head, from, old.is_none())?;
        }
        rows.insert(facts.id, Some((seq, columns.start.max(0) / 1_000_000)));
        self.put_marks(facts, placed, rows)?;
        self.fold(facts)
    }

    fn tools(&mut self, asker: ObservationId) -> Result<Vec<Tool>> {
        let rows = self.tool_rows(asker)?;
        let mut reading = Reading::new(self.writing.db)?;
        let mut tools = Vec::with_capacity(rows.len());
        for row in rows {
            let detail = reading.detail(&row)?;
            let head = reading.head(&row, detail.rest)?;
            let said = |key: &str| head.get("tool").and_then(|tool| tool.get(key));
            tools.push(Tool {
                id: ObservationId(row.columns.id),
                asker,
                place: trace::tool_place(row.columns.place).0,
                call_id: said("call_id").and_then(Value::as_str).map(str::to_owned),
                name: head.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                kind: row.columns.kind(),
                start: Micros(row.columns.start.max(0).cast_unsigned()),
                preview: detail.input_preview,
                at_provider: said("at_provider").and_then(Value::as_bool).unwrap_or(false),
                answer: answer_in(&head, &detail.output_preview),
            });
        }
        Ok(tools)
    }

    fn answer(&mut self, tool: &Tool, answer: &Answer) -> Result<()> {
        let Some(row) = self.row(tool.id)? else { return Ok(()) };
        let mut reading = Reading::new(self.writing.db)?;
        let rest = reading.detail(&row)?.rest;
        let mut head = reading.head(&row, rest)?;
        drop(reading);
        put_answer(&mut head, tool, answer);
        self.writing.change_observation(&row, &head, &answer.preview)
    }
}

/// Whether an observation stands for a step of its own in its exchange, and not for a tool's call.
pub fn is_own(found: &Found) -> bool {
    found.columns.place < TOOL_PLACE
}

/// Whether it had ended, and is as it was then.
pub fn is_same(old: &Found, new: &Columns) -> bool {
    old.columns.took.is_some() && (old.columns.took, old.columns.status) == (new.took, new.status)
}
