//! Calls of our own, for rooms that send something somewhere: by the same way out as agents' calls, with its proxies, its
//! certificates and its patience. One connection a call: such calls are few and large.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::body::describe;
use super::config::Config;
use super::connect::{Connector, Offer};
use super::upstream::{self, Upstream};

/// Sends calls of our own.
#[derive(Clone)]
pub struct Client {
    connector: Connector,
}

/// A URL that calls are sent to.
#[derive(Clone, Debug)]
pub struct Target {
    upstream: Arc<Upstream>,
}

/// A call's headers, as they are sent. Their values are never shown.
pub type Lines = Vec<(HeaderName, HeaderValue)>;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Target {
    /// Reads a URL, which has no query.
    pub fn parse(url: &str) -> Result<Self, String> {
        Ok(Self { upstream: Arc::new(upstream::parse("export", 0, url, Some(false))?) })
    }

    /// Its path, without a slash at the end.
    pub fn path(&self) -> &str {
        &self.upstream.prefix
    }
}

/// A header's line. The error does not show its value.
pub fn line(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = |what: &str| format!("{name:?}: {what}");
    let known = name.parse().map_err(|_| wrong("is no header's name"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| wrong("its value does not go into a header"))?;
    value.set_sensitive(true);
    Ok((known, value))
}

impl Client {
    pub fn new(config: &Config) -> Result<Self, String> {
        Ok(Self { connector: Connector::new(config)? })
    }

    /// Posts a body, and waits for the whole answer, of which no more than so many bytes are taken.
    pub async fn post(
        &self,
        target: &Target,
        path: &str,
        headers: &Lines,
        body: Bytes,
        patience: Duration,
    ) -> Result<Answer, String> {
        match tokio::time::timeout(patience, self.posted(target, path, headers, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer after {patience:?}")),
        }
    }

    async fn posted(
        &self,
        target: &Target,
        path: &str,
        headers: &Lines,
        body: Bytes,
    ) -> Result<Answer, String> {
        let stream =
            self.connector.connect(&target.upstream, Offer::Http1).await.map_err(|why| why.message)?;
        let mut request = Request::builder().method(Method::POST).uri(path);
        let lines = request.headers_mut().ok_or_else(|| format!("{path:?} is no path"))?;
        lines.insert(HOST, target.upstream.host_header.clone());
        lines.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        for (name, value) in headers {
            lines.append(name, value.clone());
        }
        let request = request.body(Full::new(body)).map_err(|why| why.to_string())?;
        let broke_off = |why: hyper::Error| format!("broke off: {}", describe(&why));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(&broke_off)?;
        let mut call = pin!(async {
            let (head, body) = sender.send_request(request).await.map_err(broke_off)?.into_parts();
            let body = Limited::new(body, MOST).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let headers = head.headers.iter();
            let headers = headers.filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            });
            Ok(Answer { status: head.status.as_u16(), headers: headers.collect(), body })
        });
        tokio::select! {
            answer = call.as_mut() => answer,
            // What came before the connection ended may be all of it.
            _ = connection => call.await,
        }
    }
}

/// Answers are short; of one that is not, the beginning is of no use.
const MOST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_wrong_does_not_show_its_value() {
        let why = line("x-api-key", "secret\nmore").unwrap_err();
        assert!(why.contains("x-api-key") && !why.contains("secret"), "{why}");
        assert!(line("x y", "1").is_err());
        let (name, value) = line("X-Api-Key", "secret").unwrap();
        assert_eq!((name.as_str(), format!("{value:?}").as_str()), ("x-api-key", "Sensitive"));
    }
}
