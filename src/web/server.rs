//! Serving the web side.

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::health::{Status, router};

/// Serves until `stop` is cancelled; then ends at once: a page that stays open for news must not hold the process up.
pub async fn serve(listener: TcpListener, status: Status, stop: CancellationToken) {
    let served = axum::serve(listener, router(status));
    tokio::select! {
        served = served.into_future() => if let Err(error) = served {
            tracing::error!(%error, "the web side ended");
        },
        () = stop.cancelled() => {}
    }
}
