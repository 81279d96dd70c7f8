//! The thread on which destinations are kept up with: reading records again takes time that pages should not wait for.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use super::counts::{Counters, Counts};
use super::destination::Destination;
use super::live::keep_up;
use crate::export::otlp::Servers;
use crate::proxy::client::Client;
use crate::store::Store;
use crate::trace::OwnConvention;

/// What sending takes.
#[derive(Clone)]
pub struct Sources {
    pub store: Arc<dyn Store>,
    pub client: Client,
    pub servers: Servers,
    pub conventions: Vec<OwnConvention>,
}

/// Destinations being kept up with.
pub struct Push {
    counters: Arc<[Arc<Counters>]>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Push {
    /// Begins to keep up with destinations. Without any there is nothing to do, and no thread.
    pub fn start(sources: Sources, destinations: Vec<Destination>) -> std::io::Result<Self> {
        let counters: Arc<[Arc<Counters>]> =
            destinations.iter().map(|destination| Counters::new(&destination.name)).collect();
        let stop = CancellationToken::new();
        if destinations.is_empty() {
            return Ok(Self { counters, stop, thread: None });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (own, told) = (Arc::clone(&counters), stop.clone());
        let thread = std::thread::Builder::new().name("wiretape-push".to_owned()).spawn(move || {
            // Sending gives way to relaying, and to recording.
            crate::turns::come_last(10);
            let tasks = tokio::task::JoinSet::new();
            runtime.block_on(run(tasks, sources, destinations, &own, &told));
        })?;
        Ok(Self { counters, stop, thread: Some(thread) })
    }

    pub fn counts(&self) -> impl Fn() -> Vec<Counts> + Send + Sync + 'static {
        let counters = Arc::clone(&self.counters);
        move || counters.iter().map(|counters| counters.counts()).collect()
    }

    /// Stops at once: what waits is kept, and goes on when this program runs again.
    pub fn stop(self) {
        self.stop.cancel();
        if let Some(thread) = self.thread
            && thread.join().is_err()
        {
            tracing::error!("sending to destinations had panicked");
        }
    }
}

async fn run(
    mut tasks: tokio::task::JoinSet<()>,
    sources: Sources,
    destinations: Vec<Destination>,
    counters: &Arc<[Arc<Counters>]>,
    stop: &CancellationToken,
) {
    let sources = Arc::new(sources);
    for (destination, counters) in destinations.into_iter().zip(counters.iter().cloned()) {
        let (sources, stop) = (Arc::clone(&sources), stop.clone());
        tasks.spawn(async move { keep_up(&sources, &destination, &counters, &stop).await });
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(why) = ended {
            tracing::error!("a destination is no longer sent to: {why}");
        }
    }
}
