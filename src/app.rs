//! Builds the house from a configuration and runs it. Owns every task and the shutdown.

mod doors;
mod pushing;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::proxy::upstream::Upstreams;
use crate::proxy::{self, Proxy};
use crate::push::Push;
use crate::recorder::{self, Live, Recorded, Recorder};
use crate::store::{self, Mode, Store};
use crate::tape::{Counters, Counts, Journal, JournalCounters, Overload, Queue, Reader, Room, Shelf, Sink};
use crate::web;

pub use doors::{intake, leaving, make_home, origins};
use doors::{keeper, redactor};
pub use pushing::{destination, sources as push_sources};

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
    recording: Option<Recording>,
    push: Option<Push>,
    web_address: SocketAddr,
    web_stop: CancellationToken,
    web_tasks: TaskTracker,
}

/// What stands behind the tape.
struct Recording {
    recorder: Recorder,
    journal: Arc<JournalCounters>,
    shelf: Arc<Shelf>,
    store: Arc<dyn Store>,
    live: Arc<Live>,
}

/// What had been seen when everything had ended.
#[derive(Clone, Debug)]
pub struct Books {
    pub counts: Counts,
    /// Absent where something else than a recorder was at the tape's other end.
    pub recorded: Option<Recorded>,
}

impl Recording {
    /// Opens what is in the data folder, and begins to record into it.
    async fn open(config: &Config) -> Result<(Self, recorder::Tape), StartError> {
        make_private(&config.home).map_err(|why| StartError(format!("{}: {why}", config.home.display())))?;
        let pricer = recorder::pricer(&config.prices, &config.home).map_err(StartError)?;
        let reader = recorder::Reader::new(pricer, &config.trace);
        let reread = reader.reread();
        let store =
            store::open_with(&config.store.url, &config.home, Mode::ReadWrite, &config.store, reread).await;
        let store = store.map_err(|why| StartError(format!("store.url = {:?}: {why}", config.store.url)))?;
        let shelf = Shelf::open(&config.home.join(&config.tape.dir));
        let keeper = keeper(config);
        let redactor = redactor(&config.redact, &keeper)?;
        let journal = Journal::new(&shelf, keeper, &config.tape);
        let known = config.upstreams.clone();
        let upstream = Box::new(move |name: &str| {
            let own = known.iter().find(|(known, _)| known == name).map(|(_, own)| own);
            let provider = own.and_then(|own| own.provider.clone()).unwrap_or_else(|| name.to_owned());
            (provider, own.and_then(|own| own.dialect.clone()))
        });
        let live = Arc::new(Live::default());
        let recorder = Recorder::start(recorder::Parts {
            config: config.recorder.clone(),
            shelf: Arc::clone(&shelf),
            store: Arc::clone(&store),
            reader,
            redactor,
            upstream,
            live: Arc::clone(&live),
        });
        let recorder = recorder.map_err(|why| StartError(format!("no thread for the recorder: {why}")))?;
        let counters = journal.counters();
        let tape = recorder::Tape { journal, handoff: recorder.handoff() };
        Ok((Self { recorder, journal: counters, shelf, store, live }, tape))
    }

    fn recorded(&self) -> impl Fn() -> Recorded + Send + Sync + 'static {
        let (journal, recorder, shelf) =
            (Arc::clone(&self.journal), self.recorder.counters(), Arc::clone(&self.shelf));
        move || Recorded { journal: journal.counts(), recorder: recorder.counts(), tape_bytes: shelf.bytes() }
    }
}

