//! Starting and stopping the proxy: its listeners and its worker threads.
//!
//! Each worker is a thread with a runtime of its own, an ear at the shared listeners and a pool of connections. A call
//! never moves between threads: the wake-ups that would cost are more than all else a relayed chunk costs.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::auth::Door;
use super::balance::{Accepted, Balance};
use super::config::Config;
use super::connect::Connector;
use super::limit::InFlight;
use super::listen::{Serving, accept, take_over};
use super::pool::Pool;
use super::relay::Shared;
use super::route::Router;
use super::tls;
use super::upstream::Upstreams;
use super::word::Word;
use crate::tape::Queue;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often unused connections to upstreams are looked through.
const PRUNE: Duration = Duration::from_secs(5);

/// Why the proxy could not start.
#[derive(Debug)]
pub struct StartError(pub String);

/// The running proxy.
pub struct Proxy {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    router: Router,
    in_flight: InFlight,
    stop: Word,
    kill: Word,
    workers: Vec<JoinHandle<()>>,
    running: Arc<AtomicUsize>,
}

/// How many threads relay, by configuration and machine. Each needs a queue of its own to the tape.
pub fn workers(config: &Config) -> usize {
    match config.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

impl Proxy {
    /// Binds the listeners and starts one worker for each queue.
    pub fn start(config: &Config, upstreams: Upstreams, queues: &[Arc<Queue>]) -> Result<Self, StartError> {
        let plain = bind(config.listen, "proxy.listen")?;
        let tls = tls_listener(config)?;
        let local = |listener: &TcpListener| listener.local_addr().map_err(|why| StartError(why.to_string()));
        let mut proxy = Self {
            address: local(&plain)?,
            tls_address: tls.as_ref().map(|(listener, _)| local(listener)).transpose()?,
            router: Router::new(upstreams),
            in_flight: InFlight::new(config.max_in_flight),
            stop: Word::default(),
            kill: Word::default(),
            workers: Vec::new(),
            running: Arc::default(),
        };
        let connector = Connector::new(config).map_err(StartError)?;
        let config = Arc::new(config.clone());
        let process = random();
        let (balance, receivers) = Balance::new(queues.len());
        let configs: Arc<[_]> = Arc::new([None, tls.as_ref().map(|(_, config)| Arc::clone(config))]);
        for (number, (queue, accepted)) in queues.iter().zip(receivers).enumerate() {
            let worker = Worker {
                number,
                listeners: [
                    Some(clone(&plain)?),
                    tls.as_ref().map(|(listener, _)| clone(listener)).transpose()?,
                ],
                tls: Arc::clone(&configs),
                balance: balance.clone(),
                accepted,
                // Its own copy: the counts of who holds an upstream would travel between cores with each call.
                router: Arc::new(proxy.router.copy()),
                connector: connector.clone(),
                queue: Arc::clone(queue),
                in_flight: proxy.in_flight.another(),
                config: Arc::clone(&config),
                process,
                stop: proxy.stop.clone(),
                kill: proxy.kill.clone(),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|why| StartError(format!("no runtime for a worker: {why}")))?;
            let running = Arc::clone(&proxy.running);
            running.fetch_add(1, Ordering::Relaxed);
            let thread = std::thread::Builder::new().name(format!("relay-{number}")).spawn(move || {
                let _running = Running(running);
                runtime.block_on(worker.run());
                // Whatever is left is dropped here, on this thread: taps end, sockets close.
                drop(runtime);
            });
            proxy.workers.push(thread.map_err(|why| StartError(format!("no thread for a worker: {why}")))?);
        }
        Ok(proxy)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    pub fn router(&self) -> &Router {
        &self.router
    }

    pub fn in_flight(&self) -> InFlight {
        self.in_flight.clone()
    }

    /// Says whether all workers are up and none has been told to stop; for others to ask.
    pub fn readiness(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let (running, all, stop) = (Arc::clone(&self.running), self.workers.len(), self.stop.clone());
        move || running.load(Ordering::Relaxed) == all && !stop.is_said()
    }

    /// Waits for the workers to end, after one of `words`. Blocks.
    pub fn join(self) {
        for worker in self.workers {
            if worker.join().is_err() {
                tracing::error!("a worker had panicked");
            }
        }
    }

    /// What ends the proxy from elsewhere: `stop`, then `kill`.
    pub fn words(&self) -> (Word, Word) {
        (self.stop.clone(), self.kill.clone())
    }
}

/// One less is running when this is dropped, however that comes about.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Worker {
    number: usize,
    /// The plain one and the one with TLS.
    listeners: [Option<TcpListener>; 2],
    tls: Arc<[Option<Arc<ServerConfig>>]>,
    balance: Balance,
    accepted: mpsc::Receiver<Accepted>,
    router: Arc<Router>,
    connector: Connector,
    queue: Arc<Queue>,
    in_flight: InFlight,
    config: Arc<Config>,
    process: u64,
    stop: Word,
    kill: Word,
}

impl Worker {
    async fn run(self) {
        // Connections to upstreams are not waited for: they end when the calls that use them do.
        let connections = TaskTracker::new();
        let calls = TaskTracker::new();
        let upstreams = self.router.upstreams().all().len();
        // Its own, so that a worker that is done does not break off what another still carries.
        let kill = self.kill.narrower();
        let pool = Pool::new(&self.config, self.connector, upstreams, connections.clone());
        let shared = Arc::new(Shared {
            router: self.router,
            pool: Arc::clone(&pool),
            queue: self.queue,
            process: self.process,
            response_timeout: self.config.response_timeout,
            max_header_bytes: usize::try_from(self.config.max_header_bytes.0).unwrap_or(usize::MAX),
            kill: kill.clone(),
            calls: calls.clone(),
        });
        let grace = self.config.shutdown_grace;
        let serving = Serving {
            shared,
            door: Door::new(self.config.token.as_ref()),
            in_flight: self.in_flight,
            config: self.config,
            stop: self.stop.clone(),
            balance: self.balance,
            number: self.number,
            tls: self.tls,
        };
        for (which, listener) in self.listeners.into_iter().enumerate() {
            let Some(listener) = listener else { continue };
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => drop(calls.spawn(accept(listener, which, serving.clone()))),
                Err(error) => tracing::error!(%error, "a worker cannot listen"),
            }
        }
        calls.spawn(take_over(self.accepted, serving));
        connections.spawn(prune(pool, self.stop.clone()));
        self.stop.heard().await;
        calls.close();
        tokio::select! {
            () = calls.wait() => {}
            () = tokio::time::sleep(grace) => tracing::warn!(calls = calls.len(), "breaking off what still runs"),
            () = kill.heard() => {}
        }
        kill.say();
    }
}

async fn prune(pool: Arc<Pool>, stop: Word) {
    while tokio::time::timeout(PRUNE, stop.heard()).await.is_err() {
        pool.prune();
    }
}

fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, StartError> {
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from(socket))
    };
    bind().map_err(|why: std::io::Error| StartError(format!("{key} = \"{address}\": {why}")))
}

fn tls_listener(config: &Config) -> Result<Option<(TcpListener, Arc<ServerConfig>)>, StartError> {
    let (Some(address), Some(cert), Some(key)) = (config.tls_listen, &config.tls_cert, &config.tls_key)
    else {
        return Ok(None);
    };
    let server = tls::server(cert, key).map_err(StartError)?;
    Ok(Some((bind(address, "proxy.tls_listen")?, server)))
}

fn clone(listener: &TcpListener) -> Result<TcpListener, StartError> {
    listener.try_clone().map_err(|why| StartError(why.to_string()))
}

/// Enough chance to tell processes apart; nothing secret hangs on it.
fn random() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish()
}
