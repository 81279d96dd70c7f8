//! Whether the process lives, whether it takes calls, and what the tape has taken and lost.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use serde_json::json;

use super::shared::Shared;
use super::{genai, metrics};
use crate::push::Counts;
use crate::recorder::{Meter, Recorded, Words};
use crate::tape;

/// What the web side asks of the rest of the house. Filled in by whoever builds it.
pub struct Status {
    /// The proxy takes calls.
    pub ready: Box<dyn Fn() -> bool + Send + Sync>,
    /// Calls under way.
    pub in_flight: Box<dyn Fn() -> usize + Send + Sync>,
    /// What the tape took and did not take.
    pub tape: Box<dyn Fn() -> tape::Counts + Send + Sync>,
    /// How it stands with each destination that spans are sent to.
    pub exports: Box<dyn Fn() -> Vec<Counts> + Send + Sync>,
    /// What became of it, where it is recorded.
    pub recorded: Box<dyn Fn() -> Option<Recorded> + Send + Sync>,
    /// What calls took and used.
    pub meters: Box<dyn Fn() -> Vec<(Words, Meter)> + Send + Sync>,
    /// Bytes that the store takes on disk, where it is there.
    pub store_bytes: Box<dyn Fn() -> Option<u64> + Send + Sync>,
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

async fn healthz() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let status = &shared.status;
    let mut text = metrics::text(
        (status.in_flight)(),
        (status.tape)(),
        (status.recorded)().as_ref(),
        &(status.exports)(),
        &shared.ingested,
    );
    text.push_str(&metrics::store((status.store_bytes)()));
    text.push_str(&genai::text(&(status.meters)()));
    ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], text)
}

async fn readyz(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let status = &shared.status;
    let ready = (status.ready)();
    let counts = (status.tape)();
    let (recorded, exports) = ((status.recorded)(), (status.exports)());
    let body = json!({
        "program": "wiretape",
        "version": env!("CARGO_PKG_VERSION"),
        "proxy": shared.proxy,
        "shared": shared.is_shared,
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
        "recorder": recorded.map(|Recorded { journal, recorder, tape_bytes }| json!({
            "exchanges": recorder.exchanges,
            "observations": recorder.observations,
            "recovered": recorder.recovered,
            "waiting": recorder.waiting,
            "lost_exchanges": recorder.lost_exchanges,
            "cut_bodies": recorder.cut_bodies,
            "store_down": recorder.store_down,
            "last_error": recorder.last_error,
            "tape_bytes": tape_bytes,
            "tape_full": journal.full,
            "tape_down": journal.down,
        })),
        "exports": exports.iter().map(export).collect::<Vec<_>>(),
    });
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

pub fn export(counts: &Counts) -> serde_json::Value {
    let Counts { destination, sent, failed, parked, rejected, waiting, lag_ms, last_error } = counts;
    json!({
        "destination": destination,
        "sent": sent,
        "failed": failed,
        "parked": parked,
        "rejected": rejected,
        "waiting": waiting,
        "lag_ms": lag_ms,
        "last_error": last_error,
    })
}
