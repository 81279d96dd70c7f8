//! Tests of recovery over whole folders.

use super::*;
use crate::model::Micros;
use crate::tape::config::{Config, Sync};
use crate::tape::journal::Journal;
use crate::tape::reader::Sink as _;
use crate::tape::secret::Keeper;
use crate::tape::testing::{Folder, begin, closed, data, exchange, record};

fn id() -> ExchangeId {
    ExchangeId::new(Micros(1), 1)
}

fn write(folder: &Folder, batches: Vec<Vec<crate::tape::Record>>) {
    let shelf = Shelf::open(&folder.0);
    let config = Config { sync: Sync::Never, ..Config::default() };
    let mut journal = Journal::new(&shelf, Keeper::new([1; 32], &[]), &config);
    batches.into_iter().for_each(|mut batch| journal.take(&mut batch));
}

fn all(folder: &Folder) -> (Arc<Shelf>, Vec<Found>, Recovered) {
    let shelf = Shelf::open(&folder.0);
    let mut recovery = open(&shelf);
    let found = recovery.by_ref().collect();
    (shelf, found, recovery.recovered())
}

#[test]
fn an_empty_folder_has_nothing() {
    let folder = Folder::new();
    let (shelf, found, recovered) = all(&folder);
    assert!(found.is_empty() && shelf.is_empty());
    assert_eq!(recovered, Recovered::default());
}

#[test]
fn what_was_under_way_comes_back_as_interrupted_and_all_is_released() {
    let folder = Folder::new();
    let (whole, half) = (id(), id());
    let begun = vec![
        record(half, Event::Begin(Box::new(begin()))),
        record(half, closed(Direction::Request)),
        record(half, data(Direction::Response, &b"some"[..])),
    ];
    write(&folder, vec![exchange(whole, 10), begun]);
    let (shelf, found, recovered) = all(&folder);
    assert_eq!((recovered.whole, recovered.interrupted, recovered.headless), (1, 1, 0));
    let Some(Found::Interrupted { exchange, request_ended: true, response_ended: false }) = found.last()
    else {
        panic!("{found:?}")
    };
    assert_eq!(*exchange, half);
    shelf.commit(whole);
    assert_eq!(shelf.len(), 1);
    shelf.commit(half);
    assert!(shelf.is_empty() && segment::list(&folder.0).unwrap().is_empty());
}

#[test]
fn bad_bytes_are_reported_and_kept_aside() {
    let folder = Folder::new();
    let ids = [id(), id()];
    write(&folder, ids.map(|id| exchange(id, 100)).into());
    let path = segment::path(&folder.0, 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(100).position(|window| window == [b'x'; 100]).unwrap();
    bytes[place + 50] = b'y';
    std::fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let (_, found, recovered) = all(&folder);
        assert_eq!((recovered.whole, recovered.records, recovered.torn_bytes), (2, 7, 0));
        let bad: Vec<_> = found.iter().filter(|found| matches!(found, Found::Bad { .. })).collect();
        let [Found::Bad { segment: 1, at, bytes: count, kept: Some(kept) }] = bad[..] else {
            panic!("{bad:?}")
        };
        let (from, to) = (*at as usize, (at + count) as usize);
        assert_eq!(std::fs::read(kept).unwrap(), bytes[from..to]);
        assert_eq!(recovered.skipped_bytes, *count);
    }
}

#[test]
fn segments_without_a_header_are_set_aside_and_later_formats_left_alone() {
    let folder = Folder::new();
    let short = segment::path(&folder.0, 1);
    std::fs::write(&short, "wiret").unwrap();
    let old = std::time::SystemTime::now() - 2 * NEW;
    File::options().write(true).open(&short).unwrap().set_modified(old).unwrap();
    // One that may have just been made by another program.
    std::fs::write(segment::path(&folder.0, 2), "").unwrap();
    std::fs::write(segment::path(&folder.0, 3), [0xff; 100]).unwrap();
    let (shelf, found, recovered) = all(&folder);
    assert!(matches!(
        found[..],
        [Found::Torn { segment: 1, bytes: 5 }, Found::Unreadable { segment: 3, .. }]
    ));
    assert_eq!((recovered.torn_bytes, recovered.unreadable), (5, 1));
    assert!(!short.exists() && segment::path(&folder.0, 2).exists());
    assert!(segment::path(&folder.0.join(BAD), 3).exists() && !segment::path(&folder.0, 3).exists());
    drop(shelf);
}

#[test]
fn a_living_run_is_left_alone() {
    let folder = Folder::new();
    let config = Config {
        sync: Sync::Never,
        segment_bytes: crate::model::setting::ByteSize(1_000),
        ..Config::default()
    };
    write(&folder, vec![exchange(id(), 10)]);
    // Without the folder's lock: one that had started while another had it.
    let holder = Shelf::open(&folder.0);
    let shelf = Shelf::open(&folder.0);
    assert!(shelf.is_empty() && open(&shelf).next().is_none());
    drop(holder);
    let mut journal = Journal::new(&shelf, Keeper::new([1; 32], &[]), &config);
    for _ in 0..5 {
        journal.take(&mut exchange(id(), 600));
    }
    let (third, _, recovered) = all(&folder);
    assert_eq!((recovered.segments, recovered.whole, third.len()), (1, 1, 1));
    drop((journal, shelf, third));
    assert_eq!(all(&folder).2.whole, 6);
}
