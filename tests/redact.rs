//! What must not be kept, from the outside: whatever way a secret is written, cut, framed or compressed, it does not
//! survive, and everything else does.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use wiretape::dialect::framing::{Content, EventStream, Framing, PerMessageDeflate, Websocket};
use wiretape::model::{Body, Exchange, ExchangeId, Head, Headers, Label, Micros};
use wiretape::redact::{Config, Redactor, RuleConfig, Scope};

fn redactor(rules: &[&str]) -> Redactor {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    with(&Config { rules, ..Config::default() })
}

fn with(config: &Config) -> Redactor {
    let fingerprint = |secret: &[u8]| format!("fp:{:04x}", crc32fast::hash(secret) & 0xffff);
    Redactor::new(config, fingerprint).unwrap()
}

fn headers(lines: &[(&str, &str)]) -> Headers {
    Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

fn body(bytes: impl Into<Vec<u8>>) -> Body {
    Body { bytes: bytes.into().into(), ..Body::default() }
}

fn exchange(request: &[(&str, &str)], sent: Vec<u8>, response: &[(&str, &str)], answer: Vec<u8>) -> Exchange {
    let head = Head {
        at: Micros(1),
        status: 200,
        version: "HTTP/1.1".to_owned(),
        headers: headers(response),
        ours: false,
    };
    Exchange {
        id: ExchangeId::from_bytes([1; 16]),
        upstream: "own".to_owned(),
        provider: "own".to_owned(),
        dialect: None,
        method: "POST".to_owned(),
        target: None,
        forwarded: "/v1/x".to_owned(),
        version: "HTTP/1.1".to_owned(),
        headers: headers(request),
        labels: Vec::new(),
        upgrade: false,
        began: Micros(0),
        request: body(sent),
        informational: Vec::new(),
        head: Some(head),
        response: body(answer),
        redactions: Vec::new(),
    }
}

/// A response's body, gone through.
fn answer(redactor: &Redactor, content_type: &str, bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
    let mut exchange = exchange(&[], Vec::new(), &[("content-type", content_type)], bytes.to_vec());
    let before = exchange.response.bytes.clone();
    let struck = redactor.redact(&mut exchange);
    if struck == 0 {
        assert_eq!(before.as_ptr(), exchange.response.bytes.as_ptr(), "what has no secret is not copied");
        assert_eq!(before, exchange.response.bytes);
    }
    (exchange.response.bytes.to_vec(), exchange.redactions)
}

fn json_answer(text: &str) -> String {
    String::from_utf8(answer(&redactor(&["keys"]), "application/json", text.as_bytes()).0).unwrap()
}

fn stand_in(rule: &str, secret: &str) -> String {
    format!("[redacted:{rule}:fp:{:04x}]", crc32fast::hash(secret.as_bytes()) & 0xffff)
}

/// A text of the length of a key. Put together, so that no scanner of sources takes it for one.
fn made(prefix: &str, length: usize) -> String {
    let letters = "a1B2c3D4e5F6g7H8i9J0";
    prefix.to_owned() + &letters.chars().cycle().take(length).collect::<String>()
}

fn keys() -> Vec<String> {
    let upper = |prefix: &str| made(prefix, 16).to_uppercase();
    let hex = |prefix: &str, length: usize| prefix.to_owned() + &"0a1b2c3d4e5f6789".repeat(4)[..length];
    vec![
        made("sk-", 48),
        made("sk-proj-", 120),
        made("sk-svcacct-", 60),
        made("sk-ant-api03-", 90),
        made("sk-or-v1-", 64),
        made("AIza", 35),
        upper("AKIA"),
        upper("ASIA"),
        made("ghp_", 36),
        made("gho_", 36),
        made("github_pat_", 60),
        made("glpat-", 20),
        made("xoxb-", 40),
        made("sk_live_", 24),
        made("rk_live_", 24),
        made("hf_", 34),
        made("gsk_", 52),
        made("xai-", 80),
        made("pplx-", 48),
        made("r8_", 37),
        made("npm_", 36),
        made("pypi-", 80),
        format!("{}.{}", made("SG.", 22), made("", 43)),
        hex("SK", 32),
        hex("dop_v1_", 64),
        format!("{}.{}.{}", made("eyJ", 20), made("eyJ", 30), made("", 43)),
    ]
}

#[test]
fn keys_are_known_by_their_form_wherever_they_stand() {
    for key in keys() {
        let expected = stand_in("keys", &key);
        assert_eq!(
            json_answer(&json!({"a": format!("my {key}.")}).to_string()).contains(&key),
            false,
            "{key}"
        );
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
    wanted["arguments"] = format!("{{\"client_secret\": \"{}\", \"n\": [\"x\"]}}", field("s \"q\"")).into();
    assert_eq!(json_answer(&text), wanted.to_string());
    let own = with(&Config { fields: vec!["license_no".to_owned()], ..Config::default() });
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

/// Cuts a text at random places, also within what is one character of UTF-8 of many bytes.
fn pieces(text: &str, cuts: &[usize]) -> Vec<String> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    at.retain(|at| text.is_char_boundary(*at));
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

/// A provider's event that brings a piece of text, as JSON.
type Event = fn(&str) -> Value;

const EVENTS: &[(&str, Event, &str)] = &[
    (
        "message",
        |text| json!({"choices": [{"index": 0, "delta": {"content": text}}], "id": "a"}),
        "/choices/0/delta/content",
    ),
    (
        "message",
        |text| json!({"choices": [{"delta": {"tool_calls": [{"index": 1, "function": {"arguments": text}}]}}]}),
        "/choices/0/delta/tool_calls/0/function/arguments",
    ),
    (
        "content_block_delta",
        |text| json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": text}}),
        "/delta/partial_json",
    ),
    (
        "response.output_text.delta",
        |text| json!({"type": "response.output_text.delta", "item_id": "i", "delta": text, "output_index": 0}),
        "/delta",
    ),
    (
        "message",
        |text| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]}),
        "/candidates/0/content/parts/0/text",
    ),
    ("message", |text| json!({"message": {"content": text}, "done": false}), "/message/content"),
];

