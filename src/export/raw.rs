//! What was on the wire, as a record's `raw`, and back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::model::{Body, Chunk, Closer, Ending, Exchange, ExchangeId, Head, Headers, Label, Micros};

/// An exchange, all of it.
pub fn to_json(exchange: &Exchange) -> Value {
    let Exchange {
        id: _,
        upstream,
        provider,
        dialect,
        method,
        target,
        forwarded,
        version,
        headers,
        labels,
        upgrade,
        began,
        request,
        informational,
        head,
        response,
        redactions,
    } = exchange;
    let mut asked = Map::new();
    asked.insert("method".to_owned(), method.as_str().into());
    asked.insert("url".to_owned(), forwarded.as_str().into());
    put(&mut asked, "target", json!(target));
    asked.insert("version".to_owned(), version.as_str().into());
    asked.insert("headers".to_owned(), pairs(headers));
    body(&mut asked, request);
    let mut raw = Map::new();
    raw.insert("request".to_owned(), Value::Object(asked));
    let mut answered = Map::new();
    if let Some(Head { at, status, version, headers, ours }) = head {
        answered.insert("status".to_owned(), (*status).into());
        answered.insert("version".to_owned(), version.as_str().into());
        answered.insert("time".to_owned(), at.rfc3339().into());
        if *ours {
            answered.insert("ours".to_owned(), true.into());
        }
        answered.insert("headers".to_owned(), pairs(headers));
    }
    body(&mut answered, response);
    raw.insert("response".to_owned(), Value::Object(answered));
    raw.insert("upstream".to_owned(), upstream.as_str().into());
    raw.insert("provider".to_owned(), provider.as_str().into());
    put(&mut raw, "dialect", json!(dialect));
    raw.insert("began".to_owned(), began.rfc3339().into());
    if *upgrade {
        raw.insert("upgrade".to_owned(), true.into());
    }
    if !labels.is_empty() {
        let labels = labels.iter().map(|Label { key, value }| json!([key, value]));
        raw.insert("labels".to_owned(), labels.collect());
    }
    if !informational.is_empty() {
        let informational = informational.iter().map(|(status, at)| json!([status, at.rfc3339()]));
        raw.insert("informational".to_owned(), informational.collect());
    }
    if !redactions.is_empty() {
        raw.insert("redactions".to_owned(), redactions.clone().into());
    }
    Value::Object(raw)
}

fn put(object: &mut Map<String, Value>, key: &str, value: Value) {
    if !value.is_null() {
        object.insert(key.to_owned(), value);
    }
}

/// Names and values; a value that is not text as `{"b64": …}`.
fn pairs(headers: &Headers) -> Value {
    let pairs = headers.iter().map(|(name, value)| match std::str::from_utf8(value) {
        Ok(text) => json!([name, text]),
        Err(_) => json!([name, {"b64": STANDARD.encode(value)}]),
    });
    pairs.collect()
}

fn body(into: &mut Map<String, Value>, body: &Body) {
    let Body { bytes, decoded, chunks, trailers, end, lost } = body;
    match std::str::from_utf8(bytes) {
        Ok(text) => into.insert("body".to_owned(), text.into()),
        Err(_) => into.insert("body_b64".to_owned(), STANDARD.encode(bytes).into()),
    };
    if *decoded {
        into.insert("decoded".to_owned(), true.into());
    }
    if let Some(trailers) = trailers {
        into.insert("trailers".to_owned(), pairs(trailers));
    }
    let chunks: Vec<Value> = chunks.iter().map(|Chunk { after, length }| json!([after, length])).collect();
    into.insert("chunks_us".to_owned(), chunks.into());
    if let Some((at, ending)) = end {
        into.insert("end_time".to_owned(), at.rfc3339().into());
        if let Ending::Broken { by, why } = ending {
            into.insert("broken".to_owned(), json!({"by": by.name(), "why": why}));
        }
    }
    if *lost > 0 {
        into.insert("lost_bytes".to_owned(), (*lost).into());
    }
}

