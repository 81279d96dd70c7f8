//! A record as bytes on disk. No files here: bytes in, records out.
//!
//! ```text
//! length u32 │ checksum u32 │ exchange 16 bytes │ kind u8 │ time u64 (µs) │ payload
//! ```
//!
//! Numbers are little-endian. The length counts what follows the checksum. The checksum (CRC-32) covers all but itself
//! and begins with the salt of the segment, a random number that never leaves the disk: bytes of a body that look like
//! a record, because someone sent them or because another tape was read through this one, are not taken for one when a
//! damaged segment is searched for where it goes on.
//!
//! Invariant: what version 1 wrote is read for ever. A payload that changes is a new kind; a prefix that changes is a new
//! version in the segment's header.

use bytes::Bytes;

use super::event::{Begin, Event, ResponseHead};
use crate::model::{Direction, ExchangeId, Headers, Micros};

mod payload;

use payload::{Cursor, put_begin, put_bytes, put_direction, put_ending, put_head};

/// Length and checksum.
pub const PREFIX: usize = 8;
/// What a length counts beside the payload: exchange, kind, time.
pub const FIXED: usize = 16 + 1 + 8;
/// No record is longer: a length above it is damage. Bodies come in pieces far below it, so only a head could be.
pub const MAX_LENGTH: usize = 16 << 20;
/// Body bytes are written in records of at most this size, which bounds what one damaged byte costs.
pub const MAX_DATA: usize = 1 << 20;

/// A record as it stands on the tape.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub exchange: ExchangeId,
    pub at: Micros,
    pub entry: Entry,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// As the relay said it, less credentials.
    Event(Event),
    /// Body bytes went by that `tape.content = false` keeps off the tape; `last`: and with them the direction ended well.
    Passed { direction: Direction, bytes: u64, last: bool },
}

/// The record is longer than any may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// The kinds. Numbers are for ever; a retired one is not used again.
mod kind {
    pub const BEGIN: u8 = 1;
    pub const INFORMATIONAL: u8 = 2;
    pub const HEAD: u8 = 3;
    pub const DATA: u8 = 4;
    pub const TRAILERS: u8 = 5;
    pub const LAST: u8 = 6;
    pub const CLOSED: u8 = 7;
    pub const PASSED: u8 = 8;
}

/// Appends an event's record. If it would be too long, nothing is appended.
pub fn put_event(
    out: &mut Vec<u8>,
    salt: u32,
    exchange: ExchangeId,
    at: Micros,
    event: &Event,
) -> Result<(), TooLong> {
    let start = put_prefix(out, exchange, at, kind_of(event));
    match event {
        Event::Begin(begin) => put_begin(out, begin),
        Event::Informational(status) => out.extend_from_slice(&status.as_u16().to_le_bytes()),
        Event::Head(head) => put_head(out, head),
        Event::Data(direction, bytes) | Event::Last(direction, bytes) => {
            put_direction(out, *direction);
            out.extend_from_slice(bytes);
        }
        Event::Trailers(direction, trailers) => {
            put_direction(out, *direction);
            put_bytes(out, trailers.as_bytes());
        }
        Event::Closed { direction, ending, lost } => {
            put_direction(out, *direction);
            out.extend_from_slice(&lost.to_le_bytes());
            put_ending(out, ending);
        }
    }
    seal(out, salt, start)
}

/// Appends a record of body bytes that went by and are not kept.
pub fn put_passed(
    out: &mut Vec<u8>,
    salt: u32,
    exchange: ExchangeId,
    at: Micros,
    direction: Direction,
    bytes: u64,
    last: bool,
) -> Result<(), TooLong> {
    let start = put_prefix(out, exchange, at, kind::PASSED);
    put_direction(out, direction);
    out.extend_from_slice(&bytes.to_le_bytes());
    out.push(u8::from(last));
    seal(out, salt, start)
}

fn kind_of(event: &Event) -> u8 {
    match event {
        Event::Begin(_) => kind::BEGIN,
        Event::Informational(_) => kind::INFORMATIONAL,
        Event::Head(_) => kind::HEAD,
        Event::Data(..) => kind::DATA,
        Event::Trailers(..) => kind::TRAILERS,
        Event::Last(..) => kind::LAST,
        Event::Closed { direction: _, ending: _, lost: _ } => kind::CLOSED,
    }
}

fn put_prefix(out: &mut Vec<u8>, exchange: ExchangeId, at: Micros, kind: u8) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    out.extend_from_slice(&exchange.to_bytes());
    out.push(kind);
    out.extend_from_slice(&at.0.to_le_bytes());
    start
}

