//! What was recorded: exchanges as bytes, each piece of them once, and the observations read from them.
//!
//! An exchange's bodies come back exactly as they were put in. Of an observation the store has the record's head, which
//! lists and sums need; what was said is in the exchange, and is read from there again by whoever wants it. An
//! observation without an exchange (one that was imported) brings its content along.

mod config;
mod error;
mod heads;
mod outbox;
mod pieces;
pub mod query;
mod sqlite;
mod sums;

use std::future::Future;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use config::{Config, Durable, SETTINGS};
pub use error::StoreError;
pub use outbox::{Outbox, Outgoing, Parked, Sending, Waiting};
pub use query::{Cursor, Filter, Order, Page};
pub use sqlite::{Mode, SqliteStore};
pub use sums::{
    PromptVersion, Prune, Pruned, Rollup, RollupFilter, Sketch, Stats, Summary, Totals, Verified, VerifyAt,
};

use crate::model::{Annotation, AnnotationId, Exchange, ExchangeId, ObservationId, Target};
use crate::trace::Facts;

/// Opens the store of a URL; `sqlite:FILE` is relative to the data folder. For whoever reads, or brings calls that say
/// where they belong.
pub async fn open(
    url: &str,
    data_folder: &Path,
    mode: Mode,
    config: &Config,
) -> Result<Arc<dyn Store>, StoreError> {
    open_with(url, data_folder, mode, config, Arc::new(|_| Vec::new())).await
}

/// The same for whoever brings calls that find their places here: one that comes late may move others, which are read
/// again.
pub async fn open_with(
    url: &str,
    data_folder: &Path,
    mode: Mode,
    config: &Config,
    reread: Reread,
) -> Result<Arc<dyn Store>, StoreError> {
    let path = place(url, data_folder)?;
    if mode == Mode::ReadWrite {
        // What SQLite makes beside it takes over who may read it. Where it cannot be made, SQLite says why.
        let _ = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    }
    Ok(Arc::new(SqliteStore::open_with(&path, mode, config, reread).await?))
}

/// What a URL leads to.
fn place(url: &str, data_folder: &Path) -> Result<PathBuf, StoreError> {
    let file = url.strip_prefix("sqlite:").filter(|file| !file.is_empty());
    let file = file.ok_or_else(|| StoreError::Asked(format!("store {url:?}: expected sqlite:FILE")))?;
    Ok(data_folder.join(file))
}

/// Bytes that a store takes on disk, as the system tells; nothing where it is not there.
pub fn disk_bytes(url: &str, data_folder: &Path) -> Option<u64> {
    let path = place(url, data_folder).ok()?;
    let beside = |suffix: &str| {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        std::fs::metadata(name).map_or(0, |file| file.len())
    };
    Some(std::fs::metadata(&path).ok()?.len() + beside("-wal"))
}

/// What a store does takes its time, and may fail.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// One exchange and what was read from it. Written as a whole, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Absent where the observations come from elsewhere.
    pub exchange: Option<Exchange>,
    /// The exchange goes on from what the store has of it: its bodies' bytes and chunks come behind those, and all else
    /// takes the place of what was there.
    pub more: bool,
    pub observations: Vec<Observed>,
}

/// An observation as the store takes it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The record without its content (`CONTENT_KEYS`).
    pub head: Map<String, Value>,
    /// The content, where no exchange has it.
    pub content: Option<Map<String, Value>>,
    /// The beginning of what the user said last, and of the answer.
    pub input_preview: String,
    pub output_preview: String,
    /// What full-text search finds beside the pieces of the exchange's bodies: the answer as it was put together, its
    /// parts with `PART` between them.
    pub text: String,
    /// What tells where it belongs. Absent where its head says that already.
    pub facts: Option<Arc<Facts>>,
}

/// Stands between the parts of an answer (Unicode's record separator), which are kept apart: as such they stand in
/// bodies, and are kept once.
pub const PART: char = '\u{1e}';

/// Reads an exchange again: what came later may put it elsewhere.
pub type Reread = Arc<dyn Fn(&Exchange) -> Vec<Observed> + Send + Sync>;

/// What a list shows of an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The record's head, without what only the whole record has.
    pub head: Map<String, Value>,
    pub input_preview: String,
    pub output_preview: String,
    /// Where a search found it.
    pub snippet: Option<String>,
    pub cursor: Cursor,
}

/// An observation, and where what was said is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub id: ObservationId,
    pub head: Map<String, Value>,
    pub content: Option<Map<String, Value>>,
    pub exchange: Option<ExchangeId>,
    /// Which of the exchange's observations it is.
    pub index: u32,
}

/// How far an exchange has got in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Had {
    No,
    /// Its end is missing: what comes now replaces it.
    Open,
    Whole,
}

