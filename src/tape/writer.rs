//! The end of the tape that grows: a buffer of records, written into segments, one write for each buffer.
//!
//! Invariant: what is in the buffer reaches the disk once, in order, whatever fails on the way. A write that stopped in the
//! middle of a record leaves that record to the next segment, where it is written whole.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{Config, Sync};
use super::counts::JournalCounters;
use super::format::{PREFIX, Prefix};
use super::segment::{self, HEADER, Header};
use super::shelf::Shelf;
use super::sync::Syncer;
use crate::model::ExchangeId;

/// How long the first wait after a failure is; each further one is twice as long, up to the last.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(30);
/// How often it is asked whether someone has taken the segment away: its bytes would go nowhere, without an error.
const LOOK: Duration = Duration::from_millis(500);
/// A segment is gone once all in it is in the store, and none is before it is sealed: what was read is not left lying
/// about for longer than this.
const LONGEST_SEGMENT: Duration = Duration::from_secs(10);
/// The buffer's memory is given back above this.
const LARGE_BUFFER: usize = 4 << 20;

pub struct Writer {
    shelf: Arc<Shelf>,
    header: Header,
    segment_bytes: u64,
    sync: Sync,
    syncer: Option<Syncer>,
    current: Option<Current>,
    /// The segment before, until there is another: its lock tells other programs that this run lives.
    held: Option<Arc<File>>,
    /// Records that are not written yet.
    pub out: Vec<u8>,
    /// Exchanges with a record in `out`.
    pub holders: Vec<ExchangeId>,
    /// Nothing could be written, and when that is tried again.
    down: Option<Down>,
    looked: Instant,
    counters: Arc<JournalCounters>,
}

/// The segment being written. It is locked as long as it is open.
struct Current {
    number: u64,
    file: Arc<File>,
    bytes: u64,
    since: Instant,
}

struct Down {
    until: Instant,
    wait: Duration,
}

impl Writer {
    pub fn new(shelf: Arc<Shelf>, config: &Config, counters: Arc<JournalCounters>) -> Self {
        let syncer = (config.sync == Sync::Interval)
            .then(|| Syncer::start(config.sync_interval, Arc::clone(&counters)));
        let syncer = syncer.and_then(|started| {
            started.map_err(|why| tracing::warn!("no thread to make the tape durable: {why}")).ok()
        });
        Self {
            header: Header::new(shelf.run()),
            shelf,
            // Room can be given back only in whole segments.
            segment_bytes: config.segment_bytes.0.min(config.max_bytes.0 / 8),
            sync: config.sync,
            syncer,
            current: None,
            held: None,
            out: Vec::new(),
            holders: Vec::new(),
            down: None,
            looked: Instant::now(),
            counters,
        }
    }

