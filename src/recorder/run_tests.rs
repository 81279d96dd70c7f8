//! What becomes of exchanges that go wrong on their way through the recorder.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::model::{Direction, ExchangeId, Headers, Micros};
use crate::price::{Pricer, Table};
use crate::recorder::{Config, Parts, Recorder, Tape};
use crate::redact::Redactor;
use crate::store::{Config as StoreConfig, Mode, SqliteStore, Store, Stored};
use crate::tape::{Begin, Config as TapeConfig, Event, Journal, Record, ResponseHead, Shelf, Sink as _};

/// A folder of one's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("wiretape-recorder-{}", ExchangeId::new(Micros::now(), 1));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const ASKED: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
const ANSWERED: &[u8] =
    br#"{"id":"c1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"}}]}"#;

/// A whole exchange as a relay tells of it.
fn exchange(id: ExchangeId, path: &'static str, asked: &'static [u8]) -> Vec<Record> {
    let begin = Begin {
        upstream: "openai".into(),
        method: "POST".parse().unwrap(),
        target: None,
        forwarded: path.parse().unwrap(),
        version: Default::default(),
        headers: Headers::default(),
        labels: Vec::new(),
        upgrade: false,
    };
    let head = ResponseHead {
        status: "200".parse().unwrap(),
        version: Default::default(),
        headers: Headers::default(),
        ours: false,
    };
    let events = [
        Event::Begin(Box::new(begin)),
        Event::Last(Direction::Request, Bytes::from_static(asked)),
        Event::Head(Box::new(head)),
        Event::Last(Direction::Response, Bytes::from_static(ANSWERED)),
    ];
    events.map(|event| Record { exchange: id, at: Micros::now(), event }).into()
}

/// Records calls of these paths with these requests; how often something panicked, and what there is in the store then.
fn recorded(
    redactor: Redactor,
    calls: [(&'static str, &'static [u8]); 3],
) -> (u64, [(Stored, crate::model::Exchange); 3]) {
    let folder = Folder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store =
        runtime.block_on(SqliteStore::open(&folder.0.join("s.db"), Mode::ReadWrite, &StoreConfig::default()));
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    let shelf = Shelf::open(&folder.0.join("tape"));
    let recorder = Recorder::start(Parts {
        config: Config::default(),
        shelf: Arc::clone(&shelf),
        store: Arc::clone(&store),
        reader: crate::recorder::Reader::new(
            Pricer::new(Table::built_in().clone(), Table::default()),
            &crate::trace::Config::default(),
        ),
        redactor,
        live: Arc::default(),
        upstream: Box::new(|name| (name.to_owned(), None)),
    });
    let recorder = recorder.unwrap();
    let keeper = crate::tape::Keeper::new([7; 32], &[]);
    let journal = Journal::new(&shelf, keeper, &TapeConfig::default());
    let mut tape = Tape { journal, handoff: recorder.handoff() };

    let mut number = 0;
    let ids = calls.map(|(path, asked)| {
        number += 1;
        let id = ExchangeId::new(Micros::now(), number);
        tape.take(&mut exchange(id, path, asked));
        id
    });
    let counters = recorder.counters();
    let deadline = Instant::now() + Duration::from_secs(60);
    while counters.counts().exchanges < 3 {
        assert!(Instant::now() < deadline, "{:?}", counters.counts());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(counters.counts().lost_exchanges, 0);
    let found = ids.map(|id| {
        let observed = runtime.block_on(store.of_exchange(id)).unwrap();
        let [one] = <[Stored; 1]>::try_from(observed).unwrap();
        (one, runtime.block_on(store.exchange(id)).unwrap().unwrap())
    });
    let panics = counters.counts().panics;
    drop(tape);
    recorder.stop();
    (panics, found)
}

#[test]
fn a_reader_that_panics_costs_its_reading_alone() {
    let redactor = Redactor::new(&crate::redact::Config::default(), |_| String::new()).unwrap();
    let paths = ["/v1/chat/completions", "/v1/panics", "/v1/chat/completions"];
    let (panics, found) = recorded(redactor, paths.map(|path| (path, ASKED)));
    assert_eq!(panics, 1);
    for ((observed, kept), panics) in found.into_iter().zip([false, true, false]) {
        assert_eq!((&kept.request.bytes[..], &kept.response.bytes[..]), (ASKED, ANSWERED));
        let losses = observed.head["losses"].to_string();
        assert_eq!(losses.contains("the reader failed"), panics, "{losses}");
        assert_eq!(observed.head["status"], "ok");
        assert_eq!(observed.head.get("dialect").is_some(), !panics);
    }
}

#[test]
fn a_redaction_that_panics_costs_what_it_should_have_gone_through() {
    const SECRET: &[u8] = br#"{"model":"m","api_key":"mellon","messages":[{"role":"user","content":"Hi"}]}"#;
    let fingerprint = |secret: &[u8]| {
        assert!(secret.is_empty(), "no fingerprint today");
        String::new()
    };
    let redactor = Redactor::new(&crate::redact::Config::default(), fingerprint).unwrap();
    let calls = [ASKED, SECRET, ASKED].map(|asked| ("/v1/chat/completions", asked));
    let (panics, found) = recorded(redactor, calls);
    assert_eq!(panics, 1);
    for ((observed, kept), (asked, fails)) in
        found.into_iter().zip([(ASKED, false), (SECRET, true), (ASKED, false)])
    {
        assert_eq!(observed.head.get("redactions").is_some(), fails);
        for (body, went_by) in [(&kept.request, asked), (&kept.response, ANSWERED)] {
            let (bytes, lost) = if fails { (&b""[..], went_by.len() as u64) } else { (went_by, 0) };
            assert_eq!((&body.bytes[..], body.lost), (bytes, lost));
        }
    }
}
