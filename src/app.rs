//! Builds the house from a configuration and runs it. Owns every task and the shutdown.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::proxy::upstream::Upstreams;
use crate::proxy::{self, Proxy};
use crate::tape::{Counters, Counts, Queue, Reader, Sink, Tally};
use crate::web;

/// Why the house could not be built.
#[derive(Debug)]
pub struct StartError(pub String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<proxy::StartError> for StartError {
    fn from(error: proxy::StartError) -> Self {
        Self(error.0)
    }
}

/// The running house.
pub struct App {
    proxy: Proxy,
    reader: Reader,
    counters: Arc<Counters>,
    tally: Tally,
    web_address: SocketAddr,
    web_stop: CancellationToken,
    web_tasks: TaskTracker,
}

/// What had been seen when everything had ended.
#[derive(Clone, Copy, Debug)]
pub struct Books {
    pub counts: Counts,
    pub tally: crate::tape::TallyCounts,
}

impl App {
    /// Starts everything. The web side's tasks run on the runtime this is called on.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let tally = Tally::default();
        let mut app = Self::start_into(config, Box::new(tally.clone())).await?;
        app.tally = tally;
        Ok(app)
    }

    /// The same, with something else at the tape's other end.
    pub async fn start_into(config: &Config, sink: Box<dyn Sink>) -> Result<Self, StartError> {
        let upstreams = Upstreams::new(&config.upstreams).map_err(|wrong| {
            let lines = wrong.iter().map(|(name, key, why)| format!("upstream.{name}.{key}: {why}"));
            StartError(lines.collect::<Vec<_>>().join("\n"))
        })?;
        let counters = Arc::new(Counters::default());
        let workers = proxy::workers(&config.proxy);
        // The bounds hold for all queues together.
        let bytes = usize::try_from(config.tape.queue_bytes.0).unwrap_or(usize::MAX) / workers;
        let events = config.tape.queue_events / workers;
        let queue = || Arc::new(Queue::new(bytes, events, Arc::clone(&counters)));
        let queues: Arc<[Arc<Queue>]> = std::iter::repeat_with(queue).take(workers).collect();
        let reader = Reader::start(Arc::clone(&queues), sink)
            .map_err(|why| StartError(format!("no thread for the tape: {why}")))?;
        let web_listen = config.web.listen;
        let web = tokio::net::TcpListener::bind(web_listen).await;
        let web = web.map_err(|why| StartError(format!("web.listen = \"{web_listen}\": {why}")))?;
        let web_address = web.local_addr().map_err(|why| StartError(why.to_string()))?;
        let proxy = Proxy::start(&config.proxy, upstreams, &queues)?;
        let web_stop = CancellationToken::new();
        let web_tasks = TaskTracker::new();
        web_tasks.spawn(web::serve(web, Self::status(&proxy, &counters), web_stop.clone()));
        Ok(Self { proxy, reader, counters, tally: Tally::default(), web_address, web_stop, web_tasks })
    }

    fn status(proxy: &Proxy, counters: &Arc<Counters>) -> web::Status {
        let (counters, in_flight) = (Arc::clone(counters), proxy.in_flight());
        web::Status {
            ready: Box::new(proxy.readiness()),
            in_flight: Box::new(move || in_flight.count()),
            tape: Box::new(move || counters.counts()),
        }
    }

    pub fn proxy_address(&self) -> SocketAddr {
        self.proxy.address()
    }

    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.proxy.tls_address()
    }

    pub fn web_address(&self) -> SocketAddr {
        self.web_address
    }

    /// What the tape has taken so far.
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }

    /// What has come out at the tape's other end so far.
    pub fn tally(&self) -> crate::tape::TallyCounts {
        self.tally.counts()
    }

    /// Lets calls under way finish within `proxy.shutdown_grace`, or until `now` is cancelled; then ends everything, data
    /// flowing down the house: first the relays, then the tape they push to, last the web side, which tells of both.
    pub async fn stop(self, now: CancellationToken) -> Books {
        let Self { proxy, reader, counters, tally, web_stop, web_tasks, .. } = self;
        let (stop, kill) = proxy.words();
        stop.say();
        let joined = tokio::task::spawn_blocking(move || {
            proxy.join();
            reader.stop();
        });
        let mut joined = std::pin::pin!(joined);
        let result = tokio::select! {
            result = joined.as_mut() => result,
            () = now.cancelled() => {
                kill.say();
                joined.await
            }
        };
        if result.is_err() {
            tracing::error!("the shutdown had panicked");
        }
        web_stop.cancel();
        web_tasks.close();
        web_tasks.wait().await;
        Books { counts: counters.counts(), tally: tally.counts() }
    }
}
