//! A stream of documents, in which a secret may be cut into pieces over many events.
//!
//! Texts that are pieces of one are those with the same place in the same kind of event, and with the same numbers by
//! which a provider tells one block, choice or call from another: they make a channel. Each text is looked at alone, and
//! each channel as a whole.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::coding::{Coding, Cursor};
use super::edit::Edit;
use super::find::{Finder, Match};
use super::json::{Kind, Leaf, Level, Outcome, Scanner, Sink};

/// Members that say the same in every event, or something else in each, but never a piece of a text.
const NO_PIECES: &[&[u8]] = &[
    b"id",
    b"type",
    b"object",
    b"model",
    b"role",
    b"name",
    b"status",
    b"item_id",
    b"response_id",
    b"event_id",
    b"call_id",
    b"system_fingerprint",
    b"service_tier",
    b"finish_reason",
    b"stop_reason",
    b"obfuscation",
    b"phase",
];

/// No piece follows.
const LAST: u32 = u32::MAX;

/// A text of an event, or a whole event that is no JSON.
struct Piece {
    start: usize,
    end: usize,
    /// The next piece of its channel.
    next: u32,
    coding: Coding,
}

/// Gathers the pieces of a stream.
pub(super) struct Stream<'a> {
    finder: &'a Finder,
    bytes: &'a [u8],
    /// There may be something in a text alone; if not, then only in one that is cut.
    alone: bool,
    pieces: Vec<Piece>,
    /// The first and the last piece of each channel, in the order in which the channels began.
    channels: Vec<(u32, u32)>,
    known: HashMap<u64, usize>,
    edits: Vec<Edit>,
    /// Tokens of which their bytes are told as numbers, too.
    spelled: Vec<Spelled>,
    scanner: Scanner,
    /// Ranges of the event at hand, for when it turns out not to be JSON.
    ranges: Vec<Range<usize>>,
    document: Document,
}

/// The event at hand.
#[derive(Default)]
struct Document {
    event: u64,
    /// Objects and arrays: the one each stands in, its place there, and what tells it from others like it.
    containers: Vec<Container>,
    open: Vec<usize>,
    texts: Vec<(usize, u64, Range<usize>)>,
    /// Numbers that spell a token: the object they are in, and where they stand.
    numbers: Vec<(usize, Range<usize>)>,
}

/// A token, and the numbers that spell it.
struct Spelled {
    token: Range<usize>,
    numbers: Range<usize>,
}

/// Lists of tokens with their probabilities: pieces of one text, though all are in one event.
const TOKENS: &[u8] = b"logprobs";

