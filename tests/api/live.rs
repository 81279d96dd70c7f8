//! The live feed: answers as they grow, calls as they come into the store.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Reads events until one is the one that is wanted.
fn until(feed: &mut impl std::io::BufRead, wanted: impl Fn(&str, &Value) -> bool) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut kind = String::new();
    let begun = Instant::now();
    loop {
        // Pings keep it from running into a time-out.
        assert!(begun.elapsed() < PATIENCE, "{all:?}");
        let mut line = String::new();
        assert!(feed.read_line(&mut line).unwrap() > 0, "the feed ended: {all:?}");
        if let Some(name) = line.strip_prefix("event: ") {
            kind = name.trim().to_owned();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).unwrap();
            let is_last = wanted(&kind, &data);
            all.push((kind.clone(), data));
            if is_last {
                return all;
            }
        }
    }
}

/// A provider that says one word at a time, when it is told to.
fn provider(words: std::sync::mpsc::Receiver<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            .unwrap();
        for word in words {
            let delta = serde_json::json!({
                "id": "c1", "object": "chat.completion.chunk", "model": "gpt-4.1",
                "choices": [{"index": 0, "delta": {"content": word}}],
            });
            stream.write_all(format!("data: {delta}\n\n").as_bytes()).unwrap();
        }
        stream.write_all(b"data: [DONE]\n\n").unwrap();
    });
    address
}

#[test]
fn an_answer_is_seen_while_it_grows() {
    let (say, words) = std::sync::mpsc::sync_channel(8);
    let upstream = format!("upstream.openai.url=http://{}", provider(words));
    let place = Place::empty(&[&upstream]);

    let mut feed = TcpStream::connect(&place.web).unwrap();
    feed.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(feed, "GET /live/events HTTP/1.1\r\nHost: {}\r\n\r\n", place.web).unwrap();
    let mut feed = BufReader::new(feed);
    let mut line = String::new();
    while !line.starts_with("retry:") {
        line.clear();
        assert!(feed.read_line(&mut line).unwrap() > 0);
    }

    let mut call = TcpStream::connect(&place.proxy).unwrap();
    call.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = r#"{"model":"gpt-4.1","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    write!(
        call,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    say.send("Hello ").unwrap();
    let says = |data: &Value, text: &str| data["text"] == text || data["append"] == text;
    let seen = until(&mut feed, |kind, data| kind == "progress" && says(data, "Hello "));
    let id = seen.last().unwrap().1["id"].clone();
    assert_eq!(seen.last().unwrap().1["model"], "gpt-4.1");

    // A key is not shown, nor the part of one that has come so far.
    say.send("wide sk-ant-api03-AAAAAAAAAAAAAAAA").unwrap();
    let wide = until(&mut feed, |_, data| data["append"] == "wide ");
    assert_eq!(wide.last().unwrap().1["id"], id);
    say.send("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA world ").unwrap();
    let more = until(&mut feed, |_, data| data.to_string().contains("world"));
    assert!(!format!("{seen:?}{wide:?}{more:?}").contains("AAAAAAAA"), "{more:?}");

    drop(say);
    let all = until(&mut feed, |kind, _| kind == "call");
    assert!(all.iter().any(|(kind, data)| kind == "progress" && data["done"] == true && data["id"] == id));
    let (_, recorded) = all.last().unwrap();
    assert_eq!(recorded["id"], id);
    assert!(recorded["html"].as_str().unwrap().contains("gpt-4.1"));
    let mut answer = Vec::new();
    call.read_to_end(&mut answer).unwrap();
    // On the wire nothing was changed.
    assert!(String::from_utf8(answer).unwrap().contains("sk-ant-api03-AAAAAAAAAAAAAAAA"));
}
