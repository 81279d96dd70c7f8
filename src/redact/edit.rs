//! Changes to a body, and the body with them made.

use std::ops::Range;

use super::find::Match;

/// Some bytes of a body, and what stands in their place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    /// The rule and what it puts there; nothing where an earlier piece of the same secret has that.
    pub(super) put: Option<(usize, Box<str>)>,
    /// How long the whole secret is, of which this is a piece.
    pub(super) length: usize,
}

impl From<Match> for Edit {
    fn from(found: Match) -> Self {
        Self { range: found.range, put: Some((found.rule, found.stand_in)), length: found.length }
    }
}

/// Puts edits in order, and makes one of those that overlap. The longest secret says what stands there: what was found in
/// a piece alone may be the beginning of one that goes on in the next.
pub(super) fn settle(edits: &mut Vec<Edit>) {
    edits.sort_by_key(|edit| edit.range.start);
    edits.dedup_by(|next, kept| {
        let overlap = next.range.start < kept.range.end || next.range == kept.range;
        if overlap {
            kept.range.end = kept.range.end.max(next.range.end);
            if (next.length, next.put.is_some()) > (kept.length, kept.put.is_some()) {
                kept.put = next.put.take();
                kept.length = next.length;
            }
        }
        overlap
    });
}

/// The part of these bytes that lies in `range`, with the edits in it made. They are in order, and lie in it whole.
pub(super) fn apply(bytes: &[u8], range: Range<usize>, edits: &[Edit]) -> Vec<u8> {
    let more: usize = edits.iter().filter_map(|edit| edit.put.as_ref()).map(|(_, put)| put.len()).sum();
    let mut made = Vec::with_capacity(range.len() + more);
    let mut at = range.start;
    for edit in edits {
        made.extend_from_slice(bytes.get(at..edit.range.start).unwrap_or_default());
        if let Some((_, put)) = &edit.put {
            made.extend_from_slice(put.as_bytes());
        }
        at = edit.range.end;
    }
    made.extend_from_slice(bytes.get(at..range.end).unwrap_or_default());
    made
}

/// The edits in a range; both are in order.
pub(super) fn within<'e>(edits: &'e [Edit], range: &Range<usize>) -> &'e [Edit] {
    let start = edits.partition_point(|edit| edit.range.start < range.start);
    let end = edits.partition_point(|edit| edit.range.start < range.end);
    edits.get(start..end.max(start)).unwrap_or_default()
}
