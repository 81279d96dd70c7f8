//! Exchanges to go through, and secrets to find in them.

use wiretape::model::{Body, Exchange, ExchangeId, Head, Headers, Micros};
use wiretape::redact::{Config, Redactor};

pub fn redactor(rules: &[&str]) -> Redactor {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    with(&Config { rules, ..Config::default() })
}

pub fn with(config: &Config) -> Redactor {
    let fingerprint = |secret: &[u8]| format!("fp:{:04x}", crc32fast::hash(secret) & 0xffff);
    Redactor::new(config, fingerprint).unwrap()
}

pub fn headers(lines: &[(&str, &str)]) -> Headers {
    Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())))
}

pub fn body(bytes: impl Into<Vec<u8>>) -> Body {
    Body { bytes: bytes.into().into(), ..Body::default() }
}

pub fn exchange(
    request: &[(&str, &str)],
    sent: Vec<u8>,
    response: &[(&str, &str)],
    answer: Vec<u8>,
) -> Exchange {
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
pub fn answer(redactor: &Redactor, content_type: &str, bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
    let mut exchange = exchange(&[], Vec::new(), &[("content-type", content_type)], bytes.to_vec());
    let before = exchange.response.bytes.clone();
    let struck = redactor.redact(&mut exchange);
    if struck == 0 {
        assert_eq!(before.as_ptr(), exchange.response.bytes.as_ptr(), "what has no secret is not copied");
        assert_eq!(before, exchange.response.bytes);
    }
    (exchange.response.bytes.to_vec(), exchange.redactions)
}

pub fn json_answer(text: &str) -> String {
    String::from_utf8(answer(&redactor(&["keys"]), "application/json", text.as_bytes()).0).unwrap()
}

pub fn stand_in(rule: &str, secret: &str) -> String {
    format!("[redacted:{rule}:fp:{:04x}]", crc32fast::hash(secret.as_bytes()) & 0xffff)
}

/// A text of the length of a key. Put together, so that no scanner of sources takes it for one.
pub fn made(prefix: &str, length: usize) -> String {
    let letters = "a1B2c3D4e5F6g7H8i9J0";
    prefix.to_owned() + &letters.chars().cycle().take(length).collect::<String>()
}

pub fn keys() -> Vec<String> {
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