#[derive(Clone, Copy)]
struct Container {
    outer: Option<usize>,
    place: u64,
    marks: u64,
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl<'a> Stream<'a> {
    pub(super) fn new(finder: &'a Finder, bytes: &'a [u8]) -> Self {
        Self {
            finder,
            bytes,
            alone: finder.may_match(bytes),
            pieces: Vec::new(),
            channels: Vec::new(),
            known: HashMap::new(),
            edits: Vec::new(),
            spelled: Vec::new(),
            scanner: Scanner::new(),
            ranges: Vec::new(),
            document: Document::default(),
        }
    }

    /// A part of an event that is called `name`.
    pub(super) fn part(&mut self, name: &[u8], range: Range<usize>) {
        self.document.event = hash(name);
        self.ranges.push(range.clone());
        let mut scanner = std::mem::replace(&mut self.scanner, Scanner::new());
        scanner.push(self.bytes, range, self);
        self.scanner = scanner;
    }

    /// The event ended.
    pub(super) fn event_ended(&mut self) {
        let outcome = self.scanner.finish();
        self.settle_texts();
        let ranges = std::mem::take(&mut self.ranges);
        if outcome == Outcome::Broken {
            let channel = hash((self.document.event, "text"));
            for range in &ranges {
                self.add(channel, range.clone(), Coding::Plain);
            }
        }
    }

    /// Something in the stream that belongs to no event.
    pub(super) fn apart(&mut self, range: Range<usize>) {
        if self.alone {
            let raw = self.bytes.get(range.clone()).unwrap_or_default();
            self.found(self.finder.written(Coding::Plain, raw), range.start);
        }
    }

    fn found(&mut self, found: Vec<Match>, start: usize) {
        self.edits.extend(found.into_iter().map(|one| Edit::from(one.at(start))));
    }

    fn add(&mut self, channel: u64, range: Range<usize>, coding: Coding) {
        if self.alone {
            let raw = self.bytes.get(range.clone()).unwrap_or_default();
            self.found(self.finder.said(coding, raw), range.start);
        }
        let Ok(own) = u32::try_from(self.pieces.len()) else { return };
        self.pieces.push(Piece { start: range.start, end: range.end, next: LAST, coding });
        let at = *self.known.entry(channel).or_insert(self.channels.len());
        match self.channels.get_mut(at) {
            Some((_, last)) => {
                if let Some(before) = self.pieces.get_mut(*last as usize) {
                    before.next = own;
                }
                *last = own;
            }
            None => self.channels.push((own, own)),
        }
    }

    /// The event is over: all that tells its channels apart is known.
    fn settle_texts(&mut self) {
        let mut full: Vec<u64> = Vec::with_capacity(self.document.containers.len());
        for container in &self.document.containers {
            let outer = container.outer.and_then(|outer| full.get(outer).copied());
            full.push(hash((outer.unwrap_or(self.document.event), container.place, container.marks)));
        }
        self.document.numbers.sort_by_key(|(own, _)| *own);
        let mut texts = std::mem::take(&mut self.document.texts);
        for (container, place, range) in texts.drain(..) {
            let numbers = &self.document.numbers;
            let own = numbers.binary_search_by_key(&container, |(own, _)| *own);
            if let Some((_, numbers)) = own.ok().and_then(|at| numbers.get(at)) {
                self.spelled.push(Spelled { token: range.clone(), numbers: numbers.clone() });
            }
            let outer = full.get(container).copied().unwrap_or(self.document.event);
            self.add(hash((outer, place)), range, Coding::Json);
        }
        self.document.texts = texts;
        self.document.containers.clear();
        self.document.numbers.clear();
        self.document.open.clear();
    }

    /// All edits that the stream needs, in no order.
    pub(super) fn finish(mut self) -> Vec<Edit> {
        let mut text = Vec::new();
        for at in 0..self.channels.len() {
            let Some(&(first, last)) = self.channels.get(at) else { break };
            if first != last {
                self.channel(first, &mut text);
            }
        }
        self.forget_numbers();
        self.edits
    }

    /// The numbers that spell a token go with it.
    fn forget_numbers(&mut self) {
        if self.spelled.is_empty() {
            return;
        }
        let mut starts: Vec<usize> = self.edits.iter().map(|edit| edit.range.start).collect();
        starts.sort_unstable();
        let gone = |token: &Range<usize>| {
            let at = starts.partition_point(|start| *start < token.start);
            starts.get(at).is_some_and(|start| *start < token.end)
        };
        for spelled in self.spelled.iter().filter(|spelled| gone(&spelled.token)) {
            self.edits.push(Edit { range: spelled.numbers.clone(), put: None, length: usize::MAX });
        }
    }

    fn channel(&mut self, first: u32, text: &mut Vec<u8>) {
        text.clear();
        let mut ends = Vec::new();
        let mut at = first;
        while let Some(piece) = self.pieces.get(at as usize) {
            piece.coding.decode(self.bytes.get(piece.start..piece.end).unwrap_or_default(), text);
            ends.push((text.len(), at));
            at = piece.next;
        }
        let found = self.finder.text(text);
        if !found.is_empty() {
            let edits = Spread { bytes: self.bytes, pieces: &self.pieces, ends: &ends }.edits(found);
            self.edits.extend(edits);
        }
    }
}

/// A channel's pieces, with where each ends in its text.
struct Spread<'a> {
    bytes: &'a [u8],
    pieces: &'a [Piece],
    ends: &'a [(usize, u32)],
}

impl Spread<'_> {
    /// The first piece of a match is replaced, the others go.
    fn edits(&self, found: Vec<Match>) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut cursor: Option<(usize, Cursor<'_>)> = None;
        for one in found {
            let length = one.range.len();
            let mut put = Some((one.rule, one.stand_in));
            let from = self.ends.partition_point(|(end, _)| *end <= one.range.start);
            for (at, (end, piece)) in self.ends.iter().enumerate().skip(from) {
                let start = at.checked_sub(1).and_then(|at| self.ends.get(at)).map_or(0, |(end, _)| *end);
                if start >= one.range.end {
                    break;
                }
                let Some(piece) = self.pieces.get(*piece as usize) else { break };
                let part = one.range.start.max(start) - start..one.range.end.min(*end) - start;
                if part.is_empty() {
                    continue;
                }
                if cursor.as_ref().is_none_or(|(own, _)| *own != at) {
                    let raw = self.bytes.get(piece.start..piece.end).unwrap_or_default();
                    cursor = Some((at, Cursor::new(piece.coding, raw)));
                }
                let Some((_, cursor)) = &mut cursor else { break };
                let range = cursor.find(part);
                let put = put.take().map(|(rule, text)| {
                    let written = piece.coding.write(&text).map(String::into_boxed_str);
                    (rule, written.unwrap_or(text))
                });
                edits.push(Edit { range: range.start + piece.start..range.end + piece.start, put, length });
            }
        }
        edits
    }
}

