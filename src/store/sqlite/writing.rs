//! One transaction that writes: what it has changed and not put down yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use bytes::Bytes;
use tokio_rusqlite::rusqlite::types::Value as Cell;
use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::fault::Result;
use super::hashes;
use super::left::Share;
use super::pack::is_against;
use super::placing::MarkRow;
use super::prompts::{Prompt, PromptKey};
use super::recent::Repeated;
use super::rollup::RollupKey;
use super::state::{Hash, State};
use super::summary::{Sum, SumKey};
use super::unsaid::{Text, Unsaid, wait_on};
use crate::store::pieces::{Kind, Leaf, Node, Recipe, Weave, cut, cut_text, is_words, put, weave, words_of};
use crate::store::{PART, Rollup, StoreError, Totals};
use crate::turns::Way;

/// A transaction under way.
pub struct Writing<'a> {
    pub db: &'a Connection,
    pub state: &'a mut State,
    pub counters: Counters,
    pub sums: foldhash::HashMap<SumKey, Sum>,
    /// What was taken out of sums.
    pub left: HashMap<(SumKey, i64), Share>,
    /// Those that are to be added up anew.
    pub recount: HashSet<SumKey>,
    pub rollups: foldhash::HashMap<RollupKey, (Rollup, i64)>,
    pub prompts: HashMap<PromptKey, Prompt>,
    /// Traces and sessions that are new and have no row yet, with their ids.
    pub new_places: Vec<(SumKey, Cell)>,
    /// Marks to put down: in their order, many together take half the time. Whoever looks for one puts them down first.
    pub marks: Vec<MarkRow>,
    pub way: Way,
    /// What all sums grow by, and shrink by.
    pub more: (Totals, i64),
    pub less: (Totals, i64),
    /// What is new to be found by its words, and what is not to be found any more.
    pub said: BTreeMap<Text, Option<String>>,
    /// What had waited to be indexed, and is.
    pub indexed: Unsaid,
    /// What the texts of the body under way are packed against.
    pub base: Option<i64>,
    /// Pieces from here on are new in the exchange under way.
    pub floor: i64,
    next: Next,
}

/// The numbers that the next rows have, where they are known.
#[derive(Default)]
struct Next {
    piece: Option<i64>,
    exchange: Option<i64>,
    trace: Option<i64>,
    session: Option<i64>,
}

/// How much there is more, or less, than before.
#[derive(Debug, Default)]
pub struct Counters {
    pub pieces: i64,
    pub unique_bytes: i64,
    pub raw_bytes: i64,
    pub exchanges: i64,
    pub observations: i64,
}

/// Does something in one transaction: all of it or nothing.
pub fn writing<T>(
    db: &mut Connection,
    state: &mut State,
    act: impl FnOnce(&mut Writing) -> Result<T>,
) -> Result<T> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    state.refresh(&transaction)?;
    let told = state.told;
    let mut writing = Writing {
        db: &transaction,
        state,
        counters: Counters::default(),
        sums: foldhash::HashMap::default(),
        left: HashMap::new(),
        recount: HashSet::new(),
        rollups: foldhash::HashMap::default(),
        prompts: HashMap::new(),
        new_places: Vec::new(),
        marks: Vec::new(),
        way: Way::begin(),
        more: Default::default(),
        less: Default::default(),
        said: BTreeMap::new(),
        indexed: Unsaid::default(),
        base: None,
        floor: i64::MAX,
        next: Next::default(),
    };
    let done = act(&mut writing).and_then(|done| writing.finish(told).map(|()| done));
    let Writing { said, indexed, .. } = writing;
    let done = done.and_then(|done| {
        transaction.commit()?;
        Ok(done)
    });
    if done.is_ok() {
        state.has_written |= !said.is_empty();
        state.unsaid.add(said);
    } else {
        // What it remembers of this transaction never was.
        state.forget();
        state.told = told;
        wait_on(state, indexed);
    }
    done
}

