//! Looks at observations one by one for what a search is for. What is found nearly everywhere is found sooner like this
//! than by the index, which for the beginning of a word gathers every row first that has such a word.

use tokio_rusqlite::rusqlite::{Connection, params};

use super::fault::Result;
use super::plan::Place;
use super::reading::Reading;
use super::search::{Search, texts};

/// As many observations are looked at, and as much text. Where that is not enough, the index has little to gather.
pub const MOST: usize = 300;
const MOST_BYTES: usize = 4 << 20;
/// After some, at least one in so many has to be a find.
const SOME: usize = 32;
const ONE_IN: usize = 6;

/// Looks for a search's words.
pub struct Probe<'s> {
    pub search: &'s Search,
    /// An index like the store's own, in memory: words are the same to both.
    index: Connection,
    next: i64,
    looked_at: usize,
    found: usize,
    bytes_left: usize,
}

impl<'s> Probe<'s> {
    /// `None` where the index is quick.
    pub fn of(search: &'s Search) -> Result<Option<Self>> {
        if !search.is_open() {
            return Ok(None);
        }
        let index = Connection::open_in_memory()?;
        index.execute_batch(
            "CREATE VIRTUAL TABLE text USING fts5 (
                body, content = '', detail = none, tokenize = 'unicode61 remove_diacritics 2'
            );
            BEGIN",
        )?;
        Ok(Some(Self { search, index, next: 0, looked_at: 0, found: 0, bytes_left: MOST_BYTES }))
    }

    /// Whether one of these is a find. `None` once enough was looked at.
    pub fn any(&mut self, reading: &mut Reading, places: &[Place]) -> Result<Option<bool>> {
        for place in places {
            let too_few = self.looked_at >= SOME && self.found * ONE_IN < self.looked_at;
            if too_few || self.looked_at >= MOST || self.bytes_left == 0 {
                return Ok(None);
            }
            self.looked_at += 1;
            if self.finds(reading, place)? && self.search.is_in(reading, place)? {
                self.found += 1;
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }

    /// An exchange's texts are one row of the store's index, an answer with its content is another.
    fn finds(&mut self, reading: &mut Reading, place: &Place) -> Result<bool> {
        let texts = texts(reading, place)?;
        let (said, answer) = texts.split_at(usize::from(place.exchange.is_some()));
        for text in [said.concat(), answer.join("\n")] {
            self.next += 1;
            self.bytes_left = self.bytes_left.saturating_sub(text.len());
            let mut insert = self.index.prepare_cached("INSERT INTO text (rowid, body) VALUES (?1, ?2)")?;
            insert.execute(params![self.next, text])?;
            let mut find =
                self.index.prepare_cached("SELECT 1 FROM text WHERE text MATCH ?1 AND rowid = ?2")?;
            if find.exists(params![self.search.expression(), self.next])? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
