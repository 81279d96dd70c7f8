//! Secrets in texts: their forms, their names, their places.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wiretape::model::Label;
use wiretape::redact::{Config, RuleConfig, Scope};

use crate::support::*;

#[test]
fn keys_are_known_by_their_form_wherever_they_stand() {
    for key in keys() {
        let expected = stand_in("keys", &key);
        for (before, behind) in [("", ""), ("key=", " "), ("\n", "\n"), ("\"", "\""), ("(", ")"), ("é", "é")]
        {
            let text = json!([1, {"text": format!("{before}{key}{behind}")}]).to_string();
            let wanted = json!([1, {"text": format!("{before}{expected}{behind}")}]).to_string();
            assert_eq!(json_answer(&text), wanted, "{key}");
            let plain =
                answer(&redactor(&["keys"]), "text/plain", format!("{before}{key}{behind}").as_bytes());
            assert_eq!(String::from_utf8(plain.0).unwrap(), format!("{before}{expected}{behind}"));
            assert_eq!(plain.1, ["keys: 1 in the response's body"]);
        }
    }
}

#[test]
fn secrets_in_their_surroundings_are_known_too() {
    let secret = made("", 39) + "/";
    for (before, secret, behind) in [
        ("aws_secret_access_key = ", secret.as_str(), "\n"),
        ("DefaultEndpointsProtocol=https;AccountKey=", &format!("{}==", made("", 86)), ";"),
        ("curl -H 'Authorization: Bearer ", &made("", 30), "'"),
        ("postgres://admin:", "hunter2", "@db:5432/x"),
        ("", "-----BEGIN RSA PRIVATE KEY-----\nMIIE+/=\n-----END RSA PRIVATE KEY-----", "\nx"),
        ("", "-----BEGIN PRIVATE KEY-----\nMIIE", ""),
    ] {
        let text = json!({"a": format!("{before}{secret}{behind}")}).to_string();
        let wanted = json!({"a": format!("{before}{}{behind}", stand_in("keys", secret))}).to_string();
        assert_eq!(json_answer(&text), wanted);
        // As Go, PHP and the cautious write JSON.
        let escaped: String = secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let text = text.replace(&secret.replace('\n', "\\n"), &escaped);
        assert_eq!(json_answer(&text), wanted);
        assert_eq!(json_answer(&text.replace("\\u002f", "\\/")), wanted);
    }
}

#[test]
fn nothing_else_is_taken_for_a_key() {
    let image = STANDARD.encode(
        (0..60_000_u32).flat_map(|n| crc32fast::hash(&n.to_be_bytes()).to_be_bytes()).collect::<Vec<u8>>(),
    );
    for text in [
        "msg_01XFDUDYJgAACzvnptvVoYEL",
        "toolu_01A09q90qw90lq917835lq9",
        "call_62136354a1b2c3d4e5f60718",
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        "req_011CSHoEeqs5C35K2UUqR7Fy",
        "550e8400-e29b-41d4-a716-446655440000",
        "8c6b4157b6a060c3d4324e9e40a35bd8c6b4157b",
        "task-list-with-many-words-in-its-name",
        "sk-spinner-container-of-many-parts",
        "risk-1234567890123456789012345",
        "https://example.com:8080/a?b=c@d",
        "https://example.com/@scope/a:b",
        "Bearer authentication and basic understanding",
        "Authorization: Bearer $OPENAI_API_KEY",
        image.as_str(),
    ] {
        let body = json!({"a": text, "max_tokens": 5, "tokens": [1, 2], "token": "a"}).to_string();
        assert_eq!(json_answer(&body), body);
    }
}

#[test]
fn cards_emails_and_the_like_are_taken_out_where_asked_for() {
    let redactor = redactor(&["cards", "emails", "phones", "ssn"]);
    let text = r#"{"a":"4111 1111 1111 1111, a.b+c@example.org, +49 30 1234567, 123-45-6789.","n":4111111111111111,"m":12}"#;
    let (bytes, lines) = answer(&redactor, "application/json", text.as_bytes());
    let wanted = format!(
        r#"{{"a":"{}, {}, {}, {}.","n":"{}","m":12}}"#,
        stand_in("cards", "4111 1111 1111 1111"),
        stand_in("emails", "a.b+c@example.org"),
        stand_in("phones", "+49 30 1234567"),
        stand_in("ssn", "123-45-6789"),
        stand_in("cards", "4111111111111111"),
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), wanted);
    assert_eq!(lines.len(), 4);
    assert!(lines.contains(&"cards: 2 in the response's body".to_owned()));
    for text in
        ["git@github.com:a/b", "icon@2x.png", "@media print", "000-12-3456", "2024-01-01", "+5 points"]
    {
        let body = json!({"a": text}).to_string();
        assert_eq!(answer(&redactor, "application/json", body.as_bytes()).0, body.as_bytes(), "{text}");
    }
}

