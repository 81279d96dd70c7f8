//! The store in one SQLite file: the default.
//!
//! ```text
//! write ──▶ one connection, one transaction a batch ──▶ file ◀── a few connections that only read
//!             │  bodies ─▶ pieces, each once      (writing, exchange)
//!             │  heads ─▶ shapes and own values   (exchange)
//!             └  observations ─▶ rows, sums, text (observation, summary, rollup)
//! texts ──▶ a second later, many together ──▶ the search's index (unsaid)
//! ```
//!
//! Invariant: what a transaction says it did is in the file as a whole, or not at all; what is kept in memory beside it
//! is forgotten whenever another connection wrote, or a transaction failed.

mod fault;
mod frame;
mod pack;
mod base;
mod schema;
mod recent;
mod hashes;
mod state;
mod writing;
mod unsaid;
mod reading;
mod times;
mod exchange;
mod head;
mod columns;
mod given;
mod follows;
mod rest;
mod observation;
mod placing;
mod joining;
mod summary;
mod left;
mod rollup;
mod prompts;
mod plan;
mod annotations;
mod search;
mod probe;
mod list;
mod groups;
mod report;
mod outbox;
mod garbage;
mod prune;
mod verify;
mod store;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use self::fault::Result;
use self::prune::Pruning;
use self::state::State;
use self::unsaid::{Indexer, index};
use self::writing::{Writing, writing};
use super::{Config, Filter, Reread, StoreError};

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    ReadWrite,
    /// Nothing is written, and a store that is not there is not made.
    ReadOnly,
}

/// A store in a file.
pub struct SqliteStore {
    writer: Option<Writer>,
    readers: Vec<Connection>,
    next: AtomicUsize,
    pruning: Arc<Mutex<Option<Pruning>>>,
}

/// The one connection that writes, and what it remembers.
struct Writer {
    // Ends first: it uses the others.
    indexer: Indexer,
    connection: Connection,
    state: Arc<Mutex<State>>,
}

impl SqliteStore {
    /// For whoever brings calls that have their places already.
    pub async fn open(path: &Path, mode: Mode, config: &Config) -> Result<Self> {
        Self::open_with(path, mode, config, Arc::new(|_| Vec::new())).await
    }

    pub async fn open_with(path: &Path, mode: Mode, config: &Config, reread: Reread) -> Result<Self> {
        let writer = match mode {
            Mode::ReadOnly => None,
            Mode::ReadWrite => {
                let (path, config) = (path.to_owned(), config.clone());
                let opened = on_its_own(move || {
                    // Most of recording is done on the thread that writes.
                    crate::turns::come_last(5);
                    let mut db = schema::open_to_write(&path, &config)?;
                    let mut state = State::new(&db, &config, reread)?;
                    let waits = db.prepare("SELECT 1 FROM unsaid LIMIT 1")?.exists([])?;
                    if waits {
                        writing(&mut db, &mut state, |writing| writing.index_left())?;
                    }
                    Ok((db, state))
                });
                let (connection, state) = opened.await?;
                let state = Arc::new(Mutex::new(state));
                let indexer = Indexer::start(connection.clone(), Arc::clone(&state));
                let indexer = indexer.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                Some(Writer { indexer, connection, state })
            }
        };
        let mut readers = Vec::new();
        for _ in 0..config.readers.max(1) {
            let (path, config) = (path.to_owned(), config.clone());
            let reader = on_its_own(move || {
                crate::turns::take_long_turns();
                Ok((schema::open_to_read(&path, &config)?, ()))
            });
            readers.push(reader.await?.0);
        }
        Ok(Self { writer, readers, next: AtomicUsize::new(0), pruning: Arc::default() })
    }

    /// Ends all connections and puts everything into the one file. Dropping the store does the same, a little later.
    pub async fn close(self) -> Result<()> {
        let closed = |_| StoreError::Unavailable("the store did not close".to_owned());
        for reader in self.readers {
            reader.close().await.map_err(closed)?;
        }
        if let Some(Writer { indexer, connection, state: _ }) = self.writer {
            drop(indexer);
            connection.close().await.map_err(closed)?;
        }
        Ok(())
    }

    /// Reads, all of it as of one moment.
    async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let done = self.readers[at].call(move |db| {
            let moment = db.transaction()?;
            act(&moment)
        });
        done.await.map_err(StoreError::from)
    }

    /// Writes, all of it or nothing.
    async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Writing) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(writer) = &self.writer else {
            return Err(StoreError::Unavailable("the store was opened to be read only".to_owned()));
        };
        let state = Arc::clone(&writer.state);
        let done = writer.connection.call(move |db| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let done = writing(db, &mut state, act)?;
            Ok((done, !state.unsaid.is_empty()))
        });
        let (done, something_waits) = done.await.map_err(StoreError::from)?;
        if something_waits {
            writer.indexer.ask();
        }
        Ok(done)
    }

    /// Whoever searches here finds what was written here.
    async fn index_for(&self, filter: &Filter) -> Result<()> {
        match &self.writer {
            Some(writer) if filter.search.is_some() => index(&writer.connection, &writer.state).await,
            _ => Ok(()),
        }
    }

    /// Lets some time go by in which nothing is written here.
    async fn pause(&self, time: std::time::Duration) -> Result<()> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let done = writer.connection.call(move |_| -> Result<()> {
            std::thread::sleep(time);
            Ok(())
        });
        done.await.map_err(StoreError::from)
    }
}

/// Opens a connection on the thread that is to be its own: opening may wait for a disk, or for another process.
async fn on_its_own<T: Send + 'static>(
    open: impl FnOnce() -> Result<(rusqlite::Connection, T)> + Send + 'static,
) -> Result<(Connection, T)> {
    // An in-memory database costs nothing, and its thread is a place to work.
    let place = Connection::open_in_memory().await.map_err(StoreError::from)?;
    place
        .call(move |db| {
            let (opened, beside) = open()?;
            *db = opened;
            Ok(beside)
        })
        .await
        .map(|beside| (place, beside))
        .map_err(StoreError::from)
}
