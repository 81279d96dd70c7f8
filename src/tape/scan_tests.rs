//! Tests of the scan: cut at every byte, damaged at every byte.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::tape::format::tests::{put, samples, stored};

const SALT: u32 = 0x0bad_cafe;

/// A segment of these records, and where each of them begins and the last ends.
fn segment(records: &[Stored]) -> (Vec<u8>, Vec<usize>) {
    let mut out = Header { salt: SALT, run: 1 }.encode().to_vec();
    let mut bounds = vec![out.len()];
    for record in records {
        put(&mut out, SALT, record);
        bounds.push(out.len());
    }
    (out, bounds)
}

/// What a scan comes upon: records, and gaps with whether they are torn.
fn scan(bytes: &[u8]) -> (Vec<Stored>, Vec<(u64, u64, bool)>) {
    let Opened::Segment(mut scan) = Scan::open(Cursor::new(bytes)).unwrap() else { panic!("no segment") };
    let (mut records, mut gaps) = (Vec::new(), Vec::new());
    while let Some(piece) = scan.next().unwrap() {
        match piece {
            Piece::Record(record) => records.push(record),
            Piece::Gap { from, to, torn } => gaps.push((from, to, torn)),
        }
    }
    (records, gaps)
}

#[test]
fn stopped_at_any_byte_all_before_it_comes_back() {
    let records = samples();
    let (bytes, bounds) = segment(&records);
    for cut in 0..=bytes.len() {
        if cut < HEADER {
            let opened = Scan::open(Cursor::new(&bytes[..cut])).unwrap();
            assert!(matches!(opened, Opened::Torn(length) if length == cut as u64));
            continue;
        }
        let whole = bounds.iter().filter(|bound| **bound <= cut).count() - 1;
        let (found, gaps) = scan(&bytes[..cut]);
        assert_eq!(found, records[..whole], "cut at {cut}");
        let torn = (bounds[whole] < cut).then_some((bounds[whole] as u64, cut as u64, true));
        assert_eq!(gaps, torn.into_iter().collect::<Vec<_>>(), "cut at {cut}");
    }
}

#[test]
fn a_damaged_byte_costs_its_record_at_most_and_is_reported() {
    let records = samples();
    let (bytes, bounds) = segment(&records);
    for at in HEADER..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let lost = bounds.iter().filter(|bound| **bound <= at).count() - 1;
            let mut expected = records.clone();
            expected.remove(lost);
            let (found, gaps) = scan(&damaged);
            assert_eq!(found, expected, "{flip:#x} at {at}");
            let [(from, to, _)] = gaps[..] else { panic!("{flip:#x} at {at}: {gaps:?}") };
            assert_eq!((from as usize, to as usize), (bounds[lost], bounds[lost + 1]), "{flip:#x} at {at}");
        }
    }
}

#[test]
fn a_segment_inside_a_body_is_not_taken_for_records() {
    let mut inner = Vec::new();
    samples().iter().for_each(|sample| put(&mut inner, SALT + 1, sample));
    let carrier = Stored {
        entry: crate::tape::Entry::Event(crate::tape::Event::Data(
            crate::model::Direction::Request,
            inner.into(),
        )),
        ..samples()[0].clone()
    };
    let (mut bytes, bounds) = segment(&[carrier, samples()[1].clone()]);
    bytes[HEADER + 4] ^= 1;
    let (found, gaps) = scan(&bytes);
    assert_eq!(found, [samples()[1].clone()]);
    assert_eq!(gaps, [(bounds[0] as u64, bounds[1] as u64, false)]);
}

#[test]
fn zeros_at_the_end_are_a_torn_write() {
    let (mut bytes, bounds) = segment(&samples());
    bytes.resize(bytes.len() + 3 * WINDOW, 0);
    let (found, gaps) = scan(&bytes);
    assert_eq!(found, samples());
    assert_eq!(gaps, [(bounds[bounds.len() - 1] as u64, bytes.len() as u64, true)]);
}

#[test]
fn damage_wider_than_a_window_is_crossed() {
    let records = samples();
    let (bytes, bounds) = segment(&records);
    for width in [WINDOW - 40, WINDOW - 33, WINDOW - 32, WINDOW, 2 * WINDOW + 7] {
        // 0xff is never the beginning of a length.
        let mut damaged = bytes[..bounds[2]].to_vec();
        damaged.resize(damaged.len() + width, 0xff);
        damaged.extend(&bytes[bounds[2]..]);
        let (found, gaps) = scan(&damaged);
        assert_eq!(found, records, "{width}");
        assert_eq!(gaps, [(bounds[2] as u64, (bounds[2] + width) as u64, false)]);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_scanned_to_their_end(
        records in prop::collection::vec(stored(), 0..8),
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, bounds) = segment(&records);
        let place = bounds[at.index(bounds.len())];
        bytes.splice(place..place, noise.iter().copied());
        let (found, gaps) = scan(&bytes);
        prop_assert_eq!(found, records);
        let skipped: u64 = gaps.iter().map(|(from, to, _)| to - from).sum();
        prop_assert_eq!(skipped, noise.len() as u64);
    }
}
