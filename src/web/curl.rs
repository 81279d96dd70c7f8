//! A recorded call as a command that makes it again, through the recorder.

use crate::model::Exchange;

/// Larger bodies are to be fetched into a file first.
const LONGEST: usize = 32 << 10;

/// Headers that curl writes itself, or that hold for one connection.
const LEFT_OUT: &[&str] = &[
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "accept-encoding",
    "keep-alive",
    "te",
    "upgrade",
    "expect",
    "proxy-connection",
];

/// Headers that held a credential, and the variable that has one.
const CREDENTIALS: &[(&str, &str, &str)] = &[
    ("authorization", "Bearer ", "API_KEY"),
    ("x-api-key", "", "API_KEY"),
    ("api-key", "", "API_KEY"),
    ("x-goog-api-key", "", "API_KEY"),
];

/// The command. `proxy`: the recorder's base address.
pub fn curl(exchange: &Exchange, proxy: &str) -> String {
    let mut lines = vec![format!("curl -X {} {}", exchange.method, quoted(&address(exchange, proxy)))];
    for (name, value) in exchange.headers.iter() {
        let lower = name.to_ascii_lowercase();
        if LEFT_OUT.contains(&lower.as_str()) || lower == "cookie" {
            continue;
        }
        let Ok(value) = std::str::from_utf8(value) else { continue };
        match CREDENTIALS.iter().find(|(own, _, _)| *own == lower) {
            // What stood there is not known any more. In double quotes the shell puts the variable in.
            Some((_, before, variable)) => lines.push(format!("-H \"{name}: {before}${variable}\"")),
            None => lines.push(format!("-H {}", quoted(&format!("{name}: {value}")))),
        }
    }
    let body = &exchange.request.bytes;
    if !body.is_empty() {
        match std::str::from_utf8(body).ok().filter(|text| text.len() <= LONGEST && !text.contains('\0')) {
            Some(text) => lines.push(format!("--data-binary {}", quoted(text))),
            None => lines.push("--data-binary @request.body".to_owned()),
        }
    }
    lines.join(" \\\n  ")
}

fn address(exchange: &Exchange, proxy: &str) -> String {
    let path = exchange.forwarded.find("://").map_or(exchange.forwarded.as_str(), |at| {
        let behind = exchange.forwarded.get(at + 3..).unwrap_or_default();
        behind.find('/').and_then(|slash| behind.get(slash..)).unwrap_or("/")
    });
    format!("{proxy}/{}{path}", exchange.upstream)
}

/// As a shell takes it literally.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Body, ExchangeId, Headers, Micros};

    fn exchange(body: &'static str) -> Exchange {
        Exchange {
            id: ExchangeId::new(Micros(1), 1),
            upstream: "openai".to_owned(),
            provider: "openai".to_owned(),
            dialect: None,
            method: "POST".to_owned(),
            target: None,
            forwarded: "https://api.openai.com/v1/x?y=1".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: Headers::from_lines(
                b"Host: a\r\nAuthorization: fp:123\r\nx-it's: `id` $HOME\r\nContent-Length: 9\r\n".to_vec(),
            ),
            labels: Vec::new(),
            upgrade: false,
            began: Micros(1),
            request: Body { bytes: body.into(), ..Body::default() },
            informational: Vec::new(),
            head: None,
            response: Body::default(),
            redactions: Vec::new(),
        }
    }

    #[test]
    fn a_shell_takes_nothing_of_it_as_its_own() {
        let command = curl(&exchange("{\"a\":\"it's $(id)\"}"), "http://127.0.0.1:4750");
        let expected = [
            "curl -X POST 'http://127.0.0.1:4750/openai/v1/x?y=1'",
            "-H \"Authorization: Bearer $API_KEY\"",
            r"-H 'x-it'\''s: `id` $HOME'",
            r#"--data-binary '{"a":"it'\''s $(id)"}'"#,
        ];
        assert_eq!(command, expected.join(" \\\n  "));
    }
}
