//! Entries of an archive back into exchanges: of our own, of browsers and of other proxies.

use std::io::{self, BufRead};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::raw;
use super::message::ENCODED;
use super::socket;
use crate::model::{Body, Ending, Exchange, ExchangeId, Head, Headers, Micros};

/// Hands out an archive's entries, one at a time: an archive may be larger than memory.
pub struct Entries<R> {
    from: R,
    /// In the list of entries.
    is_inside: bool,
}

/// An entry above this is no call of a model.
const LARGEST: usize = 1 << 30;

/// The next entry, as JSON. None at the end, and where there is no list of entries.
impl<R: BufRead> Iterator for Entries<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

impl<R: BufRead> Entries<R> {
    pub fn new(from: R) -> Self {
        Self { from, is_inside: false }
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.is_inside {
            self.is_inside = self.find_list()?;
            if !self.is_inside {
                return Ok(None);
            }
        }
        loop {
            match self.byte()? {
                Some(b'{') => return self.object().map(Some),
                Some(b',' | b' ' | b'\n' | b'\r' | b'\t') => {}
                Some(b']') | None => return Ok(None),
                Some(_) => return Err(broken("the entries are no list of objects")),
            }
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.from.fill_buf()?.first().copied();
        if byte.is_some() {
            self.from.consume(1);
        }
        Ok(byte)
    }

    /// Goes to behind the bracket of `"entries": [`, which stands in an object in an object.
    fn find_list(&mut self) -> io::Result<bool> {
        let (mut depth, mut name) = (0_u32, Vec::new());
        while let Some(byte) = self.byte()? {
            match byte {
                b'"' => name = self.text()?,
                b'[' if depth == 2 && name == b"entries" => return Ok(true),
                b'{' | b'[' => {
                    depth += 1;
                    name.clear();
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    name.clear();
                }
                b',' => name.clear(),
                _ => {}
            }
        }
        Ok(false)
    }

    /// The rest of a text, without its quotes.
    fn text(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        while let Some(byte) = self.byte()? {
            match byte {
                b'"' => break,
                b'\\' => text.extend([byte].into_iter().chain(self.byte()?)),
                _ => text.push(byte),
            }
            if text.len() > LARGEST {
                return Err(broken("a text is too long"));
            }
        }
        Ok(text)
    }

    /// The rest of an object, and all of it.
    fn object(&mut self) -> io::Result<Vec<u8>> {
        let mut out = vec![b'{'];
        let (mut depth, mut in_text, mut is_escaped) = (1_u32, false, false);
        while depth > 0 {
            let Some(byte) = self.byte()? else { return Err(broken("it ends in the midst of an entry")) };
            out.push(byte);
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_text => is_escaped = true,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => depth += 1,
                b'}' | b']' if !in_text => depth -= 1,
                _ => {}
            }
            if out.len() > LARGEST {
                return Err(broken("an entry is too long"));
            }
        }
        Ok(out)
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads an entry. `id` names one that has no id of ours; `upstream` says which upstream a URL belongs to, and whose rules
/// hold there. The error says what is wrong with it.
pub fn exchange(
    entry: &Value,
    id: impl FnOnce(Micros) -> ExchangeId,
    upstream: impl FnOnce(&str) -> (String, String),
) -> Result<Exchange, String> {
    let began = entry.get("startedDateTime").and_then(Value::as_str).and_then(Micros::parse_rfc3339);
    let began = began.ok_or("`startedDateTime` is missing or no time")?;
    let request = entry.get("request").ok_or("`request` is missing")?;
    let response = entry.get("response").ok_or("`response` is missing")?;
    let mut exchange = match entry.get("_wiretape") {
        Some(ours) => own(ours, request, response)?,
        None => foreign(id(began), began, entry, request, response, upstream)?,
    };
    let messages = entry.get("_webSocketMessages").and_then(Value::as_array);
    if let Some(messages) = messages {
        let (sent, received) = socket::bodies(messages, exchange.began)
            .ok_or("`_webSocketMessages` are not of the known form")?;
        for (body, came) in [(&mut exchange.request, sent), (&mut exchange.response, received)] {
            body.bytes = came.bytes;
            body.chunks = came.chunks;
            body.decoded = came.decoded;
        }
    }
    Ok(exchange)
}

/// One of ours: what the format has no field for comes from beside it.
fn own(ours: &Value, request: &Value, response: &Value) -> Result<Exchange, String> {
    let wrong = || "`_wiretape` is not of the form that is exported".to_owned();
    let id = ours.get("exchange_id").and_then(Value::as_str).and_then(|id| u128::from_str_radix(id, 16).ok());
    let id = ExchangeId::from_bytes(id.ok_or_else(wrong)?.to_be_bytes());
    let mut raw = ours.clone();
    let mut fill = |side: &str, from: &Value, body: Vec<u8>, is_encoded: bool| {
        let own = raw.get_mut(side)?.as_object_mut()?;
        let pairs = headers(from)?.into_iter().map(|(name, value)| Value::from(vec![name, value]));
        own.insert("headers".to_owned(), pairs.collect());
        if let Some(method) = from.get("method") {
            own.insert("method".to_owned(), method.clone());
        }
        own.insert("body_b64".to_owned(), STANDARD.encode(body).into());
        if is_encoded {
            own.insert("decoded".to_owned(), true.into());
        }
        Some(())
    };
    let (sent, received) = (sent(request)?, received(response)?);
    fill("request", request, sent, is_encoded(request)).ok_or_else(wrong)?;
    fill("response", response, received, is_encoded(response)).ok_or_else(wrong)?;
    raw::from_json(id, &raw).ok_or_else(wrong)
}

/// One of someone else's.
fn foreign(
    id: ExchangeId,
    began: Micros,
    entry: &Value,
    request: &Value,
    response: &Value,
    upstream: impl FnOnce(&str) -> (String, String),
) -> Result<Exchange, String> {
    let text = |from: &Value, key: &str| from.get(key).and_then(Value::as_str).map(str::to_owned);
    let url = text(request, "url").ok_or("`request.url` is missing")?;
    let (_, rest) = url.split_once("://").ok_or("`request.url` is no URL")?;
    let forwarded = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    let forwarded = forwarded.split('#').next().unwrap_or("/");
    let (upstream, provider) = upstream(&url);
    let status = response.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let after = |name: &str| {
        let took = entry.get("timings").and_then(|timings| timings.get(name)).and_then(Value::as_f64);
        micros(took)
    };
    let all = micros(entry.get("time").and_then(Value::as_f64));
    let end = Micros(began.0 + all);
    let answered = Micros(end.0.saturating_sub(after("receive")).max(began.0));
    let sent_at = Micros(answered.0.saturating_sub(after("wait")).max(began.0));
    let lines =
        |from: &Value| headers(from).as_deref().map(to_headers).ok_or("`headers` are not of the known form");
    let head = match status.filter(|status| *status > 0) {
        Some(status) => Some(Head {
            at: answered,
            status,
            version: version(response),
            headers: lines(response)?,
            ours: false,
        }),
        None => None,
    };
    let body = |bytes: Vec<u8>, is_encoded: bool, at: Micros| Body {
        bytes: bytes.into(),
        decoded: is_encoded,
        // When which bytes came is not told.
        end: Some((at, Ending::Complete)),
        ..Body::default()
    };
    Ok(Exchange {
        id,
        upstream,
        provider,
        dialect: None,
        method: text(request, "method").ok_or("`request.method` is missing")?,
        target: None,
        forwarded: if forwarded.starts_with('/') { forwarded.to_owned() } else { format!("/{forwarded}") },
        version: version(request),
        headers: lines(request)?,
        labels: Vec::new(),
        upgrade: entry.get("_webSocketMessages").is_some(),
        began,
        request: body(sent(request)?, is_encoded(request), sent_at),
        informational: Vec::new(),
        head,
        response: body(received(response)?, is_encoded(response), end),
        redactions: Vec::new(),
    })
}

/// Milliseconds; what is unknown is told as -1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "negative ones read as 0")]
fn micros(millis: Option<f64>) -> u64 {
    (millis.unwrap_or_default() * 1000.0) as u64
}

fn version(side: &Value) -> String {
    let version = side.get("httpVersion").and_then(Value::as_str).unwrap_or_default();
    match version.to_ascii_lowercase().as_str() {
        "h2" | "http/2" | "http/2.0" => "HTTP/2.0".to_owned(),
        "h3" | "http/3" | "http/3.0" => "HTTP/3.0".to_owned(),
        "" => "HTTP/1.1".to_owned(),
        _ => version.to_owned(),
    }
}

/// Names in lower case, as a recorder keeps them; those of HTTP/2 that are no headers are left out.
fn headers(side: &Value) -> Option<Vec<(String, String)>> {
    let mut all = Vec::new();
    for header in side.get("headers")?.as_array()? {
        let name = header.get("name")?.as_str()?.to_ascii_lowercase();
        // A line break would begin another header.
        let value = header.get("value")?.as_str()?.replace(['\r', '\n'], " ");
        if !name.starts_with(':') && !name.is_empty() {
            all.push((name, value));
        }
    }
    Some(all)
}

fn to_headers(pairs: &[(String, String)]) -> Headers {
    Headers::of(|| pairs.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// Whether a content-encoding was taken off: archives have bodies without.
fn is_encoded(side: &Value) -> bool {
    let named = |(name, value): &(String, String)| name == "content-encoding" && value != "identity";
    let body = side.get("content").or_else(|| side.get("postData"));
    let is_on = body.and_then(|body| body.get(ENCODED)).is_some_and(|is_on| is_on == true);
    !is_on && headers(side).is_some_and(|headers| headers.iter().any(named))
}

fn sent(request: &Value) -> Result<Vec<u8>, String> {
    let Some(data) = request.get("postData") else { return Ok(Vec::new()) };
    if let Some(text) = data.get("text").and_then(Value::as_str) {
        let encoding = data.get("_encoding").or_else(|| data.get("encoding"));
        return bytes(text, encoding);
    }
    let empty = Vec::new();
    let pairs = data.get("params").and_then(Value::as_array).unwrap_or(&empty);
    let text = |pair: &Value, key: &str| pair.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let pairs: Vec<String> =
        pairs.iter().map(|pair| format!("{}={}", text(pair, "name"), text(pair, "value"))).collect();
    Ok(pairs.join("&").into_bytes())
}

fn received(response: &Value) -> Result<Vec<u8>, String> {
    let content = response.get("content").unwrap_or(&Value::Null);
    match content.get("text").and_then(Value::as_str) {
        Some(text) => bytes(text, content.get("encoding")),
        None => Ok(Vec::new()),
    }
}

fn bytes(text: &str, encoding: Option<&Value>) -> Result<Vec<u8>, String> {
    match encoding.and_then(Value::as_str) {
        Some("base64") => STANDARD.decode(text).map_err(|why| format!("a body is no base64: {why}")),
        _ => Ok(text.as_bytes().to_vec()),
    }
}
