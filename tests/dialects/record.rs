//! Recorded exchanges as a corpus has them: `{"id", "provider", "method", "url", "request_headers": [[name, value]],
//! "request_body": {"text"} or {"b64"}, "status", "response_headers", "response_body"}`.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wiretape::model::{Body, Chunk, Ending, Exchange, ExchangeId, Head, Headers, Micros};

fn bytes(body: &Value) -> Vec<u8> {
    match (body.get("text"), body.get("b64")) {
        (Some(text), _) => text.as_str().unwrap().as_bytes().to_vec(),
        (None, Some(text)) => STANDARD.decode(text.as_str().unwrap()).unwrap(),
        (None, None) => Vec::new(),
    }
}

fn headers(list: &Value) -> Headers {
    let mut lines = String::new();
    for pair in list.as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap_or_default());
        if !name.eq_ignore_ascii_case("content-encoding") && !value.contains('\n') {
            write!(lines, "{}: {value}\r\n", name.to_ascii_lowercase()).unwrap();
        }
    }
    Headers::from_lines(lines.into_bytes())
}

fn body(json: &Value) -> Body {
    let bytes = bytes(json);
    let chunks = vec![Chunk { after: 1, length: bytes.len() as u64 }];
    Body { bytes: bytes.into(), chunks, end: Some((Micros(1), Ending::Complete)), ..Body::default() }
}

/// The exchange that a record of a corpus tells of.
pub fn exchange(record: &Value) -> Exchange {
    let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
    let url = text("url");
    let path =
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    Exchange {
        id: ExchangeId::new(Micros(1), 1),
        upstream: text("provider"),
        provider: text("provider"),
        dialect: None,
        method: text("method"),
        target: None,
        forwarded: path.to_owned(),
        version: "HTTP/1.1".to_owned(),
        headers: headers(&record["request_headers"]),
        labels: Vec::new(),
        upgrade: false,
        began: Micros(0),
        request: body(&record["request_body"]),
        informational: Vec::new(),
        head: Some(Head {
            at: Micros(1),
            status: record["status"].as_u64().unwrap().try_into().unwrap(),
            version: "HTTP/1.1".to_owned(),
            headers: headers(&record["response_headers"]),
            ours: false,
        }),
        response: body(&record["response_body"]),
        redactions: Vec::new(),
    }
}
