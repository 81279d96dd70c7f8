//! A JSON array delivered element by element, `[{…}\n,\r\n{…}]`: each element as the bytes it came in.
//!
//! A document that is no array is one element, and documents may follow one another. White space before, between and
//! after them is a keep-alive. Nothing is checked but what tells where an element ends; the rest is for who parses it.

use memchr::memchr2;

use super::held::{Bom, Held, is_white};
use super::{Content, Event, Frame, Framing, Out, Problem};

pub struct JsonArray {
    bom: Bom,
    limit: usize,
    /// The element at hand, as far as it came in earlier pushes.
    held: Held,
    element: Option<Element>,
    in_array: bool,
    /// Something that is no JSON was met. It is said once.
    astray: bool,
    /// Bytes seen, and how many of them came before the element, or else the array, at hand.
    at: u64,
    start: u64,
}

/// How far into an element we are.
#[derive(Clone, Copy)]
enum Element {
    /// An object, an array or a text, which know their own ends.
    Closed { depth: u64, in_text: bool, escaped: bool },
    /// A number or a word, which end where something else begins.
    Bare,
}

impl JsonArray {
    /// `limit` bounds an element.
    pub fn new(limit: usize) -> Self {
        Self::at(limit, 0)
    }

    pub(super) fn at(limit: usize, at: u64) -> Self {
        Self {
            bom: Bom::default(),
            limit,
            held: Held::new(limit),
            element: None,
            in_array: false,
            astray: false,
            at,
            start: at,
        }
    }

    fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while !bytes.is_empty() {
            let taken = match &mut self.element {
                Some(element) => match element.end(bytes) {
                    Some(end) => {
                        self.ended(bytes.get(..end).unwrap_or_default(), out);
                        end
                    }
                    None => {
                        self.held.add(bytes);
                        self.at += bytes.len() as u64;
                        bytes.len()
                    }
                },
                None => self.between(bytes, out),
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// Takes what stands between elements off the front, up to where one begins; says how many bytes that is.
    fn between(&mut self, bytes: &[u8], out: &mut Out<'_>) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'[' if !self.in_array => {
                    self.in_array = true;
                    self.start = self.at;
                }
                b']' if self.in_array => self.in_array = false,
                b',' if self.in_array => {}
                _ if is_white(byte) => {}
                b'{' | b'[' | b'"' => {
                    self.element = Some(Element::Closed { depth: 0, in_text: false, escaped: false });
                }
                _ if is_bare(byte) => self.element = Some(Element::Bare),
                _ => self.stray(out),
            }
            if self.element.is_some() {
                self.start = self.at;
                return at;
            }
            self.at += 1;
        }
        bytes.len()
    }

    fn stray(&mut self, out: &mut Out<'_>) {
        if !std::mem::replace(&mut self.astray, true) {
            let problem = Problem::Malformed("what stands here is no JSON and was stepped over");
            out(Frame { end: self.at + 1, content: Content::Problem(problem) });
        }
    }

    fn ended(&mut self, last: &[u8], out: &mut Out<'_>) {
        self.at += last.len() as u64;
        if self.held.is_empty() && last.len() <= self.limit {
            // The whole element is at hand: it need not be copied.
            self.hand_out(Some(last), false, out);
        } else {
            self.held.add(last);
            self.hand_out(self.held.bytes(), false, out);
        }
        self.held.clear();
        self.element = None;
        self.start = self.at;
    }

    fn hand_out(&self, element: Option<&[u8]>, unterminated: bool, out: &mut Out<'_>) {
        let content = match element {
            Some(data) => Content::Event(Event { data, unterminated, ..Event::default() }),
            None => Content::Problem(Problem::TooLarge { length: self.at - self.start }),
        };
        out(Frame { end: self.at, content });
    }
}

/// Whether a number or a word may have this in it, `NaN` and `-Infinity` included.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

impl Element {
    /// Where in these bytes the element ends, if it does.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let Self::Closed { depth, in_text, escaped } = self else {
            return bytes.iter().position(|byte| !is_bare(*byte));
        };
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if std::mem::take(escaped) {
                at += 1;
                continue;
            }
            if *in_text {
                at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
                if bytes.get(at) == Some(&b'\\') {
                    *escaped = true;
                } else {
                    *in_text = false;
                }
            } else {
                match byte {
                    b'"' => *in_text = true,
                    b'{' | b'[' => *depth = depth.saturating_add(1),
                    b'}' | b']' => *depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
            at += 1;
            if *depth == 0 && !*in_text {
                return Some(at);
            }
        }
        None
    }
}

