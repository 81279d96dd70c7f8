//! How a text is written where it stands, and which of its bytes stand where.

use std::ops::Range;

use memchr::memchr;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    Plain,
    /// Between the quotes of a JSON text.
    Json,
    /// As in a URL.
    Percent,
}

/// One character as it is written: how many bytes that takes, and what they say.
struct Unit {
    raw: usize,
    text: [u8; 4],
    length: usize,
}

impl Unit {
    fn byte(raw: usize, byte: u8) -> Self {
        Self { raw, text: [byte, 0, 0, 0], length: 1 }
    }

    fn char(raw: usize, char: char) -> Self {
        let mut text = [0; 4];
        let length = char.encode_utf8(&mut text).len();
        Self { raw, text, length }
    }

    fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

impl Coding {
    fn mark(self) -> Option<u8> {
        match self {
            Self::Plain => None,
            Self::Json => Some(b'\\'),
            Self::Percent => Some(b'%'),
        }
    }

    /// Where the first byte is that does not stand for itself, as far as there is one.
    fn marked(self, raw: &[u8]) -> Option<usize> {
        memchr(self.mark()?, raw)
    }

    /// The text is written just as it is.
    pub(super) fn is_plain(self, raw: &[u8]) -> bool {
        self.marked(raw).is_none()
    }

    /// What begins with the mark, at the front of these bytes. A mark that means nothing stands for itself.
    fn unit(self, raw: &[u8]) -> Unit {
        let unit = match self {
            Self::Plain => None,
            Self::Json => json_unit(raw),
            Self::Percent => {
                raw.get(1..3).and_then(hex).and_then(|byte| u8::try_from(byte).ok()).map(|b| Unit::byte(3, b))
            }
        };
        unit.unwrap_or_else(|| Unit::byte(1, raw.first().copied().unwrap_or_default()))
    }

    /// Adds what these bytes say.
    pub(super) fn decode(self, mut raw: &[u8], text: &mut Vec<u8>) {
        while let Some(at) = self.marked(raw) {
            let (before, rest) = raw.split_at(at);
            text.extend_from_slice(before);
            let unit = self.unit(rest);
            text.extend_from_slice(unit.text());
            raw = rest.get(unit.raw..).unwrap_or_default();
        }
        text.extend_from_slice(raw);
    }

    /// A stand-in as it is written here. It is made of what stands for itself, but for the quotes about what was a number.
    pub(super) fn write(self, stand_in: &str) -> Option<String> {
        (self == Self::Json && stand_in.contains('"'))
            .then(|| stand_in.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn json_unit(raw: &[u8]) -> Option<Unit> {
    let byte = match raw.get(1)? {
        b'u' => return unicode(raw),
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        same @ (b'"' | b'\\' | b'/') => *same,
        _ => return None,
    };
    Some(Unit::byte(2, byte))
}

/// `\u00e9`, and `\ud83d\ude00`. Half a pair is no character.
fn unicode(raw: &[u8]) -> Option<Unit> {
    let first = hex(raw.get(2..6)?)?;
    if let Some(char) = char::from_u32(first) {
        return Some(Unit::char(6, char));
    }
    let second = raw.get(6..12).filter(|rest| rest.starts_with(b"\\u")).and_then(|rest| hex(rest.get(2..)?));
    let pair = second.filter(|second| first < 0xdc00 && (0xdc00..0xe000).contains(second));
    let char = pair.and_then(|second| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
    Some(char.map_or(Unit::char(6, char::REPLACEMENT_CHARACTER), |char| Unit::char(12, char)))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

/// Goes through a text from its beginning to its end, and says where each of its bytes is written.
pub(super) struct Cursor<'a> {
    coding: Coding,
    raw: &'a [u8],
    raw_at: usize,
    text_at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(coding: Coding, raw: &'a [u8]) -> Self {
        Self { coding, raw, raw_at: 0, text_at: 0 }
    }

    /// Where this part of the text is written. Parts are asked for in order and do not overlap, so that all of them take
    /// one pass.
    pub(super) fn find(&mut self, text: Range<usize>) -> Range<usize> {
        let start = self.seek(text.start).start;
        let end = if text.is_empty() { start } else { self.seek(text.end - 1).end };
        start..end.max(start)
    }

    /// Where the character is written that has this byte of the text. What was passed already lies before it.
    fn seek(&mut self, text: usize) -> Range<usize> {
        loop {
            let rest = self.raw.get(self.raw_at..).unwrap_or_default();
            let wanted = text.saturating_sub(self.text_at);
            // No further than asked for: a long rest is not looked through for each of many parts.
            let near = rest.get(..=wanted).unwrap_or(rest);
            let run = self.coding.marked(near).unwrap_or(near.len());
            if wanted < run {
                self.raw_at += wanted;
                self.text_at += wanted;
                return self.raw_at..self.raw_at + 1;
            }
            self.raw_at += run;
            self.text_at += run;
            let rest = rest.get(run..).unwrap_or_default();
            if rest.is_empty() {
                return self.raw_at..self.raw_at;
            }
            let unit = self.coding.unit(rest);
            if text < self.text_at + unit.length {
                return self.raw_at..self.raw_at + unit.raw;
            }
            self.raw_at += unit.raw;
            self.text_at += unit.length;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(coding: Coding, raw: &str) -> String {
        let mut text = Vec::new();
        coding.decode(raw.as_bytes(), &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn escapes_are_read_and_what_is_none_stands_for_itself() {
        let raw = r#"a\n\/\"\\\u002d\u00e9\ud83d\ude00\ud83d\x\u12"#;
        assert_eq!(decoded(Coding::Json, raw), "a\n/\"\\-é😀\u{fffd}\\x\\u12");
        assert_eq!(decoded(Coding::Percent, "a%40b%zz%"), "a@b%zz%");
        assert_eq!(decoded(Coding::Plain, raw), raw);
    }

    proptest! {
        #[test]
        fn each_byte_is_found_where_it_is_written(
            units in proptest::collection::vec(
                prop_oneof!["[a-z]{1,5}", Just("\\n".to_owned()), Just("\\u00e9".to_owned()),
                    Just("\\ud83d\\ude00".to_owned()), Just("é".to_owned())], 0..12),
        ) {
            let raw = units.concat();
            let mut text = Vec::new();
            let mut ends = vec![(0, 0)];
            for unit in &units {
                Coding::Json.decode(unit.as_bytes(), &mut text);
                ends.push((ends[ends.len() - 1].0 + unit.len(), text.len()));
            }
            let mut cursor = Cursor::new(Coding::Json, raw.as_bytes());
            for pair in ends.windows(2) {
                prop_assert_eq!(cursor.find(pair[0].1..pair[1].1), pair[0].0..pair[1].0);
            }
        }

        #[test]
        fn any_bytes_are_decoded(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            for coding in [Coding::Plain, Coding::Json, Coding::Percent] {
                let mut text = Vec::new();
                coding.decode(&raw, &mut text);
                let all = Cursor::new(coding, &raw).find(0..text.len());
                prop_assert_eq!(all, 0..raw.len());
            }
        }
    }
}
