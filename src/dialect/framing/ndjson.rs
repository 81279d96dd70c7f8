//! One JSON text a line. Lines end in LF or CRLF; those with nothing but white space on them are keep-alives.

use memchr::memchr;

use super::held::{Bom, Held, trim_end, trim_start};
use super::{Content, Event, Frame, Framing, Out, Problem};

pub struct Ndjson {
    bom: Bom,
    /// The line at hand, as far as it came, without white space before it.
    line: Held,
    limit: usize,
    /// Bytes seen, and how many of them came before the line at hand.
    at: u64,
    start: u64,
}

impl Ndjson {
    /// `limit` bounds a line.
    pub fn new(limit: usize) -> Self {
        Self::at(limit, 0)
    }

    pub(super) fn at(limit: usize, at: u64) -> Self {
        Self { bom: Bom::default(), line: Held::new(limit), limit, at, start: at }
    }

    fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (piece, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            self.at += end as u64 + 1;
            if self.line.is_empty() && trim_start(piece).len() <= self.limit {
                // The whole line is at hand, as most are: it need not be copied.
                self.hand_out(Some(trim_start(piece)), false, out);
            } else {
                self.keep(piece);
                self.line_ended(false, out);
            }
            self.start = self.at;
        }
        self.keep(bytes);
        self.at += bytes.len() as u64;
    }

    fn keep(&mut self, piece: &[u8]) {
        self.line.add(if self.line.is_empty() { trim_start(piece) } else { piece });
    }

    fn line_ended(&mut self, unterminated: bool, out: &mut Out<'_>) {
        self.hand_out(self.line.bytes(), unterminated, out);
        self.line.clear();
    }

    fn hand_out(&self, line: Option<&[u8]>, unterminated: bool, out: &mut Out<'_>) {
        let content = match line.map(trim_end) {
            Some([]) => return,
            Some(data) => Content::Event(Event { data, unterminated, ..Event::default() }),
            None => Content::Problem(Problem::TooLarge { length: self.at - self.start }),
        };
        out(Frame { end: self.at, content });
    }
}

impl Framing for Ndjson {
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let (stripped, first) = self.bom.strip(bytes);
        self.at += stripped as u64;
        self.at -= first.len() as u64;
        self.feed(first, out);
        self.feed(bytes.get(stripped..).unwrap_or_default(), out);
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        self.line.add(self.bom.rest());
        self.line_ended(true, out);
        self.start = self.at;
    }

    fn buffered(&self) -> usize {
        self.line.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{holds, pieces, reads};
    use super::*;

    fn ndjson() -> Ndjson {
        Ndjson::new(32)
    }

    #[test]
    fn each_line_is_an_event() {
        reads(
            ndjson,
            "{\"a\":\"é\"}\n{\"b\":\"👋\"}\n".as_bytes(),
            &["11 |{\"a\":\"é\"}", "24 |{\"b\":\"👋\"}"],
        );
        reads(ndjson, b"{}\r\n\r\n  \n\n [1]\t\r\n", &["4 |{}", "17 |[1]"]);
        reads(ndjson, b"\xef\xbb\xbf{}\n", &["6 |{}"]);
    }

    #[test]
    fn a_last_line_without_its_end_is_handed_out_and_marked() {
        reads(ndjson, b"{}\n{\"a\": ", &["3 |{}", "9 |{\"a\": unterminated"]);
        reads(ndjson, b"{}\n  \r", &["3 |{}"]);
        reads(ndjson, b"\xef\xbb", &["2 |\\xef\\xbb unterminated"]);
    }

    #[test]
    fn a_line_above_the_limit_is_measured_and_left_out() {
        let small = || Ndjson::new(4);
        reads(
            small,
            b"1234\n12345\n  1234\n1\n",
            &["5 |1234", "11 ! TooLarge { length: 6 }", "18 |1234", "20 |1"],
        );
        reads(small, b"      \n123456", &["13 ! TooLarge { length: 6 }"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_however_they_are_cut(
            pieces in pieces(&[b"{", b"}", b"\n", b"\r\n", b" ", b"\"a\"", b"\xef\xbb\xbf", b"\xc3\xbc"]),
        ) {
            holds(|| Ndjson::new(9), &pieces, 9)?;
        }
    }
}