    /// The checksums of this run's records begin here.
    pub fn salt(&self) -> u32 {
        self.header.salt
    }

    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Before a batch: looks after the segment, and tries again what had failed.
    pub fn prepare(&mut self) {
        if self.syncer.as_ref().is_some_and(Syncer::has_failed) {
            // What a failed sync has lost is not known; a new segment at least begins well.
            self.counters.failed();
            self.seal();
        }
        self.seal_if_old();
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.look();
        }
        if self.is_down() {
            self.flush();
        }
    }

    /// Seals a segment that has been written to for long enough. `true`: there is one that has not.
    pub fn seal_if_old(&mut self) -> bool {
        if self.current.as_ref().is_some_and(|current| current.since.elapsed() >= LONGEST_SEGMENT) {
            self.seal();
        }
        self.current.is_some()
    }

    fn look(&mut self) {
        let gone = |current: &Current| current.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0);
        if self.current.as_ref().is_some_and(gone) {
            self.current = None;
            self.counters.failed();
            self.shelf.forget_missing();
            tracing::warn!(
                "the tape's segment in {} was deleted while it was written; going on in a new one",
                self.shelf.dir().display()
            );
        }
    }

    /// Writes the buffer. If that cannot be done, the buffer waits for a later call.
    pub fn flush(&mut self) {
        let due = match &self.down {
            None => !self.out.is_empty(),
            Some(down) => Instant::now() >= down.until,
        };
        if due {
            self.flush_now();
        }
    }

    fn flush_now(&mut self) {
        // What ails one file need not ail the next; after that it is the disk.
        let tries = if self.is_down() { 1 } else { 2 };
        for left in (0..tries).rev() {
            match self.write() {
                Ok(()) => return self.up(),
                Err(why) => {
                    self.counters.failed();
                    self.seal();
                    if left == 0 {
                        self.fail(&why);
                    }
                }
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let length = self.out.len() as u64;
        if self.current.as_ref().is_some_and(|current| current.bytes + length > self.segment_bytes) {
            self.seal();
        }
        let current = match &mut self.current {
            Some(current) => current,
            empty => {
                let created = create(&self.shelf, &self.header, self.sync)?;
                self.held = None;
                empty.insert(created)
            }
        };
        let (written, result) = write_out(&mut &*current.file, &self.out);
        self.counters.wrote(written as u64);
        let whole = whole_records(&self.out, written);
        if whole < written {
            // The torn record is written whole elsewhere. If it stays, recovery knows it for what it is.
            let _ = current.file.set_len(current.bytes + whole as u64);
        }
        current.bytes += whole as u64;
        self.shelf.grew(current.number, whole as u64, self.holders.iter().copied());
        self.out.drain(..whole);
        result?;
        self.holders.clear();
        if self.out.capacity() > LARGE_BUFFER {
            self.out.shrink_to(LARGE_BUFFER);
        }
        self.make_durable()
    }

    fn make_durable(&mut self) -> io::Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        match (self.sync, &self.syncer) {
            (Sync::Never, _) => Ok(()),
            (Sync::Interval, Some(syncer)) => {
                syncer.mark(&current.file);
                Ok(())
            }
            (Sync::Always, _) | (Sync::Interval, None) => {
                self.counters.synced();
                current.file.sync_data()
            }
        }
    }

    /// Nothing more goes into the segment that was being written.
    pub fn seal(&mut self) {
        if let Some(current) = self.current.take() {
            self.shelf.seal(current.number);
            self.held = Some(current.file);
        }
    }

    fn fail(&mut self, why: &io::Error) {
        let wait = match &self.down {
            Some(down) => (down.wait * 2).min(LAST_WAIT),
            None => {
                tracing::warn!(
                    "the tape in {} cannot be written: {why}; calls go on unrecorded",
                    self.shelf.dir().display()
                );
                FIRST_WAIT
            }
        };
        self.down = Some(Down { until: Instant::now() + wait, wait });
        self.counters.set_down(true);
    }

    fn up(&mut self) {
        if self.down.take().is_some() {
            self.counters.set_down(false);
            tracing::info!("the tape in {} can be written again", self.shelf.dir().display());
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.out.is_empty() {
            self.flush_now();
        }
        self.seal();
    }
}

/// A new segment with its header. Its name is durable before anything in it is.
fn create(shelf: &Shelf, header: &Header, sync: Sync) -> io::Result<Current> {
    segment::make_folder(shelf.dir())?;
    let (number, file) = segment::create(shelf.dir(), shelf.next())?;
    shelf.created(number);
    let (_, begun) = write_out(&mut &file, &header.encode());
    let named = || if sync == Sync::Never { Ok(()) } else { File::open(shelf.dir())?.sync_all() };
    if let Err(why) = begun.and_then(|()| named()) {
        // Empty, it holds nothing that anyone needs.
        shelf.seal(number);
        return Err(why);
    }
    shelf.grew(number, HEADER as u64, []);
    Ok(Current { number, file: Arc::new(file), bytes: HEADER as u64, since: Instant::now() })
}

/// Writes as much as can be written: how much that was, and what stopped it.
fn write_out(file: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return (written, Err(why)),
        }
    }
    (written, Ok(()))
}

/// How many of the first `written` bytes are whole records.
fn whole_records(records: &[u8], written: usize) -> usize {
    if written == records.len() {
        return written;
    }
    let mut whole = 0;
    while let Some(prefix) = records.get(whole..whole + PREFIX).and_then(|bytes| bytes.try_into().ok()) {
        let next = Prefix::read(prefix).length().map(|length| whole + PREFIX + length);
        match next {
            Some(next) if next <= written => whole = next,
            _ => break,
        }
    }
    whole
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
