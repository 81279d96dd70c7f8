//! Observations: their rows, and what hangs on them.

use std::sync::LazyLock;

use serde_json::{Map, Value};
use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, Params, Row, params, params_from_iter};

use super::columns::{Columns, KINDS_OF_WORDS, SIDE, TOKENS, WORDS};
use super::fault::{Result, broken};
use super::given::merge;
use super::head::Head;
use super::placing::Placing;
use super::reading::{Made, Reading, made};
use super::rest::without_calls;
use super::unsaid::Text;
use super::writing::Writing;
use crate::model::{ExchangeId, ObservationId};
use crate::store::pieces::{Kind, Reader};
use crate::store::{Observed, PART, StoreError, Stored};
use crate::trace::is_told;

/// Every column of the table, in its order, without the tokens and words that come behind.
const PLAIN: [&str; 22] = [
    "seq",
    "id",
    "exchange",
    "place",
    "trace",
    "session",
    "parent",
    "kind",
    "start",
    "ttft",
    "took",
    "status",
    "http_status",
    "streamed",
    "usage_source",
    "cost",
    "attempt",
    "response_id",
    "lossy",
    "pinned",
    "prior",
    "callers",
];

/// As many previews are remembered.
const PREVIEWS: usize = 1000;

/// An observation's row as it stands.
#[derive(Clone, Debug)]
pub struct Found {
    pub seq: i64,
    pub exchange: Option<i64>,
    pub trace: Option<i64>,
    pub session: Option<i64>,
    pub pinned: bool,
    /// Its words by their ids, in place of `columns.words`.
    pub words: [Option<i64>; KINDS_OF_WORDS],
    /// Without the texts that stand elsewhere, which `whole` adds.
    pub columns: Columns,
}

impl Found {
    /// A step of what the user asked, and of no agent that another started.
    pub fn is_main(&self) -> bool {
        let columns = &self.columns;
        columns.kind() == crate::model::Kind::Generation
            && (columns.parent.is_none() || columns.callers)
            && self.words[SIDE].is_none()
    }
}

/// What lists show beside the head, and what makes the rest.
pub struct Detail {
    pub rest: Map<String, Value>,
    pub text: Made,
    pub content: Option<Made>,
    pub input_preview: String,
    pub output_preview: String,
}

/// How it is packed, the rest, the text's recipe, the content's, and the previews.
type DetailRow = (i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<String>, Option<String>);

fn names() -> impl Iterator<Item = &'static str> {
    PLAIN.iter().chain(&TOKENS).copied().chain(WORDS.iter().map(|(name, _)| *name))
}

static COLUMNS: LazyLock<String> =
    LazyLock::new(|| names().map(|name| format!("o.{name}")).collect::<Vec<_>>().join(", "));

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let (names, holes): (Vec<_>, Vec<_>) = names().map(|name| (name, "?")).unzip();
    format!("INSERT INTO observation ({}) VALUES ({})", names.join(", "), holes.join(", "))
});

/// The columns to select for `found`.
pub fn columns() -> &'static str {
    &COLUMNS
}

pub fn found(row: &Row) -> tokio_rusqlite::rusqlite::Result<Found> {
    let mut tokens = [None; 5];
    let mut words = [None; KINDS_OF_WORDS];
    for (at, token) in tokens.iter_mut().enumerate() {
        *token = row.get(PLAIN.len() + at)?;
    }
    for (at, word) in words.iter_mut().enumerate() {
        *word = row.get(PLAIN.len() + TOKENS.len() + at)?;
    }
    Ok(Found {
        seq: row.get(0)?,
        exchange: row.get(2)?,
        trace: row.get(4)?,
        session: row.get(5)?,
        pinned: row.get(19)?,
        words,
        columns: Columns {
            id: row.get::<_, i64>(1)?.cast_unsigned(),
            place: row.get(3)?,
            parent: row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned),
            prior: row.get::<_, Option<i64>>(20)?.map(i64::cast_unsigned),
            callers: row.get::<_, Option<bool>>(21)?.unwrap_or(false),
            kind: row.get(7)?,
            start: row.get(8)?,
            ttft: row.get(9)?,
            took: row.get(10)?,
            status: row.get(11)?,
            http_status: row.get(12)?,
            streamed: row.get(13)?,
            usage_source: row.get(14)?,
            cost: row.get(15)?,
            attempt: row.get(16)?,
            response_id: row.get(17)?,
            lossy: row.get(18)?,
            tokens,
            ..Columns::default()
        },
    })
}

