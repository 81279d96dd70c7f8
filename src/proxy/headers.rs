//! Which headers go on: all of them, in order, but for what belongs to one hop or to us. Pure.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, Version};

use super::label;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What the request's headers become on the upstream's connection.
pub struct Onward<'a> {
    pub host: &'a HeaderValue,
    /// The protocol of the upstream's connection.
    pub version: Version,
    /// The client asked to change protocols, and the upstream shall hear it.
    pub upgrade: bool,
    /// The credential that was ours, to be left out.
    pub ours: Option<HeaderName>,
}

/// The headers to send on: the same where only Host is another, as it is for nearly all; else built anew, because
/// removing from a `HeaderMap` changes its order.
pub fn request(mut from: HeaderMap, onward: &Onward<'_>) -> HeaderMap {
    let http1 = onward.version < Version::HTTP_2;
    if http1 && onward.ours.is_none() && is_clean(&from) && from.contains_key(HOST) {
        from.insert(HOST, onward.host.clone());
        return from;
    }
    let named = named(&from);
    let chunked = from.contains_key(TRANSFER_ENCODING);
    let trailers = from.get(TE).is_some_and(says_trailers);
    let mut to = HeaderMap::with_capacity(from.keys_len() + 1);
    if http1 && !from.contains_key(HOST) {
        to.append(HOST, onward.host.clone());
    }
    let mut name = HOST;
    for (next, mut value) in from {
        // Of values that share a name only the first comes with it.
        name = next.unwrap_or(name);
        let keep = if name == HOST {
            value = onward.host.clone();
            http1 && !to.contains_key(HOST)
        } else if name == CONNECTION {
            if !onward.upgrade {
                value = HeaderValue::from_static("te");
            }
            http1 && (onward.upgrade || trailers && !to.contains_key(CONNECTION))
        } else if name == TRANSFER_ENCODING {
            // Framing: hyper reads it and frames the same way, in the same place.
            http1
        } else if name == CONTENT_LENGTH {
            !chunked
        } else if name == TE {
            trailers
        } else if name == UPGRADE {
            onward.upgrade
        } else {
            !is_hop(&name) && !named.contains(&name) && !is_ours(&name) && onward.ours.as_ref() != Some(&name)
        };
        if keep {
            to.append(name.clone(), value);
        }
    }
    to
}

/// Whether all of these headers can go on as they are. A plain `Connection: keep-alive` can: it says of the next hop what is
/// true of it.
pub fn is_clean(headers: &HeaderMap) -> bool {
    let mut framings = 0;
    headers.iter().all(|(name, value)| {
        if name == CONNECTION {
            return value.as_bytes().eq_ignore_ascii_case(b"keep-alive");
        }
        framings += usize::from(name == TRANSFER_ENCODING || name == CONTENT_LENGTH);
        framings < 2 && (name == TRANSFER_ENCODING || !is_hop(name)) && !is_ours(name)
    })
}

/// The response headers to send on. `upgrade`: the response changes protocols and says to which.
pub fn response(from: HeaderMap, upgrade: bool) -> HeaderMap {
    let named = named(&from);
    let chunked = from.contains_key(TRANSFER_ENCODING);
    let mut to = HeaderMap::with_capacity(from.keys_len());
    let mut name = HOST;
    for (next, value) in from {
        name = next.unwrap_or(name);
        let keep = if name == CONNECTION || name == UPGRADE {
            upgrade
        } else if name == TRANSFER_ENCODING {
            true
        } else if name == CONTENT_LENGTH {
            !chunked
        } else {
            !is_hop(&name) && !named.contains(&name)
        };
        if keep {
            to.append(name.clone(), value);
        }
    }
    to
}

/// Whether the client asks to change protocols (HTTP/1.1's way).
pub fn asks_upgrade(headers: &HeaderMap, version: Version) -> bool {
    version == Version::HTTP_11 && headers.contains_key(UPGRADE) && named(headers).contains(&UPGRADE)
}

