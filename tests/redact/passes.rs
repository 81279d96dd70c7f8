//! What secrets hide from each other, and what stands for secrets: a further pass finds nothing.

use serde_json::json;
use wiretape::model::Label;
use wiretape::redact::{Config, Redactor, RuleConfig, Scope};

use crate::support::*;

fn all() -> Redactor {
    redactor(&["keys", "cards", "emails", "phones", "ssn"])
}

fn own(patterns: &[&str]) -> Redactor {
    let rule = |pattern: &&str| {
        let config = RuleConfig { pattern: Some((*pattern).to_owned()), scope: Scope::Both };
        (format!("own-{pattern}").replace(|c: char| !c.is_ascii_alphanumeric(), "-"), config)
    };
    let own = patterns.iter().map(rule).collect();
    with(&Config { rules: vec!["keys".to_owned()], own, ..Config::default() })
}

/// A text, gone through: as it is, in a document, and in a document within one. A second time nothing is found.
fn text(redactor: &Redactor, text: &str) -> String {
    let plain = answer(redactor, "text/plain", text.as_bytes()).0;
    assert_eq!(answer(redactor, "text/plain", &plain).0, plain);
    let plain = String::from_utf8(plain).unwrap();
    let document = |text: &str| json!({"a": text, "b": json!([text]).to_string()}).to_string();
    let inner = answer(redactor, "application/json", document(text).as_bytes()).0;
    assert_eq!(String::from_utf8(inner.clone()).unwrap(), document(&plain));
    assert_eq!(answer(redactor, "application/json", &inner).0, inner);
    plain
}

const PEM: &str = "-----BEGIN PRIVATE KEY-----";
const SSN: &str = "123-45-6789";
const CARD: &str = "4111111111111111";

#[test]
fn what_stands_against_a_secret_is_found_as_if_that_were_gone() {
    let pem = stand_in("keys", PEM);
    let ssn = stand_in("ssn", SSN);
    assert_eq!(text(&all(), &format!("{SSN}.{PEM}")), format!("{ssn}.{pem}"));
    assert_eq!(text(&all(), &format!("{SSN}{PEM}")), format!("{ssn}{pem}"));
    let whole = format!("{PEM}MIIE-----END PRIVATE KEY-----");
    let made = format!("{}{}{pem}", stand_in("keys", &whole), stand_in("ssn", "123-45-6789."));
    assert_eq!(text(&all(), &format!("{whole}{SSN}.{PEM}")), made, "what touches one goes with its word");
    let email = stand_in("emails", "me@example.org");
    assert_eq!(
        text(&all(), &format!("me@example.org{CARD} ")),
        format!("{email}{} ", stand_in("cards", CARD))
    );
    // A stop between two of them is a number's, and neither one is a secret then.
    assert_eq!(text(&all(), "123-45-6789.123-45-6789"), "123-45-6789.123-45-6789");
}

#[test]
fn so_it_is_where_a_stream_cut_it_and_in_heads() {
    let piece = |text: &str| format!("data: {}\n\n", json!({"delta": {"text": text}}));
    let stream = |one: &str, two: &str, three: &str| piece(one) + &piece(two) + &piece(three);
    let before = stream("it is 123-45", "-6789.-----BEGIN ", "PRIVATE KEY-----");
    let (bytes, lines) = answer(&all(), "text/event-stream", before.as_bytes());
    let after =
        stream(&format!("it is {}", stand_in("ssn", SSN)), &format!(".{}", stand_in("keys", PEM)), "");
    assert_eq!(String::from_utf8(bytes).unwrap(), after);
    assert_eq!(lines, ["keys: 1 in the response's body", "ssn: 1 in the response's body"]);

    let both = format!("{SSN}.{PEM}");
    let mut exchange = exchange(&[("x-note", &both)], Vec::new(), &[], Vec::new());
    exchange.forwarded = format!("/{SSN}.{}?q={SSN}.{}", PEM.replace(' ', "%20"), PEM.replace(' ', "%20"));
    exchange.labels.push(Label { key: "user".to_owned(), value: both });
    let struck = all().redact(&mut exchange);
    let made = format!("{}.{}", stand_in("ssn", SSN), stand_in("keys", PEM));
    assert_eq!(exchange.headers.text("x-note"), Some(made.as_str()));
    assert_eq!(exchange.labels[0].value, made);
    let bare = made.replace(['[', ']'], "");
    assert_eq!(exchange.forwarded, format!("/{bare}?q={bare}"));
    assert_eq!(struck, 8);
    assert_eq!(all().redact(&mut exchange), 0);
}

