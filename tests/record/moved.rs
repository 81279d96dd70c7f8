//! Records that go from store to store, are read again, or are followed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use super::provider::{chat, delta, pause, provider, question, stop};
use super::support::{Home, Recorder, until};

/// `wiretape tail`, running.
pub struct Following {
    child: Child,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Following {
    pub fn new(home: &Home) -> Self {
        let mut child =
            home.command(&["tail", "--json", "--lines", "0"]).stdout(Stdio::piped()).spawn().unwrap();
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
    let mut all = Following::new(&home);
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
