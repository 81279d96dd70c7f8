//! What is to be found by its words and is not in the search's index yet: the index takes many texts together in less time
//! and room than one by one.
//!
//! Which rows wait stands in the table `unsaid`, put there by the transaction that wrote them, so that none is forgotten
//! whatever becomes of this program. Who indexes a row takes it out of the table first, and it is no one else's then.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite::params;
use tokio_rusqlite::{Connection, rusqlite};

use super::fault::Result;
use super::observation::find;
use super::reading::Reading;
use super::state::State;
use super::writing::{Writing, writing};

/// A text waits no longer than this, or than others of so many bytes wait with it.
const LONGEST: Duration = Duration::from_secs(1);
const MOST_BYTES: usize = 1 << 20;
/// As many pages are merged at a time.
const MERGED: i64 = 64;
/// And at the end, into one as far as that goes, which the sign says.
const MERGED_LAST: i64 = -512;

/// Which text: what an exchange was the first to say, or an observation's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Text {
    Said(i64),
    Answer(i64),
}

/// Texts that wait.
#[derive(Default)]
pub struct Unsaid {
    texts: BTreeMap<Text, String>,
    bytes: usize,
    since: Option<Instant>,
}

impl Text {
    /// Its row in the table of those that wait.
    const fn row(self) -> i64 {
        match self {
            Self::Said(seq) => seq * 2,
            Self::Answer(seq) => seq * 2 + 1,
        }
    }

    const fn of_row(row: i64) -> Self {
        if row % 2 == 0 { Self::Said(row / 2) } else { Self::Answer(row / 2) }
    }

    const fn place(self) -> (&'static str, i64) {
        match self {
            Self::Said(seq) => ("said", seq),
            Self::Answer(seq) => ("answer", seq),
        }
    }
}

impl Unsaid {
    /// Takes over what a transaction wrote.
    pub fn add(&mut self, changes: BTreeMap<Text, Option<String>>) {
        for (text, words) in changes {
            let old = match words {
                Some(words) => {
                    self.bytes += words.len();
                    self.texts.insert(text, words)
                }
                None => self.texts.remove(&text),
            };
            self.bytes -= old.map_or(0, |old| old.len());
        }
        self.since = self.since.filter(|_| !self.texts.is_empty());
        if !self.texts.is_empty() {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// It is time to index them.
    pub fn is_due(&self) -> bool {
        self.bytes >= MOST_BYTES || self.since.is_some_and(|since| since.elapsed() >= LONGEST)
    }
}

impl Writing<'_> {
    /// A text is to be found by its words.
    pub fn say(&mut self, text: Text, words: String) {
        self.said.insert(text, Some(words));
    }

    /// A text is not to be found any more.
    pub fn unsay(&mut self, text: Text) -> Result<()> {
        let (table, seq) = text.place();
        self.db.prepare_cached(&format!("DELETE FROM {table} WHERE rowid = ?1"))?.execute([seq])?;
        self.db.prepare_cached("DELETE FROM unsaid WHERE row = ?1")?.execute([text.row()])?;
        self.said.insert(text, None);
        Ok(())
    }

    /// Notes which texts wait.
    pub fn put_unsaid(&mut self) -> Result<()> {
        for (text, _) in self.said.iter().filter(|(_, words)| words.is_some()) {
            let mut insert = self.db.prepare_cached("INSERT OR IGNORE INTO unsaid (row) VALUES (?1)")?;
            insert.execute([text.row()])?;
        }
        Ok(())
    }

    /// Indexes what waited before this transaction began.
    pub fn index_unsaid(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.state.unsaid);
        for (text, words) in &waiting.texts {
            self.way.give();
            self.index(*text, words)?;
        }
        // Should the transaction fail, they wait on.
        self.indexed = waiting;
        Ok(())
    }

    /// Indexes what this transaction says itself.
    pub fn index_said(&mut self) -> Result<()> {
        self.state.has_written = true;
        for (text, words) in std::mem::take(&mut self.said) {
            self.way.give();
            if let Some(words) = words {
                self.put_words(text, &words)?;
            }
        }
        Ok(())
    }

