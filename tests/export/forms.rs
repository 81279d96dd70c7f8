//! Whether a file is what its form says.

use std::collections::HashSet;

use serde_json::Value;
use wiretape::export::otlp::Coding;

/// How many things are in a file, where the form tells; a file that is not well-formed panics.
pub fn check(form: &str, bytes: &[u8]) -> Option<usize> {
    match form {
        "jsonl" => {
            Some(lines(bytes, |record| assert!(record["id"].is_string() && record["start_time"].is_string())))
        }
        "har" => Some(har(bytes)),
        "csv" => Some(csv(bytes)),
        "parquet" => Some(parquet(bytes)),
        "openai-finetune" => Some(lines(bytes, finetune)),
        "sharegpt" => Some(lines(bytes, sharegpt)),
        "atif" => Some(lines(bytes, atif)),
        "markdown" => Some(markdown(bytes)),
        "html" => Some(page(bytes)),
        "otlp" | "openinference" => {
            Some(text(bytes).lines().map(|line| spans(Coding::Json, line.as_bytes())).sum())
        }
        "otlp-protobuf" => Some(spans(Coding::Protobuf, bytes)),
        _ => None,
    }
}

/// How many roots there are; each other span has the ids that it must have.
fn spans(coding: Coding, bytes: &[u8]) -> usize {
    let request = coding.decode(bytes).unwrap();
    let all = request.resource_spans.iter().flat_map(|own| &own.scope_spans).flat_map(|own| &own.spans);
    all.filter(|span| {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
        assert!(span.parent_span_id.is_empty() == span.name.starts_with("invoke_agent"), "{}", span.name);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        span.parent_span_id.is_empty()
    })
    .count()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// An object a line.
fn lines(bytes: &[u8], each: impl Fn(&Value)) -> usize {
    let text = text(bytes);
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| each(&serde_json::from_str(line).unwrap())).count()
}

fn har(bytes: &[u8]) -> usize {
    let archive: Value = serde_json::from_slice(bytes).unwrap();
    assert_eq!(archive["log"]["version"], "1.2");
    let entries = archive["log"]["entries"].as_array().unwrap();
    for entry in entries {
        let timings = entry["timings"].as_object().unwrap().values().map(|took| took.as_f64().unwrap());
        assert!((timings.sum::<f64>() - entry["time"].as_f64().unwrap()).abs() < 1e-6);
        assert!(entry["request"]["url"].as_str().unwrap().contains("://"));
        for side in ["request", "response"] {
            assert!(entry[side]["headers"].is_array() && entry[side]["bodySize"].is_i64(), "{side}");
        }
    }
    entries.len()
}

/// RFC 4180, read by the letter: as many fields in each record, quotes in quotes doubled.
pub fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut rest = text(bytes).chars().peekable();
    let mut in_quotes = false;
    while let Some(c) = rest.next() {
        match c {
            '"' if in_quotes && rest.peek() == Some(&'"') => field.extend(rest.next()),
            '"' if in_quotes => in_quotes = false,
            _ if in_quotes => field.push(c),
            '"' => {
                assert!(field.is_empty(), "a quote within a field");
                in_quotes = true;
            }
            ',' => row.push(std::mem::take(&mut field)),
            '\r' => {
                assert_eq!(rest.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\n' => panic!("a line break that is no CR LF"),
            _ => field.push(c),
        }
    }
    assert!(!in_quotes && row.is_empty() && field.is_empty());
    rows
}

fn csv(bytes: &[u8]) -> usize {
    let rows = rows(bytes);
    let (names, rows) = rows.split_first().unwrap();
    for row in rows {
        assert_eq!(row.len(), names.len());
        assert!(row.iter().all(|field| !field.starts_with(['=', '+', '@'])), "{row:?}");
    }
    rows.len()
}

#[cfg(feature = "parquet")]
fn parquet(bytes: &[u8]) -> usize {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let reader = SerializedFileReader::new(bytes::Bytes::copy_from_slice(bytes)).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap).count();
    assert_eq!(i64::try_from(rows).unwrap(), reader.metadata().file_metadata().num_rows());
    rows
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &[u8]) -> usize {
    panic!("there is no such form without the feature")
}

