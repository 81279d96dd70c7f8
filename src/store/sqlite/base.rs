//! Pieces that are packed against another piece, their base. Who works on something says the same words again, and many of
//! them stand in the longest text of the same body, its prompt as a rule. And the frames of streams from one place are
//! like each other.
//!
//! Invariant: a base is packed by itself, so that no piece is more than one other away; and it is there for as long as a
//! piece is packed against it, which the table `base` counts.

use std::collections::{HashMap, VecDeque};

use tokio_rusqlite::rusqlite::{OptionalExtension, params};
use zstd::dict::EncoderDictionary;

use super::fault::Result;
use super::pack::against;
use super::reading::Reading;
use super::writing::Writing;
use crate::store::pieces::{Kind, Leaf, is_words};

/// A shorter text has too few words to be a base, and of a longer one most is not needed.
const LEAST: usize = 2 << 10;
const MOST: usize = 16 << 10;

/// As many are kept ready as conversations go on beside each other, more or less.
const READY: usize = 8;

/// Frames take others for their base after so many: the first ones are not to be kept for ever.
const USES: u32 = 200;
/// Of so many places at most it is known what their frames are like.
const SCOPES: usize = 64;

/// Bases that were used last.
#[derive(Default)]
pub struct Bases {
    ready: VecDeque<(i64, EncoderDictionary<'static>)>,
    /// By where a stream came from, with how often it was used.
    frames: HashMap<String, (i64, u32)>,
}

impl Bases {
    pub fn clear(&mut self) {
        self.ready.clear();
        self.frames.clear();
    }

    /// One that was made ready, to be packed against.
    pub fn get(&self, base: i64) -> Option<&EncoderDictionary<'static>> {
        self.ready.iter().find(|(id, _)| *id == base).map(|(_, ready)| ready)
    }

    /// Keeps it for longer than the others. True if it is there.
    fn keep(&mut self, base: i64) -> bool {
        let Some(at) = self.ready.iter().position(|(id, _)| *id == base) else { return false };
        self.ready.rotate_left(at + 1);
        true
    }

    fn put(&mut self, base: i64, bytes: &[u8]) {
        if self.ready.len() >= READY {
            self.ready.pop_front();
        }
        self.ready.push_back((base, against(bytes)));
    }

    fn of_frames(&mut self, scope: &str) -> Option<i64> {
        let (base, uses) = self.frames.get_mut(scope)?;
        *uses += 1;
        (*uses <= USES).then_some(*base)
    }

    fn begin_frames(&mut self, scope: &str, base: i64) {
        if self.frames.len() >= SCOPES {
            self.frames.clear();
        }
        self.frames.insert(scope.to_owned(), (base, 0));
    }
}

impl Writing<'_> {
    /// The base for the texts of a body, of which the pieces of the first leaves are known.
    pub fn choose_base(
        &mut self,
        body: &[u8],
        leaves: &[Leaf],
        known: &[i64],
        first: Option<i64>,
    ) -> Result<Option<i64>> {
        let id = match longest(body, &leaves[..known.len()]) {
            Some((at, _)) => known[at],
            None => match longest(body, leaves) {
                Some((_, text)) => self.piece(Kind::Text, text, first)?,
                None => return Ok(None),
            },
        };
        self.ready(id)
    }

    /// Makes a piece ready to be packed against, or else what it is packed against itself.
    fn ready(&mut self, id: i64) -> Result<Option<i64>> {
        let mut found = self.db.prepare_cached("SELECT coalesce(base, id) FROM piece WHERE id = ?1")?;
        let base: Option<i64> = found.query_row([id], |row| row.get(0)).optional()?;
        let Some(base) = base else { return Ok(None) };
        if !self.state.bases.keep(base) {
            let bytes = Reading::new(self.db)?.piece(base)?.1;
            self.state.bases.put(base, &bytes);
        }
        Ok(Some(base))
    }

    /// Stores a stream's frames, packed against others from the same place.
    pub fn frames(&mut self, scope: &str, woven: &[u8]) -> Result<i64> {
        let base = match self.state.bases.of_frames(scope) {
            Some(base) => self.ready(base)?,
            None => None,
        };
        let of_texts = std::mem::replace(&mut self.base, base);
        let id = self.piece(Kind::Woven, woven, None)?;
        self.base = of_texts;
        if base.is_none()
            && woven.len() <= MOST
            && let Some(base) = self.ready(id)?
        {
            self.state.bases.begin_frames(scope, base);
        }
        Ok(id)
    }

    /// Counts a piece that is packed against it.
    pub fn use_base(&self, base: i64) -> Result<()> {
        let mut count = self.db.prepare_cached(
            "INSERT INTO base (piece, uses) VALUES (?1, 1) ON CONFLICT (piece) DO UPDATE SET uses = uses + 1",
        )?;
        count.execute([base])?;
        Ok(())
    }

    /// The other way round. True if it was the last.
    pub fn leave_base(&self, base: i64) -> Result<bool> {
        let mut count = self.db.prepare_cached("UPDATE base SET uses = uses - 1 WHERE piece = ?1")?;
        count.execute([base])?;
        let mut delete = self.db.prepare_cached("DELETE FROM base WHERE piece = ?1 AND uses <= 0")?;
        Ok(delete.execute(params![base])? > 0)
    }

    pub fn is_base(&self, piece: i64) -> Result<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM base WHERE piece = ?1")?.exists([piece])?)
    }
}

/// The longest text that could be a base, and which leaf it is.
fn longest<'a>(body: &'a [u8], leaves: &[Leaf]) -> Option<(usize, &'a [u8])> {
    let mut start = 0;
    let texts = leaves.iter().enumerate().filter_map(|(at, leaf)| {
        let text = &body[start..leaf.end];
        start = leaf.end;
        (leaf.kind == Kind::Text && (LEAST..=MOST).contains(&text.len())).then_some((at, text))
    });
    texts.max_by_key(|(_, text)| text.len()).filter(|(_, text)| is_words(text))
}
