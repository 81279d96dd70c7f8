//! Every answer has the shape that the description gives it, and everything described answers.

use serde_json::Value;
use wiretape::web::openapi::{OPERATIONS, document};

use super::support::*;

/// What of a value is not of its shape.
fn wrong(document: &Value, shape: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = shape["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return wrong(document, &document["components"]["schemas"][name], value, at, found);
    }
    for each in shape["allOf"].as_array().into_iter().flatten() {
        wrong(document, each, value, at, found);
    }
    let kinds: Vec<&str> = match &shape["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    };
    if !kinds.iter().any(|kind| is(kind)) {
        found.push(format!("{at}: {kinds:?} expected, got {value}"));
        return;
    }
    if let Some(known) = shape["enum"].as_array()
        && !known.contains(value)
    {
        found.push(format!("{at}: {value} is none of {known:?}"));
    }
    if shape["format"] == "date-time" && !value.as_str().is_some_and(|time| time.ends_with('Z')) {
        found.push(format!("{at}: {value} is no time"));
    }
    for name in shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, shape) in shape["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            wrong(document, shape, value, &format!("{at}.{name}"), found);
        }
    }
    if let Some(items) = shape.get("items") {
        for (number, item) in value.as_array().into_iter().flatten().enumerate() {
            wrong(document, items, item, &format!("{at}[{number}]"), found);
        }
    }
    if let Some(others) = shape.get("additionalProperties") {
        for (name, value) in value.as_object().into_iter().flatten() {
            wrong(document, others, value, &format!("{at}.{name}"), found);
        }
    }
}

/// The answers of an operation, with everything that it takes.
fn asked(place: &Place, path: &str) -> Vec<String> {
    let all = place.json("/api/calls?limit=200&type=generation");
    let calls: Vec<&str> =
        all["items"].as_array().unwrap().iter().filter_map(|item| item["id"].as_str()).collect();
    let each = |list: &str| -> Vec<String> {
        let list = place.json(list);
        let ids =
            list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned());
        ids.collect()
    };
    match path {
        "/api/calls/{id}" => calls.iter().map(|id| format!("/api/calls/{id}?raw=1")).collect(),
        _ if path.starts_with("/api/calls/{id}") => vec![path.replace("{id}", calls[0])],
        _ if path.starts_with("/api/traces/{id}") => {
            each("/api/traces?limit=100").iter().map(|id| path.replace("{id}", id)).collect()
        }
        _ if path.starts_with("/api/sessions/{id}") => {
            each("/api/sessions?limit=100").iter().map(|id| path.replace("{id}", id)).collect()
        }
        "/api/compare" => vec![format!("/api/compare?a={}&b={}", calls[0], calls[1])],
        "/api/prompts/{version}" => {
            let prompts = place.json("/api/prompts");
            let version = prompts["items"][0]["prompt_version"].as_str().unwrap();
            let other = prompts["items"][1]["prompt_version"].as_str().unwrap();
            vec![format!("/api/prompts/{version}"), format!("/api/prompts/{version}?other={other}")]
        }
        "/api/calls" | "/api/traces" | "/api/sessions" => {
            vec![
                path.to_owned(),
                format!("{path}?facets=1&limit=3&status=error"),
                format!("{path}?search=the"),
            ]
        }
        "/api/dashboard" => ["model", "provider", "client", "user", "tag", "prompt_version"]
            .map(|by| format!("{path}?by={by}&since=2d"))
            .into(),
        _ => vec![path.to_owned()],
    }
}