/// Whether the client waits for a 100 before it sends its body.
pub fn expects_continue(headers: &HeaderMap) -> bool {
    headers
        .get(http::header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Headers that end at the next hop (RFC 9110, 7.6.1). Trailer and TE's `trailers` go on, since trailers do.
fn is_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
        || *name == PROXY_AUTHORIZATION
        || *name == TE
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
}

fn is_ours(name: &HeaderName) -> bool {
    name.as_str().starts_with(label::HEADER_PREFIX)
}

fn says_trailers(value: &HeaderValue) -> bool {
    tokens(value).any(|token| token.eq_ignore_ascii_case("trailers"))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value
        .to_str()
        .unwrap_or_default()
        .split(',')
        .map(|token| token.split(';').next().unwrap_or_default().trim())
}

/// The headers that Connection headers say are for this hop alone. What a body or an upstream cannot do without is not
/// among them, whoever names it.
fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter();
    let names = values.flat_map(tokens).filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok());
    // Nearly all say only this, and then nothing is allocated.
    names.filter(|name| ![KEEP_ALIVE, CONTENT_LENGTH, HOST].contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn list(headers: &HeaderMap) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
    }

    fn onward(host: &HeaderValue, version: Version) -> Onward<'_> {
        Onward { host, version, upgrade: false, ours: None }
    }

    #[test]
    fn order_and_duplicates_stay_and_hops_go() {
        let host = HeaderValue::from_static("up");
        let from = map(&[
            ("host", "me"),
            ("accept", "a"),
            ("connection", "keep-alive, X-Hop"),
            ("x-dup", "1"),
            ("x-dup", "2"),
            ("x-hop", "gone"),
            ("keep-alive", "5"),
            ("proxy-authorization", "Basic x"),
            ("x-wiretape-tag", "t"),
            ("te", "trailers"),
            ("content-length", "3"),
            ("authorization", "Bearer k"),
        ]);
        let to = request(from.clone(), &onward(&host, Version::HTTP_11));
        let expected = [
            ("host", "up"),
            ("accept", "a"),
            ("connection", "te"),
            ("x-dup", "1"),
            ("x-dup", "2"),
            ("te", "trailers"),
            ("content-length", "3"),
            ("authorization", "Bearer k"),
        ];
        assert_eq!(list(&to), expected);
        let to = request(from.clone(), &onward(&host, Version::HTTP_2));
        assert!(!to.contains_key(HOST) && !to.contains_key(CONNECTION));
    }

    #[test]
    fn what_needs_no_change_stays_where_it_is() {
        let host = HeaderValue::from_static("up");
        let from = map(&[("accept", "a"), ("host", "me"), ("connection", "keep-alive"), ("x-end", "1")]);
        let to = request(from.clone(), &onward(&host, Version::HTTP_11));
        assert_eq!(
            list(&to),
            [("accept", "a"), ("host", "up"), ("connection", "keep-alive"), ("x-end", "1")]
        );
        let to = request(from, &onward(&host, Version::HTTP_2));
        assert_eq!(list(&to), [("accept", "a"), ("x-end", "1")]);
    }

    #[test]
    fn an_upgrade_goes_on_whole() {
        let host = HeaderValue::from_static("up");
        let from = map(&[("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "k")]);
        assert!(asks_upgrade(&from, Version::HTTP_11) && !asks_upgrade(&from, Version::HTTP_2));
        let to = request(from.clone(), &Onward { upgrade: true, ..onward(&host, Version::HTTP_11) });
        assert_eq!(to.get(CONNECTION).unwrap(), "Upgrade");
        assert_eq!(to.get(UPGRADE).unwrap(), "websocket");
        let to = request(from.clone(), &onward(&host, Version::HTTP_11));
        assert!(!to.contains_key(UPGRADE));
    }

    #[test]
    fn two_framings_become_one() {
        let host = HeaderValue::from_static("up");
        let from = map(&[("content-length", "3"), ("transfer-encoding", "chunked")]);
        assert!(!request(from.clone(), &onward(&host, Version::HTTP_11)).contains_key(CONTENT_LENGTH));
        assert!(!is_clean(&from) && !response(from.clone(), false).contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn a_connection_header_cannot_take_off_what_is_needed() {
        let host = HeaderValue::from_static("up");
        let from = map(&[("connection", "host, content-length, close"), ("content-length", "3")]);
        let to = request(from.clone(), &onward(&host, Version::HTTP_11));
        assert_eq!(list(&to), [("host", "up"), ("content-length", "3")]);
    }

    proptest! {
        /// Every header that is nobody's hop arrives, with its values in their order, and nothing is added but Host.
        #[test]
        fn end_to_end_headers_are_kept(pairs in proptest::collection::vec(("x-[a-f]{1,3}", "[ -~]{0,10}"), 0..12)) {
            let host = HeaderValue::from_static("up");
            let mut from = HeaderMap::new();
            for (name, value) in &pairs {
                from.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            let to = request(from.clone(), &onward(&host, Version::HTTP_11));
            let mut expected = vec![("host", host.clone())];
            expected.extend(from.iter().map(|(name, value)| (name.as_str(), value.clone())));
            let found: Vec<_> = to.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            prop_assert_eq!(found, expected);
            let back = response(from.clone(), false);
            prop_assert_eq!(list_bytes(&back), list_bytes(&from));
        }
    }

    fn list_bytes(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }
}
