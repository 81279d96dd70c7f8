//! Tests of the writer where the disk fails.

use super::*;
use crate::tape::format::tests::{put, samples};
use crate::tape::format::{Stored, tests};
use crate::tape::recover::{self, Found};
use crate::tape::testing::Folder;

/// Takes so many bytes, and no more.
struct Narrow(usize);

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.0).min(7);
        self.0 -= count;
        if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_write_that_stops_anywhere_leaves_whole_records_and_the_rest() {
    let (mut records, mut bounds) = (Vec::new(), vec![0]);
    for sample in samples() {
        put(&mut records, 1, &sample);
        bounds.push(records.len());
    }
    for room in 0..=records.len() {
        let (written, result) = write_out(&mut Narrow(room), &records);
        assert_eq!((written, result.is_ok()), (room, room == records.len()));
        let whole = bounds.iter().rfind(|bound| **bound <= room);
        assert_eq!(Some(&whole_records(&records, written)), whole, "{room}");
    }
}

fn writer(folder: &Folder) -> Writer {
    let shelf = Shelf::open(&folder.0);
    Writer::new(shelf, &Config { sync: Sync::Always, ..Config::default() }, Arc::default())
}

fn fill(writer: &mut Writer) -> Vec<Stored> {
    let salt = writer.salt();
    samples().iter().for_each(|sample| tests::put(&mut writer.out, salt, sample));
    writer.holders.push(samples()[0].exchange);
    samples()
}

fn recovered(folder: &Folder) -> Vec<Stored> {
    let found = recover::open(&Shelf::open(&folder.0));
    found
        .filter_map(|found| match found {
            Found::Record { record, .. } => Some(record),
            _ => None,
        })
        .collect()
}

/// A disk that is full for one file: the next one takes what was left.
#[test]
fn what_one_file_refuses_goes_into_the_next() {
    let folder = Folder::new();
    let mut writer = writer(&folder);
    let mut expected = fill(&mut writer);
    writer.flush();
    expected.extend(fill(&mut writer));
    let current = writer.current.as_mut().unwrap();
    current.file = Arc::new(File::options().write(true).open("/dev/full").unwrap());
    writer.flush();
    assert!(!writer.is_down() && writer.out.is_empty());
    assert_eq!(writer.counters.counts().failures, 1);
    drop(writer);
    assert_eq!(recovered(&folder), expected);
}

/// A folder in which nothing can be made; then it can.
#[test]
fn what_cannot_be_written_waits() {
    let folder = Folder::new();
    let mut writer = writer(&folder);
    let expected = fill(&mut writer);
    std::fs::remove_dir_all(&folder.0).unwrap();
    std::fs::write(&folder.0, "in the way").unwrap();
    writer.flush();
    assert!(writer.is_down() && writer.counters.counts().down);
    // Not before its time.
    let failures = writer.counters.counts().failures;
    writer.flush();
    assert_eq!(writer.counters.counts().failures, failures);
    std::fs::remove_file(&folder.0).unwrap();
    std::thread::sleep(FIRST_WAIT);
    writer.prepare();
    assert!(!writer.is_down() && writer.out.is_empty());
    drop(writer);
    assert_eq!(recovered(&folder), expected);
}

#[test]
fn a_deleted_segment_is_noticed() {
    let folder = Folder::new();
    let mut writer = writer(&folder);
    fill(&mut writer);
    writer.flush();
    std::fs::remove_dir_all(&folder.0).unwrap();
    std::thread::sleep(LOOK);
    writer.prepare();
    let expected = fill(&mut writer);
    writer.flush();
    assert_eq!((writer.counters.counts().failures, writer.shelf.len()), (1, 1));
    drop(writer);
    assert_eq!(recovered(&folder), expected);
}

#[test]
fn waits_grow_and_end() {
    let folder = Folder::new();
    let mut writer = writer(&folder);
    let why = io::Error::from(io::ErrorKind::StorageFull);
    let waits: Vec<Duration> = (0..12)
        .map(|_| {
            writer.fail(&why);
            writer.down.as_ref().unwrap().wait
        })
        .collect();
    assert!(waits[0] == FIRST_WAIT && waits[1] == FIRST_WAIT * 2 && waits[11] == LAST_WAIT, "{waits:?}");
}
