//! Reads a corpus of recorded exchanges, given its folder, and writes what was read in the form its judge takes:
//! `WIRETAPE_CORPUS=FOLDER cargo test --test dialects corpus -- --ignored`, then the corpus' own `compare.py`.
//!
//! A corpus is files of JSON lines: `{"id", "provider", "method", "url", "request_headers": [[name, value]], "request_body":
//! {"text"} or {"b64"}, "status", "response_headers", "response_body"}`, unpacked into `FOLDER`.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::{Value, json};
use wiretape::dialect;
use wiretape::model::Reading;

use crate::record::exchange;

/// As the judge takes it.
pub fn judged(id: &str, reading: &Reading) -> Value {
    let answered = &reading.answered;
    let calls = answered.tool_calls();
    let calls: Vec<Value> =
        calls.map(|(id, name, arguments)| json!({"id": id, "name": name, "arguments": arguments})).collect();
    // The judge has a number where the provider sent one.
    let word = |word: &String| word.parse::<u64>().map_or_else(|_| json!(word), Value::from);
    let finish = match answered.finish_reasons.as_slice() {
        [] => Value::Null,
        [one] => word(one),
        many => many.iter().map(word).collect(),
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
