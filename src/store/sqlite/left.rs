//! Observations that are taken out of a trace or a session: most are back when the transaction ends, read again or put
//! elsewhere, and then a sum need not be added up anew.

use tokio_rusqlite::rusqlite::Connection;
use tokio_rusqlite::rusqlite::types::Value as Cell;

use super::columns::{Columns, SIDE};
use super::fault::Result;
use super::observation::{Found, find};
use super::summary::{Lists, Sum, SumKey, lists, title};
use super::writing::Writing;
use crate::store::Totals;

/// What a sum has of an observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    trace: Option<i64>,
    session: Option<i64>,
    start: i64,
    end: i64,
    is_main: bool,
    title: Option<String>,
    words: Lists,
    totals: Totals,
}

impl Share {
    fn of(db: &Connection, found: &Found) -> Result<Self> {
        let mut tags = db.prepare_cached("SELECT tag FROM tag WHERE observation = ?1")?;
        let tags: Vec<i64> =
            tags.query_map([found.seq], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        let columns = &found.columns;
        Ok(Self {
            trace: found.trace,
            session: found.session,
            start: columns.start,
            end: end(columns),
            is_main: found.is_main(),
            title: if found.words[SIDE].is_some() { title(db, found)? } else { None },
            words: lists(found, tags),
            totals: columns.totals(),
        })
    }

    fn keys(&self) -> impl Iterator<Item = SumKey> + use<> {
        [self.trace.map(SumKey::Trace), self.session.map(SumKey::Session)].into_iter().flatten()
    }

    /// Puts another in the place of this one where that takes no look at the others.
    fn change(&self, sum: &mut Sum, key: SumKey, new: &Self) -> bool {
        let is_alike = (self.start, self.is_main, &self.title, &self.words)
            == (new.start, new.is_main, &new.title, &new.words)
            && (matches!(key, SumKey::Session(_)) || self.session == new.session);
        // It may be what ended last.
        let is_last = self.end > new.end && self.end >= sum.last;
        if !is_alike || is_last {
            return false;
        }
        sum.totals.subtract(&self.totals);
        sum.totals.add(&new.totals);
        sum.last = sum.last.max(new.end);
        true
    }
}

/// When an observation ended.
pub fn end(columns: &Columns) -> i64 {
    columns.start.saturating_add(columns.took.unwrap_or(0)).max(columns.start)
}

impl Writing<'_> {
    /// Remembers what an observation's trace and session have of it, before it is taken out.
    pub fn leave(&mut self, old: &Found) -> Result<()> {
        let share = Share::of(self.db, old)?;
        for key in share.keys() {
            // While all is there that it goes by.
            self.pending(key)?;
            self.left.entry((key, old.seq)).or_insert_with(|| share.clone());
        }
        Ok(())
    }

    /// When it is out: its session may have a trace less.
    pub fn count_traces(&mut self, old: &Found) -> Result<()> {
        if let (Some(trace), Some(session)) = (old.trace, old.session)
            && self.is_first_of_both(old.seq, trace, session)?
        {
            self.pending(SumKey::Session(session))?.traces -= 1;
        }
        Ok(())
    }

    /// Whether it was in this sum when the transaction began: then what became of it is looked at when all is done.
    pub fn has_left(&self, key: SumKey, seq: i64) -> bool {
        self.left.contains_key(&(key, seq))
    }

    /// Sums what came back; what stayed away, or came back as something else, is counted anew with all the others.
    pub fn settle_left(&mut self) -> Result<()> {
        for ((key, seq), old) in std::mem::take(&mut self.left) {
            if self.recount.contains(&key) {
                continue;
            }
            let now = find(self.db, "o.seq = ?1", &Cell::Integer(seq))?;
            let now = now.map(|found| Share::of(self.db, &found)).transpose()?;
            let now = now.filter(|now| now.keys().any(|own| own == key));
            let is_summed = match &now {
                Some(now) => old.change(self.pending(key)?, key, now),
                None => false,
            };
            if !is_summed {
                self.recount.insert(key);
            }
        }
        Ok(())
    }
}
