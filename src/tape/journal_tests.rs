//! Tests of the journal: what it writes, what it leaves out and says so.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::model::setting::ByteSize;
use crate::model::{Closer, Micros};
use crate::tape::config::Sync;
use crate::tape::format::{Entry, Stored};
use crate::tape::recover::{self, Found, Recovered};
use crate::tape::segment;
use crate::tape::testing::{Folder, begin, closed, data, exchange, headers, record};

fn config() -> Config {
    Config { sync: Sync::Never, ..Config::default() }
}

fn journal(folder: &Folder, config: &Config) -> (Journal, Arc<Shelf>) {
    let shelf = Shelf::open(&folder.0);
    (Journal::new(&shelf, Keeper::new([1; 32], &[]), config), shelf)
}

fn id() -> ExchangeId {
    ExchangeId::new(Micros(1), 1)
}

fn recovered(folder: &Folder) -> (Vec<Stored>, Recovered) {
    let mut recovery = recover::open(&Shelf::open(&folder.0));
    let mut records = Vec::new();
    for found in recovery.by_ref() {
        if let Found::Record { record, .. } = found {
            records.push(record);
        }
    }
    (records, recovery.recovered())
}

/// The response body of an exchange, and how many bytes its end says are missing.
fn response(records: &[Stored], id: ExchangeId) -> (Vec<u8>, Option<u64>) {
    let (mut body, mut lost) = (Vec::new(), None);
    for stored in records.iter().filter(|stored| stored.exchange == id) {
        match &stored.entry {
            Entry::Event(Event::Data(Direction::Response, bytes)) => body.extend_from_slice(bytes),
            Entry::Event(Event::Last(Direction::Response, bytes)) => {
                body.extend_from_slice(bytes);
                lost = Some(0);
            }
            Entry::Event(Event::Closed { direction: Direction::Response, ending: _, lost: missing }) => {
                lost = Some(*missing);
            }
            _ => {}
        }
    }
    (body, lost)
}

#[test]
fn what_is_taken_comes_back_for_its_owner_alone() {
    let folder = Folder::new();
    let dir = Folder(folder.0.join("data/tape"));
    let (mut journal, shelf) = journal(&dir, &config());
    let one = id();
    let mut records = exchange(one, 3 * MAX_DATA + 1);
    let expected: Vec<Event> = records.iter().map(|record| record.event.clone()).collect();
    journal.take(&mut records);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir.0), mode(&segment::path(&dir.0, 1))), (0o700, 0o600));
    drop((journal, shelf));
    let (records, counts) = recovered(&dir);
    assert_eq!(records[0].entry, Entry::Event(expected[0].clone()));
    assert_eq!(records[0].at, Micros(1_763_700_000_000_000));
    assert_eq!(response(&records, one), (vec![b'x'; 3 * MAX_DATA + 1], Some(0)));
    assert_eq!((counts.whole, counts.interrupted, counts.skipped_bytes, counts.torn_bytes), (1, 0, 0, 0));
}

#[test]
fn small_batches_take_one_write_each() {
    let folder = Folder::new();
    let (mut journal, shelf) = journal(&folder, &config());
    for _ in 0..10 {
        let mut batch: Vec<Record> = (0..20).flat_map(|_| exchange(id(), 100)).collect();
        journal.take(&mut batch);
    }
    let counts = journal.counters().counts();
    assert_eq!((counts.batches, counts.writes, counts.failures), (10, 10, 0));
    assert_eq!(shelf.bytes(), std::fs::metadata(segment::path(&folder.0, 1)).unwrap().len());
}

#[test]
fn segments_are_rotated_and_released() {
    let folder = Folder::new();
    let config = Config { segment_bytes: ByteSize(10_000), ..config() };
    let (mut journal, shelf) = journal(&folder, &config);
    let ids: Vec<ExchangeId> = (0..20).map(|_| id()).collect();
    let long = id();
    journal.take(&mut vec![record(long, Event::Begin(Box::new(begin())))]);
    for id in &ids {
        journal.take(&mut exchange(*id, 3_000));
    }
    assert!(shelf.len() > 5 && segment::list(&folder.0).unwrap().iter().all(|(_, bytes)| *bytes <= 10_000));
    ids.iter().for_each(|id| shelf.commit(*id));
    // The one that is being written, and the one with the beginning of what has no end yet.
    assert_eq!(shelf.len(), 2);
    journal
        .take(&mut vec![record(long, closed(Direction::Request)), record(long, closed(Direction::Response))]);
    shelf.commit(long);
    assert_eq!(shelf.len(), 1);
    drop(journal);
    assert_eq!((shelf.len(), segment::list(&folder.0).unwrap().len()), (0, 0));
}