#[test]
fn members_that_are_credentials_go_whatever_they_hold() {
    let text = json!({
        "mcp_servers": [{"authorization_token": "plain words", "headers": {"X-Vault-Token": "a", "Accept": "b"}}],
        "apiKey": "Bearer k", "client_secret": {"value": "v", "expires_at": 1}, "password": "",
        "tools": [{"parameters": {"properties": {"password": {"type": "string"}}, "required": ["password"]}}],
        "arguments": "{\"client_secret\": \"s \\\"q\\\"\", \"n\": [\"x\"]}",
        "max_tokens": 5, "usage": {"input_tokens": 3}, "logprobs": {"token": "a"},
    })
    .to_string();
    let field = |secret: &str| stand_in("field", secret);
    let mut wanted: Value = serde_json::from_str(&text).unwrap();
    wanted["mcp_servers"][0]["authorization_token"] = field("plain words").into();
    wanted["mcp_servers"][0]["headers"]["X-Vault-Token"] = field("a").into();
    wanted["apiKey"] = format!("Bearer {}", field("k")).into();
    wanted["client_secret"]["value"] = field("v").into();
    assert_eq!(json_answer(&text), wanted.to_string());
    // What a model asks of a tool is said, not shown to the provider's door: there only names of one's own hold.
    let said = r#"{"content":[{"type":"tool_use","input":{"password":"mellon"}}]}"#;
    assert_eq!(json_answer(said), said);
    let own =
        with(&Config { fields: vec!["license_no".to_owned(), "password".to_owned()], ..Config::default() });
    let (bytes, _) = answer(&own, "application/json", said.as_bytes());
    assert_eq!(String::from_utf8(bytes).unwrap(), said.replace("mellon", &field("mellon")));
    let (bytes, _) = answer(&own, "application/json", br#"{"licenseNo":"x","license":"y"}"#);
    assert_eq!(
        String::from_utf8(bytes).unwrap(),
        format!(r#"{{"licenseNo":"{}","license":"y"}}"#, field("x"))
    );
}

#[test]
fn rules_of_ones_own_hold_where_they_are_said_to() {
    let mut config = Config { rules: Vec::new(), ..Config::default() };
    for (name, pattern, scope) in [
        ("staff", "EMP-(?<secret>[0-9]+)", Scope::Bodies),
        ("host", "[a-z]+\\.internal", Scope::Headers),
        ("vault", "vault:\\w+", Scope::Both),
    ] {
        config.own.push((name.to_owned(), RuleConfig { pattern: Some(pattern.to_owned()), scope }));
    }
    let redactor = with(&config);
    let text = "EMP-12 a.internal vault:é";
    let mut exchange = exchange(
        &[("x-a", text), ("x-b", "ok")],
        format!("{{\"EMP-7\":\"{text}\"}}").into_bytes(),
        &[("content-type", "text/plain")],
        Vec::new(),
    );
    exchange.forwarded = "/p/a.internal?q=b%2einternal&access_token=t&z=1".to_owned();
    exchange.labels.push(Label { key: "user".to_owned(), value: "c.internal".to_owned() });
    assert_eq!(redactor.redact(&mut exchange), 9);
    let [twelve, seven, vault] =
        [stand_in("staff", "12"), stand_in("staff", "7"), stand_in("vault", "vault:é")];
    let host = |name: &str| stand_in("host", name);
    let bare = |stand_in: String| stand_in.trim_matches(['[', ']']).to_owned();
    assert_eq!(exchange.headers.text("x-a").unwrap(), format!("EMP-12 {} {vault}", host("a.internal")));
    assert_eq!(exchange.headers.text("x-b"), Some("ok"));
    let wanted = format!("{{\"EMP-{seven}\":\"EMP-{twelve} a.internal {vault}\"}}");
    assert_eq!(exchange.request.bytes, wanted);
    let [a, b, token] = [host("a.internal"), host("b.internal"), stand_in("field", "t")].map(bare);
    assert_eq!(exchange.forwarded, format!("/p/{a}?q={b}&access_token={token}&z=1"));
    assert_eq!(exchange.labels[0].value, host("c.internal"));
    assert_eq!(exchange.redactions.len(), 7, "{:#?}", exchange.redactions);
}

#[test]
fn forms_are_read_as_pairs() {
    let key = made("sk-", 48);
    let form = format!("grant_type=a%20b&client_secret=x%2Fy&q={key}");
    let (bytes, _) = answer(&redactor(&["keys"]), "application/x-www-form-urlencoded", form.as_bytes());
    let wanted =
        format!("grant_type=a%20b&client_secret={}&q={}", stand_in("field", "x/y"), stand_in("keys", &key));
    assert_eq!(String::from_utf8(bytes).unwrap(), wanted);
}
