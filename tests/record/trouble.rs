//! A store or a disk that takes nothing for a while: calls go on, and what was missing is counted or comes later.

use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio_rusqlite::rusqlite::Connection;

use super::provider::{chat, pause, provider, question};
use super::support::{Home, Recorder, alone, body, noise, one};

/// The store, held by somebody else.
pub struct Locked(Connection);

impl Locked {
    pub fn new(home: &Home) -> Self {
        let db = Connection::open(home.0.join("wiretape.db")).unwrap();
        db.busy_timeout(super::support::PATIENCE).unwrap();
        db.execute_batch("BEGIN EXCLUSIVE").unwrap();
        Self(db)
    }

    pub fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// Answers with what was asked, so that each call's bodies are known by it.
fn echo() -> String {
    provider(|mut asked| {
        let text = asked.json()["messages"][0]["content"].as_str().unwrap().to_owned();
        asked.json_answer(&chat(&text));
    })
}

/// A question of a given size that no other is like.
fn sized(number: u64, size: usize) -> String {
    question(&format!("{number} {}", noise(size, number)))
}

fn call(recorder: &Recorder, number: u64, size: usize) {
    let begun = std::time::Instant::now();
    assert_eq!(recorder.post("/v1/chat/completions", "", sized(number, size)).status(), 200);
    assert!(begun.elapsed().as_secs() < 5, "the wire waited");
}

/// That each of these calls is there once, with its bodies as they were.
fn all_there(home: &Home, numbers: std::ops::Range<u64>, size: usize) {
    let records = home.export();
    assert_eq!(records.len() as u64, numbers.end - numbers.start);
    for number in numbers {
        let text = format!("{number} {}", noise(size, number));
        let record = one(&records, |record| record["output_text"] == text.as_str());
        assert_eq!(body(&record["raw"]["request"]), sized(number, size).as_bytes());
        assert_eq!(body(&record["raw"]["response"]), chat(&text).to_string().as_bytes());
        assert_eq!(record["losses"], serde_json::json!([]));
    }
}

#[test]
fn a_store_that_is_locked_for_a_while_costs_nothing() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), echo());
    let recorder = Recorder::with(&home, &upstream, &["recorder.memory=1MiB"]);
    call(&recorder, 0, 200_000);
    recorder.recorded(1);
    let locked = Locked::new(&home);
    // Far more than it may hold in memory.
    for number in 1..41 {
        call(&recorder, number, 200_000);
    }
    recorder.until_metric("store_down", |down| down == 1);
    assert!(home.run(&["ls"]).contains("chat"), "it can be read meanwhile");
    locked.release();
    recorder.recorded(41);
    recorder.until_metric("store_down", |down| down == 0);
    assert!(recorder.metric("recorder_to_tape_total") > 0);
    assert_eq!(recorder.metric("recorder_lost_exchanges_total"), 0);
    assert_eq!(recorder.metric("recorder_cut_bodies_total"), 0);
    all_there(&home, 0..41, 200_000);
    recorder.stop();
    assert_eq!(home.tape(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn one_that_is_locked_until_the_end_gets_it_at_the_next_start() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), echo());
    let recorder = Recorder::start(&home, &upstream);
    let locked = Locked::new(&home);
    (0..5).for_each(|number| call(&recorder, number, 1000));
    let begun = std::time::Instant::now();
    let said = recorder.stop();
    assert!(begun.elapsed().as_secs() < 30);
    assert!(said.contains("for the next start"), "{said}");
    locked.release();
    let recorder = Recorder::start(&home, &upstream);
    recorder.recorded(5);
    assert_eq!(recorder.metric("recovered_exchanges_total"), 5);
    recorder.stop();
    all_there(&home, 0..5, 1000);
}