/// What OpenAI's documentation asks of an example.
fn finetune(example: &Value) {
    let messages = example["messages"].as_array().unwrap();
    let mut open: HashSet<&str> = HashSet::new();
    for message in messages {
        let role = message["role"].as_str().unwrap();
        assert!(["system", "user", "assistant", "tool"].contains(&role));
        if role == "tool" {
            assert!(open.remove(message["tool_call_id"].as_str().unwrap()), "a result without its call");
            assert!(message["content"].is_string());
            continue;
        }
        assert!(open.is_empty(), "a call without its result: {open:?}");
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            assert_eq!(role, "assistant");
            let arguments = call["function"]["arguments"].as_str().unwrap();
            assert!(serde_json::from_str::<Value>(arguments).unwrap().is_object());
            assert!(open.insert(call["id"].as_str().unwrap()), "one id twice");
        }
        let is_said = message["content"].as_str().is_some_and(|content| !content.is_empty())
            || message["content"].is_array();
        assert!(is_said || message["tool_calls"].is_array(), "nothing is said");
        assert!(message.get("weight").is_none_or(|weight| weight == 0 || weight == 1));
    }
    assert_eq!(messages.last().unwrap()["role"], "assistant");
    for tool in example["tools"].as_array().into_iter().flatten() {
        assert!(tool["type"] == "function" && tool["function"]["name"].is_string());
    }
}

/// Questions and answers by turns.
fn sharegpt(example: &Value) {
    let turns = example["conversations"].as_array().unwrap();
    assert!(turns.len() >= 2 && turns.len().is_multiple_of(2));
    for (at, turn) in turns.iter().enumerate() {
        let allowed = if at.is_multiple_of(2) { ["human", "observation"] } else { ["gpt", "function_call"] };
        assert!(allowed.contains(&turn["from"].as_str().unwrap()), "{turn}");
        let value = turn["value"].as_str().unwrap();
        if turn["from"] == "function_call" {
            assert!(serde_json::from_str::<Value>(value).is_ok());
        }
    }
    if let Some(tools) = example.get("tools") {
        assert!(serde_json::from_str::<Value>(tools.as_str().unwrap()).unwrap().is_array());
    }
}

fn atif(trajectory: &Value) {
    assert_eq!(trajectory["schema_version"], "ATIF-v1.7");
    assert!(trajectory["agent"]["name"].is_string() && trajectory["agent"]["version"].is_string());
    let steps = trajectory["steps"].as_array().unwrap();
    assert!(!steps.is_empty());
    for (step, number) in steps.iter().zip(1..) {
        assert_eq!(step["step_id"], number);
        assert!(step["message"].is_string());
        let calls = step["tool_calls"].as_array().into_iter().flatten();
        let calls: HashSet<&str> = calls.map(|call| call["tool_call_id"].as_str().unwrap()).collect();
        for result in step["observation"]["results"].as_array().into_iter().flatten() {
            assert!(calls.contains(result["source_call_id"].as_str().unwrap()));
        }
    }
    for inner in trajectory["subagent_trajectories"].as_array().into_iter().flatten() {
        assert!(inner["trajectory_id"].is_string());
        atif(inner);
    }
}

/// Headings of traces, outside of code.
fn markdown(bytes: &[u8]) -> usize {
    let mut fence = None;
    let mut count = 0;
    // What stands in a quotation has marks of its own.
    for line in text(bytes).lines().filter(|line| !line.starts_with('>')) {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(own) if ticks >= own && line.len() == ticks => fence = None,
            None if line.starts_with("# ") => count += 1,
            _ => {}
        }
    }
    assert_eq!(fence, None, "code that does not end");
    count
}

fn page(bytes: &[u8]) -> usize {
    let text = text(bytes);
    assert!(text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</html>"));
    for hostile in ["<script", "<img src=x", "<link", "@import", "url(http", "src=\"http"] {
        assert!(!text.contains(hostile), "{hostile}");
    }
    assert!(text.contains("default-src 'none'"));
    text.matches("<section>").count()
}
