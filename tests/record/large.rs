//! Bodies that come faster than they are written down.

use super::provider::provider;
use super::support::{Home, Recorder, alone};

/// Nearly all that may wait; the share of one of two workers, as it once was, would not do.
const SIZE: usize = 60_000_000;

/// Each batch waits for the disk, so that the tape falls behind a wire that does not wait.
const SLOW: [&str; 3] = ["proxy.workers=2", "tape.queue_bytes=64MiB", "tape.sync=always"];

#[test]
fn a_body_may_take_all_the_room_there_is() {
    let _quiet = alone();
    let home = Home::new();
    let large: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
    let large = std::sync::Arc::new(large);
    let answer = std::sync::Arc::clone(&large);
    let upstream = provider(move |mut asked| match asked.path() {
        "/v1/files/1/content" => {
            asked.answer("200 OK", "Content-Type: application/octet-stream\r\n", &**answer);
        }
        _ => {
            asked.answer(
                "200 OK",
                "Content-Type: application/octet-stream\r\n",
                asked.body.len().to_string(),
            );
        }
    });
    let recorder = Recorder::with(&home, &upstream, &SLOW);
    for round in 0..3 {
        assert_eq!(recorder.post("/v1/files", "", &**large).status(), 200);
        recorder.recorded(2 * round + 1);
        let seen = recorder.call("GET", "/v1/files/1/content", "", b"").rest();
        assert!(seen.ends_with(&large));
        recorder.recorded(2 * round + 2);
    }
    for lost in ["tape_cut_bodies_total", "journal_cut_bodies_total", "recorder_cut_bodies_total"] {
        assert_eq!(recorder.metric(lost), 0, "{lost}");
    }
    for record in home.json(&["ls", "--json"]) {
        assert_eq!(record["losses"], serde_json::json!([]));
    }
    recorder.stop();
}
