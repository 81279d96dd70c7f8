//! The tape's record decoder: what it reads is written again as the very same bytes.

use wiretape::tape::format::{
    FIXED, MAX_LENGTH, PREFIX, Prefix, decode, is_plausible, put_event, put_passed,
};
use wiretape::tape::{Entry, Stored};

const SALT: u32 = 0x5eed_5a17;

pub fn check(input: &[u8]) {
    if let Some(first) = input.first_chunk() {
        is_plausible(first);
    }
    if let Some(first) = input.first_chunk() {
        let length = Prefix::read(*first).length();
        assert!(length.is_none_or(|length| (FIXED..=MAX_LENGTH).contains(&length)));
    }
    let Some(stored) = decode(input) else { return };
    let _ = stored.ends();
    let mut out = Vec::new();
    let Stored { exchange, at, entry } = &stored;
    let written = match entry {
        Entry::Event(event) => put_event(&mut out, SALT, *exchange, *at, event),
        Entry::Passed { direction, bytes, last } => {
            put_passed(&mut out, SALT, *exchange, *at, *direction, *bytes, *last)
        }
    };
    assert!(written.is_ok(), "a record that was read can be written");
    let (prefix, rest) = out.split_first_chunk::<PREFIX>().expect("a record has a prefix");
    assert!(rest == input, "written again: {}", rest.escape_ascii());
    let prefix = Prefix::read(*prefix);
    assert_eq!(prefix.length(), Some(rest.len()));
    assert!(prefix.fits(SALT, rest), "its checksum fits");
}
