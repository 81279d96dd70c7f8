//! Answers of our own, where no upstream could give one: JSON that an SDK can print.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

use super::body::Body;

/// Said of a head whether it is hyper's limit or ours that it is above.
pub const TOO_LARGE: &str =
    "the request's head is too large: above proxy.max_header_bytes, or more than 100 lines";

/// What went wrong, and so whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is not HTTP.
    Malformed,
    /// Its head is too large.
    TooLarge,
    /// Its target is too long.
    UriTooLong,
    /// No token, or a wrong one.
    Unauthorized,
    /// It leads nowhere.
    NoRoute,
    /// As many calls as are allowed are under way.
    Busy,
    /// The upstream could not be reached or broke off before it answered.
    Unreachable,
    /// It took too long.
    TimedOut,
}

impl Fault {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Malformed => "wiretape_malformed_request",
            Self::TooLarge => "wiretape_headers_too_large",
            Self::UriTooLong => "wiretape_target_too_long",
            Self::Unauthorized => "wiretape_unauthorized",
            Self::NoRoute => "wiretape_unknown_route",
            Self::Busy => "wiretape_busy",
            Self::Unreachable | Self::TimedOut => "wiretape_upstream_unreachable",
        }
    }

    /// The body that says so. `type: error` at the top is where Anthropic's SDKs look.
    pub fn json(self, message: &str) -> Bytes {
        let body =
            serde_json::json!({ "type": "error", "error": { "type": self.kind(), "message": message } });
        Bytes::from(format!("{body}\n"))
    }

    pub fn response(self, message: &str) -> Response<Body> {
        let json = self.json(message);
        let length = HeaderValue::from(json.len());
        let mut response = Response::new(Body::own(json));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, length);
        if self == Self::Busy {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
