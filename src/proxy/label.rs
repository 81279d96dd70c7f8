//! Labels a caller puts on its call: `/~key=value,key=value/` in front of the path, and `x-wiretape-*` headers. Both are
//! taken off before the call goes on.

use http::HeaderMap;

use crate::model::Label;

/// Headers of our own begin with this.
pub const HEADER_PREFIX: &str = "x-wiretape-";
/// The label that is not one: it opens the door and is never recorded.
pub const TOKEN: &str = "token";

/// Takes label segments off the front of `path`: the labels, and what is left of the path. A segment that begins with
/// `~` but holds no `=` is no label.
pub fn from_path(path: &str) -> (Vec<Label>, &str) {
    let mut labels = Vec::new();
    let mut rest = path;
    while let Some(segment_on) = rest.strip_prefix("/~") {
        let end = segment_on.find('/').unwrap_or(segment_on.len());
        let (segment, after) = segment_on.split_at(end);
        if !segment.contains('=') {
            break;
        }
        labels.extend(segment.split(',').filter_map(pair));
        rest = after;
    }
    (labels, rest)
}

/// The labels in `x-wiretape-*` headers, the token's excepted.
pub fn from_headers(headers: &HeaderMap) -> Vec<Label> {
    let mut labels = Vec::new();
    for (name, value) in headers {
        let Some(key) = name.as_str().strip_prefix(HEADER_PREFIX) else { continue };
        if key == TOKEN || key.is_empty() {
            continue;
        }
        let value = String::from_utf8(value.as_bytes().to_vec());
        labels.extend(value.ok().map(|value| Label { key: key.to_owned(), value }));
    }
    labels
}

fn pair(text: &str) -> Option<Label> {
    let (key, value) = text.split_once('=')?;
    if key.is_empty() {
        return None;
    }
    Some(Label { key: percent_decode(key), value: percent_decode(value) })
}

/// Decodes `%XX`; what does not decode to UTF-8, or is no `%XX`, stays as it was written.
fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = (bytes[i] == b'%').then(|| text.get(i + 1..i + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(path: &str) -> (Vec<(String, String)>, &str) {
        let (labels, rest) = from_path(path);
        (labels.into_iter().map(|l| (l.key, l.value)).collect(), rest)
    }

    #[test]
    fn segments_come_off_the_front() {
        let (found, rest) = labels("/~session=s1,user=a%20b/~tag=x=y/openai/v1");
        assert_eq!(rest, "/openai/v1");
        let pairs: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("session", "s1"), ("user", "a b"), ("tag", "x=y")]);
    }

    #[test]
    fn what_is_no_label_stays() {
        assert_eq!(labels("/~user/v1"), (vec![], "/~user/v1"));
        assert_eq!(labels("/v1/~a=b"), (vec![], "/v1/~a=b"));
        assert_eq!(labels("/~=x/v1").1, "/v1");
        assert_eq!(labels("/~a=%zz").0[0].1, "%zz");
        assert_eq!(labels("/~a=%ff").0[0].1, "%ff");
        assert_eq!(labels("/~a=%é").0[0].1, "%é");
    }

    #[test]
    fn headers_are_labels_but_for_the_token() {
        let mut headers = HeaderMap::new();
        headers.append("x-wiretape-tag", "one".parse().unwrap());
        headers.append("x-wiretape-tag", "two".parse().unwrap());
        headers.append("x-wiretape-token", "secret".parse().unwrap());
        headers.append("x-other", "no".parse().unwrap());
        let found = from_headers(&headers);
        assert_eq!(found.iter().map(|l| l.value.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    }
}
