//! How the recorder is: what waits, what was lost, what is out of order.

use serde_json::{Value, json};

use crate::model::Micros;
use crate::recorder::Recorded;
use crate::web::fault::Fault;
use crate::web::shared::Shared;

pub async fn health(shared: &Shared) -> Result<Value, Fault> {
    let status = &shared.status;
    let (tape, recorded) = ((status.tape)(), (status.recorded)());
    let mut data = json!({
        "status": if (status.ready)() { "ready" } else { "stopping" },
        "queue": {"in_flight": (status.in_flight)(), "exchanges": tape.exchanges, "events": tape.events, "bytes": tape.bytes},
        "losses": {
            "lost_exchanges": tape.lost_exchanges, "lost_bytes": tape.lost_bytes, "cut_bodies": tape.cut_bodies,
        },
    });
    if let Some(Recorded { journal, recorder, tape_bytes }) = recorded {
        data["tape"] = json!({"bytes": tape_bytes, "full": journal.full, "down": journal.down});
        data["recorder"] = json!({
            "exchanges": recorder.exchanges, "observations": recorder.observations, "waiting": recorder.waiting,
            "recovered": recorder.recovered, "interrupted": recorder.interrupted, "read_back": recorder.to_tape,
            "store_failures": recorder.store_failures, "last_error": recorder.last_error,
        });
        data["losses"]["recorder_lost_exchanges"] = recorder.lost_exchanges.into();
        data["losses"]["recorder_cut_bodies"] = recorder.cut_bodies.into();
        data["losses"]["reader_panics"] = recorder.panics.into();
        data["losses"]["tape_full"] = journal.full.into();
        data["losses"]["tape_down"] = journal.down.into();
        data["losses"]["store_down"] = recorder.store_down.into();
    }
    if let Ok(store) = shared.store() {
        let stats = store.stats().await?;
        data["store"] = json!({
            "exchanges": stats.exchanges, "observations": stats.observations, "sessions": stats.sessions,
            "traces": stats.traces, "pieces": stats.pieces, "raw_bytes": stats.raw_bytes,
            "unique_bytes": stats.unique_bytes, "disk_bytes": stats.disk_bytes, "free_bytes": stats.free_bytes,
            "oldest": stats.oldest.map(Micros::rfc3339), "newest": stats.newest.map(Micros::rfc3339),
            "with_losses": stats.with_losses,
        });
    }
    Ok(data)
}
