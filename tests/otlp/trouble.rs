//! What goes wrong on the way costs time and nothing else.

use serde_json::Value;
use wiretape::export::otlp::Request;

use super::calls::{SPANS, call, model, turn};
use super::collector::{Collector, Reply};
use super::live::{count, recorder, recorder_before};
use super::support::{Call, Home, until};

fn holds(request: &Request, name: &str) -> bool {
    let spans = request.resource_spans.iter().flat_map(|own| &own.scope_spans).flat_map(|own| &own.spans);
    spans.into_iter().any(|span| span.name == name)
}

fn once(collector: &Collector, spans: usize) {
    let counted = collector.counted();
    assert_eq!(counted.len(), spans, "{counted:?}");
    assert!(counted.values().all(|count| *count == 1), "{counted:?}");
}

#[test]
fn an_outage_and_a_restart_lose_nothing_and_send_nothing_twice() {
    let (home, collector) = (Home::new(), Collector::saying(|_| Reply::Drop));
    let model = model();
    let first = recorder_before(&home, &model, &collector, &[]);
    turn(&first, "ann", "");
    turn(&first, "bob", "");
    first.recorded(4);
    until("it has been tried", || count(&first, "failed_total") > 0);
    let ready =
        Call::raw(&first.web, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let ready = String::from_utf8(ready.rest()).unwrap();
    assert!(ready.contains(r#""destination":"c""#) && ready.contains("broke off"), "{ready}");
    first.kill();
    let second = recorder_before(&home, &model, &collector, &[]);
    turn(&second, "cyd", "");
    until("it has been tried again", || count(&second, "failed_total") > 0);
    assert_eq!(collector.spans(), Vec::<Value>::new());
    collector.says(|_| Reply::Take);
    collector.until(3 * SPANS);
    until("nothing waits", || count(&second, "waiting") == 0);
    second.stop();
    once(&collector, 3 * SPANS);
}

#[test]
fn a_destination_that_asks_for_time_gets_it() {
    let (home, collector) =
        (Home::new(), Collector::saying(|_| Reply::Status("429 Too Many Requests", "Retry-After: 1\r\n")));
    let recorder = recorder(&home, &collector, &[]);
    turn(&recorder, "ann", "");
    until("it has been asked", || !collector.requests().is_empty());
    collector.says(|_| Reply::Status("503 Service Unavailable", ""));
    let asked = collector.requests().len();
    until("it has been asked again", || collector.requests().len() > asked);
    collector.says(|_| Reply::Take);
    collector.until(SPANS);
    until("nothing waits", || count(&recorder, "waiting") == 0);
    recorder.stop();
    once(&collector, SPANS);
}

#[test]
fn a_wrong_key_is_no_fault_of_the_spans() {
    let (home, collector) = (Home::new(), Collector::saying(|_| Reply::Status("401 Unauthorized", "")));
    let recorder = recorder(&home, &collector, &[]);
    turn(&recorder, "ann", "");
    until("it has been tried", || count(&recorder, "failed_total") > 1);
    assert_eq!((count(&recorder, "parked_total"), count(&recorder, "sent_total")), (0, 0));
    collector.says(|_| Reply::Take);
    collector.until(SPANS);
    recorder.stop();
}

#[test]
fn what_a_destination_leaves_out_is_counted_and_not_sent_again() {
    let (home, collector) = (Home::new(), Collector::saying(|_| Reply::Partial(1)));
    let recorder = recorder(&home, &collector, &[]);
    turn(&recorder, "ann", "");
    collector.until(SPANS);
    until("nothing waits", || count(&recorder, "waiting") == 0);
    let requests = collector.requests().len() as u64;
    assert_eq!(count(&recorder, "rejected_total"), requests);
    recorder.stop();
    once(&collector, SPANS);
}

#[test]
fn a_span_that_is_refused_is_kept_aside_alone() {
    let bad = |request: &Request| match holds(request, "chat bad-model") {
        true => Reply::Status("400 Bad Request", ""),
        false => Reply::Take,
    };
    let (home, collector) = (Home::new(), Collector::saying(bad));
    let recorder = recorder(&home, &collector, &[]);
    let body = r#"{"model":"bad-model","user":"bob","messages":[{"role":"user","content":"x"}]}"#;
    assert_eq!(recorder.post("/v1/chat/completions", "", body).status(), 404);
    turn(&recorder, "ann", "");
    until("one was refused", || count(&recorder, "parked_total") == 1);
    collector.until(SPANS);
    let url = format!("export.c.url={}", collector.url);
    let listed = home.json(&["push", "--parked", "--json", "--set", &url]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["destination"], &listed[0]["of"]), (&"c".into(), &"step".into()));
    assert!(listed[0]["why"].as_str().unwrap().contains("HTTP 400"), "{listed:?}");
    collector.says(|_| Reply::Take);
    home.run(&["push", "c", "--retry", "--set", &url]);
    until("it was tried again", || collector.spans().iter().any(|span| span["name"] == "chat bad-model"));
    recorder.stop();
    assert_eq!(home.run(&["push", "--parked", "--set", &url]), "");
}

#[test]
fn a_span_that_is_too_large_goes_with_less_of_what_was_said() {
    let (home, collector) = (Home::new(), Collector::start());
    let recorder = recorder(&home, &collector, &["export.c.batch_bytes=64KiB"]);
    let text = super::support::noise(200_000, 7);
    let messages = serde_json::json!([{"role": "user", "content": text}]);
    call(&recorder, "ann", "", &messages, false);
    collector.until(2);
    recorder.stop();
    let spans = collector.spans();
    let said = super::collector::attributes(super::collector::named(&spans, "chat gpt-4.1"));
    assert_eq!(said["wiretape.content"], "preview");
    assert!(said["gen_ai.input.messages"].as_str().unwrap().len() < 1000);
}
