//! What the writer keeps between transactions: nothing that the file does not say too.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use foldhash::{HashMap, HashMapExt};
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension};

use super::base::Bases;
use super::fault::{Result, broken};
use super::pack::Packer;
use super::recent::Recent;
use super::unsaid::Unsaid;
use crate::store::heads::Habits;
use crate::store::{Config, Reread};

/// A piece's name: what it is and holds, under the store's key.
pub type Hash = [u8; 16];

/// As many hashes and words as are kept, twice.
const REMEMBERED: usize = 100_000;
/// As many marks: a call has a dozen, and they take eight bytes.
const REMEMBERED_MARKS: usize = 400_000;

/// The writer's memory.
pub struct State {
    pub key: [u8; 32],
    pub packer: Packer,
    pub bases: Bases,
    pub habits: Habits,
    pub forms: Forms,
    pub unsaid: Unsaid,
    /// Texts were indexed here.
    pub has_written: bool,
    pub pieces: Memory<Hash>,
    pub words: Memory<String>,
    /// Where the last inputs began.
    pub previews: HashMap<String, i64>,
    pub recent: Recent,
    pub reread: Reread,
    pub marks: RecentMarks,
    /// When the last observation began that no exchange has, as a span has none that an SDK told of.
    pub told: Option<i64>,
    /// Changes when another connection writes.
    data_version: i64,
}

/// Marks put down since a time: what is not among them, no call that began later has.
#[derive(Default)]
pub struct RecentMarks {
    new: HashSet<u64, BuildHasherDefault<AsItIs>>,
    old: HashSet<u64, BuildHasherDefault<AsItIs>>,
    /// Of calls that began later than this, in seconds, all are known. Nobody's marks stand here before the call began
    /// that they are of.
    since: i64,
    newer_since: i64,
}

/// Marks are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// A mark with its kind in it, as it is kept.
pub fn mark_key(kind: u8, mark: u64) -> u64 {
    mark ^ u64::from(kind).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl RecentMarks {
    /// Those of calls that will come: later ones than the latest that is there.
    fn after(db: &Connection) -> Result<Self> {
        let last: Option<i64> = db.query_row("SELECT max(start) FROM observation", [], |row| row.get(0))?;
        let since = last.map_or(i64::MIN, |last| last.div_euclid(1_000_000));
        Ok(Self { since, newer_since: since, ..Self::default() })
    }

    /// Whether a call begun then or later may have a mark.
    pub fn may_have(&self, key: u64, from: i64) -> bool {
        from <= self.since || self.new.contains(&key) || self.old.contains(&key)
    }

    /// Puts one down. `now` is the clock's, in seconds.
    pub fn put(&mut self, key: u64, now: i64) {
        if self.new.len() >= REMEMBERED_MARKS {
            self.old = std::mem::take(&mut self.new);
            (self.since, self.newer_since) = (self.newer_since, now);
        }
        self.new.insert(key);
    }
}

/// Whether records are alike: a form that only one has is larger than what it saves.
#[derive(Default)]
pub struct Forms {
    /// Rises with each form that is new, falls with each that is not.
    misses: u32,
}

const NEW_FORM: u32 = 4;
const MANY_MISSES: u32 = 400;

impl Forms {
    /// Asked for each record.
    pub fn is_worth_it(&mut self) -> bool {
        let is_worth_it = self.misses < MANY_MISSES;
        if !is_worth_it {
            // It is tried again after a while.
            self.misses -= 1;
        }
        is_worth_it
    }

    pub fn used(&mut self, is_new: bool) {
        self.misses = if is_new { self.misses + NEW_FORM } else { self.misses.saturating_sub(1) };
    }
}

/// What was looked up lately: the newer half, and the half before that.
pub struct Memory<K> {
    new: HashMap<K, i64>,
    old: HashMap<K, i64>,
}

impl<K: std::hash::Hash + Eq + Clone> Memory<K> {
    fn new() -> Self {
        Self { new: HashMap::new(), old: HashMap::new() }
    }

    pub fn get<Q: std::hash::Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<i64>
    where
        K: std::borrow::Borrow<Q>,
    {
        if let Some(id) = self.new.get(key) {
            return Some(*id);
        }
        let (key, id) = self.old.remove_entry(key)?;
        self.put(key, id);
        Some(id)
    }

    pub fn put(&mut self, key: K, id: i64) {
        if self.new.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, id);
    }

    pub fn clear(&mut self) {
        self.new.clear();
        self.old.clear();
    }
}

impl State {
    pub fn new(db: &Connection, config: &Config, reread: Reread) -> Result<Self> {
        let key: Vec<u8> = db.query_row("SELECT value FROM meta WHERE key = 'key'", [], |row| row.get(0))?;
        let key = key.try_into().map_err(|_| broken("the store's key is damaged"))?;
        Ok(Self {
            key,
            packer: Packer::new()?,
            bases: Bases::default(),
            habits: Habits::default(),
            forms: Forms::default(),
            unsaid: Unsaid::default(),
            has_written: false,
            pieces: Memory::new(),
            words: Memory::new(),
            previews: HashMap::new(),
            recent: Recent::new(usize::try_from(config.recent_bytes.0).unwrap_or(usize::MAX)),
            reread,
            marks: RecentMarks::after(db)?,
            told: last_told(db)?,
            data_version: data_version(db)?,
        })
    }

    /// Forgets what another process may have changed. Inside a transaction, or it is out of date at once.
    pub fn refresh(&mut self, db: &Connection) -> Result<()> {
        let now = data_version(db)?;
        if now != self.data_version {
            self.data_version = now;
            self.forget();
            self.marks = RecentMarks::after(db)?;
            self.told = last_told(db)?;
        }
        Ok(())
    }

    /// Forgets all that stands in the file: some of it may be gone.
    pub fn forget(&mut self) {
        self.pieces.clear();
        self.words.clear();
        self.previews.clear();
        self.bases.clear();
        self.recent.clear();
    }
}

/// When the last observation began that no exchange has.
fn last_told(db: &Connection) -> Result<Option<i64>> {
    let mut told = db.prepare_cached("SELECT value FROM meta WHERE key = 'told'")?;
    Ok(told.query_row([], |row| row.get(0)).optional()?)
}

pub fn data_version(db: &Connection) -> Result<i64> {
    Ok(db.pragma_query_value(None, "data_version", |row| row.get(0))?)
}
