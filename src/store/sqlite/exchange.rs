//! Exchanges: their rows, and the parts of their bodies.

use bytes::Bytes;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::{Result, broken};
use super::reading::{Made, Reading, made};
use super::times::{self, Times};
use super::unsaid::Text;
use super::writing::Writing;
use crate::model::{Body, Exchange, ExchangeId};
use crate::store::Had;
use crate::store::heads::{Packed, pack, unpack};
use crate::store::pieces::{Kind, Reader};

/// One part of both bodies: what makes their bytes, and when these came.
#[derive(Clone, Debug, Default)]
pub struct Part {
    pub request: Made,
    pub response: Made,
    pub times: Times,
}

/// An exchange's row.
pub struct Stored {
    pub seq: i64,
    pub id: ExchangeId,
    pub request_shape: i64,
    pub response_shape: Option<i64>,
    pub own: Vec<u8>,
    pub body: Vec<u8>,
}

pub const COLUMNS: &str = "seq, id, request_shape, response_shape, own, body";

/// Where an exchange is, and whether it is still open.
pub fn find(db: &Connection, id: ExchangeId) -> Result<Option<(i64, bool)>> {
    let mut statement = db.prepare_cached("SELECT seq, open FROM exchange WHERE id = ?1")?;
    Ok(statement.query_row([&id.to_bytes()[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

pub fn had(db: &Connection, id: ExchangeId) -> Result<Had> {
    Ok(match find(db, id)? {
        None => Had::No,
        Some((_, true)) => Had::Open,
        Some((_, false)) => Had::Whole,
    })
}

impl Writing<'_> {
    /// Stores a new exchange and says its number.
    pub fn new_exchange(&mut self, exchange: &Exchange) -> Result<i64> {
        let seq = self.exchange_seq()?;
        let body = self.put_part(seq, exchange)?;
        let (request, response, own) = self.heads(exchange)?;
        let mut insert = self.db.prepare_cached(
            "INSERT INTO exchange (seq, id, open, request_shape, response_shape, own, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let id = exchange.id.to_bytes();
        insert.execute(params![seq, &id[..], !exchange.is_over(), request, response, own, body])?;
        self.counters.exchanges += 1;
        Ok(seq)
    }

    /// Puts an exchange in the place of what was there of it.
    pub fn replace_exchange(&mut self, seq: i64, exchange: &Exchange) -> Result<()> {
        self.counters.raw_bytes -= self.raw_bytes(seq)?;
        self.db.execute("DELETE FROM part WHERE exchange = ?1", [seq])?;
        let body = self.put_part(seq, exchange)?;
        self.put_heads(seq, exchange, Some(&body))?;
        self.index_again(seq)
    }

    /// Puts what came since behind what is there.
    pub fn continue_exchange(&mut self, seq: i64, exchange: &Exchange) -> Result<()> {
        let body = self.put_part(seq, exchange)?;
        let mut insert = self.db.prepare_cached(
            "INSERT INTO part (exchange, number, body)
             SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM part WHERE exchange = ?1",
        )?;
        insert.execute(params![seq, body])?;
        self.put_heads(seq, exchange, None)?;
        self.index_again(seq)
    }

    /// What is to be known of an exchange beside its bodies' parts, and the first of those where it is new.
    fn put_heads(&mut self, seq: i64, exchange: &Exchange, body: Option<&[u8]>) -> Result<()> {
        let (request, response, values) = self.heads(exchange)?;
        let mut update = self.db.prepare_cached(
            "UPDATE exchange SET open = ?2, request_shape = ?3, response_shape = ?4, own = ?5, body = coalesce(?6, body)
             WHERE seq = ?1",
        )?;
        update.execute(params![seq, !exchange.is_over(), request, response, values, body])?;
        Ok(())
    }

    /// The shapes of its heads, and what is its own.
    fn heads(&mut self, exchange: &Exchange) -> Result<(i64, Option<i64>, Vec<u8>)> {
        let Packed { request, response, values } = pack(exchange, &mut self.state.habits);
        let request = self.piece(Kind::Shape, &request, None)?;
        let response = response.map(|response| self.piece(Kind::Shape, &response, None)).transpose()?;
        Ok((request, response, values))
    }

    fn put_part(&mut self, seq: i64, exchange: &Exchange) -> Result<Vec<u8>> {
        let mut part = Vec::new();
        let scope = format!("{} {}", exchange.upstream, exchange.path_and_query().0);
        self.base = None;
        self.floor = self.next_piece()?;
        self.body_like(&scope, &exchange.request.bytes, seq, &mut part)?;
        // An answer is found by its text as it was put together; its frames have no words worth finding.
        self.body(&scope, &exchange.response.bytes, &mut part)?;
        (self.base, self.floor) = (None, i64::MAX);
        times::put_times(&mut part, [&exchange.request, &exchange.response]);
        let raw = exchange.request.bytes.len() + exchange.response.bytes.len();
        self.counters.raw_bytes += i64::try_from(raw).unwrap_or(i64::MAX);
        Ok(part)
    }

    fn raw_bytes(&self, seq: i64) -> Result<i64> {
        let mut reading = Reading::new(self.db)?;
        let row = reading.exchange_row(seq)?.ok_or_else(|| broken(format!("exchange {seq} is missing")))?;
        let parts = reading.parts(&row)?;
        let raw: usize = parts.iter().map(|part| part.request.length + part.response.length).sum();
        Ok(i64::try_from(raw).unwrap_or(i64::MAX))
    }

    /// Takes an exchange out. Its pieces stay until they are collected.
    pub fn remove_exchange(&mut self, seq: i64) -> Result<()> {
        self.counters.raw_bytes -= self.raw_bytes(seq)?;
        self.counters.exchanges -= 1;
        for sql in [
            "DELETE FROM part WHERE exchange = ?1",
            "DELETE FROM exchange WHERE seq = ?1",
            // Nobody's for now: the collection finds them their next exchange, if there is one.
            "UPDATE piece SET first = 0 WHERE first = ?1",
        ] {
            self.db.prepare_cached(sql)?.execute([seq])?;
        }
        self.unsay(Text::Said(seq))
    }

    /// Makes an exchange found by all texts that are its own.
    pub fn index_again(&mut self, seq: i64) -> Result<()> {
        let words = Reading::new(self.db)?.own_words(seq)?;
        self.unsay(Text::Said(seq))?;
        if !words.is_empty() {
            self.say(Text::Said(seq), words);
        }
        Ok(())
    }
}

impl Reading<'_> {
    pub fn exchange(&mut self, id: ExchangeId) -> Result<Option<Exchange>> {
        let sql = format!("SELECT {COLUMNS} FROM exchange WHERE id = ?1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let Some(row) = statement.query_row([&id.to_bytes()[..]], stored).optional()? else {
            return Ok(None);
        };
        self.whole(&row).map(Some)
    }

    pub fn exchange_row(&mut self, seq: i64) -> Result<Option<Stored>> {
        let sql = format!("SELECT {COLUMNS} FROM exchange WHERE seq = ?1");
        Ok(self.db.prepare_cached(&sql)?.query_row([seq], stored).optional()?)
    }

    /// An exchange without its bodies.
    pub fn heads(&mut self, row: &Stored) -> Result<Exchange> {
        let request = self.piece(row.request_shape)?.1;
        let response = row.response_shape.map(|shape| self.piece(shape)).transpose()?;
        let response = response.as_ref().map(|(_, shape)| &shape[..]);
        unpack(row.id, &request, response, &row.own)
            .ok_or_else(|| broken(format!("exchange {}: its heads are damaged", row.id)))
    }

    /// An exchange with its bodies.
    pub fn whole(&mut self, row: &Stored) -> Result<Exchange> {
        let mut exchange = self.heads(row)?;
        let (mut request, mut response) = (Vec::new(), Vec::new());
        for part in self.parts(row)? {
            let bytes = [self.bytes(&part.request)?, self.bytes(&part.response)?];
            let chunks = part.times.chunks([&bytes[0], &bytes[1]]);
            let [of_request, of_response] =
                chunks.ok_or_else(|| broken(format!("exchange {}: its times are damaged", row.id)))?;
            request.extend_from_slice(&bytes[0]);
            response.extend_from_slice(&bytes[1]);
            exchange.request.chunks.extend(of_request);
            exchange.response.chunks.extend(of_response);
        }
        put_bytes_in(&mut exchange.request, request);
        put_bytes_in(&mut exchange.response, response);
        Ok(exchange)
    }

    /// Everything that makes its bodies.
    pub fn parts(&mut self, row: &Stored) -> Result<Vec<Part>> {
        let mut bodies = vec![row.body.clone()];
        let mut statement =
            self.db.prepare_cached("SELECT body FROM part WHERE exchange = ?1 ORDER BY number")?;
        for body in statement.query_map([row.seq], |row| row.get(0))? {
            bodies.push(body?);
        }
        bodies
            .iter()
            .map(|body| {
                let part = self.part(&mut Reader(body))?;
                part.ok_or_else(|| broken(format!("exchange {}: its recipe is damaged", row.id)))
            })
            .collect()
    }

    fn part(&mut self, from: &mut Reader) -> Result<Option<Part>> {
        let mut read = || Some((made(from)?, made(from)?, times::read_times(from)?));
        let Some((request, response, times)) = read() else { return Ok(None) };
        let times = match times {
            Times::Packed { packed, length, data } => Times::Before(self.unpack(packed, data, length)?),
            times => times,
        };
        Ok(Some(Part { request, response, times }))
    }

    /// What is to be found of an exchange: the texts that it was the first to have.
    pub fn own_words(&mut self, seq: i64) -> Result<String> {
        let mut statement = self.db.prepare_cached("SELECT id FROM piece WHERE first = ?1 ORDER BY id")?;
        let ids: Vec<i64> =
            statement.query_map([seq], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        let mut words = String::new();
        for id in ids {
            let (kind, bytes) = self.piece(id)?;
            words.push_str(&crate::store::pieces::words_of(kind, &bytes));
            words.push('\n');
        }
        Ok(words)
    }
}

fn put_bytes_in(body: &mut Body, bytes: Vec<u8>) {
    body.bytes = Bytes::from(bytes);
}

pub fn stored(row: &Row) -> tokio_rusqlite::rusqlite::Result<Stored> {
    Ok(Stored {
        seq: row.get(0)?,
        id: ExchangeId::from_bytes(row.get(1)?),
        request_shape: row.get(2)?,
        response_shape: row.get(3)?,
        own: row.get(4)?,
        body: row.get(5)?,
    })
}
