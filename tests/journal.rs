//! The tape from end to end: taps push, the reader's thread writes, the program is gone without a word, and what it had
//! written comes back.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Version};
use wiretape::model::{Closer, Direction, Ending, ExchangeId, Headers, Micros};
use wiretape::tape::{
    Begin, Config, Counters, Entry, Event, Found, Journal, Keeper, Queue, Reader, Recovered, ResponseHead,
    Room, Shelf, Tap, lines_of, recover,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// A folder of one's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wiretape-journal-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> Headers {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, value.parse().unwrap());
    }
    lines_of(&map)
}

fn begin(queue: &Arc<Queue>) -> (ExchangeId, Tap) {
    let id = ExchangeId::new(Micros::now(), 1);
    let begin = Begin {
        upstream: "mock".into(),
        method: Method::POST,
        target: None,
        forwarded: PathAndQuery::from_static("/v1/x?key=sk-in-the-query"),
        version: Version::HTTP_11,
        headers: headers(&[("host", "me"), ("authorization", "Bearer sk-in-a-header")]),
        labels: Vec::new(),
        upgrade: false,
    };
    (id, Tap::begin(queue, id, begin))
}

fn answer(tap: &Tap) {
    let (status, version) = (StatusCode::OK, Version::HTTP_11);
    let headers = headers(&[("set-cookie", "sk-in-a-cookie")]);
    tap.response_head(ResponseHead { status, version, headers, ours: false });
}

fn chunk(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// Bytes of all segments in a folder.
fn contents(dir: &Path) -> Vec<u8> {
    let segments = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let segments = segments.filter(|path| path.extension().is_some_and(|extension| extension == "tape"));
    segments.flat_map(|path| std::fs::read(path).unwrap()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn until_written(dir: &Path, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(&contents(dir), text) {
        assert!(Instant::now() < deadline, "{text:?} was not written");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[derive(Default, Debug, PartialEq)]
struct Told {
    request: Vec<u8>,
    response: Vec<u8>,
    ending: Option<Ending>,
    interrupted: bool,
}

/// What is recovered from a folder, by exchange.
fn read(dir: &Path) -> (BTreeMap<ExchangeId, Told>, Recovered) {
    let shelf = Shelf::open(dir);
    let mut recovery = recover::open(&shelf);
    let mut told: BTreeMap<ExchangeId, Told> = BTreeMap::new();
    for found in recovery.by_ref() {
        match found {
            Found::Record { record, .. } => {
                let one = told.entry(record.exchange).or_default();
                match record.entry {
                    Entry::Event(
                        Event::Data(Direction::Request, bytes) | Event::Last(Direction::Request, bytes),
                    ) => {
                        one.request.extend_from_slice(&bytes);
                    }
                    Entry::Event(Event::Data(Direction::Response, bytes)) => {
                        one.response.extend_from_slice(&bytes);
                    }
                    Entry::Event(Event::Last(Direction::Response, bytes)) => {
                        one.response.extend_from_slice(&bytes);
                        one.ending = Some(Ending::Complete);
                    }
                    Entry::Event(Event::Closed { direction: Direction::Response, ending, .. }) => {
                        one.ending = Some(ending);
                    }
                    _ => {}
                }
            }
            Found::Interrupted { exchange, .. } => told.get_mut(&exchange).unwrap().interrupted = true,
            other => panic!("{other:?}"),
        }
    }
    (told, recovery.recovered())
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_program_that_is_gone_without_a_word_has_lost_nothing() {
    let (folder, crashed) = (Folder::new("running"), Folder::new("crashed"));
    let dir = folder.0.join("tape");
    let shelf = Shelf::open(&dir);
    let (keeper, _) = Keeper::open(&folder.0.join("fingerprint.key"), &[]);
    let journal = Journal::new(&shelf, keeper, &Config::default());
    let counters = journal.counters();
    let queue = Arc::new(Queue::new(Room::new(1 << 20, 10_000), Arc::new(Counters::default())));
    let reader = Reader::start(Arc::from([Arc::clone(&queue)]), Box::new(journal)).unwrap();

    let (whole, tap) = begin(&queue);
    tap.last(Direction::Request, &chunk("ask"));
    answer(&tap);
    tap.data(Direction::Response, &chunk("hello "));
    tap.last(Direction::Response, &chunk("world"));
    drop(tap);

    // Larger than the queue: it is cut there.
    let (cut, tap) = begin(&queue);
    tap.last(Direction::Request, &chunk("ask"));
    answer(&tap);
    tap.data(Direction::Response, &chunk("a prefix"));
    tap.data(Direction::Response, &Bytes::from(vec![0; 2 << 20]));
    tap.closed(Direction::Response, Ending::Broken { by: Closer::Client, why: "left".to_owned() });
    drop(tap);

    let (under_way, tap) = begin(&queue);
    tap.last(Direction::Request, &chunk("ask"));
    answer(&tap);
    tap.data(Direction::Response, &chunk("as far as it had come"));
    until_written(&dir, "as far as it had come");
    copy(&dir, &crashed.0);
    let (told, recovered) = read(&crashed.0);
    assert_eq!((recovered.whole, recovered.interrupted, recovered.headless), (2, 1, 0));
    assert_eq!((recovered.skipped_bytes, recovered.torn_bytes, recovered.unreadable), (0, 0, 0));
    let one = &told[&whole];
    assert_eq!((&*one.request, &*one.response), (&b"ask"[..], &b"hello world"[..]));
    assert_eq!((&one.ending, one.interrupted), (&Some(Ending::Complete), false));
    let one = &told[&cut];
    assert_eq!(one.response, b"a prefix");
    assert!(matches!(one.ending, Some(Ending::Broken { by: Closer::Client, .. })));
    let one = &told[&under_way];
    assert_eq!((&*one.response, &one.ending, one.interrupted), (&b"as far as it had come"[..], &None, true));
    for secret in ["sk-in-the-query", "sk-in-a-header", "sk-in-a-cookie"] {
        assert!(!holds(&contents(&crashed.0), secret), "{secret}");
    }

    // It ends after all, and then with a word.
    drop(tap);
    reader.stop();
    let counts = counters.counts();
    assert!(counts.failures == 0 && counts.syncs > 0 && counts.writes == counts.batches, "{counts:?}");
    drop(shelf);
    let (told, recovered) = read(&dir);
    assert_eq!((recovered.whole, recovered.interrupted), (3, 0));
    assert!(matches!(told[&under_way].ending, Some(Ending::Broken { by: Closer::Us, .. })));
}
