//! Tests of the format: round trips, a segment of version 1 that is read for ever, and bytes that are anything.

use http::uri::PathAndQuery;
use http::{Method, StatusCode, Version};
use proptest::prelude::*;

use super::*;
use crate::model::{Closer, Ending, Label};

const SALT: u32 = 0x5eed_5a17;

fn direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::Request), Just(Direction::Response)]
}

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(vec![
        Version::HTTP_09,
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ])
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from)
}

fn headers() -> impl Strategy<Value = Headers> {
    prop::collection::vec(("[a-z-]{1,12}", "[ -~]{0,30}"), 0..6).prop_map(|pairs| {
        let lines: String = pairs.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Headers::from_lines(lines.into_bytes())
    })
}

fn path() -> impl Strategy<Value = PathAndQuery> {
    "/[a-z0-9/%~=,.]{0,20}(\\?[a-z0-9&=%:-]{0,20})?".prop_map(|path| path.parse().unwrap())
}

fn ending() -> impl Strategy<Value = Ending> {
    let by = prop::sample::select(vec![Closer::Client, Closer::Upstream, Closer::Us]);
    prop_oneof![Just(Ending::Complete), (by, "\\PC{0,20}").prop_map(|(by, why)| Ending::Broken { by, why })]
}

fn begin() -> impl Strategy<Value = Begin> {
    let method = prop::sample::select(vec!["GET", "POST", "BREW"]);
    let labels = prop::collection::vec(("\\PC{1,8}", "\\PC{0,8}"), 0..4);
    let head = (method, version(), headers(), labels);
    (head, "\\PC{0,12}", prop::option::of(path()), path(), any::<bool>()).prop_map(
        |((method, version, headers, labels), upstream, target, forwarded, upgrade)| Begin {
            upstream: upstream.into(),
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            target,
            forwarded,
            version,
            headers,
            labels: labels.into_iter().map(|(key, value)| Label { key, value }).collect(),
            upgrade,
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let status = || (100..1000_u16).prop_map(|status| StatusCode::from_u16(status).unwrap());
    prop_oneof![
        begin().prop_map(|begin| Event::Begin(Box::new(begin))),
        status().prop_map(Event::Informational),
        (status(), version(), headers(), any::<bool>()).prop_map(|(status, version, headers, ours)| {
            Event::Head(Box::new(ResponseHead { status, version, headers, ours }))
        }),
        (direction(), bytes()).prop_map(|(direction, bytes)| Event::Data(direction, bytes)),
        (direction(), headers()).prop_map(|(direction, headers)| Event::Trailers(direction, headers)),
        (direction(), bytes()).prop_map(|(direction, bytes)| Event::Last(direction, bytes)),
        (direction(), ending(), any::<u64>()).prop_map(|(direction, ending, lost)| Event::Closed {
            direction,
            ending,
            lost
        }),
    ]
}

pub fn stored() -> impl Strategy<Value = Stored> {
    let passed = (direction(), any::<u64>(), any::<bool>())
        .prop_map(|(direction, bytes, last)| Entry::Passed { direction, bytes, last });
    let entry = prop_oneof![7 => event().prop_map(Entry::Event), 1 => passed];
    (any::<[u8; 16]>(), 0..1_u64 << 56, entry).prop_map(|(id, at, entry)| Stored {
        exchange: ExchangeId::from_bytes(id),
        at: Micros(at),
        entry,
    })
}

pub fn put(out: &mut Vec<u8>, salt: u32, stored: &Stored) {
    let Stored { exchange, at, entry } = stored;
    match entry {
        Entry::Event(event) => put_event(out, salt, *exchange, *at, event),
        Entry::Passed { direction, bytes, last } => {
            put_passed(out, salt, *exchange, *at, *direction, *bytes, *last)
        }
    }
    .unwrap();
}

proptest! {
    #[test]
    fn every_event_comes_back(stored in stored()) {
        let mut out = b"before".to_vec();
        put(&mut out, SALT, &stored);
        let record = &out[6..];
        let prefix = Prefix::read(record[..PREFIX].try_into().unwrap());
        prop_assert_eq!(prefix.length(), Some(record.len() - PREFIX));
        prop_assert!(prefix.fits(SALT, &record[PREFIX..]));
        prop_assert!(!prefix.fits(SALT + 1, &record[PREFIX..]));
        prop_assert!(is_plausible(record[..PREFIX + FIXED].try_into().unwrap()));
        prop_assert_eq!(decode(&record[PREFIX..]), Some(stored));
    }

    #[test]
    fn any_bytes_are_read_or_refused(stored in stored(), cut in any::<prop::sample::Index>(), noise: Vec<u8>) {
        let mut out = Vec::new();
        put(&mut out, SALT, &stored);
        let rest = &out[PREFIX..];
        let at = cut.index(rest.len());
        let _ = decode(&rest[..at]);
        let _ = decode(&noise);
        let mut mixed = rest[..at].to_vec();
        mixed.extend(&noise);
        let _ = decode(&mixed);
    }
}

#[test]
fn what_is_too_long_leaves_nothing_behind() {
    let trailers = Headers::from_lines(vec![b'x'; MAX_LENGTH]);
    let mut out = b"before".to_vec();
    let id = ExchangeId::from_bytes([1; 16]);
    let event = Event::Trailers(Direction::Request, trailers);
    assert_eq!(put_event(&mut out, SALT, id, Micros(1), &event), Err(TooLong));
    assert_eq!(out, b"before");
}

/// One record of each kind.
pub fn samples() -> Vec<Stored> {
    let headers = |lines: &str| Headers::from_lines(lines.as_bytes());
    let begin = Begin {
        upstream: "mock".into(),
        method: Method::POST,
        target: Some(PathAndQuery::from_static("/mock/v1/x?q=1")),
        forwarded: PathAndQuery::from_static("/v1/x?q=1"),
        version: Version::HTTP_11,
        headers: headers("host: me\r\nauthorization: Bearer fp:0011223344556677\r\n"),
        labels: vec![Label { key: "session".to_owned(), value: "s 1".to_owned() }],
        upgrade: false,
    };
    let head = ResponseHead {
        status: StatusCode::OK,
        version: Version::HTTP_2,
        headers: headers("a: b\r\n"),
        ours: true,
    };
    let broken = Ending::Broken { by: Closer::Upstream, why: "reset".to_owned() };
    let events = [
        Event::Begin(Box::new(begin)),
        Event::Informational(StatusCode::CONTINUE),
        Event::Head(Box::new(head)),
        Event::Data(Direction::Request, Bytes::from_static(b"hello")),
        Event::Last(Direction::Request, Bytes::from_static(b" world")),
        Event::Trailers(Direction::Response, headers("t: 1\r\n")),
        Event::Closed { direction: Direction::Response, ending: broken, lost: 7 },
    ];
    let passed = Entry::Passed { direction: Direction::Response, bytes: 5, last: true };
    let entries = events.map(Entry::Event).into_iter().chain([passed]);
    let id = ExchangeId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    entries
        .enumerate()
        .map(|(at, entry)| Stored { exchange: id, at: Micros(1_763_700_000_000_000 + at as u64), entry })
        .collect()
}

/// What version 1 wrote. This file is never made anew: a format that cannot read it is broken.
const VERSION_1: &[u8] = include_bytes!("../../tests/fixtures/tape/version-1.tape");

#[test]
fn a_segment_of_version_1_is_read_for_ever() {
    use crate::tape::scan::{Opened, Piece, Scan};
    let Opened::Segment(mut scan) = Scan::open(std::io::Cursor::new(VERSION_1)).unwrap() else {
        panic!("it is a segment")
    };
    for sample in samples() {
        assert_eq!(scan.next().unwrap(), Some(Piece::Record(sample)));
    }
    assert_eq!(scan.next().unwrap(), None);
}

#[test]
fn version_1_is_still_what_is_written() {
    let header = crate::tape::segment::Header { salt: SALT, run: 42 };
    let mut out = header.encode().to_vec();
    samples().iter().for_each(|sample| put(&mut out, SALT, sample));
    assert!(out == VERSION_1, "a format that writes other bytes is another version");
}

/// A new version gets its fixture from this test, once; what has been written once stays readable for ever.
#[test]
fn this_version_has_a_fixture() {
    let name = format!("tests/fixtures/tape/version-{}.tape", crate::tape::segment::VERSION);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if path.exists() {
        return;
    }
    let header = crate::tape::segment::Header { salt: SALT, run: 42 };
    let mut out = header.encode().to_vec();
    samples().iter().for_each(|sample| put(&mut out, SALT, sample));
    std::fs::write(&path, out).unwrap();
    panic!("{} was missing and has been written: commit it", path.display());
}
