//! Full-text search: what was said first in an exchange, and what was answered in an observation.
//!
//! The index knows which words are where, not in which order. So a text in quotes is looked for by its words, and then in
//! the text itself.

use std::collections::HashSet;

use tokio_rusqlite::rusqlite::{Connection, params};

use super::fault::{Result, broken};
use super::observation::find;
use super::plan::{Clause, Place, Plan};
use super::reading::Reading;
use crate::store::StoreError;
use crate::store::pieces::{Kind, words_of};

/// What to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// For the index.
    expression: String,
    /// In lower case, as they stand.
    phrases: Vec<String>,
    /// In lower case, with whether more may follow; for the snippet.
    words: Vec<(String, bool)>,
}

/// Up to so many finds are looked at one by one; of more, the list is walked and each row is asked whether it is one.
const FEW: usize = 10_000;
/// Rows that lie this close are asked about together.
const NEAR: i64 = 256;
/// How much of the text a snippet shows on either side.
const AROUND: usize = 80;

impl Search {
    /// Words, and texts in quotes. A star behind a word stands for what may follow.
    pub fn parse(text: &str) -> Result<Self> {
        let (mut phrases, mut words) = (Vec::new(), Vec::new());
        for (at, part) in text.split('"').enumerate() {
            let quoted = at % 2 == 1;
            if quoted && !part.trim().is_empty() {
                phrases.push(part.trim().to_lowercase());
            }
            for (begin, word) in tokens(part) {
                let more = !quoted && part[begin + word.len()..].starts_with('*');
                words.push((word.to_lowercase(), more));
            }
        }
        if words.is_empty() {
            return Err(StoreError::Asked(format!("there is no word in the search {text:?}")));
        }
        let expression: Vec<String> =
            words.iter().map(|(word, more)| format!("\"{word}\"{}", if *more { "*" } else { "" })).collect();
        Ok(Self { expression: expression.join(" AND "), phrases, words })
    }

    /// Whether it has a word of which only the beginning is given. For one of those the index gathers all its rows first.
    pub fn is_open(&self) -> bool {
        self.words.iter().any(|(_, more)| *more)
    }

    /// For the index.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// All finds that pass the plan, in no order; `None` where they are too many to be looked at.
    pub fn few(&self, db: &Connection, plan: &Plan) -> Result<Option<HashSet<Place>>> {
        let (said, answered) = (self.rows(db, "said", None)?, self.rows(db, "answer", None)?);
        if said.len() + answered.len() > FEW {
            return Ok(None);
        }
        let mut places = HashSet::new();
        for exchange in said {
            let clause = Clause("o.exchange = ?".to_owned(), vec![exchange.into()]);
            places.extend(plan.within(db, "INDEXED BY observation_exchange", clause)?);
        }
        for seq in answered {
            places.extend(plan.within(db, "", Clause("o.seq = ?".to_owned(), vec![seq.into()]))?);
        }
        Ok(Some(places))
    }

    /// Of these, those that are finds.
    pub fn among(&self, db: &Connection, places: &[Place]) -> Result<HashSet<i64>> {
        let said = self.near(db, "said", places.iter().filter_map(|place| place.exchange).collect())?;
        let answered = self.near(db, "answer", places.iter().map(|place| place.seq).collect())?;
        let is_find = |place: &&Place| {
            answered.contains(&place.seq) || place.exchange.is_some_and(|exchange| said.contains(&exchange))
        };
        Ok(places.iter().filter(is_find).map(|place| place.seq).collect())
    }

    fn near(&self, db: &Connection, table: &str, mut rows: Vec<i64>) -> Result<HashSet<i64>> {
        rows.sort_unstable();
        rows.dedup();
        let mut found = HashSet::new();
        for group in rows.chunk_by(|one, next| next - one < NEAR) {
            if let (Some(first), Some(last)) = (group.first(), group.last()) {
                found.extend(self.rows(db, table, Some((*first, *last)))?);
            }
        }
        Ok(found)
    }

