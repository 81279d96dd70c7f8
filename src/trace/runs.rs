//! Runs of words by which a text is known where it stands in another.

use super::words::spaced;

/// So many words in a row say which answer they are from; of a text those are taken whose hash comes first.
pub const RUN: usize = 6;
/// No more words of a text than these are looked at.
const MOST_WORDS: usize = 4000;

/// The runs of these words whose hashes come first, so many of them, in order.
pub fn runs(words: &[u64], most: usize) -> Vec<u64> {
    let hash = |run: &[u64]| {
        run.iter().fold(0, |hash: u64, word| (hash.rotate_left(7) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    };
    let mut first: Vec<u64> = Vec::with_capacity(most + 1);
    for run in words.windows(RUN).map(hash) {
        if first.len() >= most && first.last().is_none_or(|last| run >= *last) {
            continue;
        }
        if let Err(at) = first.binary_search(&run) {
            first.insert(at, run);
            first.truncate(most);
        }
    }
    first
}

/// Each word's hash, less what stands about its letters and digits.
pub fn word_hashes(text: &str) -> Vec<u64> {
    let mut hashes = Vec::with_capacity((text.len() / 4).min(MOST_WORDS));
    let mut words = Vec::new();
    let mut rest = text;
    while let (true, Some(part)) = (hashes.len() < MOST_WORDS, next_part(&mut rest)) {
        words.clear();
        spaced(part, &mut words);
        let some = words.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        hashes.extend(some.take(MOST_WORDS - hashes.len()).map(word_hash));
    }
    hashes
}

/// So much of a text is put together at a time: of a long one only the beginning is looked at.
const PART: usize = 16 << 10;

/// The beginning of what is left of a text, up to white space.
fn next_part<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.as_bytes().iter().skip(PART).position(u8::is_ascii_whitespace);
    let (part, behind) = rest.split_at(end.map_or(rest.len(), |end| PART + end));
    *rest = behind;
    Some(part)
}

/// FNV-1a of a word: this is done for every word.
fn word_hash(word: &[u8]) -> u64 {
    let plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let is_bare = plain(word.first()) && plain(word.last());
    let word = if is_bare { word } else { without_marks(word) };
    word.iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn without_marks(word: &[u8]) -> &[u8] {
    let word = std::str::from_utf8(word).unwrap_or_default();
    word.trim_matches(|c: char| !c.is_alphanumeric()).as_bytes()
}
