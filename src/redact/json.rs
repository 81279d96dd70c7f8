//! Finds the texts and numbers of a JSON document in the bytes it is written in, with the names that lead to them.
//!
//! Nothing is built and nothing is copied. A document may come in several ranges, as the `data` lines of one event do, and
//! may be cut off; what is not JSON is told apart from what is.

use std::ops::Range;

use memchr::memchr2;

/// Deeper than any reader of JSON goes. What lies deeper counts as broken.
const DEEPEST: usize = 200;

/// A text or a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) kind: Kind,
    /// Between the quotes; of a number, all of it.
    pub(super) range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a member.
    Name,
    Text,
    Number,
}

/// What the bytes were, as far as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Whole,
    /// The end is missing; all that came is JSON.
    Cut,
    /// No JSON, or too deep.
    Broken,
}

/// What is told about the document as it is gone through.
pub(super) trait Sink {
    /// An object or an array begins. `path` ends with the level it stands in.
    fn open(&mut self, path: &[Level]);
    /// A text, a name or a number; its place is the last level of `path`.
    fn leaf(&mut self, path: &[Level], leaf: Leaf);
    /// The innermost object or array ended. `path` ends with the level it stood in.
    fn close(&mut self, path: &[Level]);
}

/// An object or an array that is open, and where in it we are.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) is_object: bool,
    /// The name of the member at hand, between its quotes.
    pub(super) name: Range<usize>,
    /// How many members or elements came before.
    pub(super) position: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Between documents.
    Between,
    Value,
    /// Behind `[`, where there may be nothing.
    First,
    /// Behind `{`, where there may be nothing.
    FirstName,
    Name,
    Colon,
    Comma,
    Broken,
    /// In a text whose end has not come.
    InText,
}

pub(super) struct Scanner {
    path: Vec<Level>,
    place: Place,
    whole: u64,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self { path: Vec::new(), place: Place::Between, whole: 0 }
    }

    /// The document ended here. The next one may begin.
    pub(super) fn finish(&mut self) -> Outcome {
        let outcome = match self.place {
            Place::Broken => Outcome::Broken,
            Place::Between if self.whole > 0 => Outcome::Whole,
            _ => Outcome::Cut,
        };
        self.path.clear();
        (self.place, self.whole) = (Place::Between, 0);
        outcome
    }

    /// Goes through a range of the document.
    pub(super) fn push(&mut self, bytes: &[u8], range: Range<usize>, sink: &mut impl Sink) {
        let bytes = bytes.get(..range.end).unwrap_or(bytes);
        let mut at = range.start;
        if self.place == Place::InText {
            // A line ended in a text, which JSON does not allow.
            self.place = Place::Broken;
        }
        while let Some(&byte) = bytes.get(at) {
            at = match byte {
                b' ' | b'\t' | b'\r' | b'\n' => at + 1,
                _ if self.place == Place::Broken => return,
                b'"' => self.text(bytes, at + 1, sink),
                b'{' | b'[' => self.open(byte, at, sink),
                b'}' | b']' => self.close(byte, at, sink),
                b':' if self.place == Place::Colon => self.go(Place::Value, at),
                b',' if self.place == Place::Comma => self.comma(at),
                _ => self.bare(bytes, at, sink),
            };
        }
    }

    fn go(&mut self, place: Place, at: usize) -> usize {
        self.place = place;
        at + 1
    }

    fn awaits_value(&self) -> bool {
        matches!(self.place, Place::Between | Place::Value | Place::First)
    }

    /// A value ended.
    fn ended(&mut self) {
        self.place = if self.path.is_empty() { Place::Between } else { Place::Comma };
        self.whole += u64::from(self.path.is_empty());
    }

    fn open(&mut self, byte: u8, at: usize, sink: &mut impl Sink) -> usize {
        if !self.awaits_value() || self.path.len() >= DEEPEST {
            return self.go(Place::Broken, at);
        }
        sink.open(&self.path);
        let is_object = byte == b'{';
        self.path.push(Level { is_object, name: 0..0, position: 0 });
        self.go(if is_object { Place::FirstName } else { Place::First }, at)
    }

    fn close(&mut self, byte: u8, at: usize, sink: &mut impl Sink) -> usize {
        let is_object = byte == b'}';
        let empty = if is_object { Place::FirstName } else { Place::First };
        let matches = self.path.last().is_some_and(|level| level.is_object == is_object);
        if !matches || self.place != Place::Comma && self.place != empty {
            return self.go(Place::Broken, at);
        }
        self.path.pop();
        sink.close(&self.path);
        self.ended();
        at + 1
    }

    fn comma(&mut self, at: usize) -> usize {
        let Some(level) = self.path.last_mut() else { return self.go(Place::Broken, at) };
        level.position += 1;
        let next = if level.is_object { Place::Name } else { Place::Value };
        self.go(next, at)
    }

    /// A text, from behind its quote on.
    fn text(&mut self, bytes: &[u8], start: usize, sink: &mut impl Sink) -> usize {
        let is_name = matches!(self.place, Place::FirstName | Place::Name);
        if !is_name && !self.awaits_value() {
            return self.go(Place::Broken, start);
        }
        let (end, whole) = end_of_text(bytes, start);
        let kind = if is_name { Kind::Name } else { Kind::Text };
        if let Some(level) = self.path.last_mut().filter(|_| is_name) {
            level.name = start..end;
        }
        sink.leaf(&self.path, Leaf { kind, range: start..end });
        if !whole {
            self.place = Place::InText;
            return bytes.len();
        }
        if is_name {
            self.place = Place::Colon;
        } else {
            self.ended();
        }
        end + 1
    }

    /// A number or a word.
    fn bare(&mut self, bytes: &[u8], start: usize, sink: &mut impl Sink) -> usize {
        let rest = bytes.get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_bare(**byte)).count();
        let word = rest.get(..length).unwrap_or_default();
        let is_number = word.iter().any(u8::is_ascii_digit)
            && word
                .iter()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
        let cut = start + length == bytes.len();
        let words = [&b"true"[..], b"false", b"null"];
        let is_word = words.iter().any(|known| *known == word || cut && known.starts_with(word));
        if length == 0 || !self.awaits_value() || !is_number && !is_word {
            return self.go(Place::Broken, start);
        }
        if is_number {
            sink.leaf(&self.path, Leaf { kind: Kind::Number, range: start..start + length });
        }
        self.ended();
        start + length
    }
}

fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Where the closing quote is, and whether there is one.
fn end_of_text(bytes: &[u8], mut at: usize) -> (usize, bool) {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr2(b'"', b'\\', rest) {
            None => return (bytes.len(), false),
            Some(found) if rest.get(found) == Some(&b'"') => return (at + found, true),
            Some(found) => at += found + 2,
        }
    }
}

/// Whether this may be an object or an array.
pub(super) fn may_be_document(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<String>, Vec<u8>);

    impl Sink for Seen {
        fn open(&mut self, _path: &[Level]) {}
        fn leaf(&mut self, path: &[Level], leaf: Leaf) {
            let place = path.iter().map(|level| match level.is_object {
                true => String::from_utf8(self.1[level.name.clone()].to_vec()).unwrap(),
                false => level.position.to_string(),
            });
            let place = place.collect::<Vec<_>>().join(".");
            let text = String::from_utf8(self.1[leaf.range].to_vec()).unwrap();
            if leaf.kind != Kind::Name {
                self.0.push(format!("{place}={text}"));
            }
        }
        fn close(&mut self, _path: &[Level]) {}
    }

    fn scan(text: &str) -> (Vec<String>, Outcome) {
        let mut seen = Seen(Vec::new(), text.as_bytes().to_vec());
        let mut scanner = Scanner::new();
        scanner.push(text.as_bytes(), 0..text.len(), &mut seen);
        (seen.0, scanner.finish())
    }

    #[test]
    fn leaves_have_their_place() {
        let text = r#"{"a":["x",{"b\"":"\"y\\"}, -1.5e3,true],"":null, "c" : {}} [] "z""#;
        let seen = ["a.0=x", "a.1.b\\\"=\\\"y\\\\", "a.2=-1.5e3", "=z"].map(str::to_owned).to_vec();
        assert_eq!(scan(text), (seen, Outcome::Whole));
    }

    #[test]
    fn what_is_cut_is_json_and_what_is_wrong_is_not() {
        for cut in ["", "{", "{\"a", "{\"a\\", "{\"a\":", "[1", "[tru", "[{},"] {
            assert_eq!(scan(cut).1, Outcome::Cut, "{cut}");
        }
        for broken in ["[x]", "{1}", "[1}", "{\"a\" 1}", "[1 2]", "]", "[,]", "{\"a\":1,}", "{} sk-1", "1.a"]
        {
            assert_eq!(scan(broken).1, Outcome::Broken, "{broken}");
        }
        assert_eq!(scan(&"[".repeat(DEEPEST + 1)).1, Outcome::Broken);
        assert_eq!(scan("{\"a\":\"b").0, ["a=b"]);
    }
}