/// How events become a body, and a body events.
const FRAMINGS: [&str; 5] = [
    "text/event-stream",
    "application/x-ndjson",
    "application/json",
    "application/vnd.amazon.eventstream",
    "websocket",
];

fn framed(content_type: &str, name: &str, events: &[Value]) -> Vec<u8> {
    let texts = events.iter().map(Value::to_string);
    match content_type {
        "text/event-stream" => texts
            .map(|text| format!(": hi\nevent: {name}\ndata: {text}\n\n"))
            .chain(["data: [DONE]\n\n".to_owned()])
            .collect::<String>()
            .into_bytes(),
        "application/x-ndjson" => texts.map(|text| text + "\r\n").collect::<String>().into_bytes(),
        "application/json" => format!("[{}]\n", texts.collect::<Vec<_>>().join("\n,\r\n")).into_bytes(),
        "websocket" => texts.flat_map(|text| websocket_frame(text.as_bytes())).collect(),
        _ => texts.flat_map(|text| aws_frame(name, &text)).collect(),
    }
}

fn websocket_frame(text: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4_u8];
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend(mask);
    frame.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// As Bedrock sends a model's own events.
fn aws_frame(name: &str, text: &str) -> Vec<u8> {
    let payload = json!({"bytes": STANDARD.encode(text), "p": "abc"}).to_string();
    let mut headers = b"\x0b:event-type\x07".to_vec();
    headers.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
    headers.extend(name.as_bytes());
    let mut frame = Vec::new();
    for length in [16 + headers.len() + payload.len(), headers.len()] {
        frame.extend(u32::try_from(length).unwrap().to_be_bytes());
    }
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload.as_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn unframed(content_type: &str, body: &[u8]) -> Vec<Value> {
    let parse = |text: &str| serde_json::from_str(text).unwrap();
    let text = || std::str::from_utf8(body).unwrap();
    match content_type {
        "text/event-stream" => text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|data| *data != "[DONE]")
            .map(parse)
            .collect(),
        "application/x-ndjson" => text().lines().map(parse).collect(),
        "application/json" => serde_json::from_str::<Vec<Value>>(text()).unwrap(),
        other => {
            let mut events = Vec::new();
            let mut take = |frame: wiretape::dialect::framing::Frame<'_>| match frame.content {
                Content::Event(event) => events.push(event.data.to_vec()),
                other => panic!("{other:?}"),
            };
            if other == "websocket" {
                Websocket::new(1 << 30, None).push(body, &mut take);
            } else {
                EventStream::new(1 << 30).push(body, &mut take);
            }
            let event = |data: Vec<u8>| -> Value {
                let outer: Value = serde_json::from_slice(&data).unwrap();
                match outer["bytes"].as_str() {
                    Some(inner) => serde_json::from_slice(&STANDARD.decode(inner).unwrap()).unwrap(),
                    None => outer,
                }
            };
            events.into_iter().map(event).collect()
        }
    }
}

