//! The journal: takes what the reader hands over, keeps credentials out of it, and writes it to the disk.
//!
//! Invariant: whatever cannot be kept, for want of room or because the disk fails, is left out by the rules of the queue:
//! what begins ends; a body is cut, never holed; and the record of its end says how much is missing. Ends are a few bytes
//! for each call under way, and are kept at any rate.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::config::{Config, Overload};
use super::counts::JournalCounters;
use super::event::{Event, Record};
use super::format::{MAX_DATA, TooLong, put_event, put_passed};
use super::reader::Sink;
use super::secret::Keeper;
use super::shelf::Shelf;
use super::writer::Writer;
use crate::model::{Direction, Ending, ExchangeId, Micros};

/// The buffer is written when it is this large, also within a batch: it and one piece of a body bound the memory.
const BUFFER: usize = 1 << 20;
/// While nothing can be written, heads are kept up to here; ends always.
const MAX_WAITING: usize = 4 << 20;

/// The sink that writes the tape.
pub struct Journal {
    writer: Writer,
    keeper: Arc<Keeper>,
    content: bool,
    /// Whoever has something to record waits for it.
    blocks: bool,
    room: Room,
    /// Exchanges that have begun on the tape and not ended. What is not here was left out from its beginning.
    open: HashMap<ExchangeId, Exchange>,
    shelf: Arc<Shelf>,
    counters: Arc<JournalCounters>,
    /// How many buffers have been filled.
    buffers: u64,
}

/// How much more the tape may hold.
struct Room {
    used: u64,
    max: u64,
    full: bool,
}

#[derive(Default)]
struct Exchange {
    request: Side,
    response: Side,
    /// The last buffer that has a record of it.
    buffer: u64,
}

#[derive(Default)]
struct Side {
    /// The rest of this direction is left out.
    cut: bool,
    lost: u64,
    ended: bool,
}

impl Journal {
    pub fn new(shelf: &Arc<Shelf>, keeper: impl Into<Arc<Keeper>>, config: &Config) -> Self {
        let counters = Arc::new(JournalCounters::default());
        Self {
            writer: Writer::new(Arc::clone(shelf), config, Arc::clone(&counters)),
            keeper: keeper.into(),
            content: config.content,
            blocks: config.on_overload == Overload::Block,
            room: Room { used: 0, max: config.max_bytes.0, full: false },
            open: HashMap::new(),
            shelf: Arc::clone(shelf),
            counters,
            buffers: 1,
        }
    }

    pub fn counters(&self) -> Arc<JournalCounters> {
        Arc::clone(&self.counters)
    }

    fn record(&mut self, record: &Record) {
        let Record { exchange, at, event } = record;
        let (id, at) = (*exchange, *at);
        match event {
            Event::Begin(_) => self.begin(id, at, event),
            Event::Data(direction, bytes) => self.body(id, at, *direction, bytes, false),
            Event::Last(direction, bytes) => self.body(id, at, *direction, bytes, true),
            Event::Informational(_) => self.head(id, at, Direction::Response, event),
            Event::Head(_) => self.head(id, at, Direction::Response, event),
            Event::Trailers(direction, _) => self.head(id, at, *direction, event),
            Event::Closed { direction, ending, lost } => self.end(id, at, *direction, ending.clone(), *lost),
        }
    }

    fn begin(&mut self, id: ExchangeId, at: Micros, event: &Event) {
        let fits = self.blocks || !self.writer.is_down() && self.room.used <= self.room.max;
        if fits && self.put(id, at, event).is_ok() {
            self.open.insert(id, Exchange { buffer: self.buffers, ..Exchange::default() });
            self.writer.holders.push(id);
        } else {
            self.counters.left_out_exchange();
        }
    }

    /// A head, or what else is no body. Those of calls that have begun are few, and written also when there is no room.
    fn head(&mut self, id: ExchangeId, at: Micros, direction: Direction, event: &Event) {
        let Some(side) = self.side(id, direction) else { return };
        if side.cut {
            return;
        }
        let waits = !self.blocks && self.writer.is_down() && self.writer.out.len() > MAX_WAITING;
        if waits || self.put(id, at, event).is_err() {
            // A body without its head would be read as something that it is not.
            self.cut(id, direction);
        }
    }

    fn body(&mut self, id: ExchangeId, at: Micros, direction: Direction, bytes: &Bytes, last: bool) {
        let length = bytes.len() as u64;
        let Some(side) = self.side(id, direction) else {
            self.counters.left_out_bytes(length);
            return;
        };
        let cut = side.cut;
        if cut || !self.has_room(if self.content { length } else { 0 }) {
            self.lose(id, direction, length);
            if last {
                self.end(id, at, direction, Ending::Complete, 0);
            }
            return;
        }
        if self.content {
            self.pieces(id, at, direction, bytes, last);
        } else {
            self.passed(id, at, direction, length, last);
        }
        if last {
            self.ended(id, direction);
        }
    }

    /// Body bytes in records of a bounded size; the last piece keeps the record's kind.
    fn pieces(&mut self, id: ExchangeId, at: Micros, direction: Direction, bytes: &Bytes, last: bool) {
        let mut rest = bytes.clone();
        while rest.len() > MAX_DATA {
            let piece = Event::Data(direction, rest.split_to(MAX_DATA));
            // A piece of this size is never too long, nor is the last one.
            let _ = self.put(id, at, &piece);
            self.flush_if_large();
        }
        let event = if last { Event::Last(direction, rest) } else { Event::Data(direction, rest) };
        let _ = self.put(id, at, &event);
    }

