//! A request as far as it tells which dialect it is in.

use crate::model::{Exchange, Headers};

/// Where a request went, and what its head says.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Whose rules of accounting hold.
    pub provider: String,
    /// What the configuration says is spoken.
    pub dialect: Option<String>,
    pub method: String,
    /// As it was sent on: percent-encoded, with the provider's own prefix.
    pub path: String,
    pub query: Option<String>,
    pub headers: Headers,
}

impl Call {
    pub fn of(exchange: &Exchange) -> Self {
        let (path, query) = exchange.path_and_query();
        Self {
            provider: exchange.provider.clone(),
            dialect: exchange.dialect.clone(),
            method: exchange.method.clone(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers: exchange.headers.clone(),
        }
    }

    pub fn is_post(&self) -> bool {
        self.method == "POST"
    }

    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }

    /// The path without slashes at its end.
    pub fn trimmed(&self) -> &str {
        self.path.trim_end_matches('/')
    }

    /// A POST to a path that ends like this. `suffix` begins with a slash.
    pub fn posts_to(&self, suffix: &str) -> bool {
        self.is_post() && self.trimmed().ends_with(suffix)
    }

    /// The path's segments, percent-encoded as they are.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// The segment behind one of this name, decoded: the model in `/models/M:generateContent`.
    pub fn behind(&self, name: &str) -> Option<String> {
        let segments = self.segments();
        let at = segments.iter().rposition(|segment| *segment == name)?;
        segments.get(at + 1).map(|segment| decoded(segment))
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.as_deref()?.split('&');
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .find(|(own, _)| decoded(own) == name)
            .map(|(_, value)| decoded(&value.replace('+', " ")))
    }
}

/// Percent-encoding taken off. What does not decode to text stays as it is.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_taken_apart() {
        let call = Call {
            method: "POST".to_owned(),
            path: "/model/a%3Ab%2Fc/converse/".to_owned(),
            query: Some("api-version=1&x=a+b%21".to_owned()),
            ..Call::default()
        };
        assert!(call.posts_to("/converse") && !call.posts_to("/invoke"));
        assert_eq!(call.behind("model").as_deref(), Some("a:b/c"));
        assert_eq!(call.parameter("x").as_deref(), Some("a b!"));
        assert_eq!(call.parameter("y"), None);
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%ff%zz"), "%ff%zz");
    }
}
