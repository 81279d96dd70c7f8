//! Reads pieces, and bodies made of them.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite::{Connection, OptionalExtension};
use zstd::dict::DecoderDictionary;

use super::fault::{Result, broken};
use super::pack::{Unpacker, behind, is_against};
use crate::store::pieces::{Kind, Node, Reader, Recipe, children, unweave};

/// Reads from one connection, with what it needs for that.
pub struct Reading<'a> {
    pub db: &'a Connection,
    unpacker: Unpacker,
    words: HashMap<i64, String>,
    /// Pieces that others are packed against, for each way to do that.
    bases: HashMap<(i64, i64), DecoderDictionary<'static>>,
}

/// As many bases are kept.
const BASES: usize = 16;

/// Its kind, how it is packed, its length, its base, and the bytes.
type PieceRow = (i64, i64, u32, Option<i64>, Vec<u8>);

/// A recipe as it stands somewhere, and how long what it makes is.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub length: usize,
    pub recipe: Recipe,
}

impl<'a> Reading<'a> {
    pub fn new(db: &'a Connection) -> Result<Self> {
        Ok(Self { db, unpacker: Unpacker, words: HashMap::new(), bases: HashMap::new() })
    }

    pub fn unpack(&mut self, packed: i64, data: Vec<u8>, length: usize) -> Result<Vec<u8>> {
        self.unpacker.unpack(packed, data, length)
    }

    pub fn piece(&mut self, id: i64) -> Result<(Kind, Vec<u8>)> {
        let found = self.maybe_piece(id)?;
        found.ok_or_else(|| broken(format!("piece {id} is missing")))
    }

    pub fn maybe_piece(&mut self, id: i64) -> Result<Option<(Kind, Vec<u8>)>> {
        let mut statement =
            self.db.prepare_cached("SELECT kind, packed, length, base, data FROM piece WHERE id = ?1")?;
        let row = statement
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
        let row: Option<PieceRow> = row.optional()?;
        let Some((kind, packed, length, base, data)) = row else { return Ok(None) };
        let kind =
            Kind::from_number(kind).ok_or_else(|| broken(format!("piece {id} is of no known kind")))?;
        let bytes = match base {
            Some(base) if is_against(packed) => self.unpack_against(base, packed, &data, length as usize)?,
            _ => self.unpacker.unpack(packed, data, length as usize)?,
        };
        Ok(Some((kind, bytes)))
    }

    fn unpack_against(&mut self, base: i64, how: i64, data: &[u8], length: usize) -> Result<Vec<u8>> {
        if !self.bases.contains_key(&(base, how)) {
            let row = self
                .db
                .prepare_cached("SELECT packed, length, data FROM piece WHERE id = ?1 AND base IS NULL")?
                .query_row([base], |row| Ok((row.get(0)?, row.get::<_, u32>(1)?, row.get(2)?)))
                .optional()?;
            let (packed, length, data) =
                row.ok_or_else(|| broken(format!("piece {base}, a base, is missing")))?;
            let bytes = self.unpacker.unpack(packed, data, length as usize)?;
            if self.bases.len() >= BASES {
                self.bases.clear();
            }
            if let Some(ready) = behind(how, &bytes) {
                self.bases.insert((base, how), ready);
            }
        }
        let base = self.bases.get(&(base, how)).ok_or_else(|| broken("packed against nothing"))?;
        self.unpacker.unpack_against(how, base, data, length)
    }

    /// The leaves of a recipe.
    pub fn leaves(&mut self, recipe: &Recipe) -> Result<Vec<i64>> {
        let leaves = recipe.leaves(|id| self.node(id))?;
        leaves.ok_or_else(|| broken("a node of a recipe is not one"))
    }

    fn node(&mut self, id: i64) -> Result<Option<Node>> {
        let (kind, bytes) = self.piece(id)?;
        Ok(if kind == Kind::Node { children(&bytes) } else { None })
    }

    /// The bytes that a recipe makes.
    pub fn bytes(&mut self, made: &Made) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(made.length.min(64 << 20));
        for leaf in self.leaves(&made.recipe)? {
            let (kind, piece) = self.piece(leaf)?;
            if kind == Kind::Woven {
                bytes = unweave(&piece, &bytes).ok_or_else(|| broken("a stream's frames are damaged"))?;
            } else {
                bytes.extend_from_slice(&piece);
            }
        }
        if bytes.len() == made.length { Ok(bytes) } else { Err(broken("a body has not the length it had")) }
    }

    pub fn word(&mut self, id: i64) -> Result<String> {
        if let Some(text) = self.words.get(&id) {
            return Ok(text.clone());
        }
        let mut statement = self.db.prepare_cached("SELECT text FROM word WHERE id = ?1")?;
        let text: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
        let text = text.ok_or_else(|| broken(format!("word {id} is missing")))?;
        self.words.insert(id, text.clone());
        Ok(text)
    }
}

/// Reads what `Writing::body` put.
pub fn made(from: &mut Reader) -> Option<Made> {
    let length = usize::try_from(from.number()?).ok()?;
    let recipe = if length == 0 { Recipe::default() } else { Recipe::decode(from)? };
    Some(Made { length, recipe })
}