/// The observation that the condition finds, or the first of them.
pub fn find(db: &Connection, condition: &str, value: &Cell) -> Result<Option<Found>> {
    let sql = format!("SELECT {} FROM observation o WHERE {condition}", columns());
    Ok(db.prepare_cached(&sql)?.query_row([value], found).optional()?)
}

/// The observations that the condition finds.
pub fn find_all(db: &Connection, condition: &str, values: impl Params) -> Result<Vec<Found>> {
    let sql = format!("SELECT {} FROM observation o WHERE {condition}", columns());
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(values, found)?;
    Ok(rows.collect::<std::result::Result<_, _>>()?)
}

impl Writing<'_> {
    /// Stores observations of an exchange, or of none, in the place of those of the same id.
    pub fn observe(&mut self, exchange: Option<(i64, ExchangeId)>, observed: &[Observed]) -> Result<()> {
        let (placed, others): (Vec<&Observed>, Vec<&Observed>) =
            observed.iter().partition(|one| one.facts.is_some());
        if !placed.is_empty() {
            Placing::new(self).settle(exchange, &placed)?;
        }
        for one in others {
            let columns = Columns::of(&one.head)?;
            let id = Cell::Integer(columns.id.cast_signed());
            let old = find(self.db, "o.id = ?1", &id)?;
            if let Some(old) = &old {
                self.remove_observation(old)?;
            }
            self.put_observation(exchange, &(&one.head).into(), one, &columns, old.as_ref())?;
            if is_told(&one.head) {
                Placing::new(self).join(&columns)?;
            }
        }
        Ok(())
    }

    /// Stores an observation under this head, which takes the place of the one it came with.
    pub fn put_observation(
        &mut self,
        exchange: Option<(i64, ExchangeId)>,
        head: &Head,
        observed: &Observed,
        columns: &Columns,
        old: Option<&Found>,
    ) -> Result<i64> {
        let words = self.words(columns)?;
        let (trace, session) = self.places(columns)?;
        let cells = cells(exchange.map(|(seq, _)| seq), trace, session, columns, &words, old);
        let seq = self.db.prepare_cached(&INSERT)?.insert(params_from_iter(cells))?;
        for tag in &columns.tags {
            let tag = self.word(tag)?;
            let mut insert = self
                .db
                .prepare_cached("INSERT OR IGNORE INTO tag (tag, start, observation) VALUES (?1, ?2, ?3)")?;
            insert.execute(params![tag, columns.start, seq])?;
        }
        self.way.give();
        self.put_detail(seq, exchange.map(|(_, id)| id), head, observed, columns)?;
        if exchange.is_none() {
            self.state.told = self.state.told.max(Some(columns.start));
        }
        self.counters.observations += 1;
        self.add(seq, trace, session, columns)?;
        self.put_new_places()?;
        self.roll(columns, true)?;
        Ok(seq)
    }

    fn words(&mut self, columns: &Columns) -> Result<[Option<i64>; KINDS_OF_WORDS]> {
        let mut ids = [None; KINDS_OF_WORDS];
        for (id, word) in ids.iter_mut().zip(&columns.words) {
            *id = word.as_deref().map(|word| self.word(word)).transpose()?;
        }
        Ok(ids)
    }

    fn put_detail(
        &mut self,
        seq: i64,
        exchange: Option<ExchangeId>,
        head: &Head,
        observed: &Observed,
        columns: &Columns,
    ) -> Result<()> {
        let Observed { head: _, content, input_preview, output_preview, text, facts: _ } = observed;
        let (packed, data) = self.packed_rest(head, columns, exchange)?;
        let mut made_text = Vec::new();
        self.text(&without_calls(text, head), &mut made_text)?;
        let mut words = text.replace(PART, "\n");
        let made_content = match content {
            None => None,
            Some(content) => {
                let bytes = json(serde_json::to_vec(content))?;
                let mut made = Vec::new();
                self.body("", &bytes, &mut made)?;
                words.push('\n');
                words.push_str(&crate::store::pieces::words_of(Kind::Glue, &bytes));
                Some(made)
            }
        };
        let (input, output) = (self.preview(input_preview)?, self.preview(output_preview)?);
        let mut insert = self.db.prepare_cached(
            "INSERT INTO detail (observation, packed, data, text, content, input_preview, output_preview)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        insert.execute(params![seq, packed, data, made_text, made_content, input, output])?;
        if !words.trim().is_empty() {
            self.say(Text::Answer(seq), words);
        }
        Ok(())
    }

    /// The id of a text's beginning, which is one observation's more now. 0 stands for none.
    fn preview(&mut self, text: &str) -> Result<i64> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(id) = self.state.previews.get(text) {
            // It may be gone since, and another in its place.
            let sql = "UPDATE preview SET uses = uses + 1 WHERE id = ?1 AND text = ?2";
            if self.db.prepare_cached(sql)?.execute(params![id, text])? > 0 {
                return Ok(*id);
            }
        }
        let mut insert = self.db.prepare_cached("INSERT INTO preview (uses, text) VALUES (1, ?1)")?;
        let id = insert.insert([text])?;
        if self.state.previews.len() >= PREVIEWS {
            self.state.previews.clear();
        }
        self.state.previews.insert(text.to_owned(), id);
        Ok(id)
    }

    /// Changes what a tool's call came to: when it ended and how, and what of its head no column has.
    pub fn change_observation(
        &mut self,
        old: &Found,
        head: &Map<String, Value>,
        preview: &str,
    ) -> Result<()> {
        let before = Reading::new(self.db)?.whole_columns(old)?;
        let after = Columns::of(head)?;
        let sql = "UPDATE observation SET took = ?2, status = ?3 WHERE seq = ?1";
        self.db.prepare_cached(sql)?.execute(params![old.seq, after.took, after.status])?;
        let exchange = old.exchange.map(|seq| Reading::new(self.db)?.exchange_id(seq)).transpose()?;
        let (packed, data) = self.packed_rest(&head.into(), &after, exchange)?;
        self.leave_preview("output_preview", old.seq)?;
        let output = self.preview(preview)?;
        let sql = "UPDATE detail SET packed = ?2, data = ?3, output_preview = ?4 WHERE observation = ?1";
        self.db.prepare_cached(sql)?.execute(params![old.seq, packed, data, output])?;
        self.roll(&before, false)?;
        self.roll(&after, true)?;
        self.change_sums(old, &before, &after)
    }

    /// A preview is one observation's less.
    fn leave_preview(&self, column: &str, seq: i64) -> Result<()> {
        let id = format!("(SELECT {column} FROM detail WHERE observation = ?1)");
        for sql in [
            format!("UPDATE preview SET uses = uses - 1 WHERE id = {id}"),
            format!("DELETE FROM preview WHERE id = {id} AND uses <= 0"),
        ] {
            self.db.prepare_cached(&sql)?.execute([seq])?;
        }
        Ok(())
    }

    /// Takes an observation out, and out of all sums.
    pub fn remove_observation(&mut self, old: &Found) -> Result<()> {
        let mut reading = Reading::new(self.db)?;
        let columns = reading.with_words(old)?;
        drop(reading);
        self.leave(old)?;
        self.leave_preview("input_preview", old.seq)?;
        self.leave_preview("output_preview", old.seq)?;
        for sql in [
            "DELETE FROM observation WHERE seq = ?1",
            "DELETE FROM detail WHERE observation = ?1",
            "DELETE FROM tag WHERE observation = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([old.seq])?;
        }
        self.unsay(Text::Answer(old.seq))?;
        self.counters.observations -= 1;
        self.count_traces(old)?;
        self.roll(&columns, false)
    }
}