    fn passed(&mut self, id: ExchangeId, at: Micros, direction: Direction, bytes: u64, last: bool) {
        let before = self.writer.out.len();
        // A few bytes: never too long.
        let salt = self.writer.salt();
        let _ = put_passed(&mut self.writer.out, salt, id, at, direction, bytes, last);
        self.wrote(id, before);
    }

    fn end(&mut self, id: ExchangeId, at: Micros, direction: Direction, ending: Ending, lost: u64) {
        let Some(side) = self.side(id, direction) else { return };
        let lost = lost.saturating_add(side.lost);
        // What a transport says for people is short; should it not be, the end says less.
        let event = Event::Closed { direction, ending, lost };
        if self.put(id, at, &event).is_err() {
            let _ = self.put(id, at, &shorter(event));
        }
        self.ended(id, direction);
    }

    fn ended(&mut self, id: ExchangeId, direction: Direction) {
        if let Some(exchange) = self.open.get_mut(&id) {
            exchange.side(direction).ended = true;
            if exchange.request.ended && exchange.response.ended {
                self.open.remove(&id);
            }
        }
    }

    fn lose(&mut self, id: ExchangeId, direction: Direction, bytes: u64) {
        self.cut(id, direction);
        self.counters.left_out_bytes(bytes);
        if let Some(side) = self.side(id, direction) {
            side.lost += bytes;
        }
    }

    fn cut(&mut self, id: ExchangeId, direction: Direction) {
        if let Some(side) = self.side(id, direction)
            && !std::mem::replace(&mut side.cut, true)
        {
            self.counters.cut_body();
        }
    }

    fn side(&mut self, id: ExchangeId, direction: Direction) -> Option<&mut Side> {
        self.open.get_mut(&id).map(|exchange| exchange.side(direction))
    }

    fn put(&mut self, id: ExchangeId, at: Micros, event: &Event) -> Result<(), TooLong> {
        let before = self.writer.out.len();
        let salt = self.writer.salt();
        put_event(&mut self.writer.out, salt, id, at, event)?;
        self.wrote(id, before);
        Ok(())
    }

    fn wrote(&mut self, id: ExchangeId, before: usize) {
        self.room.used += (self.writer.out.len() - before) as u64;
        let buffer = self.buffers;
        if let Some(exchange) = self.open.get_mut(&id)
            && std::mem::replace(&mut exchange.buffer, buffer) != buffer
        {
            self.writer.holders.push(id);
        }
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        if self.blocks {
            return true;
        }
        if self.writer.is_down() {
            return false;
        }
        if self.room.admits(bytes) {
            return true;
        }
        if !std::mem::replace(&mut self.room.full, true) {
            self.counters.set_full(true);
            tracing::warn!(
                "the tape has reached tape.max_bytes, {} bytes: bodies are left out of the recording, calls go on",
                self.room.max
            );
        }
        false
    }

    fn measure(&mut self) {
        self.room.used = self.shelf.bytes() + self.writer.out.len() as u64;
        if self.room.full && self.room.is_free_again() {
            self.room.full = false;
            self.counters.set_full(false);
            tracing::info!("the tape has room again");
        }
    }

    fn flush_if_large(&mut self) {
        if self.writer.out.len() >= BUFFER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.writer.flush();
        self.buffers += 1;
    }
}

impl Sink for Journal {
    /// Credentials are taken out of the records in place: whoever sees them after the journal sees what the tape has.
    fn take(&mut self, records: &mut Vec<Record>) {
        self.writer.prepare();
        self.measure();
        let was_full = self.room.full;
        for record in records.iter_mut() {
            self.keeper.redact(&mut record.event);
            self.record(record);
            self.flush_if_large();
        }
        self.flush();
        if self.room.full && !was_full {
            // Only what is sealed can be given back.
            self.writer.seal();
        }
        self.counters.took_batch();
    }

    fn is_stuck(&mut self) -> bool {
        if !self.blocks {
            return false;
        }
        self.writer.prepare();
        self.measure();
        // Well before its end, so that what waits in the queue still fits.
        let full = self.room.used > self.room.max / 2;
        if full {
            self.writer.seal();
        }
        // Where calls under way alone fill it, none of them would ever end: waiting gives no room back then.
        full && self.shelf.awaits_store(|id| self.open.contains_key(&id)) || self.writer.is_down()
    }

    fn idle(&mut self) -> bool {
        // That there is room again, or a disk, is not left to the next call to find out.
        if self.writer.is_down() {
            self.writer.prepare();
        }
        if self.room.full {
            self.measure();
        }
        self.writer.seal_if_old() || self.writer.is_down() || self.room.full
    }
}

impl Exchange {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

impl Room {
    /// Bodies stop short of the end, so that heads still fit for a while.
    fn for_bodies(&self) -> u64 {
        self.max - self.max / 16
    }

    fn admits(&self, bytes: u64) -> bool {
        !self.full && self.used.saturating_add(bytes) <= self.for_bodies()
    }

    /// Well below the end, so that a tape at its limit is not full and free in turns.
    fn is_free_again(&self) -> bool {
        self.used <= self.for_bodies() / 8 * 7
    }
}

fn shorter(event: Event) -> Event {
    match event {
        Event::Closed { direction, ending: Ending::Broken { by, why: _ }, lost } => {
            let why = "the reason was too long".to_owned();
            Event::Closed { direction, ending: Ending::Broken { by, why }, lost }
        }
        other => other,
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