/// Fills in the length and the checksum of the record that begins at `start`.
fn seal(out: &mut Vec<u8>, salt: u32, start: usize) -> Result<(), TooLong> {
    let length = out.len() - start - PREFIX;
    let counted = match u32::try_from(length) {
        Ok(counted) if length <= MAX_LENGTH => counted.to_le_bytes(),
        _ => {
            out.truncate(start);
            return Err(TooLong);
        }
    };
    out[start..start + 4].copy_from_slice(&counted);
    let sum = checksum(salt, counted, &out[start + PREFIX..]).to_le_bytes();
    out[start + 4..start + PREFIX].copy_from_slice(&sum);
    Ok(())
}

fn checksum(salt: u32, length: [u8; 4], rest: &[u8]) -> u32 {
    let mut sum = Checksum::new(salt, length);
    sum.add(rest);
    sum.value()
}

/// A record's checksum, for those who read it in pieces.
pub struct Checksum(crc32fast::Hasher);

impl Checksum {
    pub fn new(salt: u32, length: [u8; 4]) -> Self {
        let mut hasher = crc32fast::Hasher::new_with_initial(salt);
        hasher.update(&length);
        Self(hasher)
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn value(self) -> u32 {
        self.0.finalize()
    }
}

/// The first bytes of a record: how long it is, and its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    pub counted: [u8; 4],
    pub sum: u32,
}

impl Prefix {
    pub fn read(bytes: [u8; PREFIX]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self { counted: [a, b, c, d], sum: u32::from_le_bytes([e, f, g, h]) }
    }

    /// How many bytes follow the prefix; `None` where no record is that long or short.
    pub fn length(self) -> Option<usize> {
        let length = usize::try_from(u32::from_le_bytes(self.counted)).ok()?;
        (FIXED..=MAX_LENGTH).contains(&length).then_some(length)
    }

    /// Whether `rest`, which follows the prefix, is what was written.
    pub fn fits(self, salt: u32, rest: &[u8]) -> bool {
        checksum(salt, self.counted, rest) == self.sum
    }
}

/// Whether these could be the first bytes of a record: cheap, to be asked at every byte of damage before a checksum is
/// taken. A time has its highest byte free until the year 4253.
pub fn is_plausible(first: &[u8; PREFIX + FIXED]) -> bool {
    let [a, b, c, d, ..] = *first;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let kind = first[PREFIX + 16];
    (FIXED..=MAX_LENGTH).contains(&length)
        && (kind::BEGIN..=kind::PASSED).contains(&kind)
        && first[PREFIX + FIXED - 1] == 0
}

/// What follows the prefix, read. `None`: it is not a record this version knows.
pub fn decode(rest: &[u8]) -> Option<Stored> {
    let mut cursor = Cursor(rest);
    let exchange = ExchangeId::from_bytes(cursor.array()?);
    let kind = cursor.byte()?;
    let at = Micros(cursor.u64()?);
    let entry = match kind {
        kind::BEGIN => Entry::Event(Event::Begin(Box::new(cursor.begin()?))),
        kind::INFORMATIONAL => Entry::Event(Event::Informational(cursor.status()?)),
        kind::HEAD => Entry::Event(Event::Head(Box::new(cursor.head()?))),
        kind::DATA => Entry::Event(Event::Data(cursor.direction()?, cursor.rest())),
        kind::TRAILERS => Entry::Event(Event::Trailers(cursor.direction()?, cursor.headers()?)),
        kind::LAST => Entry::Event(Event::Last(cursor.direction()?, cursor.rest())),
        kind::CLOSED => {
            let (direction, lost) = (cursor.direction()?, cursor.u64()?);
            Entry::Event(Event::Closed { direction, ending: cursor.ending()?, lost })
        }
        kind::PASSED => {
            let (direction, bytes) = (cursor.direction()?, cursor.u64()?);
            Entry::Passed { direction, bytes, last: cursor.flag()? }
        }
        _ => return None,
    };
    cursor.0.is_empty().then_some(Stored { exchange, at, entry })
}

impl Stored {
    /// The direction that ends with this record.
    pub fn ends(&self) -> Option<Direction> {
        match &self.entry {
            Entry::Event(Event::Last(direction, _)) => Some(*direction),
            Entry::Event(Event::Closed { direction, ending: _, lost: _ }) => Some(*direction),
            Entry::Passed { direction, bytes: _, last } => last.then_some(*direction),
            Entry::Event(
                Event::Begin(_)
                | Event::Informational(_)
                | Event::Head(_)
                | Event::Data(..)
                | Event::Trailers(..),
            ) => None,
        }
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
pub(super) mod tests;
