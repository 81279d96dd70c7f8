//! Reads a corpus of WebSocket conversations, given its folder:
//! `WIRETAPE_CORPUS=FOLDER cargo test --test dialects sockets -- --ignored --nocapture`.
//!
//! A corpus is files `websocket*.jsonl` of `{"id", "provider", "endpoint", "frames": [{"dir": "client", "data": {}}]}`; where the
//! addresses are not in it, they are made up from the endpoint.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wiretape::dialect;

use crate::corpus::judged;
use crate::fixture::Fixture;

/// Where a conversation at this endpoint would have been held.
fn address(endpoint: &str) -> &'static str {
    match endpoint {
        "azure.voice-live" => "/voice-live/realtime?model=gpt-realtime",
        "openai.responses" => "/v1/responses",
        _ => "/v1/realtime?model=gpt-realtime",
    }
}

fn message(frame: &Value) -> Option<Value> {
    let (side, data) = (frame.get("dir")?.as_str()?, frame.get("data")?);
    Some(json!({side: data}))
}

#[test]
#[ignore = "needs a corpus"]
fn sockets() {
    let folder = std::env::var_os("WIRETAPE_CORPUS").expect("WIRETAPE_CORPUS names the corpus' folder");
    let mut out = String::new();
    for file in std::fs::read_dir(Path::new(&folder)).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("websocket") || !name.ends_with(".jsonl") {
            continue;
        }
        for line in BufReader::new(std::fs::File::open(path).unwrap()).lines() {
            let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let frames = record["frames"].as_array().unwrap();
            let messages: Vec<Value> = frames.iter().filter_map(message).collect();
            let address = address(record["endpoint"].as_str().unwrap_or_default());
            let json = json!({
                "provider": record["provider"], "path": address, "messages": messages, "status": 101,
            });
            let fixture = Fixture { path: PathBuf::from("corpus"), json };
            for reading in dialect::read(&fixture.exchange(usize::MAX)).expect("no reader panics") {
                let mut judged = judged(record["id"].as_str().unwrap(), &reading);
                judged["operation"] = reading.operation.name().into();
                judged["reading"] = reading.to_json();
                writeln!(out, "{judged}").unwrap();
            }
        }
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&target).unwrap();
    std::fs::write(target.join("socket_readings.jsonl"), out).unwrap();
    println!("target/socket_readings.jsonl");
}
