//! Reads a corpus of recorded exchanges, given its folder, and writes what was read in the form its judge takes:
//! `WIRETAPE_CORPUS=FOLDER cargo test --test dialects corpus -- --ignored`, then the corpus' own `compare.py`.
//!
//! A corpus is files of JSON lines: `{"id", "provider", "method", "url", "request_headers": [[name, value]], "request_body":
//! {"text"} or {"b64"}, "status", "response_headers", "response_body"}`, unpacked into `FOLDER`.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wiretape::dialect;
use wiretape::model::{Body, Chunk, Ending, Exchange, ExchangeId, Head, Headers, Micros, Reading};

fn bytes(body: &Value) -> Vec<u8> {
    match (body.get("text"), body.get("b64")) {
        (Some(text), _) => text.as_str().unwrap().as_bytes().to_vec(),
        (None, Some(text)) => STANDARD.decode(text.as_str().unwrap()).unwrap(),
        (None, None) => Vec::new(),
    }
}

fn headers(list: &Value) -> Headers {
    let mut lines = String::new();
    for pair in list.as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap_or_default());
        if !name.eq_ignore_ascii_case("content-encoding") && !value.contains('\n') {
            write!(lines, "{}: {value}\r\n", name.to_ascii_lowercase()).unwrap();
        }
    }
    Headers::from_lines(lines.into_bytes())
}

fn body(json: &Value) -> Body {
    let bytes = bytes(json);
    let chunks = vec![Chunk { after: 1, length: bytes.len() as u64 }];
    Body { bytes: bytes.into(), chunks, end: Some((Micros(1), Ending::Complete)), ..Body::default() }
}

fn exchange(record: &Value) -> Exchange {
    let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let url = text("url");
    let path =
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    Exchange {
        id: ExchangeId::new(Micros(1), 1),
        upstream: text("provider"),
        provider: text("provider"),
        dialect: None,
        method: text("method"),
        target: None,
        forwarded: path.to_owned(),
        version: "HTTP/1.1".to_owned(),
        headers: headers(&record["request_headers"]),
        labels: Vec::new(),
        upgrade: false,
        began: Micros(0),
        request: body(&record["request_body"]),
        informational: Vec::new(),
        head: Some(Head {
            at: Micros(1),
            status: record["status"].as_u64().unwrap().try_into().unwrap(),
            version: "HTTP/1.1".to_owned(),
            headers: headers(&record["response_headers"]),
            ours: false,
        }),
        response: body(&record["response_body"]),
        redactions: Vec::new(),
    }
}

/// As the judge takes it.
pub fn judged(id: &str, reading: &Reading) -> Value {
    let answered = &reading.answered;
    let calls = answered.tool_calls();
    let calls: Vec<Value> =
        calls.map(|(id, name, arguments)| json!({"id": id, "name": name, "arguments": arguments})).collect();
    let finish = match answered.finish_reasons.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        many => json!(many),
    };
    let usage = answered.usage.as_ref().map(|usage| {
        let cached = usage.cache_read.unwrap_or_default() + usage.cache_write.unwrap_or_default();
        json!({
            "input_total": usage.input, "input_uncached": usage.input.map(|input| input.saturating_sub(cached)),
            "cache_read": usage.cache_read, "cache_write": usage.cache_write,
            "output_total": usage.output, "reasoning": usage.reasoning,
        })
    });
    json!({
        "id": id, "dialect": reading.dialect, "model": answered.model, "response_id": answered.id,
        "finish_reason": finish, "output_text": answered.text(), "reasoning_text": answered.reasoning(),
        "tool_calls": calls, "usage": usage, "error": answered.error.as_ref().map(|error| error.to_json()),
        "stream_complete": answered.complete,
    })
}

#[test]
#[ignore = "needs a corpus"]
fn corpus() {
    let folder = std::env::var_os("WIRETAPE_CORPUS").expect("WIRETAPE_CORPUS names the corpus' folder");
    let (mut known, mut unknown) = (0, 0);
    let mut out = String::new();
    for file in std::fs::read_dir(Path::new(&folder)).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        for line in BufReader::new(std::fs::File::open(path).unwrap()).lines() {
            let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if record.get("response_body").is_none() {
                continue;
            }
            let readings = dialect::read(&exchange(&record)).expect("no reader panics");
            let id = record["id"].as_str().unwrap();
            match readings.first() {
                Some(reading) => {
                    writeln!(out, "{}", judged(id, reading)).unwrap();
                    known += 1;
                }
                None => unknown += 1,
            }
        }
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&target).unwrap();
    std::fs::write(target.join("readings.jsonl"), out).unwrap();
    println!("{known} read, {unknown} in no dialect: target/readings.jsonl");
}
