//! Where a body is cut.
//!
//! JSON is cut without being parsed: a string of some length is a leaf, from quote to quote; what stands between two of
//! them is glue, and long glue is cut behind commas that the bytes before choose. So a marker that moves, or a block that
//! is appended, changes the glue around it and nothing else.

use super::gear::{Gear, LARGE, chunks};

/// What a piece is. The numbers are in stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Of a recipe's tree.
    Node = 0,
    /// A string of JSON without its quotes, or a part of one.
    Text = 1,
    /// JSON that begins outside of a string.
    Glue = 2,
    /// JSON that begins with the quote that ends a string.
    Tail = 3,
    /// Anything else.
    Data = 4,
    /// What the heads of many exchanges have in common.
    Shape = 5,
    /// The frames of a stream whose text is the leaves before it.
    Woven = 6,
    /// What the records of many calls have in common.
    Form = 7,
}

/// A piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub kind: Kind,
    /// It begins where the one before it ends.
    pub end: usize,
}

/// A string of so many bytes is a leaf.
const LONG_STRING: usize = 256;
/// A string above this is cut in chunks.
const LARGE_STRING: usize = 16 << 10;
/// Another body above this is.
const LARGE_BODY: usize = 64 << 10;
/// From here on glue may be cut behind a container, once in 2^4 times.
const GLUE: usize = 256;
/// From here on behind any comma, once in 2^8 times.
const LONG_GLUE: usize = 2 << 10;
/// Here at the latest.
const MOST_GLUE: usize = 16 << 10;

impl Kind {
    pub const ALL: [Self; 8] =
        [Self::Node, Self::Text, Self::Glue, Self::Tail, Self::Data, Self::Shape, Self::Woven, Self::Form];

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// The leaves of a body.
pub fn cut(body: &[u8]) -> Vec<Leaf> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(first, Some(b'{' | b'[')) {
        let mut cutter =
            Cutter { body, leaves: Vec::new(), start: 0, kind: Kind::Glue, gear: Gear::default() };
        cutter.run();
        cutter.leaves
    } else {
        cut_data(body)
    }
}

/// The leaves of a body of which so many bytes are those of a body cut before, into these leaves. The same as `cut`; the
/// first number says how many of the old leaves are still its own.
pub fn resume(body: &[u8], old: &[Leaf], shared: usize) -> (usize, Vec<Leaf>) {
    let is_decided = |at: usize| match old.get(at).map(|next| next.kind) {
        // The string's end shows at its quote.
        Some(Kind::Tail) => old[at - 1].end < shared,
        Some(Kind::Glue) => old[at - 1].end <= shared,
        _ => false,
    };
    let Some(kept) = (1..old.len()).rev().find(|&at| is_decided(at)) else { return (0, cut(body)) };
    let (start, kind) = (old[kept - 1].end, old[kept].kind);
    let leaves = old[..kept].to_vec();
    let mut cutter = Cutter { body, leaves, start, kind, gear: Gear::default() };
    cutter.run();
    (kept, cutter.leaves)
}

/// The leaves of bytes that are not JSON.
fn cut_data(body: &[u8]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    put_chunks(&mut leaves, Kind::Data, 0, body, LARGE_BODY);
    leaves
}

/// The leaves of a text as it stands between quotes in JSON: those it would have there.
pub fn cut_text(text: &[u8]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    put_chunks(&mut leaves, Kind::Text, 0, text, LARGE_STRING);
    leaves
}

fn put_chunks(leaves: &mut Vec<Leaf>, kind: Kind, start: usize, bytes: &[u8], large: usize) {
    if bytes.len() <= large {
        if !bytes.is_empty() {
            leaves.push(Leaf { kind, end: start + bytes.len() });
        }
        return;
    }
    let mut end = start;
    for length in chunks(bytes, LARGE) {
        end += length;
        leaves.push(Leaf { kind, end });
    }
}

/// Goes through JSON from a cut on. What came before it plays no part, so that it can begin at any cut.
struct Cutter<'a> {
    body: &'a [u8],
    leaves: Vec<Leaf>,
    /// Where the leaf under way begins, and what it is.
    start: usize,
    kind: Kind,
    gear: Gear,
}

impl Cutter<'_> {
    fn run(&mut self) {
        let mut at = self.start;
        if self.kind == Kind::Tail && at < self.body.len() {
            self.gear.push(self.body[at]);
            at += 1;
        }
        while let Some(&byte) = self.body.get(at) {
            at = if byte == b'"' { self.string(at + 1) } else { self.other(at, byte) };
        }
        if self.start < self.body.len() {
            self.end_at(self.body.len(), Kind::Glue);
        }
    }

    /// Goes past a string that begins here, and says where to go on.
    fn string(&mut self, begin: usize) -> usize {
        let end = end_of_string(self.body, begin);
        if end - begin < LONG_STRING {
            let after = (end + 1).min(self.body.len());
            self.body[begin - 1..after].iter().for_each(|&byte| self.gear.push(byte));
            return after;
        }
        self.end_at(begin, Kind::Tail);
        put_chunks(&mut self.leaves, Kind::Text, begin, &self.body[begin..end], LARGE_STRING);
        self.start = end;
        if let Some(&quote) = self.body.get(end) {
            self.gear.push(quote);
        }
        (end + 1).min(self.body.len())
    }

    fn other(&mut self, at: usize, byte: u8) -> usize {
        self.gear.push(byte);
        let (length, after) = (at + 1 - self.start, at + 1);
        let chosen = match byte {
            b',' if length >= MOST_GLUE => true,
            b',' if length >= LONG_GLUE && self.gear.is_cut(8) => true,
            b',' if length >= GLUE && matches!(self.body[at - 1], b'}' | b']') => self.gear.is_cut(4),
            _ => length >= LARGE_BODY,
        };
        if chosen && after < self.body.len() {
            self.end_at(after, Kind::Glue);
        }
        after
    }

    /// Ends the leaf under way; the next one is of this kind.
    fn end_at(&mut self, end: usize, next: Kind) {
        self.leaves.push(Leaf { kind: self.kind, end });
        self.start = end;
        self.kind = next;
        self.gear = Gear::default();
    }
}

/// Where the quote that ends a string stands, or the end of all.
fn end_of_string(body: &[u8], begin: usize) -> usize {
    let mut at = begin;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &body[at..]) {
        at += found;
        if body[at] == b'"' {
            return at;
        }
        at = (at + 2).min(body.len());
    }
    body.len()
}

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
