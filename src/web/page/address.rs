//! Addresses of pages.

use super::Page;

/// A text as a segment of a path or a value of a query.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    // A browser takes these for steps in the path.
    match out.as_str() {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => out,
    }
}

/// A path with a query.
pub(super) fn with_query<'a>(path: &str, query: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = query.map(|(key, value)| format!("{}={}", encode(key), encode(value)));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{pairs}") }
}

pub(super) fn call(id: &str) -> String {
    format!("/calls/{}", encode(id))
}

pub(super) fn trace(id: &str) -> String {
    format!("/traces/{}", encode(id))
}

pub(super) fn session(id: &str) -> String {
    format!("/sessions/{}", encode(id))
}

impl Page {
    /// This page with one thing of its query set or left out. A list then begins at its beginning.
    pub(super) fn with(&self, key: &str, value: Option<&str>) -> String {
        let kept = self.query.iter().map(|(own, value)| (own.as_str(), value.as_str()));
        let kept = kept.filter(|(own, value)| *own != key && !is_place(own) && !value.is_empty());
        with_query(&self.path, kept.chain(value.map(|value| (key, value))))
    }

    /// This page, from another place on.
    pub(super) fn from(&self, key: &str, place: &str) -> String {
        let kept = self.query.iter().map(|(own, value)| (own.as_str(), value.as_str()));
        let kept = kept.filter(|(own, value)| !is_place(own) && !value.is_empty());
        with_query(&self.path, kept.chain([(key, place)]))
    }

    /// The filters that hold here, to be put into the address of another list.
    pub(super) fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.query.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        all.filter(|(key, value)| !is_place(key) && !value.is_empty())
    }
}

/// Which part of a list, and not which list.
fn is_place(key: &str) -> bool {
    matches!(key, "after" | "before" | "from" | "part" | "facets" | "limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_any_text() {
        assert_eq!(session("a b/ü?#\"<"), "/sessions/a%20b%2F%C3%BC%3F%23%22%3C");
        assert_eq!(session(".."), "/sessions/%2E%2E");
    }

    #[test]
    fn a_filter_is_set_or_taken_off_and_the_list_begins_anew() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let query = vec![pair("model", "a*"), pair("after", "x"), pair("user", "")];
        let page = Page { path: "/calls".to_owned(), query, ..Page::default() };
        assert_eq!(page.with("status", Some("error")), "/calls?model=a%2A&status=error");
        assert_eq!(page.with("model", None), "/calls");
        assert_eq!(page.from("after", "y"), "/calls?model=a%2A&after=y");
    }
}
