//! What goes out and comes in again, and the command about it.

use std::process::Stdio;

use serde_json::{Value, json};
use wiretape::export::{FORMATS, Wanted, format};
use wiretape::model::{Annotation, AnnotationId, AnnotationKind, Micros, ObservationId, Target, TraceId};

use wiretape::redact::{Config, Redactor};

use crate::calls::{Made, SECRET, everything, request, response, said};
use crate::forms::check;
use crate::support::Place;

fn of(record: &Value, key: &str) -> String {
    record[key].as_str().unwrap().to_owned()
}

async fn import(from: &Place, form: &str, flags: &[&str]) -> Place {
    let into = Place::new(&[]).await;
    let file = into.folder.join("out");
    let file = file.to_str().unwrap();
    let mut arguments = vec!["export", "--format", form, "-o", file];
    arguments.extend(flags);
    assert!(from.command(&arguments).output().unwrap().status.success());
    for _ in 0..2 {
        let output = into.command(&["import", file]).output().unwrap();
        assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    }
    into
}

#[tokio::test]
async fn records_come_back_with_what_people_added() {
    let from = Place::new(&everything()).await;
    let first = &from.records().await[0];
    let targets = [
        Target::Observation(ObservationId::parse(&of(first, "id")).unwrap()),
        Target::Trace(TraceId::parse(&of(first, "trace_id")).unwrap()),
        Target::Session(of(first, "session_id")),
    ];
    for (target, number) in targets.into_iter().zip(1..) {
        let annotation = Annotation {
            id: AnnotationId(number),
            target,
            kind: AnnotationKind::Score,
            name: Some("helpful".to_owned()),
            value: Some(0.5.into()),
            comment: Some("so so".to_owned()),
            author: None,
            at: Micros(1_000_000),
        };
        assert!(from.store.annotate(annotation).await.unwrap());
    }
    let before = from.records().await;
    assert_eq!(before[0]["annotations"].as_array().unwrap().len(), 3);
    let into = import(&from, "jsonl", &["--raw"]).await;
    assert_eq!(into.records().await, before);
}

#[tokio::test]
async fn what_came_without_its_exchange_is_exported_all_the_same() {
    let from = Place::new(&everything()).await;
    let into = import(&from, "jsonl", &[]).await;
    for name in ["jsonl", "openai-finetune", "sharegpt"] {
        let form = format(name).unwrap();
        let lines = |(bytes, _): (Vec<u8>, u64)| -> Vec<Value> {
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let before = lines(from.export(form, Wanted::default()).await);
        let after = lines(into.export(form, Wanted::default()).await);
        assert_eq!(before.len(), after.len(), "{name}");
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after, "{name}");
        }
    }
    for form in FORMATS {
        let (bytes, _) = into.export(form, Wanted::default()).await;
        check(form.name, &bytes);
    }
}

#[tokio::test]
async fn archives_come_back_as_the_exchanges_they_were() {
    let mut exchanges = everything();
    exchanges.extend(crate::fixture::all().iter().map(|fixture| fixture.exchange(100)));
    // Rules of redaction hold on the way in, here as there.
    let redactor = Redactor::new(&Config::default(), |_| "fp:0123456789abcdef".to_owned()).unwrap();
    for exchange in &mut exchanges {
        redactor.redact(exchange);
    }
    assert!(exchanges.len() > 300);
    let from = Place::new(&exchanges).await;
    let into = import(&from, "har", &[]).await;
    let (before, after) = (from.records().await, into.records().await);
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        let (mut before, mut after) = (before.clone(), after.clone());
        // Fixtures are all of one moment, in which nothing comes before anything else.
        if before["upstream"] == "test" {
            for key in ["trace_id", "session_id", "parent_id", "prior_id", "links", "side", "attempt"] {
                before.as_object_mut().unwrap().shift_remove(key);
                after.as_object_mut().unwrap().shift_remove(key);
            }
        }
        let encoded = before["raw"]["response"]["headers"].to_string().contains("content-encoding");
        if encoded || before["raw"]["upgrade"] == true {
            // What was compressed or masked is plain now, and says so.
            for side in ["request", "response"] {
                for record in [&mut before, &mut after] {
                    let side = record["raw"][side].as_object_mut().unwrap();
                    side.retain(|key, _| {
                        !matches!(key.as_str(), "body" | "body_b64" | "decoded" | "chunks_us")
                    });
                }
            }
        }
        for (key, value) in before.as_object().unwrap() {
            assert_eq!(Some(value), after.get(key), "{key} of {}", before["id"]);
        }
        assert_eq!(before, after);
    }
}