impl Document {
    /// The place in the innermost container.
    fn place(bytes: &[u8], path: &[Level]) -> u64 {
        match path.last() {
            // Elements of an array at the root are events themselves, and those of a list of tokens follow each other.
            Some(level) if !level.is_object && (path.len() == 1 || Self::is_tokens(bytes, path)) => 0,
            Some(level) if !level.is_object => hash(level.position),
            Some(level) => hash(bytes.get(level.name.clone()).unwrap_or_default()),
            None => 0,
        }
    }
}

impl Document {
    /// `logprobs: {"content": [` ends the path.
    fn is_tokens(bytes: &[u8], path: &[Level]) -> bool {
        let outer = path.len().checked_sub(3).and_then(|at| path.get(at)).filter(|outer| outer.is_object);
        outer.is_some_and(|outer| bytes.get(outer.name.clone()) == Some(TOKENS))
    }

    /// A number of those that spell a token: `{"token": "a", "bytes": [97`.
    fn number(&mut self, bytes: &[u8], path: &[Level], range: &Range<usize>) {
        let [.., object, array] = path else { return };
        if array.is_object || bytes.get(object.name.clone()) != Some(b"bytes") {
            return;
        }
        // The innermost container is the array; the object is the one about it.
        let own = self.open.len().checked_sub(2).and_then(|at| self.open.get(at)).copied();
        let Some(own) = own else { return };
        match self.numbers.last_mut().filter(|(last, _)| *last == own) {
            Some((_, numbers)) => numbers.end = range.end,
            None => self.numbers.push((own, range.clone())),
        }
    }
}

/// Whether a member tells one block, choice or call from another.
fn is_mark(name: &[u8], depth: usize, kind: Kind) -> bool {
    let ends = |ending: &[u8]| {
        name.len()
            .checked_sub(ending.len())
            .and_then(|at| name.get(at..))
            .is_some_and(|end| end.eq_ignore_ascii_case(ending))
    };
    match kind {
        Kind::Number => ends(b"index") || name.starts_with(b"choice"),
        Kind::Text => name == b"item_id" || name == b"type" && depth <= 2,
        Kind::Name => false,
    }
}

impl Sink for Stream<'_> {
    fn open(&mut self, path: &[Level]) {
        let place = Document::place(self.bytes, path);
        let outer = self.document.open.last().copied();
        self.document.open.push(self.document.containers.len());
        self.document.containers.push(Container { outer, place, marks: 0 });
    }

    fn leaf(&mut self, path: &[Level], leaf: Leaf) {
        let bytes = self.bytes;
        let container = self.document.open.last().copied().unwrap_or(usize::MAX);
        let level = path.last().filter(|level| level.is_object);
        let name = level.and_then(|level| bytes.get(level.name.clone())).unwrap_or_default();
        let raw = bytes.get(leaf.range.clone()).unwrap_or_default();
        if let Some(container) = self.document.containers.get_mut(container)
            && is_mark(name, path.len(), leaf.kind)
        {
            container.marks ^= hash((name, raw));
        }
        if leaf.kind == Kind::Number {
            self.document.number(bytes, path, &leaf.range);
        }
        let is_piece = leaf.kind == Kind::Text && !NO_PIECES.contains(&name);
        let alone = !is_piece || self.alone && self.finder.is_secret(bytes, path, 0);
        if !alone && !raw.is_empty() {
            self.document.texts.push((container, Document::place(bytes, path), leaf.range));
        } else if self.alone {
            // Names, numbers, and what is called by the name of a credential.
            let mut found = Vec::new();
            self.finder.leaf(bytes, path, &leaf, 0, &mut found);
            self.edits.extend(found.into_iter().map(Edit::from));
        }
    }

    fn close(&mut self, path: &[Level]) {
        self.document.open.pop();
        if path.len() <= 1 && path.iter().all(|level| !level.is_object) {
            self.element_ended(path);
        }
    }
}

impl Stream<'_> {
    /// A document, or an element of an array of documents, ended.
    fn element_ended(&mut self, path: &[Level]) {
        self.settle_texts();
        if !path.is_empty() {
            // The array itself is still open.
            self.document.open.push(0);
            self.document.containers.push(Container { outer: None, place: 0, marks: 0 });
        }
    }
}
