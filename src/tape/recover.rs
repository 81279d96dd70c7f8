//! Recovery: what is left on the tape by runs that are over, read back in order.
//!
//! Segments are streamed, oldest first, a record at a time; of each exchange only which of its ends has been seen is kept
//! in memory. A record that was being written when its program stopped is normal. Anything else that is no record is
//! reported, skipped, and kept aside in `bad/`.
//!
//! The store may have some of what comes back: a segment stays until all in it is committed. Whoever reads this knows
//! exchanges by their ids, and gives a whole one precedence over the same one `Interrupted`.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use super::format::{Entry, Stored};
use super::scan::{Opened, Piece, Scan};
use super::segment::{self, Header, Unreadable};
use super::shelf::Shelf;
use crate::model::{Direction, ExchangeId};

/// Where bad bytes are kept, inside the tape's folder.
const BAD: &str = "bad";
/// A segment without a whole header may be one that another program has just made and not yet locked.
const NEW: Duration = Duration::from_secs(10);

/// What recovery comes upon.
#[derive(Debug)]
pub enum Found {
    Record {
        segment: u64,
        record: Stored,
    },
    /// The end of a segment whose writer was stopped in the middle of a record.
    Torn {
        segment: u64,
        bytes: u64,
    },
    /// Bytes that are no record, and where they are kept.
    Bad {
        segment: u64,
        at: u64,
        bytes: u64,
        kept: Option<PathBuf>,
    },
    /// A segment that cannot be read, or not further. It stays where it is, or in `bad/`.
    Unreadable {
        segment: u64,
        why: String,
    },
    /// At the very end: an exchange that was under way, and which of its directions had ended.
    Interrupted {
        exchange: ExchangeId,
        request_ended: bool,
        response_ended: bool,
    },
}

/// What recovery has come upon so far, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    pub segments: u64,
    pub records: u64,
    /// Exchanges with both ends.
    pub whole: u64,
    pub interrupted: u64,
    /// Exchanges, whole or interrupted, whose beginning is not on the tape any more.
    pub headless: u64,
    pub torn_bytes: u64,
    pub skipped_bytes: u64,
    pub unreadable: u64,
}

/// Reads what is left on the tape. Dropping it early leaves the rest for the next time.
pub struct Recovery {
    shelf: Arc<Shelf>,
    /// Newest first: the next one is the last.
    segments: Vec<u64>,
    reading: Option<(u64, Scan<File>)>,
    open: BTreeMap<ExchangeId, Ends>,
    finished: bool,
    recovered: Recovered,
}

#[derive(Default)]
struct Ends {
    begun: bool,
    request: bool,
    response: bool,
}

/// Begins to read what runs that are over have left.
pub fn open(shelf: &Arc<Shelf>) -> Recovery {
    let mut segments = of_dead_runs(shelf);
    segments.reverse();
    Recovery {
        shelf: Arc::clone(shelf),
        segments,
        reading: None,
        open: BTreeMap::new(),
        finished: false,
        recovered: Recovered::default(),
    }
}

/// The segments that were there at the start, less those of runs that still write: one of theirs is locked.
fn of_dead_runs(shelf: &Shelf) -> Vec<u64> {
    let mut alive = HashSet::new();
    let mut found = Vec::new();
    for &number in shelf.found() {
        let Ok(mut file) = File::open(segment::path(shelf.dir(), number)) else { continue };
        let locked = !segment::lock(&file);
        let mut header = [0; segment::HEADER];
        let run = match file.read_exact(&mut header) {
            Ok(()) => Header::decode(&header).ok().map(|header| header.run),
            Err(_) if is_new(&file) => continue,
            Err(_) => None,
        };
        if locked {
            alive.extend(run);
        }
        if !locked || run.is_some() {
            found.push((number, run));
        }
    }
    let (theirs, ours): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, run)| run.is_some_and(|run| alive.contains(&run)));
    theirs.into_iter().for_each(|(number, _)| shelf.forget(number));
    ours.into_iter().map(|(number, _)| number).collect()
}

fn is_new(file: &File) -> bool {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age < NEW))
}

impl Recovery {
    /// What has come up so far.
    pub fn recovered(&self) -> Recovered {
        self.recovered
    }