#[test]
fn at_the_limit_bodies_and_then_exchanges_are_left_out() {
    let folder = Folder::new();
    let config = Config { segment_bytes: ByteSize(20_000), max_bytes: ByteSize(160_000), ..config() };
    let (mut journal, shelf) = journal(&folder, &config);
    let counters = journal.counters();
    let under_way = id();
    journal.take(&mut vec![
        record(under_way, Event::Begin(Box::new(begin()))),
        record(under_way, data(Direction::Response, &b"kept"[..])),
    ]);
    let mut taken = Vec::new();
    while counters.counts().left_out_exchanges == 0 {
        taken.push(id());
        journal.take(&mut exchange(taken[taken.len() - 1], 5_000));
        assert!(taken.len() < 2_000, "the limit is not kept");
    }
    let counts = counters.counts();
    assert!(counts.full && counts.left_out_bytes > 5_000 && counts.cut_bodies > 0, "{counts:?}");
    journal.take(&mut vec![
        record(under_way, data(Direction::Response, &b"lost"[..])),
        record(under_way, Event::Last(Direction::Response, Bytes::from_static(b"also"))),
        record(under_way, closed(Direction::Request)),
    ]);
    assert!(shelf.bytes() < 170_000);
    // The store catches up.
    taken.iter().for_each(|id| shelf.commit(*id));
    let after = id();
    journal.take(&mut exchange(after, 5_000));
    assert!(!counters.counts().full);
    drop((journal, shelf));
    let (records, _) = recovered(&folder);
    assert_eq!(response(&records, under_way), (b"kept".to_vec(), Some(8)));
    assert_eq!(response(&records, after), (vec![b'x'; 5_000], Some(0)));
}

#[test]
fn without_content_lengths_stand_for_bodies() {
    let folder = Folder::new();
    let config = Config { content: false, ..config() };
    let (mut journal, shelf) = journal(&folder, &config);
    let one = id();
    let mut records = exchange(one, 5_000);
    records.insert(1, record(one, data(Direction::Request, &b"a body of its own"[..])));
    journal.take(&mut records);
    drop((journal, shelf));
    let (records, counts) = recovered(&folder);
    let passed: Vec<_> = records
        .iter()
        .filter_map(|stored| match stored.entry {
            Entry::Passed { direction, bytes, last } => Some((direction, bytes, last)),
            Entry::Event(_) => None,
        })
        .collect();
    let expected =
        [(Direction::Request, 17, false), (Direction::Request, 3, true), (Direction::Response, 5_000, false)];
    assert_eq!(passed, expected);
    assert_eq!(counts.whole, 1);
    let path = segment::list(&folder.0).unwrap();
    assert!(path.iter().all(|(_, bytes)| *bytes < 1_000), "no body is on the tape");
}

#[test]
fn credentials_are_taken_out_before_anything_is_written() {
    let folder = Folder::new();
    let (mut journal, shelf) = journal(&folder, &config());
    let mut begin = begin();
    begin.headers = headers(&[("authorization", "Bearer sk-secret"), ("x-other", "stays")]);
    let mut records = vec![record(id(), Event::Begin(Box::new(begin)))];
    journal.take(&mut records);
    assert!(!format!("{:?}", records[0].event).contains("sk-secret"));
    let written = std::fs::read(segment::path(&folder.0, 1)).unwrap();
    let holds = |text: &[u8]| written.windows(text.len()).any(|window| window == text);
    assert!(!holds(b"sk-secret") && holds(b"Bearer fp:") && holds(b"x-other: stays"));
    drop(shelf);
}

/// A folder that is gone and cannot be made again; then it can. Calls under way come back cut, and say so.
#[test]
fn a_vanished_folder_costs_records_and_nothing_else() {
    let folder = Folder::new();
    let dir = Folder(folder.0.join("tape"));
    let (mut journal, shelf) = journal(&dir, &config());
    let counters = journal.counters();
    let one = id();
    std::fs::remove_dir_all(&dir.0).unwrap();
    std::fs::write(&dir.0, "in the way").unwrap();
    journal.take(&mut vec![record(one, Event::Begin(Box::new(begin())))]);
    assert!(counters.counts().down);
    journal.take(&mut vec![record(one, data(Direction::Response, &b"lost"[..]))]);
    journal.take(&mut exchange(id(), 10));
    let counts = counters.counts();
    assert_eq!((counts.left_out_exchanges, counts.cut_bodies), (1, 1));
    assert!(counts.failures > 0 && counts.left_out_bytes == 17, "{counts:?}");
    std::fs::remove_file(&dir.0).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(250));
    let after = id();
    journal.take(&mut exchange(after, 10));
    assert!(!counters.counts().down);
    let broken = Ending::Broken { by: Closer::Us, why: "x".repeat(20 << 20) };
    journal.take(&mut vec![record(
        one,
        Event::Closed { direction: Direction::Response, ending: broken, lost: 2 },
    )]);
    drop((journal, shelf));
    let (records, counts) = recovered(&dir);
    assert_eq!(response(&records, one), (Vec::new(), Some(6)));
    assert_eq!(response(&records, after), (vec![b'x'; 10], Some(0)));
    assert_eq!((counts.whole, counts.interrupted), (1, 1));
}

#[test]
fn a_folder_that_cannot_be_written_costs_records_and_nothing_else() {
    let folder = Folder::new();
    let dir = folder.0.join("tape");
    std::fs::create_dir(&dir).unwrap();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o500)).unwrap();
    // Whoever may do everything is stopped by something else.
    let dir =
        if std::fs::write(dir.join("probe"), "").is_ok() { Folder("/proc/tape".into()) } else { Folder(dir) };
    let (mut journal, shelf) = journal(&dir, &config());
    for _ in 0..5 {
        journal.take(&mut exchange(id(), 10));
    }
    let counts = journal.counters().counts();
    assert!(counts.down && counts.failures > 0 && counts.left_out_exchanges == 4, "{counts:?}");
    drop((journal, shelf));
    let _ = std::fs::set_permissions(&dir.0, std::fs::Permissions::from_mode(0o700));
}
