//! What stands in the place of a secret, `[redacted:RULE:FINGERPRINT]`, and how it is told from what is said.
//!
//! A text may have some in it before anything is looked for: another recorder on the way put them there, or an earlier pass
//! of this one. They are no one's secret, whatever they look like.

use std::ops::Range;

use memchr::memmem;

const MARK: &str = "[redacted:";
/// The same without its bracket: a URL has no place for that.
const BARE: &[u8] = b"redacted:";

pub(super) struct StandIns {
    /// Of rules. What calls itself by any other name may be anything.
    names: Vec<String>,
    /// A fingerprint; others differ from it in their digits only.
    shape: String,
}

impl StandIns {
    /// `fingerprint` is any that stand-ins may have.
    pub(super) fn new(names: Vec<String>, fingerprint: &str) -> Self {
        Self { names, shape: plain(fingerprint) }
    }

    /// What stands for a secret. It needs no escape in a JSON text, or in one within one.
    pub(super) fn write(rule: &str, fingerprint: &str) -> Box<str> {
        format!("{MARK}{rule}:{}]", plain(fingerprint)).into()
    }

    /// Whether this is one, and nothing beside.
    pub(super) fn is_one(&self, text: &[u8]) -> bool {
        let bare = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
        self.length(bare) == Some(bare.len())
    }

    /// Where in a text they are, in order and apart.
    pub(super) fn all_in(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut all: Vec<Range<usize>> = Vec::new();
        for start in memmem::find_iter(text, BARE) {
            if all.last().is_some_and(|last| start < last.end) {
                continue;
            }
            let Some(length) = self.length(text.get(start..).unwrap_or_default()) else { continue };
            let end = start + length;
            let open = start.checked_sub(1).filter(|at| text.get(*at) == Some(&b'['));
            match open.filter(|_| text.get(end) == Some(&b']')) {
                Some(open) => all.push(open..end + 1),
                None => all.push(start..end),
            }
        }
        all
    }

    /// How long the one is that begins here, without brackets.
    fn length(&self, text: &[u8]) -> Option<usize> {
        let behind = text.strip_prefix(BARE)?;
        let name = behind.split(|byte| *byte == b':').next()?;
        let is_known = self.names.iter().any(|known| known.as_bytes() == name);
        let behind = behind.get(name.len()..)?.strip_prefix(b":")?.get(..self.shape.len())?;
        let is_like = |(byte, shape): (&u8, u8)| *byte == shape || both(u8::is_ascii_hexdigit, *byte, shape);
        let is_fingerprint = behind.iter().zip(self.shape.bytes()).all(is_like);
        (is_known && is_fingerprint).then_some(BARE.len() + name.len() + 1 + self.shape.len())
    }
}

fn both(is: fn(&u8) -> bool, one: u8, other: u8) -> bool {
    is(&one) && is(&other)
}

/// A fingerprint of nothing but what stands for itself everywhere.
fn plain(fingerprint: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.');
    fingerprint.chars().filter(kept).collect()
}

/// What becomes of a match where there are stand-ins in the text; nothing where it is made of one.
///
/// What touches one goes with all of its word: what a pattern did not find because of what stood there may go on in the same
/// way, a piece at a time. `has_end` says that a pattern ends where its secret does. One of the user's may as well take a
/// number of bytes: what follows a stand-in, which has another length than the secret, is none of its business then.
pub(super) fn beside(
    text: &[u8],
    all: &[Range<usize>],
    mut found: Range<usize>,
    has_end: bool,
) -> Option<Range<usize>> {
    let near = all.get(all.partition_point(|one| one.end < found.start)..).unwrap_or_default();
    let near = near.get(..near.partition_point(|one| one.start <= found.end)).unwrap_or_default();
    let mut within = near.iter().filter(|one| one.start < found.end && one.end > found.start);
    let (first, last) = (within.clone().next(), within.next_back());
    if let (Some(first), Some(last)) = (first, last) {
        let begins_there = first.start <= found.start;
        if begins_there && (found.end <= first.end || !has_end) {
            return None;
        }
        found = found.start.min(first.start)..found.end.max(last.end);
    }
    if near.iter().any(|one| one.end == found.start) {
        let behind = text.get(found.end..).unwrap_or_default();
        found.end += behind.iter().take_while(|byte| is_word(**byte)).count();
    }
    if near.iter().any(|one| one.start == found.end) {
        let before = text.get(..found.start).unwrap_or_default();
        found.start -= before.iter().rev().take_while(|byte| is_word(**byte)).count();
    }
    Some(found)
}

/// What is no ASCII belongs to words, too, so that no character is cut.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_-.:+/=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> StandIns {
        StandIns::new(["keys", "own.rule-1", "x", "y", "z"].map(str::to_owned).to_vec(), "fp:00<ff>")
    }

    #[test]
    fn stand_ins_are_told_from_what_looks_like_them() {
        assert_eq!(&*StandIns::write("keys", "fp:\"12ab"), "[redacted:keys:fp:12ab]");
        for one in ["[redacted:keys:fp:12ab]", "redacted:own.rule-1:fp:0000"] {
            assert!(made().is_one(one.as_bytes()), "{one}");
        }
        for other in [
            "[redacted:keys:fp:12ab",
            "[redacted:keys:fp:12abc]",
            "[redacted:keys:fp:12a]",
            "[redacted:keys:fp:12xy]",
            "[redacted::fp:12ab]",
            "[redacted:a:fp:12ab]",
            "redacted:keys:sk-abcdefghijklmnopqrstuvwxyz0123",
            "[redacted:hunter2",
            "",
        ] {
            assert!(!made().is_one(other.as_bytes()), "{other}");
        }
        let text = "a[redacted:x:fp:0001]b redacted:redacted:y:fp:0002]c[redacted:z:fp:0003";
        let all: Vec<&str> = made().all_in(text.as_bytes()).into_iter().map(|range| &text[range]).collect();
        assert_eq!(all, ["[redacted:x:fp:0001]", "redacted:y:fp:0002", "redacted:z:fp:0003"]);
    }

    #[test]
    fn matches_go_by_the_stand_ins_about_them() {
        let text = "ab [redacted:x:fp:0001]cd-é ef";
        let all = made().all_in(text.as_bytes());
        let beside = |range: Range<usize>, has_end| beside(text.as_bytes(), &all, range, has_end);
        let whole = all[0].clone();
        assert_eq!(whole, 3..23);
        // None of its business.
        assert_eq!(beside(0..2, true), Some(0..2));
        // It is made of one, or begins as one.
        assert_eq!(beside(whole.clone(), true), None);
        assert_eq!(beside(4..12, true), None);
        assert_eq!(beside(3..24, false), None);
        assert_eq!(beside(3..24, true), Some(3..24));
        // It has one in it, or ends in one.
        assert_eq!(beside(1..24, false), Some(1..24));
        assert_eq!(beside(1..5, false), Some(1..23));
        // It touches one.
        assert_eq!(beside(23..24, false), Some(23..28));
        assert_eq!(beside(1..3, false), Some(0..3));
    }
}
