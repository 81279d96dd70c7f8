//! Tests of the redaction: no secret of the samples survives, and nothing else changes.

use proptest::prelude::*;

use super::*;
use crate::model::Label;
use crate::tape::event::ResponseHead;
use crate::tape::testing::{begin, headers};

const SECRET: &str = "sk-Vqj8x0LtT3BlbkFJ92";

fn keeper() -> Keeper {
    Keeper::new([7; 32], &["X-Company_Pass".to_owned()])
}

fn value(name: &str, value: &str) -> String {
    let redacted = keeper().value(name, value.as_bytes()).unwrap_or_else(|| value.as_bytes().to_vec());
    String::from_utf8(redacted).unwrap()
}

fn fp(secret: &str) -> String {
    keeper().fingerprint(secret.as_bytes())
}

/// Headers with `{}` for a secret, in the place of which its fingerprint is recorded.
const HEADERS: &[(&str, &str)] = &[
    ("authorization", "Bearer {}"),
    ("authorization", "{}"),
    ("authorization", "Token {}"),
    ("proxy-authorization", "Basic {}"),
    ("x-api-key", "{}"),
    ("api-key", "{}"),
    ("apikey", "{}"),
    ("x-goog-api-key", "{}"),
    ("xi-api-key", "{}"),
    ("x-amz-security-token", "{}"),
    ("x-wiretape-token", "{}"),
    ("helicone-auth", "Bearer {}"),
    ("helicone-jwt", "{}"),
    ("helicone-posthog-key", "{}"),
    ("x-portkey-api-key", "{}"),
    ("x-portkey-virtual-key", "{}"),
    ("x-portkey-aws-secret-access-key", "{}"),
    ("cf-aig-authorization", "Bearer {}"),
    ("cf-access-client-secret", "{}"),
    ("cf-access-jwt-assertion", "{}"),
    ("x-mlflow-authorization", "Basic {}"),
    ("ocp-apim-subscription-key", "{}"),
    ("x-litellm-api-key", "{}"),
    ("x-goog-iam-authorization-token", "{}"),
    ("x-honeycomb-team", "{}"),
    ("x-auth-token", "{}"),
    ("private-token", "{}"),
    ("x-company-pass", "{}"),
    ("cookie", "{}"),
    ("set-cookie", "{}"),
    ("sec-websocket-protocol", "openai-insecure-api-key.{}"),
    ("sec-websocket-protocol", "realtime, openai-insecure-api-key.{}, openai-beta.realtime-v1"),
    ("sec-websocket-protocol", "realtime, token.{}"),
    ("sec-websocket-protocol", "xai-client-secret.{}"),
    ("sec-websocket-protocol", "token, {}"),
    ("sec-websocket-protocol", "Bearer,{}"),
    ("sec-websocket-protocol", "chat,{}"),
    ("sec-websocket-protocol", "base64url.bearer.authorization.k8s.io.{}"),
    ("location", "https://x.example/a?key={}&b=c#d"),
    ("location", "https://{}@x.example/a?b=c"),
    ("location", "/a#access_token={}&b=c"),
    ("link", "</a?sig={}>; rel=\"next\", </b>; rel=x"),
    ("x-goog-upload-url", "https://x/u?key={}"),
];

#[test]
fn headers_keep_all_but_the_secret() {
    for (name, template) in HEADERS {
        let found = value(name, &template.replace("{}", SECRET));
        assert_eq!(found, template.replace("{}", &fp(SECRET)), "{name}: {template}");
    }
    let spaced = value("authorization", &format!("bearer   {SECRET} "));
    assert_eq!(spaced, format!("bearer {}", fp(SECRET)));
}

#[test]
fn a_signed_call_keeps_region_and_signed_names() {
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request, \
                  SignedHeaders=host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6";
    let found = value("authorization", signed);
    let signature = fp("5d672d79c15b13162d9279b0855cfba6");
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential={}/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature={signature}",
        fp("AKIDEXAMPLE")
    );
    assert_eq!(found, expected);
}

#[test]
fn a_document_with_keys_is_one_secret() {
    let config = format!("{{\"provider\":\"openai\",\"api_key\":\"{SECRET}\"}}");
    assert_eq!(value("x-portkey-config", &config), fp(&config));
    assert_eq!(value("x-portkey-config", "pc-main-1"), "pc-main-1");
}

#[test]
fn headers_that_are_none_stay() {
    for (name, plain) in [
        ("x-ratelimit-remaining-tokens", "149984"),
        ("anthropic-ratelimit-input-tokens-limit", "100"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "realtime, openai-beta.realtime-v1, openai-organization.org-1"),
        ("sec-websocket-protocol", "graphql-transport-ws"),
        ("idempotency-key", "stainless-python-retry-1"),
        ("cf-aig-cache-key", "a"),
        ("x-langfuse-public-key", "pk-lf-1"),
        ("www-authenticate", "Bearer realm=\"x\""),
        ("x-claude-code-session-id", "0b6e"),
        ("chatgpt-account-id", "acc"),
        ("openai-organization", "org-1"),
        ("location", "https://x.example/a?b=c#d"),
        ("user-agent", "OpenAI/Python 2.0?key=1"),
        ("authorization", ""),
        ("content-length", "12"),
        ("host", "127.0.0.1:4750"),
    ] {
        assert_eq!(value(name, plain), plain, "{name}");
    }
}

