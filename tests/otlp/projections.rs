//! What each destination is told of one record, written down by hand: their names are not ours to choose.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use wiretape::export::otlp::{
    Coding, Form, Mode, PROJECTIONS, Request, Semconv, Servers, Step, projection, span_to_json,
};

use super::collector::attributes;

fn fixture(name: &str) -> Map<String, Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/otlp/{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn servers() -> Servers {
    BTreeMap::from([("anthropic".to_owned(), ("api.anthropic.com".to_owned(), 443))])
}

fn step(change: impl FnOnce(&mut Map<String, Value>)) -> Step {
    let mut record = fixture("record");
    change(&mut record);
    Step::of(&record, &servers()).unwrap()
}

#[test]
fn each_destination_is_told_in_its_own_words() {
    for own in PROJECTIONS {
        let name = own.names[0];
        let said = attributes(&span_to_json(&Form::of(own).span(&step(|_| {}))));
        let expected = fixture(name);
        for key in said.keys().chain(expected.keys()) {
            assert_eq!(said.get(key), expected.get(key), "{name}: {key}");
        }
    }
}

#[test]
fn a_span_has_the_records_ids_and_times() {
    let span = span_to_json(&Form::of(projection("genai").unwrap()).span(&step(|_| {})));
    for (key, value) in [
        ("traceId", json!("0af7651916cd43dd8448eb211c80319c")),
        ("spanId", json!("00000000000000aa")),
        ("parentSpanId", json!("00000000000000bb")),
        ("name", json!("chat claude-opus-5")),
        ("kind", json!(3)),
        ("startTimeUnixNano", json!("1795262400000000000")),
        ("endTimeUnixNano", json!("1795262402000000000")),
        ("status", json!({"code": 1})),
    ] {
        assert_eq!(span[key], value, "{key}");
    }
}

#[test]
fn the_newer_names_are_said_where_they_are_wanted() {
    let said = |semconv| {
        let form = Form { semconv, ..Form::of(projection("genai").unwrap()) };
        let said = attributes(&span_to_json(&form.span(&step(|_| {}))));
        ["gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens"]
            .map(|key| said.contains_key(key))
    };
    assert_eq!(said(Semconv::V41), [true, false]);
    assert_eq!(said(Semconv::Main), [false, true]);
    assert_eq!(said(Semconv::Both), [true, true]);
}

#[test]
fn what_went_wrong_is_said_as_an_exception() {
    let failed = step(|record| {
        record.insert("status".to_owned(), "error".into());
        record.insert("error".to_owned(), json!({"type": "overloaded_error", "message": "busy"}));
    });
    for own in PROJECTIONS {
        let span = span_to_json(&Form::of(own).span(&failed));
        assert_eq!(span["status"], json!({"code": 2, "message": "busy"}));
        assert_eq!(span["events"][0]["name"], "exception");
        assert_eq!(attributes(&span)["error.type"], "overloaded_error");
    }
    // A client that leaves made no mistake.
    let left = step(|record| {
        record.insert("status".to_owned(), "cancelled".into());
    });
    let span = span_to_json(&Form::of(projection("genai").unwrap()).span(&left));
    assert_eq!(
        (&span["status"]["code"], attributes(&span)["wiretape.status"].as_str()),
        (&json!(0), Some("cancelled"))
    );
}

#[test]
fn nothing_that_was_said_goes_along_where_that_is_wanted() {
    for own in PROJECTIONS {
        let form = Form { content: Mode::None, ..Form::of(own) };
        let span = span_to_json(&form.span(&step(|_| {}))).to_string();
        for said in ["Tides", "noon", "brief", "Simple", "look_up"] {
            assert!(!span.contains(said), "{}: {said} in {span}", own.names[0]);
        }
        assert!(span.contains("claude-opus-5"));
    }
}

#[test]
fn both_codings_lead_back() {
    let form = Form::of(projection("genai").unwrap());
    let request: Request = form.request(vec![form.span(&step(|_| {}))]);
    for coding in [Coding::Protobuf, Coding::Json] {
        assert_eq!(coding.decode(&coding.encode(&request)).unwrap(), request, "{coding:?}");
        assert!(coding.decode(b"\xff").is_err());
    }
}
