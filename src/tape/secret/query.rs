//! Credentials in targets and URLs: query parameters, the user part, label segments.

use super::{Keeper, name};

impl Keeper {
    /// A target less its credentials; `None` where there are none.
    pub fn target(&self, target: &str) -> Option<String> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let new_path = self.labels(path);
        let new_query = query.and_then(|query| self.query(query));
        if new_path.is_none() && new_query.is_none() {
            return None;
        }
        let mut redacted = new_path.unwrap_or_else(|| path.to_owned());
        if let Some(query) = query {
            redacted.push('?');
            redacted.push_str(new_query.as_deref().unwrap_or(query));
        }
        Some(redacted)
    }

    /// The value of a header that holds one URL, or several with other text about them.
    pub(super) fn url(&self, value: &[u8]) -> Option<Vec<u8>> {
        if !value.iter().any(|byte| matches!(byte, b'?' | b'#' | b'@')) {
            return None;
        }
        let Ok(text) = std::str::from_utf8(value) else { return Some(self.fingerprint(value).into_bytes()) };
        let mut changed = false;
        let mut redacted = String::with_capacity(text.len());
        // In a `Link` a URL ends at `>`.
        for part in text.split_inclusive('>') {
            let (part, end) = part.strip_suffix('>').map_or((part, ""), |part| (part, ">"));
            match self.one_url(part) {
                Some(part) => {
                    changed = true;
                    redacted.push_str(&part);
                }
                None => redacted.push_str(part),
            }
            redacted.push_str(end);
        }
        changed.then(|| redacted.into_bytes())
    }

    fn one_url(&self, url: &str) -> Option<String> {
        let mut changed = false;
        let mut url = url.to_owned();
        if let Some(start) = url.find("//").map(|at| at + 2) {
            let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
            if let Some(at) = url[start..end].rfind('@').map(|at| start + at) {
                let user = self.fingerprint(&url.as_bytes()[start..at]);
                url.replace_range(start..at, &user);
                changed = true;
            }
        }
        // Behind `#` come parameters as well, where a token is handed to a page.
        for mark in ['?', '#'] {
            let Some(start) = url.find(mark).map(|at| at + 1) else { continue };
            let end = if mark == '?' {
                url[start..].find('#').map_or(url.len(), |at| start + at)
            } else {
                url.len()
            };
            if let Some(query) = self.query(&url[start..end]) {
                url.replace_range(start..end, &query);
                changed = true;
            }
        }
        changed.then_some(url)
    }

    fn query(&self, query: &str) -> Option<String> {
        self.pairs(query, '&', |name| self.is_secret_parameter(name))
    }

    /// `/~key=value,key=value/` in front of a path.
    fn labels(&self, path: &str) -> Option<String> {
        if !path.contains("/~") {
            return None;
        }
        let mut changed = false;
        let segments: Vec<String> = path
            .split('/')
            .map(|segment| {
                let labels = segment.strip_prefix('~');
                let redacted = labels.and_then(|labels| self.pairs(labels, ',', |name| self.is_secret(name)));
                changed |= redacted.is_some();
                redacted.map_or_else(|| segment.to_owned(), |redacted| format!("~{redacted}"))
            })
            .collect();
        changed.then(|| segments.join("/"))
    }

    fn pairs(&self, list: &str, separator: char, is_secret: impl Fn(&str) -> bool) -> Option<String> {
        let mut changed = false;
        let pairs: Vec<String> = list
            .split(separator)
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if !value.is_empty() && is_secret(&decoded(name)) => {
                    changed = true;
                    format!("{name}={}", self.parameter(name, value))
                }
                _ => pair.to_owned(),
            })
            .collect();
        changed.then(|| pairs.join(&separator.to_string()))
    }

    fn parameter(&self, name: &str, value: &str) -> String {
        let value = decoded(value);
        // `KEY/DATE/REGION/…` would be another one every day.
        let scoped = name::plain(name).ends_with("-credential");
        let value = if scoped { value.split('/').next().unwrap_or_default() } else { &value };
        self.fingerprint(value.as_bytes())
    }
}

/// `%XX` decoded, so that a name is known however it is written and a key has the fingerprint that it has in a header.
/// What is no UTF-8 then stays as it was written.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = &rest[at + if byte.is_some() { 3 } else { 1 }..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