/// Sizes of bodies are those of what went by, and those of contents are of what is there, whatever redaction left of them.
#[tokio::test]
async fn archives_tell_the_sizes_of_what_was_not_kept() {
    let mut calls = Made::new();
    let asked = request(&json!([said("user", "Hello?")])).to_string();
    let answered = response(&said("assistant", "Hello."), "stop").to_string();
    let encoded = |name: &str| {
        crate::calls::headers(&[("content-type", "application/json"), ("content-encoding", name)])
    };
    let (packed, behind) = (zstd::encode_all(answered.as_bytes(), 3).unwrap(), b"and more".as_slice());
    for (encoding, bytes) in [("my-own", b"\0\x01\x02".to_vec()), ("zstd", [&packed, behind].concat())] {
        let exchange = calls.exchange(asked.as_bytes(), 200, "", &bytes);
        exchange.head.as_mut().unwrap().headers = encoded(encoding);
    }
    calls.exchange(asked.as_bytes(), 200, "application/json", answered.as_bytes());
    let redactor = Redactor::new(&Config::default(), |_| "fp:0123456789abcdef".to_owned()).unwrap();
    for exchange in &mut calls.all {
        redactor.redact(exchange);
    }
    // What is done where redaction itself fails.
    let failed = calls.all.last_mut().unwrap();
    failed.redactions = vec!["everything: the redaction failed".to_owned()];
    failed.request.lose();
    failed.response.lose();

    let place = Place::new(&calls.all).await;
    let (archive, _) = place.export(format("har").unwrap(), Wanted::default()).await;
    let archive: Value = serde_json::from_slice(&archive).unwrap();
    let size = |bytes: usize| u64::try_from(bytes).unwrap();
    let sizes = [
        (size(asked.len()), 3, 0, 3),
        (size(asked.len()), size(packed.len() + behind.len()), size(answered.len()), size(behind.len())),
        (0, size(answered.len()), 0, size(answered.len())),
    ];
    for (entry, (sent, body, content, lost)) in
        archive["log"]["entries"].as_array().unwrap().iter().zip(sizes)
    {
        let (request, response) = (&entry["request"], &entry["response"]);
        assert_eq!(request["bodySize"], asked.len());
        assert_eq!(request["postData"]["text"].as_str().map_or(0, |text| size(text.len())), sent);
        assert_eq!((&response["bodySize"], &response["content"]["size"]), (&json!(body), &json!(content)));
        assert_eq!(response["content"]["text"].as_str().map_or(0, |text| size(text.len())), content);
        assert_eq!(entry["_wiretape"]["response"]["lost_bytes"], lost);
        assert!(!entry["_wiretape"]["redactions"].as_array().unwrap().is_empty());
    }
}

/// An archive as a browser writes it: names in any case, credentials, other sites.
#[tokio::test]
async fn archives_of_others_are_read_as_if_they_had_gone_by() {
    let asked = request(&json!([said("user", "Hello?")]));
    let answered = response(&said("assistant", &format!("Hello, {SECRET}.")), "stop");
    let entry = |url: &str, mime: &str, text: &str| {
        json!({
            "startedDateTime": "2026-11-21T12:00:00.000+01:00", "time": 100.5, "cache": {},
            "timings": {"blocked": -1, "send": 0.5, "wait": 60, "receive": 40},
            "request": {
                "method": "POST", "url": url, "httpVersion": "h2", "cookies": [], "queryString": [], "headersSize": -1, "bodySize": 9,
                "headers": [{"name": ":authority", "value": "x"}, {"name": "Authorization", "value": "Bearer sk-secret-of-a-browser-1234567890"}],
                "postData": {"mimeType": "application/json", "text": asked.to_string()},
            },
            "response": {
                "status": 200, "statusText": "OK", "httpVersion": "h2", "cookies": [], "redirectURL": "", "headersSize": -1, "bodySize": 9,
                "headers": [{"name": "Content-Type", "value": mime}, {"name": "content-encoding", "value": "br"}],
                "content": {"size": text.len(), "mimeType": mime, "text": text},
            },
        })
    };
    let archive = json!({"log": {"version": "1.2", "creator": {"name": "browser [\"entries\"]", "version": "1"}, "pages": [{"id": "[{\"entries\":["}], "entries": [
        entry("https://api.openai.com/v1/chat/completions?api_key=sk-in-the-query-1234567890", "application/json", &answered.to_string()),
        entry("https://fonts.example.com/font.css", "text/css", "body {}"),
    ]}});
    let place = Place::new(&[]).await;
    std::fs::write(place.folder.join("browser.har"), serde_json::to_vec_pretty(&archive).unwrap()).unwrap();
    let output = place.command(&["import", "browser.har"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && told.contains("1 taken in, 0 lines left out, 1 of other sites"),
        "{told}"
    );
    let records = place.records().await;
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["provider"], "openai");
    assert_eq!(record["start_time"], "2026-11-21T11:00:00.000000Z");
    assert_eq!(record["duration_ms"], 100.5);
    assert_eq!(record["output_text"], format!("Hello, {SECRET}."));
    assert_eq!(record.get("ttft_ms"), None);
    assert_eq!(record["usage"]["input"], 100);
    let all = record.to_string();
    assert!(!all.contains("sk-secret") && !all.contains("sk-in-the-query"), "{all}");
    assert!(all.contains("Bearer fp:"), "{all}");
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut made = Made::new();
    for number in 0..40 {
        let long = "x".repeat(10_000);
        let messages = json!([said("user", &format!("{number} {long}"))]);
        made.call(&request(&messages), 200, &response(&said("assistant", &long), "stop"));
    }
    let place = Place::new(&made.all).await;
    for form in FORMATS {
        let mut command = place.command(&["export", "--raw", "--format", form.name]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}: {}", form.name, output.stderr.escape_ascii());
        assert!(output.stderr.is_empty(), "{}: {}", form.name, output.stderr.escape_ascii());
    }
}

#[tokio::test]
async fn a_file_appears_when_it_is_whole_and_not_otherwise() {
    let place = Place::new(&everything()).await;
    let export = |arguments: &[&str]| {
        let mut all = vec!["export", "-o", "out.jsonl"];
        all.extend(arguments);
        place.command(&all).output().unwrap()
    };
    assert!(export(&[]).status.success());
    let whole = std::fs::read(place.folder.join("out.jsonl")).unwrap();
    // What ends early leaves what was there.
    assert_eq!(export(&["--store", "sqlite:none.db"]).status.code(), Some(1));
    assert_eq!(std::fs::read(place.folder.join("out.jsonl")).unwrap(), whole);
    let wrong = place.command(&["export", "-o", "no/such/folder/out"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    let names = std::fs::read_dir(&place.folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_str().unwrap().contains(".part")));
    for arguments in [&["--format", "paper"][..], &["--sample", "200%"], &["--sample", "x"], &["--seed", "1"]]
    {
        assert_eq!(export(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