fn streamed(redactor: &Redactor, content_type: &str, bytes: Vec<u8>) -> Vec<u8> {
    let mut exchange = exchange(&[], Vec::new(), &[("content-type", content_type)], bytes);
    if content_type == "websocket" {
        exchange.upgrade = true;
        exchange.head.as_mut().unwrap().status = 101;
    }
    redactor.redact(&mut exchange);
    exchange.response.bytes.to_vec()
}

/// The stream says the same as before, but for the secrets, and whatever was not of that text is untouched.
fn check_stream(text: &str, wanted: &str, cuts: &[usize]) -> Result<(), TestCaseError> {
    let redactor = redactor(&["keys"]);
    for (name, event, place) in EVENTS {
        let events: Vec<Value> = pieces(text, cuts).iter().map(|piece| event(piece)).collect();
        for content_type in FRAMINGS {
            let made = streamed(&redactor, content_type, framed(content_type, name, &events));
            let mut seen = unframed(content_type, &made);
            let joined: String =
                seen.iter().map(|event| event.pointer(place).unwrap().as_str().unwrap()).collect();
            prop_assert_eq!(&joined, wanted, "{} {}", content_type, place);
            for (seen, event) in seen.iter_mut().zip(&events) {
                *seen.pointer_mut(place).unwrap() = event.pointer(place).unwrap().clone();
            }
            prop_assert_eq!(&seen, &events);
        }
    }
    Ok(())
}

#[test]
fn choices_and_blocks_are_told_apart() {
    let key = made("sk-ant-", 60);
    let event = |index: usize, text: &str| json!({"choices": [{"delta": {"content": text}, "index": index}]});
    let (first, second) = key.split_at(9);
    let events = [event(0, first), event(1, "and "), event(0, second), event(1, "so on")];
    let made = streamed(&redactor(&["keys"]), FRAMINGS[0], framed(FRAMINGS[0], "m", &events));
    let wanted = [event(0, &stand_in("keys", &key)), event(1, "and "), event(0, ""), event(1, "so on")];
    assert_eq!(unframed(FRAMINGS[0], &made), wanted);
}

#[test]
fn what_is_repeated_at_the_end_goes_too_and_plain_text_is_put_together() {
    let key = made("sk-ant-", 60);
    let stream =
        format!("data: {}\n\ndata: {}\n\ndata: {{\"text\":\"all {key}\"}}\n\n", &key[..20], &key[20..]);
    let made = streamed(&redactor(&["keys"]), FRAMINGS[0], stream.into_bytes());
    let hidden = stand_in("keys", &key);
    let wanted = format!("data: {hidden}\n\ndata: \n\ndata: {{\"text\":\"all {hidden}\"}}\n\n");
    assert_eq!(String::from_utf8(made).unwrap(), wanted);
}

#[test]
fn what_is_compressed_is_decoded_where_something_has_to_go() {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let key = made("sk-", 48);
    for (text, wanted) in
        [(json!({"a": key}), Some(json!({"a": stand_in("keys", &key)}))), (json!({"a": 1}), None)]
    {
        let body = gzip(&text.to_string());
        let lines = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let mut exchange = exchange(&lines, body.clone(), &[], Vec::new());
        redactor(&["keys"]).redact(&mut exchange);
        assert_eq!(exchange.request.decoded, wanted.is_some());
        let wanted = wanted.map_or(body, |wanted| wanted.to_string().into_bytes());
        assert_eq!(exchange.request.bytes, wanted);
    }
}

