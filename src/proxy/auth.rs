//! A layer that asks for the proxy's own token where one is set, and takes it off.

use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use http::{HeaderMap, Request, Response};
use subtle::ConstantTimeEq as _;
use tower::{Layer, Service};

use super::body::Body;
use super::label;
use super::relay::Answer;
use super::reply::Fault;
use crate::model::setting::Secret;

const TOKEN_HEADER: &str = "x-wiretape-token";

/// The layer. Without a token every call passes.
#[derive(Clone)]
pub struct Door {
    token: Option<Arc<str>>,
}

impl Door {
    pub fn new(token: Option<&Secret>) -> Self {
        Self { token: token.map(|token| Arc::from(token.reveal())) }
    }
}

/// An end-to-end header that carried our token and so must not go on. `x-wiretape-*` and Proxy-Authorization never do.
#[derive(Clone, Debug)]
pub struct Spent(pub HeaderName);

enum Found {
    Nothing,
    Right { spent: Option<HeaderName> },
}

fn find(token: &str, path: &str, headers: &HeaderMap) -> Found {
    let right = |text: &[u8]| bool::from(text.ct_eq(token.as_bytes()));
    if headers.get(TOKEN_HEADER).is_some_and(|value| right(value.as_bytes()))
        || path_token(path).is_some_and(|value| right(value.as_bytes()))
        || headers.get(PROXY_AUTHORIZATION).is_some_and(|value| credential(value, &right))
    {
        return Found::Right { spent: None };
    }
    match headers.get(AUTHORIZATION) {
        // A client turns the user part of its base URL into Basic; a Bearer key is the provider's business.
        Some(value) if scheme(value) == Some("basic") && credential(value, &right) => {
            Found::Right { spent: Some(AUTHORIZATION) }
        }
        _ => Found::Nothing,
    }
}

fn path_token(path: &str) -> Option<String> {
    let (mut labels, rest) = label::from_path(path);
    // Or behind the upstream's name.
    let behind = rest.strip_prefix('/').and_then(|rest| rest.find('/').map(|end| &rest[end..]));
    labels.extend(behind.map(label::from_path).into_iter().flat_map(|(labels, _)| labels));
    labels.into_iter().find(|label| label.key == label::TOKEN).map(|label| label.value)
}

fn scheme(value: &HeaderValue) -> Option<&'static str> {
    let text = value.to_str().ok()?;
    let is = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["basic", "bearer"].into_iter().find(|scheme| is(scheme))
}

/// Whether a credential is the token: as Bearer, or as the user or the password of Basic.
fn credential(value: &HeaderValue, right: &dyn Fn(&[u8]) -> bool) -> bool {
    let Some((_, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else { return false };
    let rest = rest.trim();
    match scheme(value) {
        Some("bearer") => right(rest.as_bytes()),
        Some(_) => {
            let Ok(pair) = base64::engine::general_purpose::STANDARD.decode(rest) else { return false };
            let colon = pair.iter().position(|&b| b == b':').unwrap_or(pair.len());
            right(&pair[..colon]) || pair.get(colon + 1..).is_some_and(right)
        }
        None => false,
    }
}

impl<S> Layer<S> for Door {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, door: self.clone() }
    }
}

#[derive(Clone)]
pub struct Guarded<S> {
    inner: S,
    door: Door,
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = std::convert::Infallible, Future = Answer>,
{
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Answer {
        let Some(token) = &self.door.token else { return self.inner.call(request) };
        match find(token, request.uri().path(), request.headers()) {
            Found::Right { spent } => {
                if let Some(spent) = spent {
                    request.extensions_mut().insert(Spent(spent));
                }
                self.inner.call(request)
            }
            Found::Nothing => {
                let message = "this proxy asks for a token: send it as x-wiretape-token, as the user part of the base \
                               URL, or as /~token=…/ in front of the path";
                Box::pin(std::future::ready(Ok(Fault::Unauthorized.response(message))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, headers: &[(&str, &str)]) -> Option<Option<HeaderName>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        match find("s3cret", path, &map) {
            Found::Nothing => None,
            Found::Right { spent } => Some(spent),
        }
    }

    #[test]
    fn a_token_is_found_wherever_a_client_can_put_it() {
        let basic = |pair: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
        assert_eq!(check("/", &[("x-wiretape-token", "s3cret")]), Some(None));
        assert_eq!(check("/~token=s3cret/v1/messages", &[]), Some(None));
        assert_eq!(check("/openai/~session=a,token=s3cret/v1", &[]), Some(None));
        assert_eq!(check("/", &[("proxy-authorization", "bearer s3cret")]), Some(None));
        for pair in ["s3cret:", "s3cret", "user:s3cret"] {
            assert_eq!(check("/", &[("authorization", &basic(pair))]), Some(Some(AUTHORIZATION)), "{pair}");
        }
    }

    #[test]
    fn nothing_else_opens_the_door() {
        assert_eq!(check("/v1/messages", &[]), None);
        assert_eq!(check("/~token=wrong/v1", &[("x-wiretape-token", "s3cre")]), None);
        // A provider's key that happens to be the token is still the provider's.
        assert_eq!(check("/", &[("authorization", "Bearer s3cret")]), None);
        assert_eq!(check("/", &[("authorization", "Basic !!!")]), None);
        assert_eq!(check("/v1/x/~token=s3cret/", &[]), None);
    }
}
