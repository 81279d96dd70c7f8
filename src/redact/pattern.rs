//! One pattern of a rule: what it finds, and by what cheap sign a text without it is passed over.

use std::ops::Range;

use regex::bytes::Regex;

use super::{cards, pem};

pub(super) struct Pattern {
    /// The rule's place in the list of rules.
    pub(super) rule: usize,
    pub(super) search: Search,
    pub(super) sign: Sign,
}

pub(super) enum Search {
    /// What the group of this number finds is the secret, if `check` agrees.
    Regex {
        regex: Regex,
        group: usize,
        check: Check,
    },
    PrivateKeys,
    Cards,
}

/// Looks at what was found in its text again: a regular expression cannot count, nor look about.
pub(super) type Check = fn(&[u8], Range<usize>) -> bool;

/// What stands in every text that has a match, also where it is written with escapes (other than those of letters).
#[derive(Clone)]
pub(super) enum Sign {
    /// One of these, with that behind it.
    Literals(&'static [&'static str], Follow),
    Regex(Regex),
    /// Nothing: the pattern has to be tried on every text.
    None,
}

/// What follows a literal.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Follow {
    Any,
    /// So many bytes that a key may have in it.
    Key(usize),
    /// A user and a password, as in a URL.
    Login,
}

impl Follow {
    pub(super) fn holds(self, rest: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Key(length) => rest.get(..length).is_some_and(|start| start.iter().all(|b| may_be_key(*b))),
            Self::Login => {
                let length = rest.iter().take_while(|byte| !b"/?# \"<>\r\n\t".contains(byte)).count();
                let authority = rest.get(..length).unwrap_or_default();
                let at = authority.iter().rposition(|byte| *byte == b'@');
                at.and_then(|at| authority.get(..at)).is_some_and(|user| user.contains(&b':'))
            }
        }
    }
}

/// The backslash of an escape counts, too.
fn may_be_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.~+/=%\\".contains(&byte)
}

impl Pattern {
    /// Hands out the ranges of what has to go, in order.
    pub(super) fn find(&self, text: &[u8], out: &mut dyn FnMut(Range<usize>)) {
        match &self.search {
            Search::PrivateKeys => pem::find(text, out),
            Search::Cards => cards::find(text, out),
            Search::Regex { regex, group: 0, check } => {
                for found in regex.find_iter(text) {
                    if !found.is_empty() && check(text, found.range()) {
                        out(found.range());
                    }
                }
            }
            Search::Regex { regex, group, check } => {
                for found in regex.captures_iter(text).filter_map(|captures| captures.get(*group)) {
                    if !found.is_empty() && check(text, found.range()) {
                        out(found.range());
                    }
                }
            }
        }
    }
}

pub(super) fn anything(_: &[u8], _: Range<usize>) -> bool {
    true
}

/// Names of styles and prose have the form of a key, but none of its disorder.
pub(super) fn looks_random(text: &[u8], range: Range<usize>) -> bool {
    let found = text.get(range).unwrap_or_default();
    let longest = found.split(|byte| !byte.is_ascii_alphanumeric()).map(<[u8]>::len).max();
    found.iter().any(u8::is_ascii_digit) || longest.unwrap_or_default() >= 16
}

/// More of base64 about it than this, and it is no key but a piece of an image.
const LONGEST_RUN: usize = 200;

/// Not in the midst of something long in base64.
pub(super) fn stands_alone(text: &[u8], range: Range<usize>) -> bool {
    let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(byte);
    let before = text.get(..range.start).unwrap_or_default();
    let behind = text.get(range.start..).unwrap_or_default();
    let before = before.iter().rev().take(LONGEST_RUN).take_while(is_base64).count();
    before + behind.iter().take(LONGEST_RUN).take_while(is_base64).count() < LONGEST_RUN
}

/// Endings of files, which follow an `@` in the names of pictures for sharp screens.
const FILES: &[&[u8]] = &[b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"ico", b"js", b"css", b"ts"];

pub(super) fn is_email(text: &[u8], range: Range<usize>) -> bool {
    let found = text.get(range).unwrap_or_default();
    let ending = found.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    !found.starts_with(b"git@") && !FILES.contains(&ending)
}

/// As the United States' authority gives them out: neither 000, 666 nor 9xx, no 00, no 0000, nothing about them.
pub(super) fn is_social_security(text: &[u8], range: Range<usize>) -> bool {
    let about = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
    let before = range.start.checked_sub(1).and_then(|at| text.get(at));
    let behind = text.get(range.end..).unwrap_or_default();
    // A full stop behind it ends a sentence.
    let goes_on = match behind.first() {
        Some(b'.') => about(behind.get(1)),
        first => about(first),
    };
    let found = text.get(range).unwrap_or_default();
    let wrong = found.starts_with(b"000")
        || found.starts_with(b"666")
        || found.starts_with(b"9")
        || found.get(4..6) == Some(b"00")
        || found.ends_with(b"0000");
    !about(before) && !goes_on && !wrong
}
