//! A request for a page: what it asks for, in which form, and what the visitor may do. And the answer to it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Query as Decoded};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::fault::Fault;
use super::guard::Role;
use super::query::Query;
use super::shared::Shared;

/// How it is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Page,
    Json,
}

/// Says in a request's extensions that its address asked for JSON.
#[derive(Clone, Copy, Debug)]
struct InJson;

/// Addresses below `/api`, and those that end in `.json`, are the pages' own, answered as JSON.
pub fn rewrite(mut request: Request<Body>) -> Request<Body> {
    let path = request.uri().path();
    let below = path.strip_prefix("/api").filter(|rest| rest.starts_with('/'));
    // What SDKs of Langfuse and Opik send below /api is theirs.
    let below = below.filter(|rest| !rest.starts_with("/public/") && !rest.starts_with("/v1/"));
    let plain = below.unwrap_or(path);
    let plain = plain.strip_suffix(".json").filter(|rest| !rest.ends_with('/')).unwrap_or(plain);
    if plain.len() == path.len() {
        return request;
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(uri) = format!("{plain}{query}").parse::<Uri>() {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(InJson);
    }
    request
}

/// Which form a request wants.
pub fn form(parts_in_json: bool, headers: &HeaderMap) -> Form {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let place = |kind: &str| accept.find(kind).unwrap_or(usize::MAX);
    let wants_json = place("application/json") < place("text/html");
    if parts_in_json || wants_json { Form::Json } else { Form::Page }
}

/// What a handler is told.
pub struct Asked {
    pub shared: Arc<Shared>,
    pub form: Form,
    pub path: String,
    pub query: Query,
    pub role: Role,
}

impl FromRequestParts<Arc<Shared>> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Infallible> {
        let in_json = parts.extensions.get::<InJson>().is_some();
        let query = Decoded::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self {
            shared: Arc::clone(shared),
            form: form(in_json, &parts.headers),
            path: parts.uri.path().to_owned(),
            query: Query(query.map(|Decoded(pairs)| pairs).unwrap_or_default()),
            role: parts.extensions.get::<Role>().copied().unwrap_or(Role::Nobody),
        })
    }
}

/// A value as JSON.
pub fn in_json(status: StatusCode, value: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, value.to_string()).into_response()
}

/// An error as JSON.
pub fn fault_in_json(fault: &Fault) -> Response {
    let Fault { status, message } = fault;
    in_json(*status, &json!({"error": {"status": status.as_u16(), "message": message}}))
}
