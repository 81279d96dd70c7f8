//! Credentials stay off the tape: a keyed fingerprint stands in their place, so that the calls of one key can be grouped
//! and the key cannot be had.
//!
//! Pure functions over heads and targets; everything in them that is no credential stays as it was, byte for byte. A name
//! that might carry a credential is taken for one: a fingerprint too many can be lived with.

use http::uri::PathAndQuery;

use super::event::{Begin, Event};
use crate::model::{Exchange, Headers};

mod keeper;
mod name;
mod query;

pub use keeper::{Keeper, KeyFile};

/// Names a fingerprint wherever one stands.
const MARK: &str = "fp:";

/// Authentication schemes that stand in the open in front of a credential.
const SCHEMES: &[&str] = &[
    "bearer",
    "basic",
    "token",
    "key",
    "apikey",
    "api-key",
    "digest",
    "dpop",
    "gnap",
    "negotiate",
    "oauth",
    "googlelogin",
    "hmac",
    "sharedkey",
    "ssws",
];

impl Keeper {
    /// Takes the credentials out of an event.
    pub fn redact(&self, event: &mut Event) {
        match event {
            Event::Begin(begin) => self.redact_begin(begin),
            Event::Head(head) => self.redact_headers(&mut head.headers),
            Event::Trailers(_, trailers) => self.redact_headers(trailers),
            // Bodies are for the rules that know what is in them; see `tape.content`.
            Event::Informational(_) | Event::Data(..) | Event::Last(..) => {}
            Event::Closed { direction: _, ending: _, lost: _ } => {}
        }
    }

    fn redact_begin(&self, begin: &mut Begin) {
        let Begin { upstream: _, method: _, target, forwarded, version: _, headers, labels, upgrade: _ } =
            begin;
        self.redact_headers(headers);
        self.redact_target(forwarded);
        if let Some(target) = target {
            self.redact_target(target);
        }
        for label in labels {
            if self.is_secret(&label.key) {
                label.value = self.fingerprint(label.value.as_bytes());
            }
        }
    }

    /// The same of an exchange that came another way than over the wire.
    pub fn redact_exchange(&self, exchange: &mut Exchange) {
        self.redact_headers(&mut exchange.headers);
        for target in [Some(&mut exchange.forwarded), exchange.target.as_mut()].into_iter().flatten() {
            if let Some(redacted) = self.target(target) {
                *target = redacted;
            }
        }
        for label in &mut exchange.labels {
            if self.is_secret(&label.key) {
                label.value = self.fingerprint(label.value.as_bytes());
            }
        }
        if let Some(head) = &mut exchange.head {
            self.redact_headers(&mut head.headers);
        }
        for body in [&mut exchange.request, &mut exchange.response] {
            if let Some(trailers) = &mut body.trailers {
                self.redact_headers(trailers);
            }
        }
    }

    fn redact_target(&self, target: &mut PathAndQuery) {
        if let Some(redacted) = self.target(target.as_str()) {
            // What stood in for a value is made of letters, digits and a colon. Should it not parse all the same, the
            // path goes without its query.
            let bare = || PathAndQuery::try_from(target.path()).ok();
            let parsed = PathAndQuery::try_from(redacted).ok().or_else(bare);
            *target = parsed.unwrap_or_else(|| PathAndQuery::from_static("/"));
        }
    }

    fn redact_headers(&self, headers: &mut Headers) {
        let plain = |(name, value): (&str, &[u8])| self.value(name, value).is_none();
        if headers.iter().all(plain) {
            return;
        }
        let mut lines = Vec::with_capacity(headers.as_bytes().len());
        for (name, value) in headers.iter() {
            lines.extend_from_slice(name.as_bytes());
            lines.extend_from_slice(b": ");
            match self.value(name, value) {
                Some(redacted) => lines.extend_from_slice(&redacted),
                None => lines.extend_from_slice(value),
            }
            lines.extend_from_slice(b"\r\n");
        }
        *headers = Headers::from_lines(lines);
    }

    /// What to write in place of a header's value; `None` where it stays as it is.
    pub fn value(&self, name: &str, value: &[u8]) -> Option<Vec<u8>> {
        if value.is_empty() {
            return None;
        }
        if name.eq_ignore_ascii_case("sec-websocket-protocol") {
            return self.protocols(value);
        }
        if name::is_cookie(name) || name::may_be_document(name) && matches!(value[0], b'{' | b'[') {
            return Some(self.fingerprint(value).into_bytes());
        }
        if self.is_secret(name) {
            return Some(self.credential(value).into_bytes());
        }
        if name::is_url(name) {
            return self.url(value);
        }
        None
    }

    /// `Bearer KEY` as `Bearer fp:…`. One key has one fingerprint, whichever header and scheme it comes in.
    fn credential(&self, value: &[u8]) -> String {
        let text = std::str::from_utf8(value).unwrap_or_default();
        match text.split_once(' ') {
            Some((scheme, rest)) if scheme.to_ascii_uppercase().starts_with("AWS4-") => {
                self.signature(scheme, rest)
            }
            Some((scheme, rest)) if SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
                format!("{scheme} {}", self.fingerprint(rest.trim().as_bytes()))
            }
            _ => self.fingerprint(value.trim_ascii()),
        }
    }

    /// `Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=…, Signature=…`: region, service and the names of
    /// the signed headers stay.
    fn signature(&self, scheme: &str, parameters: &str) -> String {
        let parameters = parameters.split(',').map(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else {
                return self.fingerprint(parameter.as_bytes());
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "credential" => {
                    let (key, scope) = value.split_at(value.find('/').unwrap_or(value.len()));
                    format!("{name}={}{scope}", self.fingerprint(key.as_bytes()))
                }
                "signedheaders" => parameter.to_owned(),
                _ => format!("{name}={}", self.fingerprint(value.as_bytes())),
            }
        });
        format!("{scheme} {}", parameters.collect::<Vec<_>>().join(","))
    }

    /// The list of a WebSocket's sub-protocols, where browsers put what they cannot put into a header.
    fn protocols(&self, value: &[u8]) -> Option<Vec<u8>> {
        let Ok(text) = std::str::from_utf8(value) else { return Some(self.fingerprint(value).into_bytes()) };
        let mut is_token = false;
        let mut changed = false;
        let items: Vec<String> = text
            .split(',')
            .map(|item| {
                let redacted = self.protocol(item.trim(), is_token);
                is_token = name::introduces_token(item.trim());
                changed |= redacted.is_some();
                let space = &item[..item.len() - item.trim_start().len()];
                redacted.map_or_else(|| item.to_owned(), |redacted| format!("{space}{redacted}"))
            })
            .collect();
        changed.then(|| items.join(",").into_bytes())
    }

    /// `openai-insecure-api-key.KEY`, `token.KEY`, a `KEY` behind an item that says `token`, or anything too long to be a
    /// protocol's name.
    fn protocol(&self, item: &str, is_token: bool) -> Option<String> {
        let all = || Some(self.fingerprint(item.as_bytes()));
        if is_token {
            return all();
        }
        if let Some(at) = name::token_in_protocol(item) {
            return Some(format!("{}{}", &item[..at], self.fingerprint(&item.as_bytes()[at..])));
        }
        if name::looks_like_key(item) { all() } else { None }
    }
}

#[cfg(test)]
#[path = "secret_tests.rs"]
mod tests;
