//! Which headers change from call to call: by name, and for names nobody has heard of, by what they did so far.
//!
//! A value that changes and is taken for one that stays costs a shape of its own; the other way round it costs its length.
//! Either comes back, so a wrong guess is only that.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::HashMap;
use foldhash::fast::FixedState;

/// Headers whose values are a call's own.
const CHANGING: [&str; 12] = [
    "age",
    "cf-ray",
    "content-length",
    "date",
    "etag",
    "expires",
    "idempotency-key",
    "last-modified",
    "server-timing",
    "set-cookie",
    "traceparent",
    "tracestate",
];
const CHANGING_ENDS: [&str; 10] = [
    "request-id",
    "requestid",
    "-ms",
    "-remaining",
    "-reset",
    "retry-count",
    "trace-id",
    "-time",
    "retry-after",
    "-token-count",
];
const CHANGING_PARTS: [&str; 4] = ["-remaining-", "-reset-", "ratelimit-remaining", "ratelimit-reset"];

/// As many names and values as are remembered.
const NAMES: usize = 512;
const VALUES: usize = 16;

/// What was seen lately.
#[derive(Debug, Default)]
pub struct Habits {
    seen: HashMap<String, Habit>,
}

#[derive(Debug, Default)]
struct Habit {
    /// Its name tells that it changes.
    is_known: bool,
    values: VecDeque<u64>,
    /// Rises with each value that is new, falls with each that is not.
    changes: u8,
}

const CHANGES: u8 = 6;
const MOST_CHANGES: u8 = 10;

impl Habits {
    /// Whether this header's value is the call's own.
    pub fn changes(&mut self, name: &str, value: &[u8]) -> bool {
        if !self.seen.contains_key(name) {
            if self.seen.len() >= NAMES {
                self.seen.clear();
            }
            let habit = Habit { is_known: is_changing(name), ..Habit::default() };
            self.seen.insert(name.to_owned(), habit);
        }
        self.seen.get_mut(name).is_some_and(|habit| habit.is_known || habit.see(value))
    }
}

fn is_changing(name: &str) -> bool {
    CHANGING.contains(&name)
        || CHANGING_ENDS.iter().any(|end| name.ends_with(end))
        || CHANGING_PARTS.iter().any(|part| name.contains(part))
}

impl Habit {
    fn see(&mut self, value: &[u8]) -> bool {
        let hash = FixedState::default().hash_one(value);
        if self.values.contains(&hash) {
            self.changes = self.changes.saturating_sub(1);
        } else {
            self.changes = (self.changes + 2).min(MOST_CHANGES);
            self.values.push_back(hash);
            if self.values.len() > VALUES {
                self.values.pop_front();
            }
        }
        self.changes >= CHANGES
    }
}