/// The other way round. `None` where it is not of this form.
pub fn from_json(id: ExchangeId, raw: &Value) -> Option<Exchange> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let (request, response) = (raw.get("request")?, raw.get("response")?);
    let head = match response.get("status") {
        Some(status) => Some(Head {
            at: Micros::parse_rfc3339(&text(response, "time")?)?,
            status: u16::try_from(status.as_u64()?).ok()?,
            version: text(response, "version")?,
            headers: headers(response.get("headers")?)?,
            ours: response.get("ours").is_some_and(|ours| ours == true),
        }),
        None => None,
    };
    let list = |key: &str| raw.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let labels = list("labels").iter().map(|pair| {
        Some(Label { key: pair.get(0)?.as_str()?.to_owned(), value: pair.get(1)?.as_str()?.to_owned() })
    });
    let informational = list("informational").iter().map(|pair| {
        let at = Micros::parse_rfc3339(pair.get(1)?.as_str()?)?;
        Some((u16::try_from(pair.get(0)?.as_u64()?).ok()?, at))
    });
    let redactions = list("redactions").iter().map(|line| line.as_str().map(str::to_owned));
    Some(Exchange {
        id,
        upstream: text(raw, "upstream")?,
        provider: text(raw, "provider")?,
        dialect: text(raw, "dialect"),
        method: text(request, "method")?,
        target: text(request, "target"),
        forwarded: text(request, "url")?,
        version: text(request, "version")?,
        headers: headers(request.get("headers")?)?,
        labels: labels.collect::<Option<_>>()?,
        upgrade: raw.get("upgrade").is_some_and(|upgrade| upgrade == true),
        began: Micros::parse_rfc3339(&text(raw, "began")?)?,
        request: body_of(request)?,
        informational: informational.collect::<Option<_>>()?,
        head,
        response: body_of(response)?,
        redactions: redactions.collect::<Option<_>>()?,
    })
}

fn headers(pairs: &Value) -> Option<Headers> {
    let mut lines = Vec::new();
    for pair in pairs.as_array()? {
        lines.extend_from_slice(pair.get(0)?.as_str()?.as_bytes());
        lines.extend_from_slice(b": ");
        match pair.get(1)? {
            Value::String(text) => lines.extend_from_slice(text.as_bytes()),
            other => lines.extend_from_slice(&STANDARD.decode(other.get("b64")?.as_str()?).ok()?),
        }
        lines.extend_from_slice(b"\r\n");
    }
    Some(Headers::from_lines(lines))
}

fn body_of(json: &Value) -> Option<Body> {
    let bytes = match (json.get("body"), json.get("body_b64")) {
        (Some(text), _) => text.as_str()?.as_bytes().to_vec(),
        (None, Some(text)) => STANDARD.decode(text.as_str()?).ok()?,
        (None, None) => Vec::new(),
    };
    let chunks = json.get("chunks_us").and_then(Value::as_array).cloned().unwrap_or_default();
    let chunks = chunks
        .iter()
        .map(|pair| Some(Chunk { after: pair.get(0)?.as_u64()?, length: pair.get(1)?.as_u64()? }));
    let end = match json.get("end_time") {
        Some(at) => {
            let ending = match json.get("broken") {
                Some(broken) => Ending::Broken {
                    by: [Closer::Client, Closer::Upstream, Closer::Us]
                        .into_iter()
                        .find(|by| broken.get("by").is_some_and(|own| own == by.name()))?,
                    why: broken.get("why")?.as_str()?.to_owned(),
                },
                None => Ending::Complete,
            };
            Some((Micros::parse_rfc3339(at.as_str()?)?, ending))
        }
        None => None,
    };
    Some(Body {
        bytes: bytes.into(),
        decoded: json.get("decoded").is_some_and(|decoded| decoded == true),
        chunks: chunks.collect::<Option<_>>()?,
        trailers: match json.get("trailers") {
            Some(trailers) => Some(headers(trailers)?),
            None => None,
        },
        end,
        lost: json.get("lost_bytes").and_then(Value::as_u64).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_comes_back_as_it_was() {
        let body = |bytes: &'static [u8]| Body {
            bytes: bytes.into(),
            decoded: false,
            chunks: vec![Chunk { after: 3, length: 2 }],
            trailers: Some(Headers::from_lines(b"x: y\r\n".to_vec())),
            end: Some((Micros(2_000_001), Ending::Broken { by: Closer::Us, why: "so".to_owned() })),
            lost: 7,
        };
        let exchange = Exchange {
            id: ExchangeId::new(Micros(1), 1),
            upstream: "mine".to_owned(),
            provider: "openai".to_owned(),
            dialect: None,
            method: "POST".to_owned(),
            target: Some("/mine/v1".to_owned()),
            forwarded: "/v1?x".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: Headers::from_lines(b"a: caf\xe9\r\na: 2\r\n".to_vec()),
            labels: vec![Label { key: "tag".to_owned(), value: "x".to_owned() }],
            upgrade: false,
            began: Micros(1_000_000),
            request: body(b"{}"),
            informational: vec![(103, Micros(1_500_000))],
            head: Some(Head {
                at: Micros(1_600_000),
                status: 200,
                version: "HTTP/2.0".to_owned(),
                headers: Headers::default(),
                ours: true,
            }),
            response: body(b"\xff\x00"),
            redactions: vec!["keys: 1 in the request's body".to_owned()],
        };
        assert_eq!(from_json(exchange.id, &to_json(&exchange)), Some(exchange.clone()));
        let unanswered = Exchange { head: None, response: Body::default(), ..exchange };
        assert_eq!(from_json(unanswered.id, &to_json(&unanswered)), Some(unanswered));
        assert_eq!(from_json(ExchangeId::new(Micros(1), 1), &json!({})), None);
    }
}
