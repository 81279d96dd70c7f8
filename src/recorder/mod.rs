//! The one place that joins tape, dialects, prices and store: what went by becomes a record.
//!
//! ```text
//! the tape's thread ──▶ Journal ──▶ Handoff ─┐ bounded; what does not fit lies on the tape
//! what an earlier run left ──▶ Recovery ─────┤
//!                                            ▼
//!                     the recorder's thread: Gather ──▶ observe ──▶ Keep ──▶ Store
//!                                                                     │ written
//!                                                                     ▼
//!                                                       Shelf: the tape may forget it
//! ```
//!
//! Invariant: nothing here makes the wire or the tape wait. What the store does not take stays on the tape.

mod behind;
mod config;
mod counts;
mod entry;
mod gather;
mod handoff;
mod intake;
mod keep;
mod live;
mod meter;
mod observe;
mod prices;
mod reader;
mod run;

use std::sync::Arc;
use std::thread::JoinHandle;

pub use config::{Config, SETTINGS};
pub use counts::{Counters, Counts, Recorded};
pub use gather::Upstream;
pub use handoff::{Handoff, Tape};
pub use intake::Intake;
pub use live::{Live, News};
pub use meter::{Histogram, Meter, Meters, SECONDS, TOKENS, Words};
pub use observe::id_of;
pub use reader::{Read, Reader};

pub use prices::{pricer, read_table, table_file};

use crate::redact::Redactor;
use crate::store::Store;
use crate::tape::Shelf;

/// What a recorder works with.
pub struct Parts {
    pub config: Config,
    pub shelf: Arc<Shelf>,
    pub store: Arc<dyn Store>,
    pub reader: Arc<Reader>,
    pub redactor: Redactor,
    pub upstream: Upstream,
    /// Who is told what is being said.
    pub live: Arc<Live>,
}

/// The recorder's thread.
pub struct Recorder {
    handoff: Arc<Handoff>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Begins with what earlier runs left on the tape, then takes what is handed over.
    pub fn start(parts: Parts) -> std::io::Result<Self> {
        let memory = usize::try_from(parts.config.memory.0).unwrap_or(usize::MAX);
        // A quarter of it for what waits here, half for what is under way, a quarter for what waits for the store.
        let handoff = Handoff::new(memory / 4);
        let counters = Arc::new(Counters::default());
        let run = run::Run::new(parts, Arc::clone(&handoff), Arc::clone(&counters), memory)?;
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || run.run())?;
        Ok(Self { handoff, counters, thread: Some(thread) })
    }

    /// Where the tape hands over what it has written down.
    pub fn handoff(&self) -> Arc<Handoff> {
        Arc::clone(&self.handoff)
    }

    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Records what is left and ends the thread. Call it when the tape's thread has ended. What the store does not take
    /// now is on the tape at the next start.
    pub fn stop(mut self) {
        self.handoff.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recorder had panicked");
        }
    }
}