#[test]
fn a_compressed_socket_is_written_anew() {
    let mut deflate = flate2::Compress::new(flate2::Compression::fast(), false);
    let key = made("sk-", 48);
    let mut stream = vec![0x89, 2, b'h', b'i'];
    for piece in [&key[..10], &key[10..]] {
        let text = json!({"type": "response.text.delta", "delta": piece}).to_string();
        let mut message = Vec::with_capacity(1000);
        deflate.compress_vec(text.as_bytes(), &mut message, flate2::FlushCompress::Sync).unwrap();
        message.truncate(message.len() - 4);
        // In two frames.
        let (first, second) = message.split_at(7);
        for (head, part) in [(0x41, first), (0x80, second)] {
            stream.extend([head, u8::try_from(part.len()).unwrap()]);
            stream.extend(part);
        }
    }
    let mut exchange =
        exchange(&[], Vec::new(), &[("sec-websocket-extensions", "permessage-deflate")], stream);
    exchange.upgrade = true;
    exchange.head.as_mut().unwrap().status = 101;
    assert_eq!(redactor(&["keys"]).redact(&mut exchange), 1);
    assert!(exchange.response.decoded);
    let deflate = PerMessageDeflate { takeover: true, window_bits: 15 };
    let mut seen = Vec::new();
    Websocket::new(1000, Some(deflate)).push(&exchange.response.bytes, &mut |frame| match frame.content {
        Content::Event(event) => seen.push(String::from_utf8(event.data.to_vec()).unwrap()),
        other => seen.push(format!("{other:?}")),
    });
    let event = |text: String| json!({"type": "response.text.delta", "delta": text}).to_string();
    assert_eq!(seen, ["Ping([104, 105])".to_owned(), event(stand_in("keys", &key)), event(String::new())]);
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

/// A JSON text with some of its characters written as numbers.
fn escaped(text: &str, which: u64) -> String {
    let mut written = String::new();
    for (at, c) in text.chars().enumerate() {
        if which >> (at % 64) & 1 == 1 && c.is_ascii() || matches!(c, '"' | '\\' | '\n') {
            written += &format!("\\u{:04x}", u32::from(c));
        } else {
            written.push(c);
        }
    }
    written
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_secret_does_not_survive_being_cut(
        before in "[ -~é]{0,12}", behind in "[ é\"\\\\,:]{0,6}", which in 0..26_usize,
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let key = &keys()[which];
        // What may stand before it without being a part of it.
        let before = format!("{} ", before.replace(['{', '[', ':', '@'], ""));
        let wanted = format!("{before}{}{behind}", stand_in("keys", key));
        check_stream(&format!("{before}{key}{behind}"), &wanted, &cuts)?;
    }

    #[test]
    fn nor_being_cut_within_the_arguments_of_a_tool(
        note in "[a-zé\"\\\\\n ]{0,12}", secret in "[!-~é\"\\\\\n]{1,20}",
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let arguments = |secret: &str| json!({"note": note, "api_key": secret, "n": [1]}).to_string();
        let wanted = arguments(&stand_in("field", &secret));
        check_stream(&arguments(&secret), &wanted, &cuts)?;
    }

    #[test]
    fn nor_being_written_with_escapes(
        before in "[a-zé\n\" ]{0,8}", which in 0..26_usize, bits in any::<u64>(), more in any::<u64>(),
    ) {
        let key = &keys()[which];
        let inner = format!("{{\"k\":\"{}\"}}", escaped(&format!("{before} {key}"), bits));
        let text = format!("{{\"a\":\"{}\",\"b\":1}}", escaped(&inner, more));
        let made = json_answer(&text);
        let outer: Value = serde_json::from_str(&made).unwrap();
        let inner: Value = serde_json::from_str(outer["a"].as_str().unwrap()).unwrap();
        prop_assert_eq!(inner["k"].as_str().unwrap(), format!("{before} {}", stand_in("keys", key)));
    }

    #[test]
    fn what_holds_no_secret_stays(text in "[ -~é\\n]{0,200}") {
        let text = text.replace([':', '@', '-', '_', '.', '='], " ");
        let event = json!({"a": text, "b": [text, 1], "c": {"d": json!({"e": text}).to_string()}});
        for content_type in FRAMINGS {
            let bytes = framed(content_type, "m", &[event.clone(), event.clone()]);
            prop_assert_eq!(&streamed(&redactor(&["keys"]), content_type, bytes.clone()), &bytes);
        }
    }

    #[test]
    fn any_bytes_are_gone_through(
        bytes in proptest::collection::vec(prop_oneof![
            2 => proptest::collection::vec(any::<u8>(), 0..8),
            3 => proptest::sample::select(vec![
                "{", "}", "[", "]", "\"", "\\", ":", ",", "data: ", "\n", "\r\n\r\n", "sk-", "abcdefghijklmnopqrstuvwxyz1234",
                "\"api_key\":", "\\u002d", "a@b.org", "4111111111111111", "{\"bytes\":\"", "-----BEGIN PRIVATE KEY-----", "é",
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ], 0..40).prop_map(|pieces| pieces.concat()),
        bits in any::<u8>(),
    ) {
        let redactor = redactor(&["keys", "cards", "emails", "phones", "ssn"]);
        for content_type in FRAMINGS.iter().chain(&["", "application/x-www-form-urlencoded"]) {
            let once = streamed(&redactor, content_type, bytes.clone());
            if *content_type != "websocket" {
                prop_assert!(!once.windows(33).any(|window| window == b"sk-abcdefghijklmnopqrstuvwxyz1234"));
            }
        }
        let mut exchange = exchange(&[("content-encoding", "br")], bytes.clone(), &[], bytes);
        exchange.upgrade = bits & 1 == 1;
        redactor.redact(&mut exchange);
    }
}
