//! Records that go from store to store, are read again, or are followed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::provider::{Asked, chat, delta, pause, provider, question, stop};
use super::support::{Home, Recorder, assert_same, until};

/// `wiretape tail`, running.
pub struct Following {
    child: Child,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Following {
    pub fn new(home: &Home, lines: &str) -> Self {
        let mut child =
            home.command(&["tail", "--json", "--lines", lines]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                told.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, seen }
    }

    pub fn ids(&self) -> Vec<Value> {
        self.seen.lock().unwrap().iter().map(|record| record["id"].clone()).collect()
    }

    pub fn until(&mut self, count: usize) {
        until("it is told of", || {
            assert!(self.child.try_wait().unwrap().is_none(), "tail has ended");
            self.seen.lock().unwrap().len() >= count
        });
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn calls_are_followed_in_the_order_in_which_they_end() {
    let home = Home::new();
    let recorder = Recorder::start(
        &home,
        &provider(|mut asked| {
            if asked.path().contains("short") {
                return asked.json_answer(&chat("short"));
            }
            asked.stream();
            for _ in 0..10 {
                asked.chunk(delta("long "));
                pause(100);
            }
            asked.chunk(stop());
            asked.end();
        }),
    );
    let labelled = |name: &str| format!("x-wiretape-case: {name}\r\n");
    recorder.post("/v1/chat/completions?short", &labelled("before"), question("x")).rest();
    recorder.recorded(1);
    let mut all = Following::new(&home, "0");
    let mut some = home.command(&["tail", "--json", "--lines", "3", "--model", "gpt-4.1"]);
    let mut some = some.stdout(Stdio::piped()).spawn().unwrap();
    pause(500);
    let mut long = recorder.post("/v1/chat/completions?long", &labelled("long"), question("x"));
    long.until("long");
    for name in ["first", "second"] {
        recorder.post("/v1/chat/completions?short", &labelled(name), question("x")).rest();
        pause(100);
    }
    all.until(2);
    long.rest();
    all.until(3);
    recorder.post("/v1/chat/completions?short", &labelled("last"), question("x")).rest();
    all.until(4);
    let cases =
        |seen: &[Value]| -> Vec<Value> { seen.iter().map(|one| one["labels"]["case"].clone()).collect() };
    assert_eq!(cases(&all.seen.lock().unwrap()), ["first", "second", "long", "last"]);
    let lines = BufReader::new(some.stdout.take().unwrap()).lines().take(5);
    let seen: Vec<Value> = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(cases(&seen), ["before", "first", "second", "long", "last"]);
    let _ = some.kill();
    let _ = some.wait();
    let newest = home.json(&["tail", "--json", "--no-follow", "--lines", "2"]);
    assert_eq!(cases(&newest), ["long", "last"]);
    recorder.stop();
}

/// A store with records of all kinds in it, and its folder.
fn filled() -> (Home, Vec<Value>) {
    let home = Home::new();
    let recorder = Recorder::start(
        &home,
        &provider(|asked| match asked.path() {
            path if path.contains("responses") => super::sockets::serve(asked),
            _ => answer(asked),
        }),
    );
    recorder
        .post("/v1/chat/completions", "x-wiretape-tag: a\r\nx-wiretape-team: core\r\n", question("x"))
        .rest();
    recorder.post("/v1/chat/completions?stream", "x-wiretape-session: s\r\n", question("y")).rest();
    recorder.post("/v1/chat/completions?broken", "", question("z")).rest();
    recorder.call("GET", "/v1/who/knows?bytes", "", b"").rest();
    // Two sockets, whose calls take turns.
    let mut sockets = [super::sockets::open(&recorder), super::sockets::open(&recorder)];
    for number in 1..=4 {
        let before = format!("resp_{}", number - 1);
        for call in &mut sockets {
            super::sockets::ask(&mut call.socket, number, (number > 1).then_some(&before));
        }
    }
    drop(sockets);
    recorder.recorded(6);
    recorder.stop();
    let records = home.export();
    assert_eq!(records.len(), 12);
    (home, records)
}

fn answer(mut asked: Asked) {
    if asked.path().contains("bytes") {
        return asked.answer("200 OK", "Content-Type: application/octet-stream\r\n", [0, 255, 7]);
    }
    if asked.path() == "/v1/chat/completions" {
        return asked.json_answer(&chat("Hello"));
    }
    asked.stream();
    asked.chunk(delta("Hel"));
    if asked.path().contains("stream") {
        asked.chunk(delta("lo"));
        asked.chunk(stop());
        asked.end();
    }
}

/// Exports to a file, and says what is in it.
fn exported(home: &Home, raw: bool) -> (String, Vec<Value>) {
    let file = home.0.join(if raw { "raw.jsonl" } else { "plain.jsonl" }).to_str().unwrap().to_owned();
    let mut arguments = vec!["export", "-o", &file];
    arguments.extend(raw.then_some("--raw"));
    home.run(&arguments);
    let text = std::fs::read_to_string(&file).unwrap();
    (file.clone(), text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn what_is_exported_and_taken_in_is_the_same() {
    let (home, records) = filled();
    for raw in [true, false] {
        let (file, written) = exported(&home, raw);
        let other = Home::new();
        other.run(&["import", &file]);
        assert_same(&exported(&other, raw).1, &written, "once");
        other.run(&["import", &file]);
        other.run(&["import", &file]);
        assert_same(&exported(&other, raw).1, &written, "again");
        assert_eq!(other.json(&["ls", "--json", "--limit", "100"]).len(), records.len());
        let found = other.json(&["ls", "--json", "--search", "Hello"]);
        assert_eq!(found.len(), home.json(&["ls", "--json", "--search", "Hello"]).len());
        // What came without its wire gets it with a later file; what has it keeps it.
        let (file, _) = exported(&home, true);
        other.run(&["import", &file]);
        assert_same(&other.export(), &records, "both");
        let (file, _) = exported(&home, false);
        other.run(&["import", &file]);
        assert_same(&other.export(), &records, "both");
        let stats = other.run(&["stats", "--json"]);
        assert_eq!(serde_json::from_str::<Value>(&stats).unwrap()["exchanges"], 6, "{stats}");
    }
}

#[test]
fn what_is_read_again_is_the_same() {
    let (home, records) = filled();
    home.run(&["reread"]);
    assert_same(&home.export(), &records, "read again");
    let filter = ["reread", "--session", "s"];
    home.run(&filter);
    assert_same(&home.export(), &records, "read again");
    let (file, _) = exported(&home, true);
    let other = Home::new();
    other.run(&["import", &file]);
    other.run(&["reread"]);
    assert_same(&other.export(), &records, "taken in");
}
