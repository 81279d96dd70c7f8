//! Spans that applications send, at the addresses where their SDKs look for a collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::asked::fault_in_json;
use super::fault::Fault;
use super::guard::Role;
use super::shared::Shared;
use crate::export::otlp::{Coding, Read, gunzip, read};
use crate::store::{Entry, Observed, Parked, StoreError};

/// Where SDKs send spans: OpenTelemetry's own, Langfuse's, LangSmith's and Braintrust's, Opik's.
const TRACES: &[&str] =
    &["/v1/traces", "/api/public/otel/v1/traces", "/otel/v1/traces", "/api/v1/private/otel/v1/traces"];
/// Where they send what is not kept here.
const OTHERS: &[&str] = &["/v1/metrics", "/v1/logs", "/otel/v1/metrics", "/otel/v1/logs"];

/// A body is no larger, and comes to no more without its compression.
const MOST: usize = 64 << 20;
const MOST_PLAIN: usize = 256 << 20;
/// As many refusals are listed.
const MOST_PARKED: usize = 1000;

/// What came in.
#[derive(Debug, Default)]
pub struct Counters {
    pub spans: AtomicU64,
    pub rejected: AtomicU64,
}

pub fn router() -> Router<Arc<Shared>> {
    let mut router = Router::new();
    for path in TRACES {
        router = router.route(path, post(traces));
    }
    for path in OTHERS {
        router = router.route(path, post(others));
    }
    router.layer(DefaultBodyLimit::max(MOST)).route("/exports", axum::routing::get(exports))
}

async fn traces(
    State(shared): State<Arc<Shared>>,
    Extension(role): Extension<Role>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if role != Role::Owner {
        return fault_in_json(&Fault::forbidden("this token may only look"));
    }
    let coding = match coding(&headers) {
        Ok(coding) => coding,
        Err(fault) => return fault_in_json(&fault),
    };
    match taken(&shared, coding, &headers, &body).await {
        Ok((rejected, why)) => answer(coding, i64::try_from(rejected).unwrap_or(i64::MAX), &why),
        Err(fault) => fault_in_json(&fault),
    }
}

fn coding(headers: &HeaderMap) -> Result<Coding, Fault> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    Coding::of(kind).ok_or_else(|| Fault {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        message: format!("{kind:?} is not spoken here: application/x-protobuf and application/json are"),
    })
}

fn answer(coding: Coding, rejected: i64, why: &str) -> Response {
    ([(header::CONTENT_TYPE, coding.content_type())], coding.answer(rejected, why)).into_response()
}

/// How many spans were not taken, and why.
async fn taken(
    shared: &Arc<Shared>,
    coding: Coding,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(usize, String), Fault> {
    let store = shared.store()?;
    let packed = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let plain = match packed.as_deref() {
        None | Some(b"" | b"identity") => None,
        Some(b"gzip") => Some(gunzip(body, MOST_PLAIN).map_err(Fault::asked)?),
        Some(_) => {
            let message = "only gzip is taken off".to_owned();
            return Err(Fault { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, message });
        }
    };
    let bytes = plain.as_deref().unwrap_or(body);
    let request = coding.decode(bytes).map_err(|why| Fault::asked(format!("not OTLP: {why}")))?;
    let Read { mut observed, rejected, why } = read(&request);
    for one in &mut observed {
        redact(one, &*shared.redact);
    }
    let counters = &shared.ingested;
    counters.spans.fetch_add(observed.len() as u64, Ordering::Relaxed);
    counters.rejected.fetch_add(rejected as u64, Ordering::Relaxed);
    if !observed.is_empty() {
        let entry = Entry { observations: observed, ..Entry::default() };
        store.write(vec![entry].into()).await.map_err(|error| match error {
            // An SDK tries again what is not the span's fault.
            StoreError::Broken(message) => Fault { status: StatusCode::SERVICE_UNAVAILABLE, message },
            other => other.into(),
        })?;
    }
    Ok((rejected, why))
}

/// Keys of a head that hold what an application says; the others are numbers, times and ids of ours.
const SAID: &[&str] =
    &["name", "error", "parameters", "tool", "tool_calls", "attributes", "labels", "user", "tags"];

/// Takes out what must not be kept.
fn redact(observed: &mut Observed, redactor: &dyn Fn(&str) -> Option<String>) {
    let Observed { head, content, input_preview, output_preview, text, facts: _ } = observed;
    let said: Map<String, Value> =
        SAID.iter().filter_map(|key| Some(((*key).to_owned(), head.get(*key)?.clone()))).collect();
    let whole = json!({"said": said, "content": content, "shown": [input_preview, output_preview, text]});
    let Some(line) = redactor(&whole.to_string()) else { return };
    // A rule that breaks the JSON would let out what it should not: then nothing is kept of it.
    let mut redacted: Map<String, Value> = serde_json::from_str(&line).unwrap_or_default();
    let mut object = |key: &str| match redacted.remove(key) {
        Some(Value::Object(object)) => Some(object),
        _ => None,
    };
    let mut said = object("said").unwrap_or_default();
    for key in SAID {
        if let Some(place) = head.get_mut(*key) {
            *place = said.remove(*key).unwrap_or_else(|| "[redacted]".into());
        }
    }
    if content.is_some() {
        *content = object("content");
    }
    let shown = redacted.get("shown").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (at, own) in [input_preview, output_preview, text].into_iter().enumerate() {
        *own = shown.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    }
    let kept = head.entry("redactions").or_insert_with(|| json!([]));
    if let Value::Array(kept) = kept {
        kept.push("in what the application sent".into());
    }
}

/// Metrics and logs are not kept here. An SDK that sends them is told so, and does not try again.
async fn others(headers: HeaderMap) -> Response {
    match coding(&headers) {
        Ok(coding) => answer(coding, 0, "wiretape keeps traces; metrics and logs are not kept"),
        Err(fault) => fault_in_json(&fault),
    }
}

/// How it stands with destinations, and what they refused.
async fn exports(State(shared): State<Arc<Shared>>) -> Response {
    let parked = match shared.store() {
        Ok(store) => store.parked(None, MOST_PARKED).await.map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    match parked {
        Ok(parked) => {
            let destinations = (shared.status.exports)();
            let destinations: Vec<Value> = destinations.iter().map(super::health::export).collect();
            let parked: Vec<Value> = parked.iter().map(refused).collect();
            Json(json!({"destinations": destinations, "parked": parked})).into_response()
        }
        Err(fault) => fault_in_json(&fault),
    }
}

fn refused(parked: &Parked) -> Value {
    let Parked { destination, what, at, why } = parked;
    let (of, id) = match what {
        crate::store::Outgoing::Step(id) => ("step", id.to_string()),
        crate::store::Outgoing::Root(id) => ("trace", id.to_string()),
    };
    json!({"destination": destination, "of": of, "id": id, "time": at.rfc3339(), "why": why})
}