impl Writing<'_> {
    fn finish(&mut self, told: Option<i64>) -> Result<()> {
        self.put_marks()?;
        let are_many = self.said.len() >= MANY_TEXTS;
        if are_many || self.state.unsaid.is_due() {
            self.index_unsaid()?;
        }
        if are_many { self.index_said() } else { self.put_unsaid() }?;
        self.put_sums()?;
        self.put_rollups()?;
        self.put_prompts()?;
        let Counters { pieces, unique_bytes, raw_bytes, exchanges, observations } = self.counters;
        let changes = [
            ("pieces", pieces),
            ("unique_bytes", unique_bytes),
            ("raw_bytes", raw_bytes),
            ("exchanges", exchanges),
            ("observations", observations),
        ];
        for (name, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
            let mut statement =
                self.db.prepare_cached("UPDATE meta SET value = value + ?2 WHERE key = ?1")?;
            statement.execute(params![name, change])?;
        }
        if self.state.told != told {
            let mut put =
                self.db.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('told', ?1)")?;
            put.execute([self.state.told])?;
        }
        Ok(())
    }

    /// Puts down the marks that wait.
    pub fn put_marks(&mut self) -> Result<()> {
        self.marks.sort_unstable();
        let (many, rest) = self.marks.as_chunks::<MARKS>();
        let put = |rows: &[MarkRow]| -> Result<()> {
            let mut insert =
                self.db.prepare_cached(if rows.len() == MARKS { &PUT_MARKS } else { PUT_MARK })?;
            for (at, (hash, start, observation)) in rows.iter().enumerate() {
                for (column, value) in [hash, start, observation].into_iter().enumerate() {
                    insert.raw_bind_parameter(at * 3 + column + 1, value)?;
                }
            }
            self.way.give();
            insert.raw_execute()?;
            Ok(())
        };
        many.iter().try_for_each(|rows| put(rows))?;
        rest.iter().try_for_each(|row| put(std::slice::from_ref(row)))?;
        self.marks.clear();
        Ok(())
    }

    /// The id of a piece, stored if it is new. Its words are found under `first`.
    pub fn piece(&mut self, kind: Kind, bytes: &[u8], first: Option<i64>) -> Result<i64> {
        if !has_hash(kind) {
            return self.new_piece(kind, bytes, first);
        }
        let hash = hash(&self.state.key, kind, bytes);
        if let Some(id) = self.state.pieces.get(&hash) {
            return Ok(id);
        }
        let next = self.next_piece()?;
        let id = match hashes::find_or_put(self.db, &hash, next)? {
            Some(id) => id,
            None => self.new_piece(kind, bytes, first)?,
        };
        self.state.pieces.put(hash, id);
        Ok(id)
    }

    fn new_piece(&mut self, kind: Kind, bytes: &[u8], first: Option<i64>) -> Result<i64> {
        if bytes.len() > LONG {
            self.way.give();
        }
        let id = self.piece_id()?;
        let words = match first {
            Some(_) if kind != Kind::Text || is_words(bytes) => words_of(kind, bytes),
            _ => String::new(),
        };
        let first = first.filter(|_| !words.is_empty());
        if let Some(first) = first {
            let said = self.said.entry(Text::Said(first)).or_default().get_or_insert_default();
            said.push_str(&words);
            said.push('\n');
        }
        let base = self.base.filter(|_| matches!(kind, Kind::Text | Kind::Tail | Kind::Woven));
        let against = base.and_then(|base| self.state.bases.get(base));
        let (packed, data) = self.state.packer.pack(bytes, against);
        let base = base.filter(|_| is_against(packed));
        if let Some(base) = base {
            self.use_base(base)?;
        }
        let mut insert = self.db.prepare_cached(
            "INSERT INTO piece (id, kind, packed, length, first, base, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        insert.execute(params![id, kind as i64, packed, length, first, base, data])?;
        self.counters.pieces += 1;
        self.counters.unique_bytes += length;
        Ok(id)
    }

    fn piece_id(&mut self) -> Result<i64> {
        let next = self.next_piece()?;
        self.next.piece = Some(next + 1);
        Ok(next)
    }

    /// The id that the next new piece will have.
    pub fn next_piece(&mut self) -> Result<i64> {
        number(self.db, &mut self.next.piece, "SELECT coalesce(max(id), 0) + 1 FROM piece")
    }

    /// The number of a new exchange: one that none had before.
    pub fn exchange_seq(&mut self) -> Result<i64> {
        let last = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'exchange'";
        let next = number(self.db, &mut self.next.exchange, last)?;
        self.next.exchange = Some(next + 1);
        Ok(next)
    }

    /// The number of a new trace or session.
    pub fn place_seq(&mut self, kind: fn(i64) -> SumKey) -> Result<SumKey> {
        let (next, table) = match kind(0) {
            SumKey::Trace(_) => (&mut self.next.trace, "trace"),
            SumKey::Session(_) => (&mut self.next.session, "session"),
        };
        let seq = number(self.db, next, &format!("SELECT coalesce(max(seq), 0) + 1 FROM {table}"))?;
        *next = Some(seq + 1);
        Ok(kind(seq))
    }

    /// Stores a body's pieces, and adds what gives it back. The scope is where it came from.
    pub fn body(&mut self, scope: &str, bytes: &[u8], to: &mut Vec<u8>) -> Result<()> {
        let Some(Weave { woven, text, ends }) = weave(bytes) else {
            return self.leaves(bytes, &cut(bytes), to);
        };
        let (mut ids, mut start) = (Vec::new(), 0);
        for end in ends {
            let one = &text[start..end];
            ids.extend(self.ids(one, &cut_text(one), None)?);
            start = end;
        }
        ids.push(self.frames(scope, &woven)?);
        self.recipe(bytes.len(), &ids, to)
    }

    /// The same of a body that may go on from one of the last in this scope.
    pub fn body_like(&mut self, scope: &str, bytes: &Bytes, first: i64, to: &mut Vec<u8>) -> Result<()> {
        let Some(Repeated { leaves, mut ids }) = self.state.recent.find(scope, bytes) else {
            let leaves = cut(bytes);
            self.base = self.choose_base(bytes, &leaves, &[], Some(first))?;
            let ids = self.ids(bytes, &leaves, Some(first))?;
            self.state.recent.put(scope, bytes.clone(), leaves, ids.clone());
            return self.recipe(bytes.len(), &ids, to);
        };
        let known = ids.len();
        let begin = leaves[..known].last().map_or(0, |leaf| leaf.end);
        let new: Vec<Leaf> =
            leaves[known..].iter().map(|leaf| Leaf { end: leaf.end - begin, ..*leaf }).collect();
        self.base = self.choose_base(bytes, &leaves, &ids, Some(first))?;
        ids.extend(self.ids(&bytes[begin..], &new, Some(first))?);
        self.state.recent.put(scope, bytes.clone(), leaves, ids.clone());
        self.recipe(bytes.len(), &ids, to)
    }

    /// The same of a text as it stands between quotes in JSON. Its parts are pieces of their own: bodies have them, too.
    pub fn text(&mut self, text: &str, to: &mut Vec<u8>) -> Result<()> {
        let (mut ids, mut length) = (Vec::new(), 0);
        for (at, part) in text.split(PART).enumerate() {
            let quoted = serde_json::to_vec(part).map_err(|error| StoreError::Asked(error.to_string()))?;
            let between: &[u8] = if at > 0 { b"\\n" } else { b"" };
            for bytes in [between, &quoted[1..quoted.len() - 1]] {
                length += bytes.len();
                ids.extend(self.ids(bytes, &cut_text(bytes), None)?);
            }
        }
        self.recipe(length, &ids, to)
    }

    fn leaves(&mut self, bytes: &[u8], leaves: &[Leaf], to: &mut Vec<u8>) -> Result<()> {
        let ids = self.ids(bytes, leaves, None)?;
        self.recipe(bytes.len(), &ids, to)
    }

    fn ids(&mut self, bytes: &[u8], leaves: &[Leaf], first: Option<i64>) -> Result<Vec<i64>> {
        let mut start = 0;
        let mut ids = Vec::with_capacity(leaves.len() + 1);
        for leaf in leaves {
            ids.push(self.piece(leaf.kind, &bytes[start..leaf.end], first)?);
            start = leaf.end;
        }
        Ok(ids)
    }

    fn recipe(&mut self, length: usize, ids: &[i64], to: &mut Vec<u8>) -> Result<()> {
        put(to, length as u64);
        if length > 0 {
            let floor = self.floor;
            let recipe =
                Recipe::build(ids, floor, |node: &Node| self.piece(Kind::Node, &node.encode(), None))?;
            to.extend_from_slice(&recipe.encode());
        }
        Ok(())
    }

    /// The id of a short text that comes often.
    pub fn word(&mut self, text: &str) -> Result<i64> {
        if let Some(id) = self.state.words.get(text) {
            return Ok(id);
        }
        let id = match word_id(self.db, text)? {
            Some(id) => id,
            None => {
                let mut insert = self.db.prepare_cached("INSERT INTO word (text) VALUES (?1)")?;
                insert.insert([text])?
            }
        };
        self.state.words.put(text.to_owned(), id);
        Ok(id)
    }
}