#[test]
fn what_is_a_document_without_the_secret_is_read_as_one() {
    let broken = format!("{{\"password\":\"mellon\",\"a\":\"{PEM}\"x\"-----END PRIVATE KEY-----\"}}");
    let (bytes, _) = answer(&all(), "application/json", broken.as_bytes());
    let secret = &broken[broken.find(PEM).unwrap()..broken.len() - 2];
    let made = json!({"password": stand_in("field", "mellon"), "a": stand_in("keys", secret)});
    assert_eq!(String::from_utf8(bytes).unwrap(), made.to_string());
    // And what is called by the name of a credential, once the rest of the name is shorter.
    let key = made_key();
    let (bytes, _) =
        answer(&all(), "application/json", json!({format!("{key}/password"): "x"}).to_string().as_bytes());
    let made = json!({format!("{}/password", stand_in("keys", &key)): stand_in("field", "x")});
    assert_eq!(String::from_utf8(bytes).unwrap(), made.to_string());
}

fn made_key() -> String {
    made("sk-", 90)
}

#[test]
fn what_stands_for_a_secret_is_none() {
    let words = own(&["\\w{2,}"]);
    let name = |word: &str| stand_in("own--w-2--", word);
    assert_eq!(text(&words, "hello, world"), format!("{}, {}", name("hello"), name("world")));
    // What has a length of its own does not go on behind what stands for it.
    let pin = own(&["pin (?<secret>.{1,60})"]);
    let digits = "0123456789".repeat(20);
    let made = format!("pin {}{}", stand_in("own-pin----secret---1-60--", &digits[..60]), &digits[60..]);
    assert_eq!(text(&pin, &format!("pin {digits}")), made);
    // A scheme before it, a parameter, a value of a form.
    let body = json!({"apiKey": "Bearer k", "headers": {"Authorization": "Basic x"}}).to_string();
    let once = answer(&all(), "application/json", body.as_bytes()).0;
    assert_eq!(answer(&all(), "application/json", &once), (once.clone(), Vec::new()));
    let form = "application/x-www-form-urlencoded";
    let once = answer(&all(), form, b"client_secret=x&access_token=y%20z").0;
    assert_eq!(answer(&all(), form, &once), (once.clone(), Vec::new()));
    let mut exchange = exchange(&[], Vec::new(), &[], Vec::new());
    exchange.forwarded = "/a?access_token=t".to_owned();
    assert_eq!((all().redact(&mut exchange), all().redact(&mut exchange)), (1, 0));
}

#[test]
fn what_only_looks_like_a_stand_in_is_gone_through() {
    let key = made("sk-", 40);
    for (before, behind) in [("[redacted:a:", "]"), ("redacted:a:", ""), ("[redacted:", ":fp:0000]")] {
        let wanted = format!("{before}{}{behind}", stand_in("keys", &key));
        assert_eq!(
            json_answer(&json!([format!("{before}{key}{behind}")]).to_string()),
            json!([wanted]).to_string()
        );
    }
    let body = json!({"password": "[redacted:mellon"}).to_string();
    let made = json!({"password": stand_in("field", "[redacted:mellon")}).to_string();
    assert_eq!(json_answer(&body), made);
    // Another recorder took out a part of it.
    let login = format!("postgres://me:{}more@db", stand_in("cards", CARD));
    assert!(!json_answer(&json!([login]).to_string()).contains("more"));
}

#[test]
fn one_against_another_takes_few_passes_however_many_there_are() {
    for (pattern, one) in
        [(r"\b[0-9]{4}", "1234"), (r"[0-9]{4}\b", "1234"), (r"\bEMP-[0-9]{6}", "EMP-123456")]
    {
        let redactor = own(&[pattern]);
        let made = text(&redactor, &format!("a {} b", one.repeat(50)));
        assert!(!made.contains(one), "{pattern}: {made}");
        assert!(made.starts_with("a [redacted:own-") && made.ends_with("] b"), "{pattern}: {made}");
    }
}

#[test]
fn nothing_is_kept_where_there_is_no_end() {
    // A rule that finds what redaction put there.
    let redactor = own(&["a,\\["]);
    let text = format!("{}{}", "a,".repeat(20), made("sk-", 40));
    let (bytes, lines) = answer_of(&redactor, &text);
    assert_eq!(bytes, b"");
    let line = "everything in the response's body: whatever is taken out, there is something to take out";
    assert_eq!(lines, [line]);
    assert_eq!(redactor.text(&text).unwrap(), "");
}

fn answer_of(redactor: &Redactor, text: &str) -> (Vec<u8>, Vec<String>) {
    let mut exchange = exchange(&[], Vec::new(), &[("content-type", "text/plain")], text.as_bytes().to_vec());
    redactor.redact(&mut exchange);
    assert_eq!(exchange.response.lost, text.len() as u64);
    (exchange.response.bytes.to_vec(), exchange.redactions)
}
