//! Requests and responses as an archive has them: heads, and bodies without their content-encoding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::dialect::framing::{Bounds, Decoder};
use crate::model::{Body, Exchange, Headers};

/// Marks a body that is as it was on the wire.
pub const ENCODED: &str = "_encoded";

/// What may come out of a content-encoding; a body that is larger stays as it was on the wire.
const BOUNDS: Bounds = Bounds { size: 256 << 20, ratio: 200 };

pub fn request(exchange: &Exchange, url: &str, is_socket: bool) -> Value {
    let mut request = json!({
        "method": exchange.method,
        "url": url,
        "httpVersion": exchange.version,
        "cookies": [],
        "headers": headers(&exchange.headers),
        "queryString": query(exchange),
        "headersSize": -1,
        "bodySize": if is_socket { 0 } else { length(&exchange.request) },
    });
    let (bytes, is_plain) =
        if is_socket { (Vec::new(), true) } else { decoded(&exchange.request, &exchange.headers) };
    if !bytes.is_empty() {
        let mut data = Map::new();
        data.insert("mimeType".to_owned(), media_type(&exchange.headers).into());
        data.insert("params".to_owned(), json!([]));
        // The format has no word for a request's body that is no text.
        text(&mut data, bytes, "_encoding");
        mark(&mut data, is_plain);
        request["postData"] = data.into();
    }
    request
}

pub fn response(exchange: &Exchange, is_socket: bool) -> Value {
    let none = Headers::default();
    let head = exchange.head.as_ref();
    let own = head.map_or(&none, |head| &head.headers);
    let (bytes, is_plain) = if is_socket { (Vec::new(), true) } else { decoded(&exchange.response, own) };
    let mut content = Map::new();
    content.insert("size".to_owned(), bytes.len().into());
    content.insert("mimeType".to_owned(), media_type(own).into());
    if !bytes.is_empty() {
        text(&mut content, bytes, "encoding");
        mark(&mut content, is_plain);
    }
    let mut response = json!({
        "status": head.map_or(0, |head| head.status),
        "statusText": "",
        "httpVersion": head.map_or("", |head| &head.version),
        "cookies": [],
        "headers": headers(own),
        "content": content,
        "redirectURL": own.text("location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": if is_socket { 0 } else { length(&exchange.response) },
    });
    if let Some((by, why)) = exchange.broken_by() {
        response["_error"] = format!("{}: {why}", by.name()).into();
    }
    response
}

/// Bytes as text, or in base64 under a key that says so.
fn text(into: &mut Map<String, Value>, bytes: Vec<u8>, encoding: &str) {
    match String::from_utf8(bytes) {
        Ok(text) => {
            into.insert("text".to_owned(), text.into());
        }
        Err(bytes) => {
            into.insert("text".to_owned(), STANDARD.encode(bytes.as_bytes()).into());
            into.insert(encoding.to_owned(), "base64".into());
        }
    }
}

/// How many bytes went by.
fn length(body: &Body) -> u64 {
    body.chunks.iter().map(|chunk| chunk.length).sum::<u64>() + body.lost
}

/// Says of a body that its content-encoding is still on.
fn mark(content: &mut Map<String, Value>, is_plain: bool) {
    if !is_plain {
        content.insert(ENCODED.to_owned(), true.into());
    }
}

/// A body without its content-encoding, or as it was where that cannot be taken off, and which of the two.
fn decoded(body: &Body, headers: &Headers) -> (Vec<u8>, bool) {
    let encoding = if body.decoded { Vec::new() } else { headers.joined("content-encoding") };
    let mut out = Vec::new();
    let decoded = Decoder::new(&encoding, BOUNDS).is_ok_and(|mut decoder| {
        decoder.push(&body.bytes, &mut |piece| out.extend_from_slice(piece)).is_ok()
    });
    if decoded { (out, true) } else { (body.bytes.to_vec(), false) }
}

fn media_type(headers: &Headers) -> &str {
    headers.text("content-type").unwrap_or("x-unknown")
}

/// A value that is no text is read as Latin-1, as HTTP once was.
fn headers(headers: &Headers) -> Value {
    let pairs = headers.iter().map(|(name, value)| {
        let value = match std::str::from_utf8(value) {
            Ok(text) => text.to_owned(),
            Err(_) => value.iter().map(|byte| char::from(*byte)).collect(),
        };
        json!({"name": name, "value": value})
    });
    pairs.collect()
}

fn query(exchange: &Exchange) -> Value {
    let (_, query) = exchange.path_and_query();
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        json!({"name": unescaped(name), "value": unescaped(value)})
    });
    pairs.collect()
}

/// Without percent signs; what is no text then stays as it was written.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn queries_are_read() {
        for (written, read) in
            [("a%20b+c", "a b c"), ("100%", "100%"), ("%zz", "%zz"), ("%ff", "%ff"), ("%C3%A9", "é")]
        {
            assert_eq!(unescaped(written), read);
        }
    }
}
