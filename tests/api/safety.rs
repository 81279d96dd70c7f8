//! Who may see what, and what other sites' pages cannot do.

use super::support::*;

const TOKEN: &str = "web.token=a long random text of the owner's";
const READ: &str = "web.read_token=a long random text for those who look";
const OWNER: (&str, &str) = ("Authorization", "Bearer a long random text of the owner's");
const READER: (&str, &str) = ("Authorization", "Bearer a long random text for those who look");

#[test]
fn with_a_token_nothing_is_seen_without_it() {
    let place = Place::empty(&[TOKEN, READ]);
    for path in [
        "/calls",
        "/api/calls",
        "/live/events",
        "/export",
        "/metrics",
        "/health",
        "/openapi",
        "/nothing",
        "/calls/../calls",
    ] {
        let answer = place.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(!answer.text().contains("items"), "{path}");
    }
    for path in ["/healthz", "/readyz", "/login"] {
        assert_eq!(place.get(path).status, 200, "{path}");
    }
    let browser = place.send("GET", "/calls?model=x", &[("Accept", "text/html")], "");
    assert_eq!(browser.status, 303);
    assert!(browser.header("location").unwrap().starts_with("/login?next=%2F"), "{browser:?}");
    for who in [OWNER, READER] {
        assert_eq!(place.send("GET", "/api/calls", &[who], "").status, 200);
    }
    assert_eq!(place.send("GET", "/api/calls", &[("Authorization", "Bearer nobody's")], "").status, 401);
    // With a token the name in the address is no longer what keeps strangers out.
    assert_eq!(place.send("GET", "/api/calls", &[("Host", "tape.example"), OWNER], "").status, 200);
}

#[test]
fn a_login_gives_a_cookie_that_pages_cannot_read() {
    let place = Place::empty(&[TOKEN, READ]);
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let body = "token=a+long+random+text+of+the+owner%27s&next=%2Fcalls%3Fmodel%3Dx";
    let logged = place.send("POST", "/login", &[form], body);
    assert_eq!((logged.status, logged.header("location")), (303, Some("/calls?model=x")));
    let cookie = logged.header("set-cookie").unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("random"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(place.send("GET", "/api/calls", &[("Cookie", cookie)], "").status, 200);
    let wrong = place.send("POST", "/login", &[form], "token=guess");
    assert_eq!(wrong.status, 401);
    assert!(wrong.header("set-cookie").is_none());
    // Nobody is sent on to another site.
    for next in [
        "%2F%2Fevil.example",
        "https%3A%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "calls",
        "%2F%0D%0ASet-Cookie%3A%20a=b",
    ] {
        let logged = place.send(
            "POST",
            "/login",
            &[form],
            &format!("token=a+long+random+text+of+the+owner%27s&next={next}"),
        );
        assert_eq!(logged.header("location"), Some("/"), "{next}");
    }
    let gone = place.send("POST", "/logout", &[("Cookie", cookie)], "");
    assert!(gone.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[test]
fn who_guesses_has_to_wait_and_who_knows_has_not() {
    let place = Place::empty(&[TOKEN]);
    let statuses: Vec<u16> = (0..15)
        .map(|number| place.send("POST", "/login", &[], &format!("token=guess{number}")).status)
        .collect();
    assert_eq!((statuses[0], statuses[14]), (401, 429), "{statuses:?}");
    assert_eq!(place.send("GET", "/api/calls", &[OWNER], "").status, 200);
    assert_eq!(place.send("GET", "/api/calls", &[("Authorization", "Bearer guess")], "").status, 429);
}

#[test]
fn a_reader_changes_nothing() {
    let place = Place::demo(&[TOKEN, READ]);
    let list = place.send("GET", "/api/calls", &[READER], "").json();
    let id = list["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/calls/{id}/annotations");
    assert_eq!(place.send("POST", &path, &[READER], r#"{"kind":"pin"}"#).status, 403);
    let spans = ("Content-Type", "application/json");
    assert_eq!(place.send("POST", "/v1/traces", &[READER, spans], r#"{"resourceSpans":[]}"#).status, 403);
    assert_eq!(place.send("POST", "/v1/traces", &[OWNER, spans], r#"{"resourceSpans":[]}"#).status, 200);
    let added = place.send("POST", &path, &[OWNER], r#"{"kind":"pin"}"#);
    assert_eq!(added.status, 201);
    let own = format!("/api/annotations/{}", added.json()["id"].as_str().unwrap());
    assert_eq!(place.send("DELETE", &own, &[READER], "").status, 403);
    assert_eq!(place.send("DELETE", &own, &[OWNER], "").status, 204);
}

#[test]
fn other_sites_reach_nothing() {
    let place = Place::demo(&[]);
    // A name of a stranger's that was made to lead here.
    for host in ["evil.example", "evil.example:4751", "127.0.0.1.evil.example"] {
        for path in ["/calls", "/api/calls", "/live/events", "/metrics", "/export"] {
            let answer = place.send("GET", path, &[("Host", host)], "");
            assert_eq!(answer.status, 421, "{host} {path}");
        }
    }
    let id = place.first("/api/calls");
    let path = format!("/calls/{id}/annotations");
    let forged = [
        vec![("Origin", "http://evil.example")],
        vec![("Origin", "null")],
        vec![("Sec-Fetch-Site", "cross-site")],
        vec![("Sec-Fetch-Site", "same-site")],
    ];
    for headers in &forged {
        let answer = place.send("POST", &path, headers, "kind=pin");
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    // As a script, a picture or a frame of another site's page.
    let embedded = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    assert_eq!(place.send("GET", "/api/calls", &embedded, "").status, 403);
    let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Accept", "text/html")];
    let followed = place.send("GET", "/calls", &link, "");
    assert_eq!(followed.status, 200);
    assert_eq!(followed.header("x-frame-options"), Some("DENY"));
    assert_eq!(followed.header("cross-origin-resource-policy"), Some("same-origin"));
    assert!(followed.header("access-control-allow-origin").is_none());
    assert_eq!(place.json(&format!("/api/calls/{id}"))["annotations"].as_array().unwrap().len(), 0);
}

#[test]
fn paths_lead_nowhere_but_to_pages() {
    let place = Place::empty(&[]);
    let paths = [
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/assets/..%5c..%5cetc",
        "//etc/passwd",
        "/assets/page.css%00.js",
        "/calls/..%2f..%2fetc%2fpasswd",
        "/sessions/%2e%2e",
        "/api/../etc",
        "/api//calls",
        "/.json",
        "/api/.json",
        "/traces/%ff",
        "/sessions/%ff%fe",
    ];
    for path in paths {
        let answer = place.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.body.windows(5).any(|five| five == b"root:"), "{path}");
    }
    let long = format!("/calls?search={}", "a".repeat(20_000));
    assert!(place.get(&long).status < 500);
}

#[test]
fn an_open_address_needs_a_token() {
    let place = Place::empty(&[]);
    assert_eq!(place.get("/api/calls").status, 200);
    let checked = std::process::Command::new(env!("CARGO_BIN_EXE_wiretape"))
        .args(["check", "--set", "web.listen=0.0.0.0:4751"])
        .env_clear()
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert!(!checked.status.success());
    assert!(String::from_utf8(checked.stderr).unwrap().contains("web.token"));
}