/// How large a file may grow that this process writes: one byte is a full disk.
fn limit(recorder: &Recorder, bytes: Option<u64>) {
    let pid = Pid::from_raw(recorder.id().cast_signed());
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

#[test]
fn a_disk_that_is_full_for_a_while_costs_no_call() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), echo());
    let url = format!("upstream.openai.url={upstream}");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", "--set", &url];
    let inner = home.command(&serve);
    // A write past the limit is then an error, and no signal.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("WIRETAPE_HOME", &home.0)
        .env("PATH", "/bin:/usr/bin");
    let recorder = Recorder::spawn(command);
    call(&recorder, 0, 1000);
    recorder.recorded(1);

    limit(&recorder, Some(1));
    for number in 1..11 {
        call(&recorder, number, 1000);
        pause(50);
    }
    recorder.until_metric("journal_down", |down| down == 1);
    recorder.until_metric("store_down", |down| down == 1);
    assert!(recorder.metric("journal_failures_total") > 0 && recorder.metric("store_failures_total") > 0);
    assert!(recorder.metric("journal_left_out_exchanges_total") > 0);

    limit(&recorder, None);
    // What was not on the tape was in memory.
    recorder.recorded(11);
    recorder.until_metric("store_down", |down| down == 0);
    recorder.until_metric("journal_down", |down| down == 0);
    call(&recorder, 11, 1000);
    recorder.recorded(12);
    let said = recorder.stop();
    assert!(said.contains("takes records again") && said.contains("can be written again"), "{said}");
    all_there(&home, 0..12, 1000);
}

#[test]
fn a_data_folder_that_cannot_be_made_is_said() {
    for (path, names) in [("/dev/null/x", "/dev/null/x"), ("/proc/none", "/proc/none")] {
        let home = Home::new();
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"]);
        let output = command.env("WIRETAPE_HOME", path).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(names), "{said}");
    }
    let home = Home::new();
    std::fs::write(home.0.join("wiretape.db"), "this is no database, and of some length".repeat(40)).unwrap();
    let output =
        home.command(&["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("store.url") && said.contains("wiretape.db"), "{said}");
}

#[test]
fn what_neither_tape_nor_memory_has_room_for_is_counted_and_marked() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), echo());
    let recorder = Recorder::with(&home, &upstream, &["recorder.memory=1MiB", "tape.max_bytes=1MiB"]);
    call(&recorder, 0, 1000);
    recorder.recorded(1);
    let locked = Locked::new(&home);
    (1..41).for_each(|number| call(&recorder, number, 100_000));
    recorder.until_metric("journal_full", |full| full == 1);
    assert!(recorder.metric("journal_left_out_bytes_total") > 0);
    locked.release();
    let kept =
        || recorder.metric("recorded_exchanges_total") + recorder.metric("recorder_lost_exchanges_total");
    super::support::until("all are stored or counted", || kept() == 41);
    recorder.until_metric("journal_full", |full| full == 0);
    let lost = recorder.metric("recorder_lost_exchanges_total");
    let cut = recorder.metric("recorder_cut_bodies_total");
    let records = home.export();
    assert_eq!(records.len() as u64, 41 - lost);
    let mut marked = 0;
    for record in &records {
        for side in ["request", "response"] {
            let bytes = body(&record["raw"][side]);
            let whole = bytes.len() > 100_000 || record == &records[0];
            let is_marked = record["raw"][side].get("lost_bytes").is_some();
            assert!(whole != is_marked, "{side}: {} bytes, {}", bytes.len(), record["losses"]);
            marked += u64::from(is_marked);
        }
    }
    assert_eq!(marked, cut, "each body that is cut is counted");
    assert!(marked > 0 || lost > 0);
    // And then it is as if nothing had been.
    call(&recorder, 41, 100_000);
    recorder.recorded(42 - lost);
    let records = home.export();
    let text = format!("41 {}", noise(100_000, 41));
    assert_eq!(
        one(&records, |record| record["output_text"] == text.as_str())["losses"],
        serde_json::json!([])
    );
    recorder.stop();
}