/// A store. What is behind it shows nowhere else: every engine passes the same contract test.
pub trait Store: Send + Sync {
    /// Writes entries, all or none. Whoever gets an answer may forget them: they survive a crash of this program.
    ///
    /// What is there already is not there twice: an exchange that is in the store as a whole stays as it is, with what
    /// was read from it, and gets only the observations that it lacks; one that is there without its end is replaced, or with `Entry::more` gone on with. An observation of the same id is
    /// replaced.
    ///
    /// They are shared, so that whoever hands them over still has them should it fail.
    fn write(&self, entries: Arc<[Entry]>) -> Work<'_, ()>;

    fn had(&self, exchange: ExchangeId) -> Work<'_, Had>;

    /// Observations, without duplicates or holes while the list is walked page by page.
    fn list(&self, filter: Filter, page: Page) -> Work<'_, Vec<Row>>;

    /// Traces of which an observation passes the filter, by their begin.
    fn traces(&self, filter: Filter, page: Page) -> Work<'_, Vec<Summary>>;

    /// Sessions of which an observation passes the filter, by their last call.
    fn sessions(&self, filter: Filter, page: Page) -> Work<'_, Vec<Summary>>;

    fn observation(&self, id: ObservationId) -> Work<'_, Option<Stored>>;

    /// The observations of an exchange, in order.
    fn of_exchange(&self, exchange: ExchangeId) -> Work<'_, Vec<Stored>>;

    /// An exchange as it was put in.
    fn exchange(&self, exchange: ExchangeId) -> Work<'_, Option<Exchange>>;

    /// The observation that an answer of this id was, the newest where there are several.
    fn answered(&self, response_id: String) -> Work<'_, Option<Stored>>;

    /// Exchanges of which an observation passes the filter, oldest first, behind one.
    fn exchanges(&self, filter: Filter, after: Option<ExchangeId>, limit: usize)
    -> Work<'_, Vec<ExchangeId>>;

    /// Puts newly read observations in the place of an exchange's old ones. What people added to those that keep their
    /// id stays.
    fn reread(&self, exchange: ExchangeId, observations: Vec<Observed>) -> Work<'_, ()>;

    /// What is used, in sums over the hours from `filter.since` to `filter.until`.
    fn rollups(&self, filter: RollupFilter) -> Work<'_, Vec<Rollup>>;

    /// Versions of prompts and tools, with sums over the generations that pass the filter, the one seen last first. Without
    /// a filter nothing is added up for it.
    fn prompts(&self, filter: Filter) -> Work<'_, Vec<PromptVersion>>;

    /// Keeps an observation, with its exchange, from being pruned, or no longer.
    fn pin(&self, id: ObservationId, pinned: bool) -> Work<'_, bool>;

    /// Adds what somebody says of something, or puts it in the place of what had its id. `false`: what it is said of is not
    /// there.
    fn annotate(&self, annotation: Annotation) -> Work<'_, bool>;

    /// Takes it back. `false`: there is no such thing.
    fn unannotate(&self, id: AnnotationId) -> Work<'_, bool>;

    /// What was said of these, in the order it came.
    fn annotations(&self, of: Vec<Target>) -> Work<'_, Vec<Annotation>>;

    /// What was said of anything, in the order it came, behind one.
    fn all_annotations(&self, after: Option<AnnotationId>, limit: usize) -> Work<'_, Vec<Annotation>>;

    /// Tags by their names: those of calls, and those that people gave.
    fn tags(&self, limit: usize) -> Work<'_, Vec<String>>;

    /// One short step of a pruning: nothing else waits for long. Call it until it says that it is done.
    fn prune(&self, prune: Prune) -> Work<'_, Pruned>;

    /// One step of checking everything: hashes, references, sums. Call it with what it answers until it is done.
    fn verify(&self, at: VerifyAt) -> Work<'_, Verified>;

    fn stats(&self) -> Work<'_, Stats>;

    /// How it stands with a destination that observations are sent to. One that is new begins behind what is there.
    fn outbox(&self, destination: String) -> Work<'_, Outbox>;

    /// Keeps what has become of things on their way to a destination.
    fn sending(&self, destination: String, sending: Sending) -> Work<'_, ()>;

    /// Which of these a destination has had as they came.
    fn is_sent(&self, destination: String, all: Vec<Outgoing>) -> Work<'_, Vec<bool>>;

    /// What destinations refused, or one of them, the oldest first.
    fn parked(&self, destination: Option<String>, limit: usize) -> Work<'_, Vec<Parked>>;

    /// What a destination refused is to be tried again: how much that is.
    fn unpark(&self, destination: String) -> Work<'_, u64>;

    /// Changes with every write, whoever made it: what a follower asks before it looks for something new.
    fn version(&self) -> Work<'_, u64>;
}