    /// Opens the next segment. `Some`: there is something to say about it at once.
    fn open_next(&mut self, number: u64) -> Option<Found> {
        let path = segment::path(self.shelf.dir(), number);
        self.recovered.segments += 1;
        match File::open(&path).and_then(Scan::open) {
            Ok(Opened::Segment(scan)) => {
                self.reading = Some((number, scan));
                None
            }
            Ok(Opened::Torn(bytes)) => {
                self.shelf.seal(number);
                self.recovered.torn_bytes += bytes;
                Some(Found::Torn { segment: number, bytes })
            }
            Ok(Opened::Unreadable(Unreadable::Version(version))) => {
                let why = format!("a later version of this program wrote it, in format {version}");
                Some(self.unreadable(number, why))
            }
            Ok(Opened::Unreadable(Unreadable::Damaged)) => {
                let aside = self.shelf.dir().join(BAD);
                let moved = segment::make_folder(&aside)
                    .and_then(|()| std::fs::rename(&path, segment::path(&aside, number)));
                if moved.is_ok() {
                    self.shelf.forget(number);
                }
                Some(self.unreadable(number, "its header is damaged".to_owned()))
            }
            Err(why) => Some(self.unreadable(number, why.to_string())),
        }
    }

    fn unreadable(&mut self, segment: u64, why: String) -> Found {
        self.recovered.unreadable += 1;
        tracing::warn!("segment {segment} of the tape cannot be read: {why}");
        Found::Unreadable { segment, why }
    }

    fn piece(&mut self, segment: u64, piece: Piece) -> Found {
        match piece {
            Piece::Record(record) => {
                self.saw(segment, &record);
                Found::Record { segment, record }
            }
            Piece::Gap { from, to, torn: true } => {
                self.recovered.torn_bytes += to - from;
                Found::Torn { segment, bytes: to - from }
            }
            Piece::Gap { from, to, torn: false } => {
                let bytes = to - from;
                self.recovered.skipped_bytes += bytes;
                let kept = keep_aside(self.shelf.dir(), segment, from, bytes);
                let place =
                    kept.as_ref().map_or_else(|why| why.to_string(), |kept| kept.display().to_string());
                tracing::warn!("segment {segment} of the tape has {bytes} bad bytes at {from}: {place}");
                Found::Bad { segment, at: from, bytes, kept: kept.ok() }
            }
        }
    }

    fn saw(&mut self, segment: u64, record: &Stored) {
        self.recovered.records += 1;
        self.shelf.holds(segment, record.exchange);
        let ends = self.open.entry(record.exchange).or_default();
        ends.begun |= matches!(record.entry, Entry::Event(Event::Begin(_)));
        match record.ends() {
            Some(Direction::Request) => ends.request = true,
            Some(Direction::Response) => ends.response = true,
            None => {}
        }
        if ends.request && ends.response {
            self.recovered.whole += 1;
            self.recovered.headless += u64::from(!ends.begun);
            self.open.remove(&record.exchange);
        }
    }

    fn interrupted(&mut self) -> Option<Found> {
        let (exchange, ends) = self.open.pop_first()?;
        self.recovered.interrupted += 1;
        self.recovered.headless += u64::from(!ends.begun);
        Some(Found::Interrupted { exchange, request_ended: ends.request, response_ended: ends.response })
    }
}

impl Iterator for Recovery {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        while !self.finished {
            let Some((number, scan)) = &mut self.reading else {
                match self.segments.pop() {
                    Some(number) => match self.open_next(number) {
                        Some(found) => return Some(found),
                        None => continue,
                    },
                    None => self.finished = true,
                }
                continue;
            };
            let number = *number;
            match scan.next() {
                Ok(Some(piece)) => return Some(self.piece(number, piece)),
                Ok(None) => {
                    self.reading = None;
                    // All that holds it is known now; with nothing in it that is needed, it goes.
                    self.shelf.seal(number);
                }
                Err(why) => {
                    // It is not sealed, and so stays.
                    self.reading = None;
                    return Some(self.unreadable(number, why.to_string()));
                }
            }
        }
        self.interrupted()
    }
}

/// Copies bad bytes to a file of their own. One that is there has them from an earlier time.
fn keep_aside(dir: &Path, number: u64, from: u64, bytes: u64) -> io::Result<PathBuf> {
    let aside = dir.join(BAD);
    segment::make_folder(&aside)?;
    let path = aside.join(format!("{number:012}-{from}.bytes"));
    let mut kept = match segment::create_file(&path) {
        Ok(kept) => kept,
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => return Ok(path),
        Err(why) => return Err(why),
    };
    let mut file = File::open(segment::path(dir, number))?;
    file.seek(SeekFrom::Start(from))?;
    io::copy(&mut file.take(bytes), &mut kept)?;
    Ok(path)
}

#[cfg(test)]
#[path = "recover_tests.rs"]
mod tests;
