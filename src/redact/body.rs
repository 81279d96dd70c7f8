//! One body: its content-encoding off, its framing found, what has to go taken out, and everything else as it was.

use std::ops::Range;

use crate::dialect::framing::{Auto, Framing, Kind};

use super::coding::Coding;
use super::edit::{self, Edit};
use super::encoding::{Content, content};
use super::event_stream;
use super::find::Finder;
use super::lines;
use super::stream::Stream;

/// What became of a body.
#[derive(Debug, Default)]
pub(super) struct Changed {
    pub(super) bytes: Vec<u8>,
    /// How often each rule struck.
    pub(super) counts: Vec<(usize, u64)>,
    /// The content-encoding, or what masks and compresses messages, is off.
    pub(super) decoded: bool,
    /// How many bytes could not be decoded and are left out, as they were on the wire.
    pub(super) left_out: u64,
    /// Why nothing stays, where nothing does.
    pub(super) nothing: Option<&'static str>,
}

/// Nothing of it can be read.
const UNREADABLE: &str = "its content-encoding cannot be taken off";

impl Changed {
    /// What this and then a further pass made of a body.
    pub(super) fn and_then(self, more: Self) -> Self {
        let Self { bytes: _, mut counts, decoded, left_out, nothing } = self;
        for (rule, count) in more.counts {
            add(&mut counts, rule, count);
        }
        counts.sort_unstable();
        Self {
            bytes: more.bytes,
            counts,
            decoded: decoded || more.decoded,
            left_out: left_out + more.left_out,
            nothing: nothing.or(more.nothing),
        }
    }
}

/// Takes out what has to go; `None` where nothing has.
pub(super) fn redact(
    finder: &Finder,
    content_type: Option<&[u8]>,
    encoding: &[u8],
    bytes: &[u8],
) -> Option<Changed> {
    match content(encoding, bytes) {
        Content::Bytes => plain(finder, content_type, bytes),
        Content::Whole { text, beside } => {
            let in_text = plain(finder, content_type, &text);
            let changed = in_text.or_else(|| without(finder, &beside, text))?;
            Some(Changed { decoded: true, ..changed })
        }
        Content::Beginning { text, rest } => {
            let changed = plain(finder, content_type, &text);
            let changed = changed.unwrap_or_else(|| Changed { bytes: text, ..Changed::default() });
            Some(Changed { decoded: true, left_out: changed.left_out + rest, ..changed })
        }
        Content::Unreadable => Some(Changed { nothing: Some(UNREADABLE), ..Changed::default() }),
    }
}

/// The text alone, where there is something in what its framing says beside it.
fn without(finder: &Finder, beside: &[u8], text: Vec<u8>) -> Option<Changed> {
    let found: Vec<Edit> = finder.written(Coding::Plain, beside).into_iter().map(Edit::from).collect();
    (!found.is_empty()).then(|| Changed { bytes: text, counts: counts(&found), ..Changed::default() })
}

fn plain(finder: &Finder, content_type: Option<&[u8]>, bytes: &[u8]) -> Option<Changed> {
    if bytes.is_empty() {
        return None;
    }
    if is_form(content_type) {
        return changed(bytes, lines::form(finder, bytes));
    }
    let edits = match kind(content_type, bytes) {
        Kind::Sse => lines::sse(Stream::new(finder, bytes), bytes),
        Kind::Ndjson => lines::ndjson(Stream::new(finder, bytes), bytes),
        Kind::Json if has_pieces(bytes) => {
            let mut stream = Stream::new(finder, bytes);
            stream.part(b"", behind_mark(bytes)..bytes.len());
            stream.event_ended();
            stream.finish()
        }
        Kind::EventStream => return event_stream::redact(finder, bytes),
        Kind::Json | Kind::Opaque if !finder.may_match(bytes) => return None,
        Kind::Json | Kind::Opaque => {
            let start = behind_mark(bytes);
            let found = finder.written(Coding::Plain, bytes.get(start..).unwrap_or_default());
            found.into_iter().map(|one| Edit::from(one.at(start))).collect()
        }
    };
    changed(bytes, edits)
}

/// The body with these edits made, if there are any.
fn changed(bytes: &[u8], mut edits: Vec<Edit>) -> Option<Changed> {
    if edits.is_empty() {
        return None;
    }
    edit::settle(&mut edits);
    let bytes = edit::apply(bytes, 0..bytes.len(), &edits);
    Some(Changed { bytes, counts: counts(&edits), ..Changed::default() })
}

pub(super) fn counts(edits: &[Edit]) -> Vec<(usize, u64)> {
    let mut counts: Vec<(usize, u64)> = Vec::new();
    for (rule, _) in edits.iter().filter_map(|edit| edit.put.as_ref()) {
        add(&mut counts, *rule, 1);
    }
    counts.sort_unstable();
    counts
}

fn add(counts: &mut Vec<(usize, u64)>, rule: usize, more: u64) {
    match counts.iter_mut().find(|(known, _)| *known == rule) {
        Some((_, count)) => *count += more,
        None => counts.push((rule, more)),
    }
}

/// The framing, as readers find it.
fn kind(content_type: Option<&[u8]>, bytes: &[u8]) -> Kind {
    const ENOUGH: usize = 64;
    let rest = bytes.get(behind_mark(bytes)..).unwrap_or_default().trim_ascii_start();
    let mut auto = Auto::new(content_type, ENOUGH);
    auto.push(rest.get(..ENOUGH).unwrap_or(rest), &mut |_| {});
    auto.finish(&mut |_| {});
    let kind = auto.kind().unwrap_or(Kind::Opaque);
    // Lines of JSON that are said to be JSON, or nothing.
    let begins_anew = |newline: usize| matches!(rest.get(newline + 1), Some(b'{' | b'['));
    match kind {
        Kind::Json if rest.first() == Some(&b'{') => match memchr::memchr(b'\n', rest) {
            Some(newline) if begins_anew(newline) && rest.get(newline - 1) == Some(&b'}') => Kind::Ndjson,
            _ => kind,
        },
        _ => kind,
    }
}

/// A text may be in pieces: there is one document after another, or a list of tokens.
fn has_pieces(bytes: &[u8]) -> bool {
    const TOKENS: &[u8] = b"\"logprobs\":";
    let rest = bytes.get(behind_mark(bytes)..).unwrap_or_default().trim_ascii_start();
    let is_list = |at: usize| {
        let behind = rest.get(at + TOKENS.len()..).unwrap_or_default();
        behind.trim_ascii_start().first() == Some(&b'{')
    };
    rest.first() == Some(&b'[') || memchr::memmem::find_iter(rest, TOKENS).any(is_list)
}

/// Behind a byte order mark.
fn behind_mark(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

fn is_form(content_type: Option<&[u8]>) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    content_type.and_then(|of| of.get(..FORM.len())).is_some_and(|of| of.eq_ignore_ascii_case(FORM))
}

/// A part of a body, for those that put parts together anew.
pub(super) fn part(bytes: &[u8], range: &Range<usize>, edits: &[Edit]) -> Vec<u8> {
    edit::apply(bytes, range.clone(), edit::within(edits, range))
}