    fn rows(&self, db: &Connection, table: &str, within: Option<(i64, i64)>) -> Result<Vec<i64>> {
        let (first, last) = within.unwrap_or((i64::MIN, i64::MAX));
        let range = if within.is_some() { "AND rowid BETWEEN ?2 AND ?3" } else { "AND ?2 < ?3" };
        let sql = format!("SELECT rowid FROM {table} WHERE {table} MATCH ?1 {range} LIMIT ?4");
        let limit = if within.is_some() { i64::MAX } else { i64::try_from(FEW).unwrap_or(i64::MAX) + 1 };
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![self.expression, first, last, limit], |row| row.get(0))?;
        rows.collect::<std::result::Result<_, _>>().map_err(|error| match StoreError::from(error) {
            // What the index's own language cannot take.
            StoreError::Broken(why) if why.contains("fts5") => {
                StoreError::Asked(format!("this search: {why}"))
            }
            other => other,
        })
    }

    /// Whether a find is one: a text in quotes has to stand there.
    pub fn is_in(&self, reading: &mut Reading, place: &Place) -> Result<bool> {
        Ok(self.phrases.is_empty() || self.snippet(reading, place)?.is_some())
    }

    /// Where in the texts of an observation it stands. `None` where a text in quotes does not.
    pub fn snippet(&self, reading: &mut Reading, place: &Place) -> Result<Option<String>> {
        let texts = texts(reading, place)?;
        let found = |text: &&String| {
            let lower = text.to_lowercase();
            self.phrases.iter().all(|phrase| lower.contains(phrase))
        };
        if !self.phrases.is_empty() && !texts.iter().any(|text| found(&text)) {
            return Ok(None);
        }
        let around = texts.iter().filter(found).find_map(|text| self.around(text));
        Ok(Some(around.unwrap_or_default()))
    }

    fn around(&self, text: &str) -> Option<String> {
        let is_it = |word: &str| {
            let word = word.to_lowercase();
            self.words.iter().any(|(own, more)| if *more { word.starts_with(own) } else { word == *own })
        };
        let (at, word) = tokens(text).find(|(_, word)| is_it(word))?;
        let start = text[..at].char_indices().rev().nth(AROUND).map_or(0, |(at, _)| at);
        let behind = at + word.len();
        let end = text[behind..].char_indices().nth(AROUND).map_or(text.len(), |(at, _)| behind + at);
        let shown: Vec<&str> = text[start..end].split_whitespace().collect();
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
        Some(format!("{before}{}{after}", shown.join(" ")))
    }
}

/// What an observation can be found by: the texts its exchange had first, if it has one, and its answer.
pub fn texts(reading: &mut Reading, place: &Place) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    if let Some(exchange) = place.exchange {
        texts.push(reading.own_words(exchange)?);
    }
    let found = find(reading.db, "o.seq = ?1", &place.seq.into())?;
    let found = found.ok_or_else(|| broken(format!("observation {} is missing", place.seq)))?;
    let detail = reading.detail(&found)?;
    texts.push(reading.answer_words(&detail)?);
    if let Some(content) = &detail.content {
        texts.push(words_of(Kind::Glue, &reading.bytes(content)?));
    }
    Ok(texts)
}

/// The words of a text and where they begin, as the index cuts them.
fn tokens(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_words_and_texts_in_quotes() {
        let search = Search::parse("fix* \"The Parser's end\" now").unwrap();
        assert_eq!(search.expression, r#""fix"* AND "the" AND "parser" AND "s" AND "end" AND "now""#);
        assert_eq!(search.phrases, ["the parser's end"]);
        for odd in ["\"", "*", "()", ""] {
            assert!(matches!(Search::parse(odd), Err(StoreError::Asked(_))), "{odd}");
        }
        for odd in ["a NEAR b", "col:x", "-a", "\"open", "a AND", "^a"] {
            assert!(Search::parse(odd).is_ok(), "{odd}");
        }
        let long = format!("{} needle {}", "é".repeat(200), "x ".repeat(100));
        let shown = Search::parse("needle").unwrap().around(&long).unwrap();
        assert!(shown.starts_with("…é") && shown.contains(" needle x x") && shown.ends_with('…'), "{shown}");
    }
}
