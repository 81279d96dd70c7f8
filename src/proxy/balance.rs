//! Spreads connections over the workers: whoever accepts one keeps it, unless another worker has fewer.
//!
//! All workers listen on the same sockets, so that whoever has time accepts; but one that wakes first takes all that came
//! at once, and a connection stays where it is for its life.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Connections on their way to another worker. More are kept by the one who accepted them.
const HANDED_OVER: usize = 64;

/// A connection, and the number of the listener it came to.
pub type Accepted = (std::net::TcpStream, usize);

/// What each worker knows of all.
#[derive(Clone)]
pub struct Balance {
    workers: Arc<[Worker]>,
}

struct Worker {
    connections: Arc<AtomicUsize>,
    hand_over: mpsc::Sender<Accepted>,
}

/// Counts a connection as its worker's while it lives.
pub struct Carried(Arc<AtomicUsize>);

impl Drop for Carried {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Balance {
    /// For so many workers, and where each receives what others hand over.
    pub fn new(workers: usize) -> (Self, Vec<mpsc::Receiver<Accepted>>) {
        let mut receivers = Vec::new();
        let worker = |_| {
            let (hand_over, receiver) = mpsc::channel(HANDED_OVER);
            receivers.push(receiver);
            Worker { connections: Arc::default(), hand_over }
        };
        (Self { workers: (0..workers).map(worker).collect() }, receivers)
    }

    /// The connection, if worker `own` keeps it; `None` if another one was handed it.
    pub fn place(&self, own: usize, socket: TcpStream, listener: usize) -> Option<TcpStream> {
        let count = |worker: &Worker| worker.connections.load(Ordering::Relaxed);
        let mine = count(&self.workers[own]);
        let Some(other) = self.workers.iter().min_by_key(|worker| count(worker)).filter(|w| count(w) < mine)
        else {
            return Some(socket);
        };
        let Ok(place) = other.hand_over.try_reserve() else { return Some(socket) };
        match socket.into_std() {
            Ok(socket) => place.send((socket, listener)),
            Err(error) => tracing::warn!(%error, "a connection was lost between workers"),
        }
        None
    }

    /// Counts one more connection of worker `own`.
    pub fn carry(&self, own: usize) -> Carried {
        let connections = &self.workers[own].connections;
        connections.fetch_add(1, Ordering::Relaxed);
        Carried(Arc::clone(connections))
    }
}
