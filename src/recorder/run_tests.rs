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
fn exchange(id: ExchangeId, path: &'static str) -> Vec<Record> {
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
        Event::Last(Direction::Request, Bytes::from_static(ASKED)),
        Event::Head(Box::new(head)),
        Event::Last(Direction::Response, Bytes::from_static(ANSWERED)),
    ];
    events.map(|event| Record { exchange: id, at: Micros::now(), event }).into()
}

#[test]
fn a_reader_that_panics_costs_its_reading_alone() {
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
        redactor: Redactor::new(&crate::redact::Config::default(), |_| String::new()).unwrap(),
        live: Arc::default(),
        upstream: Box::new(|name| (name.to_owned(), None)),
    });
    let recorder = recorder.unwrap();
    let keeper = crate::tape::Keeper::new([7; 32], &[]);
    let journal = Journal::new(&shelf, keeper, &TapeConfig::default());
    let mut tape = Tape { journal, handoff: recorder.handoff() };

    let ids = [1, 2, 3].map(|number| ExchangeId::new(Micros::now(), number));
    for (id, path) in ids.into_iter().zip(["/v1/chat/completions", "/v1/panics", "/v1/chat/completions"]) {
        tape.take(&mut exchange(id, path));
    }
    let counters = recorder.counters();
    let deadline = Instant::now() + Duration::from_secs(60);
    while counters.counts().exchanges < 3 {
        assert!(Instant::now() < deadline, "{:?}", counters.counts());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!((counters.counts().panics, counters.counts().lost_exchanges), (1, 0));

    let read = |id| -> (Stored, crate::model::Exchange) {
        let observed = runtime.block_on(store.of_exchange(id)).unwrap();
        let [one] = <[Stored; 1]>::try_from(observed).unwrap();
        (one, runtime.block_on(store.exchange(id)).unwrap().unwrap())
    };
    for (id, panics) in ids.into_iter().zip([false, true, false]) {
        let (observed, kept) = read(id);
        assert_eq!((&kept.request.bytes[..], &kept.response.bytes[..]), (ASKED, ANSWERED));
        let losses = observed.head["losses"].to_string();
        assert_eq!(losses.contains("the reader failed"), panics, "{losses}");
        assert_eq!(observed.head["status"], "ok");
        assert_eq!(observed.head.get("dialect").is_some(), !panics);
    }
    drop(tape);
    recorder.stop();
}
