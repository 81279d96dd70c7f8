//! What goes out: how far each destination has got.

use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, params};

use super::fault::{Result, broken};
use super::list::{cursor, place_of};
use super::writing::Writing;
use crate::model::{Micros, ObservationId, TraceId};
use crate::store::{Outbox, Outgoing, Parked, Sending, StoreError, Waiting};

const STEP: u8 = 0;
const ROOT: u8 = 1;
const WAITS: u8 = 0;
const SENT: u8 = 1;
const REFUSED: u8 = 2;

/// A destination's row.
struct Row {
    seq: i64,
    first: i64,
    cursor: i64,
}

fn find(db: &Connection, name: &str) -> Result<Option<Row>> {
    let mut find = db.prepare_cached("SELECT seq, first, cursor FROM destination WHERE name = ?1")?;
    let row =
        find.query_row([name], |row| Ok(Row { seq: row.get(0)?, first: row.get(1)?, cursor: row.get(2)? }));
    Ok(row.optional()?)
}

/// How something is written.
fn key(what: &Outgoing) -> (u8, Vec<u8>) {
    match what {
        Outgoing::Step(id) => (STEP, id.0.to_be_bytes().to_vec()),
        Outgoing::Root(id) => (ROOT, id.0.to_be_bytes().to_vec()),
    }
}

fn outgoing(kind: u8, id: &[u8]) -> Result<Outgoing> {
    let damaged = |_| broken("an outgoing item's id is damaged");
    Ok(match kind {
        STEP => Outgoing::Step(ObservationId(u64::from_be_bytes(id.try_into().map_err(damaged)?))),
        _ => Outgoing::Root(TraceId(u128::from_be_bytes(id.try_into().map_err(damaged)?))),
    })
}

fn micros(at: i64) -> Micros {
    Micros(at.max(0).cast_unsigned())
}

fn number(at: Micros) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

impl Writing<'_> {
    /// How it stands with a destination. One that is new begins behind what is there.
    pub fn outbox(&mut self, name: &str) -> Result<Outbox> {
        if find(self.db, name)?.is_none() {
            // Numbers of observations that are gone are not given again.
            let sql = "INSERT INTO destination (name, first, cursor) SELECT ?1, last, last FROM
                (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'observation'), 0) AS last)";
            self.db.execute(sql, [name])?;
        }
        let row = find(self.db, name)?.ok_or_else(|| broken("a destination is missing"))?;
        let sql = "SELECT kind, id, at FROM outgoing WHERE destination = ?1 AND state = 0 ORDER BY at, kind";
        let mut waiting = self.db.prepare_cached(sql)?;
        let waiting = waiting.query_map([row.seq], |row| {
            Ok((row.get::<_, u8>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?))
        })?;
        let waiting = waiting.map(|row| {
            let (kind, id, at) = row?;
            Ok(Waiting { what: outgoing(kind, &id)?, since: micros(at) })
        });
        Ok(Outbox { cursor: cursor(0, row.cursor), waiting: waiting.collect::<Result<_>>()? })
    }

    pub fn sending(&mut self, name: &str, sending: &Sending) -> Result<()> {
        let Sending { cursor, waiting, sent, parked } = sending;
        let Some(Row { seq, .. }) = find(self.db, name)? else {
            return Err(StoreError::Asked(format!("there is no destination {name:?}")));
        };
        if let Some(cursor) = cursor {
            let (_, at) = place_of(cursor)?;
            self.db.execute("UPDATE destination SET cursor = max(cursor, ?2) WHERE seq = ?1", [seq, at])?;
        }
        for what in sent {
            let (kind, id) = key(what);
            let sql = match kind {
                // Of a trace more may come: that its root was sent is not forgotten.
                ROOT => {
                    "INSERT INTO outgoing (destination, kind, id, state, at) VALUES (?1, ?2, ?3, 1, 0)
                    ON CONFLICT (destination, kind, id) DO UPDATE SET state = 1, at = 0, why = NULL"
                }
                _ => "DELETE FROM outgoing WHERE destination = ?1 AND kind = ?2 AND id = ?3",
            };
            self.db.prepare_cached(sql)?.execute(params![seq, kind, id])?;
        }
        for Waiting { what, since } in waiting {
            self.put_outgoing(seq, what, WAITS, *since, None, "NOTHING")?;
        }
        for (what, why) in parked {
            let update = "UPDATE SET state = excluded.state, at = excluded.at, why = excluded.why";
            self.put_outgoing(seq, what, REFUSED, Micros::now(), Some(why), update)?;
        }
        Ok(())
    }

    fn put_outgoing(
        &mut self,
        destination: i64,
        what: &Outgoing,
        state: u8,
        at: Micros,
        why: Option<&str>,
        known: &str,
    ) -> Result<()> {
        let (kind, id) = key(what);
        let sql = format!(
            "INSERT INTO outgoing (destination, kind, id, state, at, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (destination, kind, id) DO {known}"
        );
        self.db.prepare_cached(&sql)?.execute(params![destination, kind, id, state, number(at), why])?;
        Ok(())
    }

    /// What was refused is to be tried again.
    pub fn unpark(&mut self, name: &str) -> Result<u64> {
        let Some(Row { seq, .. }) = find(self.db, name)? else { return Ok(0) };
        let sql = "UPDATE outgoing SET state = 0, why = NULL WHERE destination = ?1 AND state = 2";
        Ok(self.db.execute(sql, [seq])? as u64)
    }
}

pub fn parked(db: &Connection, name: Option<&str>, limit: usize) -> Result<Vec<Parked>> {
    let sql =
        "SELECT d.name, g.kind, g.id, g.at, g.why FROM outgoing g JOIN destination d ON d.seq = g.destination
               WHERE g.state = 2 AND (?1 IS NULL OR d.name = ?1) ORDER BY d.name, g.at LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![name, limit], |row| {
        let row: (String, u8, Vec<u8>, i64, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(row)
    })?;
    let rows = rows.map(|row| {
        let (destination, kind, id, at, why) = row?;
        Ok(Parked { destination, what: outgoing(kind, &id)?, at: micros(at), why: why.unwrap_or_default() })
    });
    rows.collect()
}

/// Which of these a destination has had.
pub fn is_sent(db: &Connection, name: &str, all: &[Outgoing]) -> Result<Vec<bool>> {
    let Some(Row { seq, first, cursor }) = find(db, name)? else { return Ok(vec![false; all.len()]) };
    let mut state =
        db.prepare_cached("SELECT state FROM outgoing WHERE destination = ?1 AND kind = ?2 AND id = ?3")?;
    let mut place = db.prepare_cached("SELECT seq FROM observation WHERE id = ?1")?;
    let mut sent = Vec::with_capacity(all.len());
    for what in all {
        let (kind, id) = key(what);
        let state: Option<u8> = state.query_row(params![seq, kind, id], |row| row.get(0)).optional()?;
        sent.push(match (state, what) {
            (Some(state), _) => state == SENT,
            (None, Outgoing::Root(_)) => false,
            (None, Outgoing::Step(id)) => {
                let place: Option<i64> =
                    place.query_row([id.0.cast_signed()], |row| row.get(0)).optional()?;
                place.is_some_and(|place| place > first && place <= cursor)
            }
        });
    }
    Ok(sent)
}