#[test]
fn targets_keep_all_but_the_secret() {
    for template in [
        "/v1beta/models/m:streamGenerateContent?key={}&alt=sse",
        "/a?alt=sse&%6bey={}",
        "/a?Api_Key={}&api-version=1",
        "/a?access_token={}",
        "/a?X-Amz-Signature={}&X-Amz-Date=20261121",
        "/a?X-Amz-Security-Token={}",
        "/a?sig={}&se=2026",
        "/a?x_company-pass={}",
        "/~session=1,api-key={}/openai/v1?a=b",
    ] {
        let found = keeper().target(&template.replace("{}", SECRET));
        assert_eq!(found, Some(template.replace("{}", &fp(SECRET))), "{template}");
    }
    let scoped = keeper().target(&format!("/a?X-Amz-Credential={SECRET}%2F20261121%2Fus-east-1"));
    assert_eq!(scoped, Some(format!("/a?X-Amz-Credential={}", fp(SECRET))));
    for plain in
        ["/", "*", "/v1/x?q=1&alt=sse&keys=2&max_tokens=3", "/v1/~key=1?", "/?key=", "/a?key", "/%zz?%zz=1"]
    {
        assert_eq!(keeper().target(plain), None, "{plain}");
    }
}

#[test]
fn one_key_has_one_fingerprint_wherever_it_stands() {
    let mark = fp(SECRET);
    assert!(mark.len() == 19 && mark.starts_with("fp:"), "{mark}");
    assert_eq!(value("x-api-key", SECRET), mark);
    assert_eq!(value("authorization", &format!("Bearer {SECRET}")), format!("Bearer {mark}"));
    assert_eq!(keeper().target(&format!("/?key={SECRET}")), Some(format!("/?key={mark}")));
    assert_ne!(fp("sk-another"), mark);
    assert_ne!(Keeper::new([8; 32], &[]).fingerprint(SECRET.as_bytes()), mark);
}

/// An event of each kind that can carry a secret, encoded: none is left in the bytes.
#[test]
fn no_secret_is_in_what_is_written() {
    let all: Vec<(&str, String)> = HEADERS
        .iter()
        .map(|(name, template)| (*name, template.replace("{}", SECRET)))
        .chain([("x-plain", "stays".to_owned())])
        .collect();
    let pairs: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut begin = begin();
    begin.headers = headers(&pairs);
    begin.forwarded = format!("/v1?key={SECRET}").parse().unwrap();
    begin.target = Some(format!("/~secret={SECRET}/v1?key={SECRET}").parse().unwrap());
    begin.labels = vec![Label { key: "api_key".to_owned(), value: SECRET.to_owned() }];
    let head = ResponseHead {
        status: http::StatusCode::OK,
        version: http::Version::HTTP_11,
        headers: headers(&pairs),
        ours: false,
    };
    let trailers = Event::Trailers(crate::model::Direction::Response, headers(&pairs));
    for mut event in [Event::Begin(Box::new(begin)), Event::Head(Box::new(head)), trailers] {
        keeper().redact(&mut event);
        let mut out = Vec::new();
        let id = crate::model::ExchangeId::from_bytes([1; 16]);
        crate::tape::format::put_event(&mut out, 1, id, crate::model::Micros(1), &event).unwrap();
        let holds = |text: &[u8]| out.windows(text.len()).any(|window| window == text);
        assert!(!holds(SECRET.as_bytes()) && holds(b"x-plain: stays"));
    }
}

proptest! {
    #[test]
    fn heads_without_secrets_stay_byte_for_byte(
        pairs in prop::collection::vec(("x-[a-m]{1,6}", "[ -~]{0,20}"), 0..8),
        path in "/[a-z]{0,8}(\\?[a-j]{1,4}=[a-z0-9%]{0,8})?",
    ) {
        let lines: String = pairs.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut begin = begin();
        begin.headers = Headers::from_lines(lines.into_bytes());
        begin.forwarded = path.parse().unwrap();
        let mut event = Event::Begin(Box::new(begin));
        let before = event.clone();
        keeper().redact(&mut event);
        prop_assert_eq!(event, before);
    }

    #[test]
    fn any_value_is_taken(name in "[a-z-]{1,20}", bytes: Vec<u8>, target in "\\PC*") {
        let _ = keeper().value(&name, &bytes);
        for name in ["authorization", "sec-websocket-protocol", "location", "link"] {
            let _ = keeper().value(name, &bytes);
            let _ = keeper().value(name, target.as_bytes());
        }
        let _ = keeper().target(&target);
    }
}
