//! Whether the process lives, whether it takes calls, and what the tape has taken and lost.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use serde_json::json;

use crate::tape::Counts;

/// What the web side asks of the rest of the house. Filled in by whoever builds it.
pub struct Status {
    /// The proxy takes calls.
    pub ready: Box<dyn Fn() -> bool + Send + Sync>,
    /// Calls under way.
    pub in_flight: Box<dyn Fn() -> usize + Send + Sync>,
    /// What the tape took and did not take.
    pub tape: Box<dyn Fn() -> Counts + Send + Sync>,
}

/// `/healthz` and `/readyz`.
pub fn router(status: Status) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(|| async { (StatusCode::NOT_FOUND, Json(json!({"error": {"message": "no such page"}}))) })
        .with_state(Arc::new(status))
}

async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

async fn readyz(State(status): State<Arc<Status>>) -> impl IntoResponse {
    let ready = (status.ready)();
    let counts = (status.tape)();
    let body = json!({
        "status": if ready { "ready" } else { "stopping" },
        "in_flight": (status.in_flight)(),
        "tape": {
            "exchanges": counts.exchanges,
            "events": counts.events,
            "bytes": counts.bytes,
            "lost_exchanges": counts.lost_exchanges,
            "lost_bytes": counts.lost_bytes,
            "cut_bodies": counts.cut_bodies,
        },
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}
