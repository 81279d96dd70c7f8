//! What applications send stands in the trace of the calls that it belongs to, and a call that both saw is one.

use serde_json::{Value, json};
use wiretape::export::otlp::{Coding, gzip};

use super::calls::{call, model};
use super::support::{Call, Home, Recorder, one, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const START: u64 = 1_000_000_000;

/// A span of an application's.
fn span(id: &str, parent: Option<&str>, name: &str, attributes: &[(&str, Value)]) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let now = u64::try_from(now).unwrap();
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => json!({"stringValue": text}),
                Value::Number(number) => json!({"intValue": number.to_string()}),
                other => json!({"stringValue": other.to_string()}),
            };
            json!({"key": key, "value": value})
        })
        .collect();
    let mut span = json!({"traceId": TRACE, "spanId": id, "name": name, "kind": 1,
        "startTimeUnixNano": (now - 5 * START).to_string(), "endTimeUnixNano": (now + 5 * START).to_string(),
        "attributes": attributes});
    if let Some(parent) = parent {
        span["parentSpanId"] = parent.into();
    }
    span
}

fn request(spans: &[Value]) -> Value {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "own", "version": "1"}, "spans": spans}]}]})
}

fn post(recorder: &Recorder, path: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n"
    );
    let answer = Call::raw(&recorder.web, &[head.as_bytes(), body].concat()).rest();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&answer[..end]).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer[end + 4..].to_vec())
}

const JSON: &str = "Content-Type: application/json\r\n";

fn send(recorder: &Recorder, spans: &[Value]) {
    let (status, body) = post(recorder, "/v1/traces", JSON, request(spans).to_string().as_bytes());
    assert_eq!((status, body.as_slice()), (200, &b"{}"[..]));
}

/// What OpenLLMetry says of the call that the model answers with this id.
fn told(id: &str, parent: &str, response: Option<&str>) -> Value {
    let mut said = vec![
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.system", json!("openai")),
        ("gen_ai.request.model", json!("gpt-4.1")),
        ("gen_ai.usage.input_tokens", json!(1200)),
        ("gen_ai.usage.output_tokens", json!(80)),
        ("gen_ai.prompt.0.role", json!("user")),
        ("gen_ai.prompt.0.content", json!("Tides?")),
        ("gen_ai.completion.0.role", json!("assistant")),
        ("gen_ai.completion.0.content", json!("At noon.")),
        ("traceloop.association.properties.session_id", json!("s-9")),
        ("own.thing", json!("kept")),
    ];
    said.extend(response.map(|response| ("gen_ai.response.id", json!(response))));
    span(id, Some(parent), "openai.chat", &said)
}

fn ask(recorder: &Recorder, headers: &str) {
    call(recorder, "ann", headers, &json!([{"role": "user", "content": "Tides?"}]), false);
}

/// The records once there are so many.
fn records(home: &Home, count: usize) -> Vec<Value> {
    let mut records = Vec::new();
    until("all is there", || {
        records = home.json(&["export"]);
        records.len() >= count
    });
    records
}

/// A root, a look-up in a database, and the call: whichever way round they come, they come to the same.
fn joined(wire_first: bool, traceparent: bool, response_id: bool, inner: bool) {
    let home = Home::new();
    let mut recorder = Recorder::start(&home, &model());
    let root = span("00000000000000a1", None, "handle", &[("langfuse.observation.type", json!("chain"))]);
    let look_up = span(
        "00000000000000a2",
        Some("00000000000000a1"),
        "search",
        &[("openinference.span.kind", json!("RETRIEVER")), ("input.value", json!("tides"))],
    );
    let told = told("00000000000000a3", "00000000000000a1", response_id.then_some("chatcmpl-ann-1"));
    let client =
        span("00000000000000a4", Some("00000000000000a3"), "POST", &[("http.request.method", json!("POST"))]);
    let current = if inner { "00000000000000a4" } else { "00000000000000a3" };
    let header =
        if traceparent { format!("traceparent: 00-{TRACE}-{current}-01\r\n") } else { String::new() };
    let spans: Vec<Value> = if inner { vec![client, look_up, told, root] } else { vec![look_up, told, root] };
    let count = spans.len() + 1;
    if wire_first {
        ask(&recorder, &header);
        recorder.recorded(1);
    }
    // One by one, as they end.
    spans.iter().for_each(|span| send(&recorder, std::slice::from_ref(span)));
    if !wire_first {
        // What an earlier run was told is known.
        recorder.stop();
        recorder = Recorder::start(&home, &model());
        ask(&recorder, &header);
        recorder.recorded(1);
    }
    let records = records(&home, count);
    recorder.stop();
    let case = format!(
        "wire first {wire_first}, traceparent {traceparent}, id {response_id}, inner {inner}: {records:#?}"
    );
    assert_eq!(records.len(), count, "{case}");
    assert!(records.iter().all(|record| record["trace_id"] == TRACE), "{case}");
    let generation = one(&records, |record| record["type"] == "generation");
    assert!(generation["exchange_id"].is_string(), "{case}");
    assert_eq!(generation["parent_id"], "00000000000000a1", "{case}");
    assert_eq!(generation["session_id"], "s-9", "{case}");
    let double = one(&records, |record| record["side"] == "double");
    assert_eq!(
        (&double["id"], &double["parent_id"]),
        (&json!("00000000000000a3"), &generation["id"]),
        "{case}"
    );
    assert!(double["usage"].is_null(), "{case}");
    assert_eq!(double["attributes"]["own.thing"], "kept", "{case}");
    assert_eq!(double["output_text"], "At noon.", "{case}");
    let retriever = one(&records, |record| record["type"] == "retriever");
    assert_eq!(
        (&retriever["parent_id"], &retriever["input_value"]),
        (&json!("00000000000000a1"), &json!("tides")),
        "{case}"
    );
    let traces = home.json(&["ls", "traces", "--json"]);
    assert_eq!((traces.len(), &traces[0]["generations"]), (1, &json!(1)), "{traces:#?}");
    let shown = home.run(&["show", TRACE]);
    assert!(shown.contains("handle") && !shown.contains("openai.chat"), "{shown}");
}

