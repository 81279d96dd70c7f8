//! Serving the web side.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequestLayer;
use tower::{Layer as _, ServiceExt as _};

use super::asked::{Form, fault_in_json, form, rewrite};
use super::fault::Fault;
use super::guard::Role;
use super::shared::{Parts, Shared};
use super::{feed, health, ingest, routes};

/// What is open to everyone: whether it lives, how to log in, and what the login page is made of.
const OPEN: &[&str] = &["/healthz", "/readyz", "/login"];
const OPEN_BELOW: &str = "/assets/";

/// Serves until `stop` is cancelled; then ends at once: a page that stays open for news must not hold the process up.
pub async fn serve(listener: TcpListener, parts: Parts, stop: CancellationToken) {
    let shared = Shared::new(parts);
    let router = router(&shared);
    // Addresses are read anew before a route is looked for.
    let service = MapRequestLayer::new(|request: Request<Body>| rewrite(request)).layer(router);
    let service = service.map_response(IntoResponse::into_response);
    let served = axum::serve(
        listener,
        axum::ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(service),
    );
    tokio::select! {
        served = served.into_future() => if let Err(error) = served {
            tracing::error!(%error, "the web side ended");
        },
        () = feed::follow(Arc::clone(&shared)) => {}
        () = stop.cancelled() => {}
    }
}

fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .merge(health::router())
        .merge(routes::router())
        .merge(ingest::router())
        .layer(from_fn_with_state(Arc::clone(shared), watch))
        .with_state(Arc::clone(shared))
}

/// Headers of every answer: nothing of another site's is run, shown or told where one came from.
const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' data:; \
         connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // With less a browser does not say from where a form is sent, and that is what tells ours from another site's.
    ("referrer-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Lets in who may come in.
async fn watch(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match admit(&shared, from.ip(), &request) {
        Ok(role) => {
            request.extensions_mut().insert(role);
            next.run(request).await
        }
        Err(response) => *response,
    };
    for (name, value) in HEADERS {
        let headers = response.headers_mut();
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

fn admit(shared: &Shared, from: IpAddr, request: &Request) -> Result<Role, Box<Response>> {
    let path = request.uri().path();
    if matches!(path, "/healthz" | "/readyz") {
        return Ok(Role::Nobody);
    }
    let refuse = |fault: &Fault| Box::new(fault_in_json(fault));
    shared.guard.check_origin(request.method(), request.headers()).map_err(|fault| refuse(&fault))?;
    let role = shared.guard.role(request.headers(), from).map_err(|fault| refuse(&fault))?;
    if role != Role::Nobody || OPEN.contains(&path) || path.starts_with(OPEN_BELOW) {
        return Ok(role);
    }
    let is_page = form(false, request.headers()) == Form::Page && request.method() == axum::http::Method::GET;
    let wants_html = request
        .headers()
        .get(header::ACCEPT)
        .is_some_and(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
    if is_page && wants_html {
        let there = request.uri().path_and_query().map_or("/", |there| there.as_str());
        let there: String = there.bytes().map(|byte| format!("%{byte:02X}")).collect();
        return Err(Box::new(routes::to(&format!("/login?next={there}"))));
    }
    let message = "a token is asked for: Authorization: Bearer TOKEN".to_owned();
    let mut response = fault_in_json(&Fault { status: StatusCode::UNAUTHORIZED, message });
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Err(Box::new(response))
}
