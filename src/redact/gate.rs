//! Tells the many texts that hold nothing from the few that may, at the speed of memory.

use regex::bytes::Regex;

use super::fields::Fields;
use super::pattern::{Follow, Pattern, Sign};

/// Which patterns may have a match: one bit each.
pub(super) type Set = u128;

pub(super) struct Gate {
    /// The literals, some to an expression: the library looks for few at a time in far less time than for many.
    literals: Vec<Regex>,
    entries: Vec<Entry>,
    regexes: Vec<(Set, Regex)>,
    /// Patterns without a sign, and those that found no place in a set.
    always: bool,
    /// Names of members whose values are credentials.
    names: Option<Regex>,
}

struct Entry {
    literal: &'static str,
    follow: Follow,
    /// Nothing for the escape.
    pattern: Set,
}

/// A letter or a sign written as a number may hide any literal.
const ESCAPE: &str = "\\u00";

/// An address, `a@b.cd`, or the end of a URL's login, `://:p@`.
const SHORTEST: usize = 6;
/// Literals to an expression.
const AT_ONCE: usize = 24;
/// More than this between a name and its colon is not looked through.
const LONGEST_SPACE: usize = 64;
/// Names of members are shorter; keys of nothing but small letters are not.
const LONGEST_NAME: usize = 32;

/// The bit of the pattern at this place; none beyond the set's size.
pub(super) fn bit(place: usize) -> Option<Set> {
    1_u128.checked_shl(u32::try_from(place).ok()?)
}

impl Gate {
    pub(super) fn new(patterns: &[Pattern], fields: Option<&Fields>) -> Self {
        let escape = Entry { literal: ESCAPE, follow: Follow::Any, pattern: 0 };
        let mut gate = Self {
            literals: Vec::new(),
            entries: vec![escape],
            regexes: Vec::new(),
            always: false,
            names: None,
        };
        for (place, pattern) in patterns.iter().enumerate() {
            match (&pattern.sign, bit(place)) {
                (Sign::Literals(literals, follow), Some(pattern)) => {
                    let entry = |literal: &&'static str| Entry { literal, follow: *follow, pattern };
                    gate.entries.extend(literals.iter().map(entry));
                }
                (Sign::Regex(regex), Some(pattern)) => gate.regexes.push((pattern, regex.clone())),
                (Sign::None, _) | (_, None) => gate.always = true,
            }
        }
        gate.literals = expressions(gate.entries.iter().map(|entry| entry.literal).collect());
        gate.names = fields.and_then(|fields| Regex::new(&fields.sign()).ok());
        gate
    }

    /// Whether there may be anything in this text, also where it is JSON or another text with escapes.
    pub(super) fn may_match(&self, text: &[u8], fields: Option<&Fields>) -> bool {
        if self.always {
            return !text.is_empty();
        }
        let mut found = self.literals_in(text);
        let may_match = found.any(|rest| {
            let escaped = rest.strip_prefix(ESCAPE.as_bytes()).and_then(<[u8]>::first);
            matches!(escaped, Some(b'2'..=b'7')) || self.entries_at(rest) != 0
        });
        if may_match {
            return true;
        }
        self.regexes.iter().any(|(_, regex)| regex.is_match(text)) || self.names_in(text, fields)
    }

    /// The patterns to try on this text, which is no longer written with escapes.
    pub(super) fn patterns_for(&self, text: &[u8]) -> Set {
        let mut set = self.literals_in(text).fold(0, |set, rest| set | self.entries_at(rest));
        for (pattern, regex) in &self.regexes {
            if regex.is_match(text) {
                set |= pattern;
            }
        }
        set
    }

    /// What begins with a literal. One may begin within another.
    fn literals_in<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        self.literals.iter().flat_map(move |regex| {
            let mut at = 0;
            std::iter::from_fn(move || {
                let start = regex.find_at(Some(text).filter(|text| at <= text.len())?, at)?.start();
                at = start + 1;
                text.get(start..)
            })
        })
    }

    fn entries_at(&self, rest: &[u8]) -> Set {
        let holds = |entry: &&Entry| {
            rest.strip_prefix(entry.literal.as_bytes()).is_some_and(|behind| entry.follow.holds(behind))
        };
        self.entries.iter().filter(holds).fold(0, |set, entry| set | entry.pattern)
    }

    fn names_in(&self, text: &[u8], fields: Option<&Fields>) -> bool {
        let (Some(names), Some(fields)) = (&self.names, fields) else { return false };
        names.find_iter(text).any(|found| {
            let (before, behind) = text.split_at(found.end() - 1);
            ends_name(behind) && fields.may_lead(before)
        })
    }

    /// No text this short has a match.
    pub(super) fn is_too_short(&self, text: &[u8]) -> bool {
        text.len() < SHORTEST && !self.always
    }

    /// A name such as most members have, which no built-in rule finds anything in.
    pub(super) fn is_plain_name(&self, name: &[u8]) -> bool {
        let letters = name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        letters && name.len() < LONGEST_NAME && !self.always
    }
}

/// Whether a name ends here: a quote, which in a JSON text within one has backslashes before it, and a colon.
fn ends_name(behind: &[u8]) -> bool {
    let quote = behind.iter().take_while(|byte| **byte == b'\\').count();
    let Some((b'"', behind)) = behind.get(quote..).and_then(<[u8]>::split_first) else { return false };
    // White space may be written with an escape.
    let is_space = |byte: &&u8| byte.is_ascii_whitespace() || b"\\nrt".contains(byte);
    let space = behind.iter().take(LONGEST_SPACE).take_while(is_space).count();
    space == LONGEST_SPACE || behind.get(space).is_none_or(|byte| *byte == b':')
}

fn expressions(mut literals: Vec<&str>) -> Vec<Regex> {
    // The short ones, which stand in many texts, apart from the others.
    literals.sort_unstable_by_key(|literal| (std::cmp::Reverse(literal.len()), *literal));
    literals.dedup();
    let together = |some: &[&str]| {
        let some: Vec<String> = some.iter().map(|literal| regex::escape(literal)).collect();
        Regex::new(&format!("(?-u){}", some.join("|"))).ok()
    };
    literals.chunks(AT_ONCE).filter_map(together).collect()
}