#[test]
fn a_call_that_an_sdk_saw_is_one_with_the_one_on_the_wire() {
    for wire_first in [true, false] {
        joined(wire_first, true, true, false);
        // Its client propagates nothing.
        joined(wire_first, false, true, false);
        // It knows no ids of answers, and the HTTP client has a span of its own.
        joined(wire_first, true, false, true);
    }
}

#[test]
fn a_call_stands_under_the_span_it_was_made_in() {
    for wire_first in [true, false] {
        let home = Home::new();
        let recorder = Recorder::start(&home, &model());
        let root = span(
            "00000000000000a1",
            None,
            "handle",
            &[("session.id", json!("s-1")), ("user.id", json!("eve"))],
        );
        if !wire_first {
            send(&recorder, std::slice::from_ref(&root));
        }
        ask(&recorder, &format!("traceparent: 00-{TRACE}-00000000000000a1-01\r\n"));
        recorder.recorded(1);
        if wire_first {
            send(&recorder, &[root]);
        }
        let records = records(&home, 2);
        recorder.stop();
        let call = one(&records, |record| record["type"] == "generation");
        assert_eq!(
            (&call["parent_id"], &call["caller_span_id"]),
            (&json!("00000000000000a1"), &json!("00000000000000a1"))
        );
        assert_eq!(call["trace_id"], TRACE);
        let root = one(&records, |record| record["name"] == "handle");
        assert_eq!(
            (&root["type"], &root["user"], &root["client"]["name"]),
            (&json!("span"), &json!("eve"), &json!("shop"))
        );
        let shown = home.run(&["show", TRACE]);
        assert!(shown.contains("handle") && shown.contains("gpt-4.1"), "{shown}");
    }
}

#[test]
fn spans_come_in_every_coding_and_at_every_address() {
    let home = Home::new();
    let recorder = Recorder::start(&home, &model());
    let own = |number: usize| request(&[span(&format!("{number:016x}"), None, "step", &[])]);
    let protobuf =
        |number| Coding::Protobuf.encode(&Coding::Json.decode(own(number).to_string().as_bytes()).unwrap());
    let packed = "Content-Encoding: gzip\r\n";
    let binary = "Content-Type: application/x-protobuf\r\n";
    let all = [
        ("/v1/traces", binary.to_owned(), protobuf(1)),
        ("/api/public/otel/v1/traces", format!("{binary}{packed}"), gzip(&protobuf(2))),
        ("/otel/v1/traces", format!("{JSON}{packed}"), gzip(own(3).to_string().as_bytes())),
        ("/api/v1/private/otel/v1/traces", JSON.to_owned(), own(4).to_string().into_bytes()),
    ];
    for (path, headers, body) in all {
        let (status, answer) = post(&recorder, path, &headers, &body);
        assert_eq!(status, 200, "{path}");
        assert!(answer.is_empty() || answer == b"{}", "{path}");
    }
    assert_eq!(records(&home, 4).len(), 4);
    assert_eq!(recorder.metric("ingested_spans_total"), 4);
    // What is not kept here is told of, and no SDK tries again.
    let (status, answer) = post(&recorder, "/v1/metrics", JSON, b"{}");
    assert!(status == 200 && String::from_utf8(answer).unwrap().contains("keeps traces"));
    for (headers, body, expected) in [
        ("Content-Type: text/plain\r\n".to_owned(), &b"x"[..], 415),
        (JSON.to_owned(), &b"{"[..], 400),
        (binary.to_owned(), &b"\xff\xff"[..], 400),
        (format!("{JSON}{packed}"), &b"{}"[..], 400),
        (format!("{JSON}Content-Encoding: br\r\n"), &b"{}"[..], 415),
    ] {
        assert_eq!(post(&recorder, "/v1/traces", &headers, body).0, expected, "{headers}");
    }
    recorder.stop();
}

#[test]
fn what_cannot_be_taken_is_said_and_the_rest_is_taken() {
    let home = Home::new();
    let recorder = Recorder::start(&home, &model());
    let mut short = span("00000000000000a1", None, "short", &[]);
    short["traceId"] = "0af7".into();
    let body = request(&[
        short,
        span("0000000000000000", None, "none", &[]),
        span("00000000000000a3", None, "good", &[]),
    ]);
    let (status, answer) = post(&recorder, "/v1/traces", JSON, body.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!((status, &answer["partialSuccess"]["rejectedSpans"]), (200, &json!("2")));
    let records = records(&home, 1);
    assert_eq!((records.len(), &records[0]["name"]), (1, &json!("good")));
    // The same again is not there twice.
    send(&recorder, &[span("00000000000000a3", None, "good", &[])]);
    assert_eq!(home.json(&["export"]).len(), 1);
    recorder.stop();
}

#[test]
fn secrets_stay_out_of_what_applications_send() {
    let home = Home::new();
    let recorder = Recorder::start(&home, &model());
    let key = format!("sk-ant-api03-{}", "a1B2".repeat(24));
    let said = [("input.value", json!(format!("use {key}"))), ("note", json!(key))];
    send(&recorder, &[span("00000000000000a1", None, "step", &said)]);
    let records = records(&home, 1);
    recorder.stop();
    let text = records[0].to_string();
    assert!(!text.contains(&key) && text.contains("redactions"), "{text}");
}