pub fn json(written: serde_json::Result<Vec<u8>>) -> Result<Vec<u8>> {
    written.map_err(|error| StoreError::Asked(error.to_string()))
}

fn cells(
    exchange: Option<i64>,
    trace: Option<i64>,
    session: Option<i64>,
    columns: &Columns,
    words: &[Option<i64>; KINDS_OF_WORDS],
    old: Option<&Found>,
) -> Vec<Cell> {
    let integer = |number: Option<i64>| number.map_or(Cell::Null, Cell::Integer);
    let small = |number: u8| Cell::Integer(number.into());
    let mut cells = vec![
        // One that was there keeps its place among those that came.
        integer(old.map(|old| old.seq)),
        Cell::Integer(columns.id.cast_signed()),
        integer(exchange),
        Cell::Integer(columns.place.into()),
        integer(trace),
        integer(session),
        integer(columns.parent.map(u64::cast_signed)),
        small(columns.kind),
        Cell::Integer(columns.start),
        integer(columns.ttft),
        integer(columns.took),
        small(columns.status),
        integer(columns.http_status.map(i64::from)),
        integer(columns.streamed.map(i64::from)),
        columns.usage_source.map_or(Cell::Null, small),
        integer(columns.cost),
        integer(columns.attempt.map(i64::from)),
        columns.response_id.clone().map_or(Cell::Null, Cell::Text),
        Cell::Integer(columns.lossy.into()),
        Cell::Integer(old.is_some_and(|old| old.pinned).into()),
        integer(columns.prior.map(u64::cast_signed)),
        integer(columns.callers.then_some(1)),
    ];
    cells.extend(columns.tokens.iter().copied().map(integer));
    cells.extend(words.iter().copied().map(integer));
    cells
}

