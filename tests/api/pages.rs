//! Pages: each address is one for browsers and one for programs.

use super::support::*;

const HTML: &[(&str, &str)] = &[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")];

#[test]
fn every_page_answers_browsers_and_programs() {
    let place = Place::demo(&[]);
    let call = place.first("/api/calls?type=generation");
    let (trace, session) = (place.first("/api/traces"), place.first("/api/sessions"));
    let prompts = place.json("/api/prompts");
    let version = prompts["items"][0]["prompt_version"].as_str().unwrap();
    let paths = [
        "/live".to_owned(),
        "/calls".to_owned(),
        "/traces".to_owned(),
        "/sessions".to_owned(),
        "/prompts".to_owned(),
        "/dashboard".to_owned(),
        "/health".to_owned(),
        format!("/calls/{call}"),
        format!("/traces/{trace}"),
        format!("/traces/{trace}/conversation"),
        format!("/sessions/{session}"),
        format!("/sessions/{session}/conversation"),
        format!("/prompts/{version}"),
    ];
    for path in &paths {
        let page = place.send("GET", path, HTML, "");
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        assert!(page.text().starts_with("<!DOCTYPE html>"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let json = place.json(&format!("{path}.json"));
        assert!(json.is_object());
        let accepted = place.send("GET", path, &[("Accept", "application/json")], "");
        assert_eq!(accepted.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(
            place.get(&format!("/api{path}")).header("content-type"),
            Some("application/json"),
            "{path}"
        );
    }
    assert_eq!(place.get("/").header("location"), Some("/live"));
    let compare = place.send("GET", &format!("/compare?a={call}&b={call}"), HTML, "");
    assert_eq!(compare.status, 200);
}

#[test]
fn what_is_not_there_is_said_in_the_form_that_was_asked_for() {
    let place = Place::empty(&[]);
    for path in [
        "/calls/0000000000000001",
        "/calls/x",
        "/traces/x",
        "/traces/00000000000000000000000000000001",
        "/sessions/none",
        "/nothing",
        "/prompts/none",
    ] {
        let page = place.send("GET", path, HTML, "");
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().starts_with("<!DOCTYPE html>"), "{path}");
        let json = place.get(&format!("/api{path}"));
        assert_eq!(json.status, 404, "{path}");
        assert_eq!(json.json()["error"]["status"], 404);
    }
    let mistyped = place.get("/api/calls?modle=x");
    assert_eq!(mistyped.status, 400);
    assert!(mistyped.json()["error"]["message"].as_str().unwrap().contains("model"));
    // Nothing is there yet: pages say what to do next, with the lines to paste for this very address.
    let empty = place.send("GET", "/calls", HTML, "");
    assert!(empty.text().contains(&place.proxy), "{}", empty.text());
}

#[test]
fn assets_are_kept_and_ask_for_nothing_outside() {
    let place = Place::empty(&[]);
    let page = place.send("GET", "/calls", HTML, "");
    let mut count = 0;
    for address in page.text().split('"').filter(|text| text.starts_with("/assets/")) {
        let asset = place.get(address);
        assert_eq!(asset.status, 200, "{address}");
        assert!(asset.header("cache-control").unwrap().contains("immutable"), "{address}");
        count += 1;
    }
    assert!(count > 3);
    for address in page.text().split(['"', '\'', '(']).filter(|text| text.starts_with("http")) {
        assert!(address.starts_with(&format!("http://{}", place.proxy)), "{address}");
    }
}

#[test]
fn forms_add_and_lead_back() {
    let place = Place::demo(&[]);
    let id = place.first("/api/traces");
    let form = [("Accept", "text/html"), ("Content-Type", "application/x-www-form-urlencoded")];
    let added =
        place.send("POST", &format!("/traces/{id}/annotations"), &form, "kind=tag&value=a%20red%20one");
    assert_eq!((added.status, added.header("location")), (303, Some(format!("/traces/{id}").as_str())));
    let own = place.json(&format!("/api/traces/{id}"))["annotations"][0].clone();
    assert_eq!(own["name"], "a red one");
    assert_eq!(place.json("/api/traces?tag=a%20red%20one")["items"][0]["id"], id.as_str());
    let delete = format!("delete={}", own["id"].as_str().unwrap());
    assert_eq!(place.send("POST", &format!("/traces/{id}/annotations"), &form, &delete).status, 303);
    assert_eq!(place.json(&format!("/api/traces/{id}"))["annotations"].as_array().unwrap().len(), 0);
}