impl Framing for JsonArray {
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let (stripped, first) = self.bom.strip(bytes);
        self.at += stripped as u64;
        self.at -= first.len() as u64;
        self.feed(first, out);
        self.feed(bytes.get(stripped..).unwrap_or_default(), out);
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        let rest = self.bom.rest();
        self.at -= rest.len() as u64;
        self.feed(rest, out);
        match self.element.take() {
            // Only what follows ends a number, and the end of the stream is as good.
            Some(element) => {
                let whole = matches!(element, Element::Bare) && !self.in_array;
                self.hand_out(self.held.bytes(), !whole, out);
            }
            None if self.in_array => {
                let length = self.at - self.start;
                out(Frame { end: self.at, content: Content::Problem(Problem::Unterminated { length }) });
            }
            None => {}
        }
        self.held.clear();
        self.in_array = false;
        self.start = self.at;
    }

    fn buffered(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{holds, pieces, reads};
    use super::*;

    fn array() -> JsonArray {
        JsonArray::new(64)
    }

    #[test]
    fn each_element_is_an_event_as_it_came() {
        reads(
            array,
            "[{\"a\": \"ü\"}\n,\r\n{\"b\": [1, {}]}\n]\n".as_bytes(),
            &["12 |{\"a\": \"ü\"}", "30 |{\"b\": [1, {}]}"],
        );
        reads(array, b" [ ] ", &[]);
        reads(
            array,
            b"[1,-2.5e+3, null,\"a\",[[]],true]",
            &["2 |1", "10 |-2.5e+3", "16 |null", "20 |\"a\"", "25 |[[]]", "30 |true"],
        );
    }

    #[test]
    fn brackets_and_quotes_in_texts_are_text() {
        let text = r#"[{"a]}":"\"}]\\"},"[\\\"",{"👋":"\u005d}"}]"#;
        reads(
            array,
            text.as_bytes(),
            &[r#"17 |{"a]}":"\"}]\\"}"#, r#"25 |"[\\\"""#, r#"44 |{"👋":"\u005d}"}"#],
        );
    }

    #[test]
    fn what_is_no_array_is_one_element_and_white_space_keeps_it_waiting() {
        reads(array, b"\n         \n\n {\"a\":1}\n", &["20 |{\"a\":1}"]);
        reads(array, b"\xef\xbb\xbf\"a\"", &["6 |\"a\""]);
        reads(array, b"12", &["2 |12"]);
        reads(array, b"{}\n{\"a\":1}[2]", &["2 |{}", "10 |{\"a\":1}", "12 |2"]);
    }

    #[test]
    fn an_error_in_the_array_is_an_element() {
        reads(
            array,
            b"[{\"a\":1},\n{\"error\":{\"code\":503}}]",
            &["8 |{\"a\":1}", "32 |{\"error\":{\"code\":503}}"],
        );
    }

    #[test]
    fn what_is_cut_off_is_handed_out_and_marked() {
        reads(array, b"[{}, {\"a\": \"}", &["3 |{}", "13 |{\"a\": \"} unterminated"]);
        reads(array, b"[{}\n,", &["3 |{}", "5 ! Unterminated { length: 2 }"]);
        reads(array, b"[", &["1 ! Unterminated { length: 1 }"]);
        reads(array, b"[12", &["3 |12 unterminated"]);
        reads(array, b"\"a\\", &["3 |\"a\\ unterminated"]);
    }

    #[test]
    fn what_is_no_json_is_said_once_and_stepped_over() {
        reads(
            array,
            b"}<!> [1} ,:2]",
            &["1 ! Malformed(\"what stands here is no JSON and was stepped over\")", "7 |1", "12 |2"],
        );
    }

    #[test]
    fn an_element_above_the_limit_is_measured_and_left_out() {
        let small = || JsonArray::new(5);
        reads(
            small,
            b"[[1,2],\"1234\", {},123456]",
            &["6 |[1,2]", "13 ! TooLarge { length: 6 }", "17 |{}", "24 ! TooLarge { length: 6 }"],
        );
        reads(small, b"{\"a\":{\"b\"", &["9 ! TooLarge { length: 9 }"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_however_they_are_cut(pieces in pieces(&[
            b"{", b"}", b"[", b"]", b",", b"\"", b"\\", b"1", b"true", b" ", b"\r\n", b"\xef\xbb\xbf", b"\xc3\xbc",
        ])) {
            holds(|| JsonArray::new(9), &pieces, 9)?;
        }
    }
}