impl App {
    /// Starts everything. The web side's tasks run on the runtime this is called on.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let upstreams = upstreams(config)?;
        let web = listen(config.web.listen).await?;
        let (recording, tape) = Recording::open(config).await?;
        Self::build(config, upstreams, web, Box::new(tape), Some(recording), true).await
    }

    /// The same for one command alone: it ends when that does, so that nobody else is to count on it. Its web side is
    /// where that has listened already.
    pub async fn start_for_one(config: &Config, web: TcpListener) -> Result<Self, StartError> {
        let upstreams = upstreams(config)?;
        let (recording, tape) = Recording::open(config).await?;
        Self::build(config, upstreams, web, Box::new(tape), Some(recording), false).await
    }

    /// The same, with something else at the tape's other end. Nothing is written to disk.
    pub async fn start_into(config: &Config, sink: Box<dyn Sink>) -> Result<Self, StartError> {
        let upstreams = upstreams(config)?;
        let web = listen(config.web.listen).await?;
        Self::build(config, upstreams, web, sink, None, true).await
    }

    async fn build(
        config: &Config,
        upstreams: Upstreams,
        web: TcpListener,
        sink: Box<dyn Sink>,
        recording: Option<Recording>,
        is_shared: bool,
    ) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::default());
        let workers = proxy::workers(&config.proxy);
        let bytes = usize::try_from(config.tape.queue_bytes.0).unwrap_or(usize::MAX);
        let room = Room::new(bytes, config.tape.queue_events);
        let blocks = config.tape.on_overload == Overload::Block;
        let queue = || {
            let queue = Queue::new(Arc::clone(&room), Arc::clone(&counters));
            Arc::new(if blocks { queue.blocking() } else { queue })
        };
        let queues: Arc<[Arc<Queue>]> = std::iter::repeat_with(queue).take(workers).collect();
        let reader = Reader::start(Arc::clone(&queues), sink)
            .map_err(|why| StartError(format!("no thread for the tape: {why}")))?;
        let web_address = web.local_addr().map_err(|why| StartError(why.to_string()))?;
        let proxy = Proxy::start(&config.proxy, upstreams, &queues)?;
        let web_stop = CancellationToken::new();
        let web_tasks = TaskTracker::new();
        let push = recording.as_ref().map(|recording| Self::push(config, recording)).transpose()?;
        let status = Self::status(config, &proxy, &counters, recording.as_ref(), push.as_ref());
        let parts = web::Parts {
            config: config.web.clone(),
            status,
            store: recording.as_ref().map(|recording| Arc::clone(&recording.store)),
            conventions: config.trace.conventions.clone(),
            redact: doors::redacting(config)?,
            proxy: format!("http://{}", callable(proxy.address())),
            live: recording.as_ref().map(|recording| Arc::clone(&recording.live)),
            origins: origins(config)?,
            leaving: recording.as_ref().map(|_| leaving(config)).transpose()?,
            is_shared,
        };
        web_tasks.spawn(web::serve(web, parts, web_stop.clone()));
        Ok(Self { proxy, reader, counters, recording, push, web_address, web_stop, web_tasks })
    }

    /// Begins to keep up with the configured destinations.
    fn push(config: &Config, recording: &Recording) -> Result<Push, StartError> {
        let sources = pushing::sources(config, &recording.store)?;
        let push = Push::start(sources, pushing::destinations(config)?);
        push.map_err(|why| StartError(format!("no thread for the destinations: {why}")))
    }

    fn status(
        config: &Config,
        proxy: &Proxy,
        counters: &Arc<Counters>,
        recording: Option<&Recording>,
        push: Option<&Push>,
    ) -> web::Status {
        let (counters, in_flight) = (Arc::clone(counters), proxy.in_flight());
        let recorded = recording.map(Recording::recorded);
        let exports = push.map(Push::counts);
        let meters = recording.map(|recording| recording.recorder.counters());
        let (url, home) = (config.store.url.clone(), config.home.clone());
        web::Status {
            meters: Box::new(move || meters.as_ref().map(|own| own.meters.values()).unwrap_or_default()),
            store_bytes: Box::new(move || store::disk_bytes(&url, &home)),
            exports: Box::new(move || exports.as_ref().map(|exports| exports()).unwrap_or_default()),
            recorded: Box::new(move || recorded.as_ref().map(|recorded| recorded())),
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

    /// What has been recorded so far.
    pub fn recorded(&self) -> Option<Recorded> {
        self.recording.as_ref().map(|recording| recording.recorded()())
    }

    /// Where it is recorded to.
    pub fn store(&self) -> Option<Arc<dyn Store>> {
        self.recording.as_ref().map(|recording| Arc::clone(&recording.store))
    }

    /// Lets calls under way finish within `proxy.shutdown_grace`, or until `now` is cancelled; then ends everything, data
    /// flowing down the house: first the relays, then the tape they push to, then the recorder behind it, last the web side,
    /// which tells of all three.
    pub async fn stop(self, now: CancellationToken) -> Books {
        let Self { proxy, reader, counters, recording, push, web_stop, web_tasks, .. } = self;
        let (stop, kill) = proxy.words();
        stop.say();
        let joined = tokio::task::spawn_blocking(move || {
            proxy.join();
            reader.stop();
            let recorded = recording.map(|recording| {
                let recorded = recording.recorded();
                recording.recorder.stop();
                recorded()
            });
            // What it has not sent it sends when this program runs again.
            if let Some(push) = push {
                push.stop();
            }
            recorded
        });
        let mut joined = std::pin::pin!(joined);
        let result = tokio::select! {
            result = joined.as_mut() => result,
            () = now.cancelled() => {
                kill.say();
                joined.await
            }
        };
        let recorded = result.unwrap_or_else(|_| {
            tracing::error!("the shutdown had panicked");
            None
        });
        web_stop.cancel();
        web_tasks.close();
        web_tasks.wait().await;
        Books { counts: counters.counts(), recorded }
    }
}

/// Listens for the web side, before anything is opened that a mistake here would leave open.
async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|why| StartError(format!("web.listen = \"{address}\": {why}")))
}

/// An address that can be called: of one that stands for all of this machine's, loopback.
pub fn callable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
    }
    address
}

fn upstreams(config: &Config) -> Result<Upstreams, StartError> {
    Upstreams::new(&config.upstreams).map_err(|wrong| {
        let lines = wrong.iter().map(|(name, key, why)| format!("upstream.{name}.{key}: {why}"));
        StartError(lines.collect::<Vec<_>>().join("\n"))
    })
}

/// Makes the data folder, for its owner alone.
pub fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
