//! What passes is recorded, however it ends.

use std::io::Write as _;

use serde_json::{Value, json};

use super::provider::{Asked, chat, delta, nobody, pause, provider, question, stop};
use super::support::{Call, Home, Recorder, assert_same, body, case, holds};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One block that is not compressed, and an empty last one.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let head = (u32::try_from(bytes.len()).unwrap() - 1) << 4 | 1 << 20;
    [&head.to_le_bytes()[..3], bytes, &[3]].concat()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn events() -> String {
    [delta("Hel"), delta("lo"), stop()].concat()
}

fn answer(mut asked: Asked) {
    let coded = |name: &str| format!("Content-Type: application/json\r\nContent-Encoding: {name}\r\n");
    let path = asked.path().to_owned();
    match path.rsplit('?').next().unwrap() {
        "gzip" => asked.answer("200 OK", &coded("gzip"), gzip(chat("Hello").to_string().as_bytes())),
        "br" => asked.answer("200 OK", &coded("br"), brotli(chat("Hello").to_string().as_bytes())),
        "zstd" => asked.answer("200 OK", &coded("zstd"), zstandard(chat("Hello").to_string().as_bytes())),
        "stream" => {
            asked.stream();
            for event in [delta("Hel"), delta("lo"), stop()] {
                asked.chunk(event);
                pause(20);
            }
            asked.end();
        }
        "gzipped-stream" => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\
                        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
            asked.write(head);
            gzip(events().as_bytes()).chunks(7).for_each(|piece| asked.chunk(piece));
            asked.end();
        }
        "error" => {
            let error =
                json!({"error": {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit"}});
            let headers = "Content-Type: application/json\r\nx-request-id: req_7\r\n";
            asked.answer("429 Too Many Requests", headers, error.to_string());
        }
        "raw" => asked.answer("200 OK", "Content-Type: application/octet-stream\r\n", [0, 255, 7]),
        "left" => {
            asked.stream();
            asked.chunk(delta("Hel"));
            asked.until_gone();
        }
        "broken" => {
            asked.stream();
            asked.chunk(delta("Hel"));
            pause(50);
        }
        "short" => asked
            .write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\""),
        "head" => asked.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"),
        "nothing" => asked.write("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
        "trailers" => {
            asked.stream();
            asked.chunk(delta("Hel"));
            asked.chunk(stop());
            asked.write("0\r\nx-sum: 7\r\n\r\n");
        }
        "early" => {
            asked.write("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
            asked.json_answer(&chat("Hello"));
        }
        _ => asked.json_answer(&chat("Hello")),
    }
}

fn said(record: &Value) -> Option<&str> {
    record["output_text"].as_str()
}

fn ended(record: &Value) -> [Option<&str>; 2] {
    [record["status"].as_str(), record["ended_by"].as_str()]
}

#[test]
fn whatever_passes_is_recorded() {
    let home = Home::new();
    let recorder = Recorder::with(
        &home,
        &provider(answer),
        &[&format!("upstream.gone.url={}", nobody()), "upstream.gone.provider=openai"],
    );
    let chats = "/v1/chat/completions";
    let asked = question("Hi");
    let post = |name: &str| recorder.post(&format!("{chats}?{name}"), &labelled(name), &asked);
    for name in ["json", "gzip", "br", "zstd", "stream", "gzipped-stream", "error", "trailers", "early"] {
        let seen = post(name).rest();
        assert!(seen.starts_with(b"HTTP/1.1 "), "{name}");
    }
    let squeezed = format!("{}Content-Encoding: gzip\r\n", labelled("squeezed"));
    assert_eq!(recorder.post(chats, &squeezed, gzip(asked.as_bytes())).status(), 200);
    recorder.call("GET", "/v1/who/knows?raw", &labelled("raw"), b"").rest();
    recorder.call("HEAD", "/v1/models?head", &labelled("head"), b"").rest();
    recorder.call("DELETE", "/v1/files/7?nothing", &labelled("nothing"), b"").rest();
    assert_eq!(recorder.post(&format!("/gone{chats}"), &labelled("gone"), &asked).status(), 502);
    let mut left = post("left");
    left.until("Hel");
    pause(100);
    drop(left);
    assert!(!holds(&post("broken").rest(), b"\r\n0\r\n"));
    post("short").rest();
    recorder.recorded(17);

    let records = home.export();
    assert_eq!(records.len(), 17);
    let get = |name: &str| case(&records, name);
    let chat_body = chat("Hello").to_string().into_bytes();
    for (name, wire) in [
        ("json", chat_body.clone()),
        ("gzip", gzip(&chat_body)),
        ("br", brotli(&chat_body)),
        ("zstd", zstandard(&chat_body)),
        ("stream", events().into_bytes()),
        ("gzipped-stream", gzip(events().as_bytes())),
        ("early", chat_body.clone()),
        ("squeezed", chat_body.clone()),
    ] {
        let record = get(name);
        assert_eq!(ended(record), [Some("ok"), Some("upstream")], "{name}");
        assert_eq!(said(record), Some("Hello"), "{name}");
        assert_eq!(record["input"][0]["parts"][0]["content"], "Hi", "{name}");
        assert_eq!(record["dialect"], "openai.chat", "{name}");
        assert_eq!(body(&record["raw"]["response"]), wire, "{name}");
        let sent = if name == "squeezed" { gzip(asked.as_bytes()) } else { asked.clone().into_bytes() };
        assert_eq!(body(&record["raw"]["request"]), sent, "{name}");
        assert_eq!(record["losses"], json!([]), "{name}");
    }
    assert_eq!(get("json")["usage"]["input"], 9);
    assert!(get("json")["cost"]["total"].as_f64().unwrap() > 0.0);
    assert_eq!(get("early")["raw"]["informational"][0][0], 103);
    assert_eq!(get("trailers")["raw"]["response"]["trailers"], json!([["x-sum", "7"]]));
    assert!(get("stream")["raw"]["response"]["chunks_us"].as_array().unwrap().len() >= 2);

    let error = get("error");
    assert_eq!((ended(error)[0], &error["http_status"]), (Some("error"), &json!(429)));
    assert_eq!(error["error"]["message"], "slow down");
    assert_eq!(error["upstream_request_id"], "req_7");
    let raw = get("raw");
    assert_eq!(body(&raw["raw"]["response"]), [0, 255, 7]);
    assert_eq!((raw.get("dialect"), ended(raw)[0]), (None, Some("ok")));
    let gone = get("gone");
    assert_eq!((ended(gone)[0], &gone["http_status"]), (Some("error"), &json!(502)));
    assert_eq!(gone["raw"]["response"]["ours"], true);
    assert!(gone["error"].to_string().contains("wiretape_upstream_unreachable"), "{}", gone["error"]);
    for (name, ends) in [("left", ["cancelled", "client"]), ("broken", ["interrupted", "upstream"])] {
        let record = get(name);
        assert_eq!(ended(record), ends.map(Some), "{name}");
        assert_eq!(said(record), Some("Hel"), "what was seen is kept: {name}");
        assert_eq!(body(&record["raw"]["response"]), delta("Hel").into_bytes(), "{name}");
    }
    assert_eq!(ended(get("short")), [Some("interrupted"), Some("upstream")]);
    assert_eq!(body(&get("short")["raw"]["response"]), b"{\"id\"");
    for (name, status) in [("head", 200), ("nothing", 204)] {
        let record = get(name);
        assert_eq!((&record["http_status"], ended(record)[0]), (&json!(status), Some("ok")), "{name}");
        assert_eq!(body(&record["raw"]["response"]), b"", "{name}");
    }
    told(&home, &records);
    recorder.stop();
    assert_same(&home.export(), &records, "when nothing runs");
    assert_eq!(home.tape(), Vec::<std::path::PathBuf>::new());
}

/// The other commands know the same calls.
fn told(home: &Home, records: &[Value]) {
    let listed = home.json(&["ls", "--json"]);
    assert_eq!(listed.len(), records.len());
    for record in records {
        let id = record["id"].as_str().unwrap();
        assert!(listed.iter().any(|row| row["id"] == id), "{id}");
        let shown: Value = serde_json::from_str(&home.run(&["show", id, "--json", "--raw"])).unwrap();
        assert_eq!(&shown, record);
        assert!(home.run(&["show", id]).contains(id));
    }
    let tailed = home.json(&["tail", "--no-follow", "--json", "--lines", "100"]);
    assert_eq!(tailed.len(), records.len());
    assert_eq!(home.json(&["ls", "--json", "--status", "interrupted"]).len(), 2);
    assert!(home.run(&["ls"]).contains("chat gpt-4.1"));
}

fn labelled(name: &str) -> String {
    format!("x-wiretape-case: {name}\r\n")
}

#[test]
fn labels_are_in_the_record_and_not_on_the_wire() {
    let home = Home::new();
    let heads = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&heads);
    let recorder = Recorder::start(
        &home,
        &provider(move |mut asked| {
            seen.lock().unwrap().push(asked.head.clone());
            asked.json_answer(&chat("Hello"));
        }),
    );
    let headers = "x-wiretape-session: s1\r\nx-wiretape-user: ann\r\nx-wiretape-tag: a,b\r\nX-Wiretape-Tag: c\r\n\
                   x-wiretape-team: core\r\nUser-Agent: tester/1.2 (x)\r\n";
    assert_eq!(recorder.post("/v1/chat/completions", headers, question("Hi")).status(), 200);
    let path = "/~session=s2,user=bob,tag=d,team=web/v1/chat/completions";
    assert_eq!(recorder.post(path, "", question("Hi")).status(), 200);
    recorder.recorded(2);
    for head in heads.lock().unwrap().iter() {
        assert!(!head.to_ascii_lowercase().contains("wiretape") && !head.contains('~'), "{head}");
    }
    let [first] = &home.json(&["export", "--session", "s1"])[..] else { panic!("one") };
    assert_eq!((&first["user"], &first["labels"]), (&json!("ann"), &json!({"team": "core"})));
    assert_eq!(first["tags"], json!(["a", "b", "c"]));
    assert_eq!(first["client"], json!({"name": "tester", "version": "1.2"}));
    let [second] = &home.json(&["export", "--tag", "d"])[..] else { panic!("one") };
    assert_eq!((&second["user"], &second["session_id"]), (&json!("bob"), &json!("s2")));
    assert_eq!(second["labels"], json!({"team": "web"}));
    assert_eq!(home.json(&["ls", "sessions", "--json"]).len(), 2);
    recorder.stop();
}

#[test]
fn many_calls_at_once_are_each_there_once() {
    let home = Home::new();
    let recorder = Recorder::start(
        &home,
        &provider(|mut asked| {
            let asked_for = asked.json()["messages"][0]["content"].as_str().unwrap().to_owned();
            asked.json_answer(&chat(&asked_for));
        }),
    );
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let recorder = &recorder;
            scope.spawn(move || {
                for number in 0..25 {
                    let text = format!("{thread}-{number}");
                    let call: Call = recorder.post("/v1/chat/completions", "", question(&text));
                    assert!(holds(&call.rest(), text.as_bytes()));
                }
            });
        }
    });
    recorder.recorded(200);
    let records = home.export();
    assert_eq!(records.len(), 200);
    for record in &records {
        assert_eq!(record["output_text"], record["input"][0]["parts"][0]["content"]);
    }
    recorder.stop();
}