    fn index(&self, text: Text, words: &str) -> Result<()> {
        let mut take = self.db.prepare_cached("DELETE FROM unsaid WHERE row = ?1")?;
        if take.execute([text.row()])? > 0 {
            self.put_words(text, words)?;
        }
        Ok(())
    }

    fn put_words(&self, text: Text, words: &str) -> Result<()> {
        let (table, seq) = text.place();
        let sql = format!("INSERT INTO {table} (rowid, body) VALUES (?1, ?2)");
        self.db.prepare_cached(&sql)?.execute(params![seq, words])?;
        Ok(())
    }

    /// Merges some of what the index has in several places, and gives back what that frees.
    fn merge(&self, pages: i64) -> Result<()> {
        for table in ["said", "answer"] {
            let sql = format!("INSERT INTO {table} ({table}, rank) VALUES ('merge', {pages})");
            self.db.prepare_cached(&sql)?.execute([])?;
        }
        let mut vacuum = self.db.prepare(&format!("PRAGMA incremental_vacuum({})", pages.abs()))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    }

    /// Indexes what an earlier run left waiting.
    pub fn index_left(&mut self) -> Result<()> {
        let mut rows = self.db.prepare("SELECT row FROM unsaid ORDER BY row")?;
        let rows: Vec<i64> = rows.query_map([], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        for text in rows.into_iter().map(Text::of_row) {
            let mut reading = Reading::new(self.db)?;
            let words = match text {
                Text::Said(seq) => reading.own_words(seq)?,
                Text::Answer(seq) => match find(self.db, "o.seq = ?1", &seq.into())? {
                    Some(found) => reading.found_by(&found)?,
                    None => String::new(),
                },
            };
            self.index(text, &words)?;
        }
        Ok(())
    }
}

/// Puts back what waited, after a transaction that failed.
pub fn wait_on(state: &mut State, indexed: Unsaid) {
    let newer = std::mem::replace(&mut state.unsaid, indexed);
    state.unsaid.add(newer.texts.into_iter().map(|(text, words)| (text, Some(words))).collect());
}

/// Sees to it that texts are indexed when nothing more is written.
pub struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Asked {
    to_index: bool,
    to_stop: bool,
}

impl Indexer {
    pub fn start(connection: Connection, state: Arc<Mutex<State>>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let asked = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("indexer".to_owned()).spawn(move || {
            while asked.wait() {
                // What fails now is tried again with the next write.
                let _ = wait_for(index(&connection, &state));
            }
            let _ = wait_for(index_last(&connection, &state));
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Something waits to be indexed.
    pub fn ask(&self) {
        let mut asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.to_index {
            asked.to_index = true;
            self.shared.changed.notify_all();
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).to_stop = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Waits until something has waited for long enough. False when it is time to stop.
    fn wait(&self) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |asked: &mut Asked| !asked.to_index && !asked.to_stop;
        let asked = self.changed.wait_while(asked, is_idle).unwrap_or_else(PoisonError::into_inner);
        let goes_on = |asked: &mut Asked| !asked.to_stop;
        let waited = self.changed.wait_timeout_while(asked, LONGEST, goes_on);
        let (mut asked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        asked.to_index = false;
        !asked.to_stop
    }
}

/// Wakes a thread that waits for an answer.
struct Waiting(Thread);

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for an answer on a thread that has nothing else to do.
fn wait_for<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    let waker = Arc::new(Waiting(std::thread::current())).into();
    loop {
        match answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Indexes all that waits.
pub async fn index(connection: &Connection, state: &Arc<Mutex<State>>) -> Result<()> {
    index_and_merge(connection, state, false).await
}

/// The same when nothing will be written any more.
async fn index_last(connection: &Connection, state: &Arc<Mutex<State>>) -> Result<()> {
    index_and_merge(connection, state, true).await
}

async fn index_and_merge(connection: &Connection, state: &Arc<Mutex<State>>, is_last: bool) -> Result<()> {
    let state = Arc::clone(state);
    let done = connection.call(move |db: &mut rusqlite::Connection| {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.unsaid.is_empty() && !(is_last && state.has_written) {
            return Ok(());
        }
        writing(db, &mut state, |writing| {
            writing.index_unsaid()?;
            writing.merge(if is_last { MERGED_LAST } else { MERGED })
        })
    });
    done.await.map_err(crate::store::StoreError::from)
}
