//! The segments on disk, and which of them are still needed.
//!
//! A segment is deleted when nothing more is written to it and every exchange with a record in it is in the store. An
//! exchange that spans segments keeps all of them until it is committed as a whole.
//!
//! Several programs may share the folder. A segment that is being written is locked, and so its run is known to live:
//! nobody else reads or deletes what a living run wrote. What dead runs left is one program's to recover: the one that has
//! the lock of the folder.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::segment;
use crate::model::ExchangeId;

/// The folder's lock, taken by the one program that recovers what dead runs left.
const LOCK: &str = "lock";

/// The segments of a folder.
pub struct Shelf {
    dir: PathBuf,
    run: u64,
    state: Mutex<State>,
    /// What was there when it was opened, oldest first.
    found: Vec<u64>,
    /// Held as long as the shelf is.
    _lock: Option<File>,
}

#[derive(Default)]
struct State {
    segments: BTreeMap<u64, Segment>,
    next: u64,
}

#[derive(Default)]
struct Segment {
    bytes: u64,
    /// Nothing more is written to it, and all that is in it is known.
    sealed: bool,
    /// Exchanges with a record in it that the store does not have yet, and a place that none of these is before.
    holds: HashMap<ExchangeId, u64>,
}

impl Shelf {
    /// Opens a folder, making it if need be. A folder that cannot be opened is one with nothing in it: those who write say
    /// what is wrong with it.
    pub fn open(dir: &Path) -> Arc<Self> {
        let listed = segment::make_folder(dir).and_then(|()| segment::list(dir)).unwrap_or_default();
        let segment = |bytes| Segment { bytes, ..Segment::default() };
        let next = listed.last().map_or(1, |(number, _)| number.saturating_add(1));
        let lock = lock_folder(dir);
        // What another program looks after is no part of this one's books.
        let ours = listed.iter().filter(|_| lock.is_some());
        let segments: BTreeMap<_, _> = ours.map(|(number, bytes)| (*number, segment(*bytes))).collect();
        Arc::new(Self {
            dir: dir.to_owned(),
            run: segment::random(),
            found: segments.keys().copied().collect(),
            state: Mutex::new(State { segments, next }),
            _lock: lock,
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// This run's name in the headers of its segments.
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Bytes in all segments.
    pub fn bytes(&self) -> u64 {
        self.lock().segments.values().map(|segment| segment.bytes).sum()
    }

    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.lock().segments.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The store has all of this exchange. Segments that nobody needs any more are deleted.
    pub fn commit(&self, exchange: ExchangeId) {
        let mut state = self.lock();
        let mut free = Vec::new();
        for (number, segment) in &mut state.segments {
            if segment.holds.remove(&exchange).is_some() && segment.is_free() {
                free.push(*number);
            }
        }
        drop(state);
        for number in free {
            self.release(number);
        }
    }

    /// Whether an exchange that has ended waits for the store: one on the tape that is not under way.
    pub(super) fn awaits_store(&self, is_under_way: impl Fn(ExchangeId) -> bool) -> bool {
        self.lock().segments.values().flat_map(|segment| segment.holds.keys()).any(|id| !is_under_way(*id))
    }

    /// The segments with records of these exchanges, oldest first, and from where on to look in each.
    pub(super) fn holding(&self, exchanges: &[ExchangeId]) -> Vec<(u64, u64)> {
        let state = self.lock();
        let first =
            |segment: &Segment| exchanges.iter().filter_map(|id| segment.holds.get(id)).min().copied();
        let segments = state.segments.iter();
        segments.filter_map(|(number, segment)| Some((*number, first(segment)?))).collect()
    }

    /// Deletes a segment if everything in it is committed. `true`: it is gone.
    pub fn release(&self, number: u64) -> bool {
        let mut state = self.lock();
        if !state.segments.get(&number).is_some_and(Segment::is_free) {
            return false;
        }
        // Under the lock, so that a size that was given back is never counted for a file that is still there.
        match std::fs::remove_file(segment::path(&self.dir, number)) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!("segment {number} of the tape cannot be deleted: {why}");
                false
            }
            _ => {
                state.segments.remove(&number);
                true
            }
        }
    }

    /// What was there at the start, where it is this program's to recover.
    pub(super) fn found(&self) -> &[u64] {
        &self.found
    }

    /// The number to try first for a new segment.
    pub(super) fn next(&self) -> u64 {
        self.lock().next
    }

    pub(super) fn created(&self, number: u64) {
        let mut state = self.lock();
        state.next = number.saturating_add(1);
        state.segments.insert(number, Segment::default());
    }

    /// Bytes were written to a segment, with records of these exchanges.
    pub(super) fn grew(&self, number: u64, bytes: u64, exchanges: impl IntoIterator<Item = ExchangeId>) {
        if let Some(segment) = self.lock().segments.get_mut(&number) {
            let from = segment.bytes;
            for exchange in exchanges {
                segment.holds.entry(exchange).or_insert(from);
            }
            segment.bytes += bytes;
        }
    }

    /// There is a record of this exchange in a segment that was there before.
    pub(super) fn holds(&self, number: u64, exchange: ExchangeId) {
        if let Some(segment) = self.lock().segments.get_mut(&number) {
            segment.holds.entry(exchange).or_insert(0);
        }
    }

    /// Nothing more comes into this segment.
    pub(super) fn seal(&self, number: u64) {
        let mut state = self.lock();
        let free = state.segments.get_mut(&number).is_some_and(|segment| {
            segment.sealed = true;
            segment.is_free()
        });
        drop(state);
        if free {
            self.release(number);
        }
    }

    /// This segment is someone else's, or gone.
    pub(super) fn forget(&self, number: u64) {
        self.lock().segments.remove(&number);
    }

    /// Segments whose files are gone.
    pub(super) fn forget_missing(&self) {
        let dir = &self.dir;
        self.lock().segments.retain(|number, _| segment::path(dir, *number).exists());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each step leaves the map whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Segment {
    fn is_free(&self) -> bool {
        self.sealed && self.holds.is_empty()
    }
}

fn lock_folder(dir: &Path) -> Option<File> {
    let path = dir.join(LOCK);
    let made = segment::create_file(&path).or_else(|_| File::options().read(true).write(true).open(&path));
    made.ok().filter(segment::lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Micros;
    use crate::tape::testing::Folder;

    fn id() -> ExchangeId {
        ExchangeId::new(Micros(1), 1)
    }

    fn add(shelf: &Shelf, exchanges: &[ExchangeId]) -> u64 {
        let (number, _file) = segment::create(shelf.dir(), shelf.next()).unwrap();
        shelf.created(number);
        shelf.grew(number, 100, exchanges.iter().copied());
        number
    }

    #[test]
    fn an_exchange_keeps_every_segment_it_spans() {
        let folder = Folder::new();
        let shelf = Shelf::open(&folder.0);
        let (spanning, short) = (id(), id());
        let numbers = [add(&shelf, &[spanning, short]), add(&shelf, &[spanning])];
        numbers.iter().for_each(|number| shelf.seal(*number));
        shelf.commit(short);
        assert!(!shelf.release(numbers[0]) && !shelf.release(numbers[1]));
        assert_eq!((shelf.len(), shelf.bytes()), (2, 200));
        shelf.commit(spanning);
        assert!(shelf.is_empty());
        assert_eq!(segment::list(&folder.0).unwrap(), []);
    }

    #[test]
    fn a_segment_being_written_stays() {
        let folder = Folder::new();
        let shelf = Shelf::open(&folder.0);
        let one = id();
        let number = add(&shelf, &[one]);
        shelf.commit(one);
        assert!(!shelf.release(number));
        shelf.seal(number);
        assert!(shelf.is_empty());
    }

    #[test]
    fn a_number_that_is_taken_is_passed_over() {
        let folder = Folder::new();
        let shelf = Shelf::open(&folder.0);
        // Another program's, made after this one had looked.
        std::fs::write(segment::path(&folder.0, 1), "x").unwrap();
        assert_eq!(add(&shelf, &[]), 2);
        assert_eq!(std::fs::read(segment::path(&folder.0, 1)).unwrap(), b"x");
    }
}
