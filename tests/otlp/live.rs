//! What is recorded goes out as it comes.

use serde_json::{Value, json};

use super::calls::{SPANS, model, turn};
use super::collector::{Collector, attributes, named};
use super::support::{Home, Recorder, one};

/// A recorder that keeps up with a collector. Times are short: nothing else comes.
pub fn recorder(home: &Home, collector: &Collector, more: &[&str]) -> Recorder {
    recorder_before(home, &model(), collector, more)
}

pub fn recorder_before(home: &Home, model: &str, collector: &Collector, more: &[&str]) -> Recorder {
    let url = format!("export.c.url={}", collector.url);
    let mut settings = vec![url.as_str(), "export.c.settle=50ms", "export.c.idle=300ms"];
    settings.extend(more);
    Recorder::with(home, model, &settings)
}

pub fn count(recorder: &Recorder, name: &str) -> u64 {
    recorder.metric(&format!("export_{name}{{destination=\"c\"}}"))
}

#[test]
fn a_turn_is_a_tree_under_a_root_of_its_own() {
    let (home, collector) = (Home::new(), Collector::start());
    let recorder =
        recorder(&home, &collector, &["export.c.headers=x-key: $HOME,x-own: 1", "export.c.environment=test"]);
    turn(&recorder, "ann", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
    collector.until(SPANS);
    recorder.stop();
    let spans = collector.spans();
    assert_eq!(spans.len(), SPANS, "{spans:#?}");
    let root = one(&spans, |span| span["parentSpanId"].is_null());
    let tool = named(&spans, "execute_tool look_up");
    let mut calls: Vec<&Value> = spans.iter().filter(|span| span["name"] == "chat gpt-4.1").collect();
    calls.sort_by_key(|call| call["startTimeUnixNano"].as_str().unwrap().to_owned());
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!((&call["parentSpanId"], &call["kind"]), (&root["spanId"], &json!(3)));
        let link = &call["links"][0];
        assert_eq!(
            (&link["traceId"], &link["spanId"]),
            (&json!("0af7651916cd43dd8448eb211c80319c"), &json!("b7ad6b7169203331"))
        );
    }
    assert!(spans.iter().all(|span| span["traceId"] == root["traceId"]));
    assert_eq!(tool["parentSpanId"], calls[0]["spanId"]);
    let said = attributes(tool);
    assert_eq!(said["gen_ai.tool.call.arguments"], r#"{"what":"tides"}"#);
    assert_eq!(said["gen_ai.tool.call.result"], "noon");
    let said = attributes(calls[0]);
    assert_eq!(said["gen_ai.usage.cache_read.input_tokens"], 1000);
    assert_eq!(said["server.address"], "127.0.0.1");
    let said = attributes(root);
    assert!(said["gen_ai.input.messages"].as_str().unwrap().contains("asks ann"), "{said:?}");
    assert!(said["gen_ai.output.messages"].as_str().unwrap().contains("At noon."), "{said:?}");
    let (head, body) = &collector.requests()[0];
    assert!(head.starts_with("POST /v1/traces HTTP/1.1") && head.contains("x-key: /nonexistent"), "{head}");
    let resource = &body["resourceSpans"][0]["resource"];
    assert_eq!(attributes(resource)["deployment.environment.name"], "test");
}

#[test]
fn the_callers_span_is_the_parent_where_the_user_says_so() {
    let (home, collector) = (Home::new(), Collector::start());
    let more =
        ["export.c.parent=caller", "export.c.json=true", "export.c.gzip=false", "export.c.content=none"];
    let recorder = recorder(&home, &collector, &more);
    turn(&recorder, "ann", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n");
    collector.until(SPANS);
    recorder.stop();
    let spans = collector.spans();
    let under: Vec<&Value> = spans.iter().filter(|span| span["parentSpanId"] == "b7ad6b7169203331").collect();
    assert_eq!(under.len(), 3, "both calls and the root: {spans:#?}");
    assert!(spans.iter().all(|span| span["traceId"] == "0af7651916cd43dd8448eb211c80319c"));
    let (head, body) = &collector.requests()[0];
    assert!(head.contains("application/json") && !head.contains("gzip"), "{head}");
    let said = body.to_string();
    assert!(!said.contains("high water") && !said.contains("noon"), "{said}");
}

#[test]
fn what_a_destination_does_not_want_is_not_sent() {
    let (home, collector) = (Home::new(), Collector::start());
    let recorder = recorder(&home, &collector, &["export.c.user=bob"]);
    turn(&recorder, "ann", "");
    turn(&recorder, "bob", "");
    collector.until(SPANS);
    recorder.stop();
    let users: Vec<Value> =
        collector.spans().iter().map(|span| attributes(span)["user.id"].clone()).collect();
    assert_eq!(users, vec![json!("bob"); SPANS]);
}

#[test]
fn what_was_recorded_before_is_left_to_push() {
    let (home, collector) = (Home::new(), Collector::start());
    let model = model();
    let before = Recorder::start(&home, &model);
    turn(&before, "ann", "");
    before.recorded(2);
    before.stop();
    let recorder = recorder_before(&home, &model, &collector, &[]);
    turn(&recorder, "bob", "");
    collector.until(SPANS);
    recorder.stop();
    assert!(collector.spans().iter().all(|span| attributes(span)["user.id"] == "bob"));
}