impl Reading<'_> {
    /// The columns with their words.
    pub fn with_words(&mut self, found: &Found) -> Result<Columns> {
        let mut columns = found.columns.clone();
        for (word, id) in columns.words.iter_mut().zip(found.words) {
            *word = id.map(|id| self.word(id)).transpose()?;
        }
        Ok(columns)
    }

    /// The columns with all that stands elsewhere.
    pub fn whole_columns(&mut self, found: &Found) -> Result<Columns> {
        let mut columns = self.with_words(found)?;
        if let Some(trace) = found.trace {
            let mut statement = self.db.prepare_cached("SELECT id FROM trace WHERE seq = ?1")?;
            columns.trace = Some(u128::from_be_bytes(statement.query_row([trace], |row| row.get(0))?));
        }
        columns.session = self.session_of(found)?;
        let mut statement = self.db.prepare_cached("SELECT tag FROM tag WHERE observation = ?1")?;
        let tags: Vec<i64> =
            statement.query_map([found.seq], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        columns.tags = tags.into_iter().map(|tag| self.word(tag)).collect::<Result<_>>()?;
        Ok(columns)
    }

    pub fn exchange_id(&self, seq: i64) -> Result<ExchangeId> {
        let mut statement = self.db.prepare_cached("SELECT id FROM exchange WHERE seq = ?1")?;
        let id: Option<[u8; 16]> = statement.query_row([seq], |row| row.get(0)).optional()?;
        id.map(ExchangeId::from_bytes).ok_or_else(|| broken(format!("exchange {seq} is missing")))
    }

    pub fn detail(&mut self, found: &Found) -> Result<Detail> {
        let seq = found.seq;
        let mut statement = self.db.prepare_cached(
            "SELECT packed, data, text, content, (SELECT p.text FROM preview p WHERE p.id = input_preview),
                (SELECT p.text FROM preview p WHERE p.id = output_preview)
             FROM detail WHERE observation = ?1",
        )?;
        let row = statement.query_row([seq], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        });
        let row: Option<DetailRow> = row.optional()?;
        let damaged = || broken(format!("observation {seq}: its details are damaged"));
        let (packed, data, text, content, input, output) = row.ok_or_else(damaged)?;
        let rest = self.rest(found, packed, &mut Reader(&data))?.ok_or_else(damaged)?;
        let text = made(&mut Reader(&text)).ok_or_else(damaged)?;
        let content = content.map(|content| made(&mut Reader(&content)).ok_or_else(damaged)).transpose()?;
        let (input_preview, output_preview) = (input.unwrap_or_default(), output.unwrap_or_default());
        Ok(Detail { rest, text, content, input_preview, output_preview })
    }

    pub fn session_of(&self, found: &Found) -> Result<Option<String>> {
        let Some(session) = found.session else { return Ok(None) };
        let mut statement = self.db.prepare_cached("SELECT id FROM session WHERE seq = ?1")?;
        Ok(Some(statement.query_row([session], |row| row.get(0))?))
    }

    pub fn head(&mut self, found: &Found, rest: Map<String, Value>) -> Result<Map<String, Value>> {
        let exchange = found.exchange.map(|seq| self.exchange_id(seq)).transpose()?;
        Ok(merge(self.whole_columns(found)?.head(exchange), rest))
    }

    pub fn stored(&mut self, found: &Found) -> Result<Stored> {
        let detail = self.detail(found)?;
        let content = match &detail.content {
            None => None,
            Some(made) => {
                Some(serde_json::from_slice(&self.bytes(made)?).map_err(|_| broken("content is no JSON"))?)
            }
        };
        Ok(Stored {
            id: ObservationId(found.columns.id),
            head: self.head(found, detail.rest)?,
            content,
            exchange: found.exchange.map(|seq| self.exchange_id(seq)).transpose()?,
            index: found.columns.place,
        })
    }
}