#[test]
fn every_answer_has_its_shape() {
    let place = Place::demo(&[]);
    let document = document();
    assert_eq!(place.json("/api/openapi.json"), document);
    let mut found = Vec::new();
    for operation in OPERATIONS.iter().filter(|operation| operation.method == "get") {
        if operation.answer == "text/event-stream" {
            continue;
        }
        for path in asked(&place, operation.path) {
            let answer = place.get(&path);
            assert_eq!(answer.status, operation.status, "{path}: {}", answer.body.escape_ascii());
            let described = &document["paths"][operation.path]["get"]["responses"]["200"]["content"];
            match described["application/json"]["schema"].as_object() {
                Some(shape) => {
                    wrong(&document, &Value::Object(shape.clone()), &answer.json(), &path, &mut found);
                }
                None => assert!(!answer.body.is_empty(), "{path}"),
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_people_add_is_answered_and_taken_back() {
    let place = Place::demo(&[]);
    let document = document();
    let shape = &document["components"]["schemas"]["Annotation"];
    for list in ["calls", "traces", "sessions"] {
        let id = place.first(&format!("/api/{list}"));
        let path = format!("/api/{list}/{id}");
        let body = r#"{"kind":"score","name":"helpful","value":0.75,"comment":"so so","author":"ada"}"#;
        let added = place.send("POST", &format!("{path}/annotations"), &[], body);
        assert_eq!(added.status, 201, "{}", added.text());
        let mut found = Vec::new();
        wrong(&document, shape, &added.json(), "added", &mut found);
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(place.json(&path)["annotations"][0], added.json());
        assert_eq!(place.json(&format!("/api/{list}"))["items"][0]["annotations"][0]["value"], 0.75);
        let own = added.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(place.send("DELETE", &format!("/api/annotations/{own}"), &[], "").status, 204);
        assert_eq!(place.send("DELETE", &format!("/api/annotations/{own}"), &[], "").status, 404);
        assert_eq!(place.json(&path)["annotations"].as_array().unwrap().len(), 0);
    }
    let bad = place.send("POST", "/api/calls/0000000000000001/annotations", &[], r#"{"kind":"pin"}"#);
    assert_eq!(bad.status, 404);
    let id = place.first("/api/calls");
    for body in ["{", "[]", r#"{"kind":"score"}"#, r#"{"kind":"note","comment":7}"#, ""] {
        let answer = place.send("POST", &format!("/api/calls/{id}/annotations"), &[], body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[test]
fn lists_are_walked_to_their_end() {
    let place = Place::demo(&[]);
    let all = place.json("/api/calls?limit=1000");
    let all: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    let (mut walked, mut after) = (Vec::new(), String::new());
    loop {
        let page = place.json(&format!("/api/calls?limit=7{after}"));
        walked.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(walked.iter().collect::<Vec<_>>(), all);
    // A long trace comes in parts, and its conversation too.
    for kind in ["", "/conversation"] {
        let session = place.first("/api/sessions");
        let key = if kind.is_empty() { "steps" } else { "messages" };
        let whole = place.json(&format!("/api/sessions/{session}{kind}?limit=2000"));
        let (mut parts, mut from) = (Vec::new(), 0);
        loop {
            let part = place.json(&format!("/api/sessions/{session}{kind}?limit=5&from={from}"));
            parts.extend(part[key].as_array().unwrap().clone());
            match part["next_from"].as_u64() {
                Some(next) => from = next,
                None => break,
            }
        }
        assert_eq!(&parts, whole[key].as_array().unwrap(), "{kind}");
    }
}

#[test]
fn bodies_are_answered_byte_for_byte() {
    let place = Place::demo(&[]);
    let calls = place.json("/api/calls?type=generation&status=ok&limit=5");
    for call in calls["items"].as_array().unwrap() {
        let id = call["id"].as_str().unwrap();
        let record = place.json(&format!("/api/calls/{id}?raw=true"));
        for side in ["request", "response"] {
            let answer = place.get(&format!("/api/calls/{id}/{side}"));
            let recorded = record["record"]["raw"][side]["body"].as_str().unwrap();
            assert_eq!(answer.text(), recorded);
            assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
            assert!(answer.header("content-disposition").unwrap().starts_with("attachment"));
        }
    }
}

#[test]
fn exports_are_those_of_the_command_line() {
    let place = Place::demo(&[]);
    let all = place.get("/api/export");
    let lines: Vec<Value> = all.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), place.json("/api/calls?limit=1000")["items"].as_array().unwrap().len());
    let some = place.get("/export?format=jsonl&status=error&no_content=1&limit=3");
    assert_eq!(some.text().lines().count(), 3);
    assert!(!some.text().contains("\"input\":["));
    assert_eq!(place.get("/export?format=paper").status, 400);
    assert_eq!(place.get("/export?sample=lots").status, 400);
    let csv = place.get("/export?format=csv");
    assert!(csv.header("content-disposition").unwrap().contains("wiretape.csv"), "{csv:?}");
    assert_eq!(place.get("/export?redact=1&limit=1").status, 200);
}
