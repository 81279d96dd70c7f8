//! The headers of a frame of an AWS event stream: names and values with types, among which are text and bytes.
//!
//! ```text
//! u8 length of name │ name │ u8 type │ value, whose length the type says, or a u16 before it
//! ```

use crate::dialect::framing::EventHeader;

use super::coding::Coding;
use super::edit::{self, Edit};
use super::find::{Finder, settle};

/// What became of a frame's headers.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) bytes: Vec<u8>,
    pub(super) edits: Vec<Edit>,
}

/// Takes out what has to go; `None` where nothing has.
pub(super) fn redact(finder: &Finder, headers: &[u8]) -> Option<Changed> {
    let mut changed = Changed { bytes: Vec::with_capacity(headers.len()), edits: Vec::new() };
    let mut rest = headers;
    while let Some(header) = EventHeader::read(rest) {
        let edits = edits(&header, finder);
        changed.bytes.extend_from_slice(header.before);
        write(&header, &edits, &mut changed.bytes);
        changed.edits.extend(edits);
        rest = header.rest;
    }
    // What cannot be cut into headers is looked at as it is.
    let edits: Vec<Edit> = finder.written(Coding::Plain, rest).into_iter().map(Edit::from).collect();
    changed.bytes.extend(edit::apply(rest, 0..rest.len(), &edits));
    changed.edits.extend(edits);
    (!changed.edits.is_empty()).then_some(changed)
}

fn edits(header: &EventHeader, finder: &Finder) -> Vec<Edit> {
    if !header.has_length {
        return Vec::new();
    }
    let mut found = match finder.named(header.name, header.value) {
        Some(whole) => vec![whole],
        None => finder.written(Coding::Plain, header.value),
    };
    settle(&mut found);
    found.into_iter().map(Edit::from).collect()
}

/// Writes the value, with its length where it has one.
fn write(header: &EventHeader, edits: &[Edit], made: &mut Vec<u8>) {
    let mut value = edit::apply(header.value, 0..header.value.len(), edits);
    if !header.has_length {
        return made.extend(value);
    }
    let length = u16::try_from(value.len()).unwrap_or_else(|_| {
        // Many short secrets in a long value, with longer ones in their places: the first stands for it all.
        let first = edits.iter().find_map(|edit| edit.put.as_ref());
        value = first.map(|(_, text)| text.as_bytes().to_vec()).unwrap_or_default();
        u16::try_from(value.len()).unwrap_or_default()
    });
    made.extend_from_slice(&length.to_be_bytes());
    value.truncate(usize::from(length));
    made.extend(value);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fields::Fields;
    use super::super::pattern::{Pattern, Search, Sign, anything};
    use super::*;

    /// Types whose value is bytes, or text.
    const BYTES: u8 = 6;
    const TEXT: u8 = 7;

    /// Takes out `secret` and figures.
    fn finder() -> Finder {
        let regex = regex::bytes::Regex::new("secret[0-9]*").unwrap();
        let search = Search::Regex { regex, group: 0, check: anything };
        let rules = vec!["field".to_owned(), "own".to_owned()];
        let patterns = vec![Pattern { rule: 1, search, sign: Sign::None }];
        Finder::new(rules, patterns, Some(Fields::new(&[])), Arc::new(|_: &[u8]| "f".to_owned()))
    }

    fn header(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        let length = if matches!(kind, BYTES | TEXT) { &length[..] } else { &[] };
        [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[kind], length, value].concat()
    }

    #[test]
    fn text_and_bytes_are_gone_through_and_other_values_stay() {
        let others = [
            header("yes", 0, b""),
            header("no", 1, b""),
            header("byte", 2, b"s"),
            header("short", 3, b"se"),
            header("int", 4, b"secr"),
            header("long", 5, b"secret12"),
            header("at", 8, b"secret12"),
            header("id", 9, b"secret1234567890"),
        ];
        assert!(redact(&finder(), &others.concat()).is_none());
        let before = [
            header("secret", TEXT, b"no access with secret1"),
            others.concat(),
            header("b", BYTES, b"\xff secret2 \0"),
            header("api-key", TEXT, b"Bearer x"),
            header("api-key", BYTES, b"[redacted:field:f]"),
            header("empty", TEXT, b""),
        ];
        let after = [
            header("secret", TEXT, b"no access with [redacted:own:f]"),
            others.concat(),
            header("b", BYTES, b"\xff [redacted:own:f] \0"),
            header("api-key", TEXT, b"Bearer [redacted:field:f]"),
            header("api-key", BYTES, b"[redacted:field:f]"),
            header("empty", TEXT, b""),
        ];
        let changed = redact(&finder(), &before.concat()).unwrap();
        assert_eq!(changed.bytes.escape_ascii().to_string(), after.concat().escape_ascii().to_string());
        assert_eq!(changed.edits.len(), 3);
        assert!(redact(&finder(), &changed.bytes).is_none());
    }

    #[test]
    fn a_value_too_long_for_its_length_is_one_stand_in() {
        let before = header("a", TEXT, "secret,".repeat(9_000).as_bytes());
        let changed = redact(&finder(), &before).unwrap();
        assert_eq!(changed.bytes, header("a", TEXT, b"[redacted:own:f]"));
    }

    #[test]
    fn what_is_no_header_is_gone_through_as_it_is() {
        let whole = header("a", TEXT, b"fine");
        let unknown = [&whole[..], b"\x01b\x0asecret3"].concat();
        let changed = redact(&finder(), &unknown).unwrap();
        assert_eq!(changed.bytes, [&whole[..], b"\x01b\x0a[redacted:own:f]"].concat());
        for cut in 0..whole.len() {
            assert!(redact(&finder(), &whole[..cut]).is_none());
        }
    }
}
