//! What settings say about the record holds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::provider::{chat, delta, pause, provider, question};
use super::support::{Home, Recorder, alone, body, holds, noise, one, until};
use super::trouble::Locked;

const SAID: &str = "a body that is in no file of the tape";

fn on_tape(home: &Home, text: &str) -> bool {
    home.tape().iter().any(|path| holds(&std::fs::read(path).unwrap_or_default(), text.as_bytes()))
}

#[test]
fn without_content_bodies_are_never_on_the_tape() {
    let home = Home::new();
    let upstream = provider(|mut asked| {
        if asked.path().contains("stream") {
            asked.stream();
            asked.chunk(delta(SAID));
            asked.until_gone();
        } else {
            asked.json_answer(&chat(SAID));
        }
    });
    let recorder = Recorder::with(&home, &upstream, &["tape.content=false"]);
    for _ in 0..3 {
        assert_eq!(recorder.post("/v1/chat/completions", "", question(SAID)).status(), 200);
    }
    let mut stream = recorder.post("/v1/chat/completions?stream", "", question(SAID));
    stream.until(SAID);
    recorder.recorded(3);
    pause(1000);
    assert!(on_tape(&home, "/v1/chat/completions") && !on_tape(&home, SAID));
    for record in home.export() {
        assert_eq!((&record["status"], &record["output_text"]), (&json!("ok"), &json!(SAID)));
        assert_eq!(record["losses"], json!([]));
    }
    recorder.kill();
    let recorder = Recorder::with(&home, &upstream, &["tape.content=false"]);
    recorder.recorded(1);
    let records = home.export();
    assert_eq!(records.len(), 4);
    let cut = one(&records, |record| record["status"] == "interrupted");
    assert_eq!(cut["losses"].as_array().unwrap().len(), 2, "{}", cut["losses"]);
    assert_eq!((&cut["http_status"], body(&cut["raw"]["response"])), (&json!(200), Vec::new()));
    recorder.stop();
}

#[test]
fn a_body_above_the_limit_is_cut_and_says_so() {
    let home = Home::new();
    let long = noise(400_000, 1);
    let answer = long.clone();
    let upstream = provider(move |mut asked| asked.answer("200 OK", "Content-Type: text/plain\r\n", &answer));
    let recorder = Recorder::with(&home, &upstream, &["recorder.max_body=100KiB"]);
    let seen = recorder.post("/v1/who/knows", "", "{}").rest();
    assert!(seen.ends_with(&long.as_bytes()[100..]), "the client gets all of it");
    recorder.recorded(1);
    assert_eq!(recorder.metric("recorder_cut_bodies_total"), 1);
    let records = home.export();
    assert_eq!(body(&records[0]["raw"]["response"]), &long.as_bytes()[..100 << 10]);
    let lost = format!("{} bytes at the end of the response's body were not kept", 400_000 - (100 << 10));
    assert_eq!(records[0]["losses"], json!([lost]));
    assert_eq!(records[0]["raw"]["response"]["lost_bytes"], 400_000 - (100 << 10));
    recorder.stop();
}

#[test]
fn no_record_no_call_where_that_is_asked_for() {
    let _quiet = alone();
    let home = Home::new();
    let upstream = provider(|mut asked| {
        let text = asked.json()["messages"][0]["content"].as_str().unwrap().to_owned();
        asked.json_answer(&chat(&text));
    });
    let settings = [
        "tape.on_overload=block",
        "tape.max_bytes=1MiB",
        "tape.queue_bytes=256KiB",
        "recorder.memory=1MiB",
        "proxy.workers=1",
    ];
    let recorder = Recorder::with(&home, &upstream, &settings);
    let texts: Vec<String> = (0..24).map(|number| format!("{number} {}", noise(100_000, number))).collect();
    recorder.post("/v1/chat/completions", "", question("first")).rest();
    recorder.recorded(1);
    let locked = Locked::new(&home);
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for text in &texts {
            let (recorder, done) = (&recorder, &done);
            scope.spawn(move || {
                let call = recorder.post("/v1/chat/completions", "", question(text));
                assert_eq!(call.status(), 200);
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        std::thread::sleep(Duration::from_secs(4));
        let before = done.load(Ordering::Relaxed);
        assert!(before < texts.len(), "nobody waited");
        locked.release();
        until("all are answered", || done.load(Ordering::Relaxed) == texts.len());
    });
    recorder.recorded(25);
    for lost in ["tape_lost_exchanges_total", "tape_lost_bytes_total", "recorder_lost_exchanges_total"] {
        assert_eq!(recorder.metric(lost), 0, "{lost}");
    }
    recorder.stop();
    let records = home.export();
    for text in &texts {
        let record = one(&records, |record| record["output_text"] == text.as_str());
        assert_eq!(body(&record["raw"]["request"]), question(text).as_bytes());
    }
}

#[test]
fn nothing_is_left_on_the_tape() {
    let home = Home::new();
    let recorder = Recorder::start(&home, &provider(|mut asked| asked.json_answer(&chat(SAID))));
    recorder.post("/v1/chat/completions", "", question(SAID)).rest();
    recorder.recorded(1);
    assert!(on_tape(&home, SAID));
    until("the tape is empty while nothing happens", || home.tape().is_empty());
    assert_eq!(recorder.metric("journal_bytes"), 0);
    recorder.post("/v1/chat/completions", "", question(SAID)).rest();
    recorder.recorded(2);
    recorder.stop();
    assert_eq!(home.tape(), Vec::<PathBuf>::new());
}

#[test]
fn what_a_stop_breaks_off_is_recorded_as_that() {
    let home = Home::new();
    let upstream = provider(|mut asked| {
        asked.stream();
        asked.chunk(delta(SAID));
        asked.until_gone();
    });
    let recorder = Recorder::with(&home, &upstream, &["proxy.shutdown_grace=1s"]);
    let mut stream = recorder.post("/v1/chat/completions", "", question(SAID));
    stream.until(SAID);
    recorder.stop();
    let records = home.export();
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0]["status"], &records[0]["ended_by"]), (&json!("interrupted"), &json!("us")));
    assert_eq!(records[0]["output_text"], SAID);
}