/// So many texts of one transaction are indexed in it: they need not wait for the company of others.
const MANY_TEXTS: usize = 256;
/// Who packs a longer piece lets others go first.
const LONG: usize = 256;
/// So many marks are put down with one statement.
const MARKS: usize = 16;
const PUT_MARK: &str = "INSERT OR IGNORE INTO mark (hash, at, observation) VALUES (?1, ?2, ?3)";
static PUT_MARKS: LazyLock<String> =
    LazyLock::new(|| format!("{PUT_MARK}{}", ", (?, ?, ?)".repeat(MARKS - 1)));

/// The next number: as it is known, or as the query says.
fn number(db: &Connection, next: &mut Option<i64>, sql: &str) -> Result<i64> {
    let number = match *next {
        Some(next) => next,
        None => db.prepare_cached(sql)?.query_row([], |row| row.get(0))?,
    };
    *next = Some(number);
    Ok(number)
}

pub fn word_id(db: &Connection, text: &str) -> Result<Option<i64>> {
    let mut known = db.prepare_cached("SELECT id FROM word WHERE text = ?1")?;
    Ok(known.query_row([text], |row| row.get(0)).optional()?)
}

/// Whether a piece of this kind is looked for: no two answers have the same frames.
pub fn has_hash(kind: Kind) -> bool {
    kind != Kind::Woven
}

pub fn hash(key: &[u8; 32], kind: Kind, bytes: &[u8]) -> Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&[kind as u8]);
    hasher.update(bytes);
    let mut hash = Hash::default();
    hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    hash
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::schema::open_to_write;
    use super::*;
    use crate::store::Config;

    #[test]
    fn what_a_failed_transaction_was_told_is_written_by_the_next() {
        let folder = std::env::temp_dir().join(format!("wiretape-told-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut db = open_to_write(&folder.join("store.db"), &Config::default()).unwrap();
        let mut state = State::new(&db, &Config::default(), Arc::new(|_| Vec::new())).unwrap();
        for fails in [true, false] {
            let done = writing(&mut db, &mut state, |writing| {
                writing.state.told = Some(7);
                if fails { Err(StoreError::Asked("no".to_owned())) } else { Ok(()) }
            });
            assert_eq!((done.is_err(), state.told), (fails, (!fails).then_some(7)));
        }
        let again = State::new(&db, &Config::default(), Arc::new(|_| Vec::new())).unwrap();
        assert_eq!(again.told, Some(7));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
