//! Server-sent events, by the rules of the HTML standard: lines end in CR, LF or CRLF, a blank line ends an event.
//!
//! It differs where a recorder must see more than a browser: an event without its blank line at the end of the stream is
//! handed out and marked; a field `error`, which GPUStack sends in place of `data`, is data of an event that is an error;
//! an `id` belongs to the event that carries it and is not passed on to those after it.

use memchr::memchr2;

use super::held::{Bom, empty};
use super::{Content, Event, Frame, Framing, Out, Problem};

#[derive(Clone, Copy, PartialEq)]
enum Field {
    Data,
    Error,
    Event,
    Id,
    Retry,
    Ignored,
}

/// Where in a line we are.
#[derive(Clone, Copy)]
enum Place {
    /// In the field's name.
    Name,
    /// Behind the colon, where one space is not part of the value.
    Space(Field),
    Value(Field),
}

/// The longest name of a field that means something.
const LONGEST: usize = 5;

pub struct Sse {
    limit: usize,
    bom: Bom,
    place: Place,
    /// A CR ended the last line: an LF that follows is part of that end.
    after_cr: bool,
    /// Bytes seen, and how many of them came before the event at hand.
    at: u64,
    start: u64,
    /// The beginning of the field's name, and how long it has become.
    field: [u8; LONGEST],
    field_length: usize,
    data: Vec<u8>,
    data_lines: u64,
    error: bool,
    name: Vec<u8>,
    id: Option<Vec<u8>>,
    retry_text: Vec<u8>,
    over: bool,
    comments: u64,
    retry: Option<u64>,
}

impl Sse {
    /// `limit` bounds what is kept of one event: its data, name and id.
    pub fn new(limit: usize) -> Self {
        Self::at(limit, 0)
    }

    pub(super) fn at(limit: usize, at: u64) -> Self {
        Self {
            limit,
            bom: Bom::default(),
            place: Place::Name,
            after_cr: false,
            at,
            start: at,
            field: [0; LONGEST],
            field_length: 0,
            data: Vec::new(),
            data_lines: 0,
            error: false,
            name: Vec::new(),
            id: None,
            retry_text: Vec::new(),
            over: false,
            comments: 0,
            retry: None,
        }
    }

    /// After how many milliseconds the provider wants clients to connect again, as it said last.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    fn feed(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while let Some((&first, rest)) = bytes.split_first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                self.at += 1;
                bytes = rest;
                continue;
            }
            let end = match self.place {
                Place::Space(field) => {
                    self.place = Place::Value(field);
                    usize::from(first == b' ')
                }
                Place::Name => self.name_of_field(bytes),
                Place::Value(field) => {
                    let end = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
                    let (value, _) = bytes.split_at(end);
                    self.keep(field, value);
                    end
                }
            };
            self.at += end as u64;
            bytes = bytes.get(end..).unwrap_or_default();
            if let Some((&end @ (b'\r' | b'\n'), rest)) = bytes.split_first() {
                self.at += 1;
                self.after_cr = end == b'\r';
                bytes = rest;
                self.line_ended(out);
            }
        }
    }

    /// Takes what belongs to the field's name, and its colon, off the front; says how many bytes that is.
    fn name_of_field(&mut self, bytes: &[u8]) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'\r' | b'\n' => return at,
                b':' => {
                    let field = self.field();
                    self.comments += u64::from(self.field_length == 0);
                    self.begin(field);
                    self.place = Place::Space(field);
                    return at + 1;
                }
                _ => {
                    if let Some(place) = self.field.get_mut(self.field_length) {
                        *place = byte;
                    }
                    self.field_length = self.field_length.saturating_add(1);
                }
            }
        }
        bytes.len()
    }

    fn field(&self) -> Field {
        match self.field.get(..self.field_length) {
            Some(b"data") => Field::Data,
            Some(b"error") => Field::Error,
            Some(b"event") => Field::Event,
            Some(b"id") => Field::Id,
            Some(b"retry") => Field::Retry,
            _ => Field::Ignored,
        }
    }

    fn begin(&mut self, field: Field) {
        match field {
            Field::Data | Field::Error => {
                self.error |= field == Field::Error;
                self.data_lines += 1;
                if self.data_lines > 1 {
                    self.keep(field, b"\n");
                }
            }
            Field::Event => self.name.clear(),
            Field::Id => self.id = Some(Vec::new()),
            Field::Retry => self.retry_text.clear(),
            Field::Ignored => {}
        }
    }

    fn keep(&mut self, field: Field, value: &[u8]) {
        let buffer = match field {
            _ if self.over => return,
            Field::Ignored => return,
            _ if value.len() > self.limit - self.buffered() => {
                self.over = true;
                return self.drop_event();
            }
            Field::Data | Field::Error => &mut self.data,
            Field::Event => &mut self.name,
            Field::Id => self.id.get_or_insert_default(),
            Field::Retry => &mut self.retry_text,
        };
        buffer.extend_from_slice(value);
    }

    fn line_ended(&mut self, out: &mut Out<'_>) {
        let field = match std::mem::replace(&mut self.place, Place::Name) {
            Place::Name if self.field_length == 0 => return self.dispatch(false, out),
            Place::Name => {
                let field = self.field();
                self.begin(field);
                field
            }
            Place::Space(field) | Place::Value(field) => field,
        };
        self.field_length = 0;
        match field {
            Field::Id if self.id.as_ref().is_some_and(|id| id.contains(&0)) => self.id = None,
            Field::Retry => {
                let digits = self.retry_text.iter().all(u8::is_ascii_digit);
                let value = std::str::from_utf8(&self.retry_text).ok().and_then(|text| text.parse().ok());
                self.retry = value.filter(|_| digits).or(self.retry);
                empty(&mut self.retry_text);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, unterminated: bool, out: &mut Out<'_>) {
        if self.over {
            let length = self.at - self.start;
            out(Frame { end: self.at, content: Content::Problem(Problem::TooLarge { length }) });
        } else if self.data_lines > 0 {
            let event = Event {
                name: &self.name,
                data: &self.data,
                id: self.id.as_deref(),
                error: self.error,
                unterminated,
                ..Event::default()
            };
            out(Frame { end: self.at, content: Content::Event(event) });
        }
        self.drop_event();
        self.data_lines = 0;
        self.error = false;
        self.over = false;
        self.start = self.at;
    }

    fn drop_event(&mut self) {
        empty(&mut self.data);
        empty(&mut self.name);
        empty(&mut self.retry_text);
        self.id = None;
    }
}

impl Framing for Sse {
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let (stripped, first) = self.bom.strip(bytes);
        self.at += stripped as u64;
        self.at -= first.len() as u64;
        self.feed(first, out);
        self.feed(bytes.get(stripped..).unwrap_or_default(), out);
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        // A beginning of a byte order mark would only begin the name of a field nobody knows.
        self.bom.rest();
        self.dispatch(true, out);
        self.place = Place::Name;
        self.field_length = 0;
        self.after_cr = false;
    }

    fn buffered(&self) -> usize {
        self.data.len() + self.name.len() + self.id.as_ref().map_or(0, Vec::len) + self.retry_text.len()
    }

    fn comments(&self) -> u64 {
        self.comments
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{holds, pieces, read, reads};
    use super::*;

    fn sse() -> Sse {
        Sse::new(64)
    }

    #[test]
    fn lines_end_in_lf_cr_or_crlf() {
        reads(sse, "data: Grüße\n\ndata:👋\n\n".as_bytes(), &["15 |Grüße", "26 |👋"]);
        reads(sse, b"data: a\r\n\r\ndata: b\r\n\r\n", &["10 |a", "21 |b"]);
        reads(sse, b"data: a\r\rdata: b\r\r", &["9 |a", "18 |b"]);
        reads(sse, b"data: a\r\n\ndata: b\n\r\n\rdata: c\r\r\n", &["10 |a", "19 |b", "30 |c"]);
    }

    #[test]
    fn fields_are_read_by_the_standard() {
        reads(
            sse,
            "event: delta\nid: 7\ndata: {\"a\":\ndata:  \"é\"}\ndata\n\n".as_bytes(),
            &["50 delta|{\"a\":\n \"é\"}\n id=7"],
        );
        reads(sse, b"data\n\ndata:\n\nevent: x\n\n\n\ndata: y\n\n", &["6 |", "13 |", "34 |y"]);
        reads(sse, b"datum: x\nDATA: y\nfoo\n data: z\ndata : z\ndata:a:b\n\n", &["49 |a:b"]);
        reads(sse, b"id: a\0b\ndata: x\n\nid\ndata: y\n\n", &["17 |x", "29 |y id="]);
        reads(sse, b"event: a\nevent: b\ndata: x\n\ndata: y\n\n", &["27 b|x", "36 |y"]);
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_field() {
        reads(sse, b"\xef\xbb\xbfdata: a\n\n", &["12 |a"]);
        reads(sse, b"\xef\xbbdata: a\n\ndata: b\n\n", &["20 |b"]);
        reads(sse, b"\xef\xbb", &[]);
    }

    #[test]
    fn an_event_without_its_blank_line_is_handed_out_and_marked() {
        reads(sse, b"data: a\n\nevent: b\ndata: {\"c", &["9 |a", "27 b|{\"c unterminated"]);
        reads(sse, b"data: a\r\n", &["9 |a unterminated"]);
        reads(sse, b"data: a\ndata", &["12 |a unterminated"]);
        reads(sse, b"event: b\n: c", &[]);
    }

    #[test]
    fn the_field_error_is_data_of_an_error() {
        reads(sse, b"error: {\"code\":500}\n\ndata: [DONE]\n\n", &["21 |{\"code\":500} error", "35 |[DONE]"]);
    }

    #[test]
    fn comments_are_counted_and_the_time_to_retry_is_known() {
        let stream = b": OPENROUTER PROCESSING\n\n:\nretry: 3000\nretry: x\nretry:\ndata: a\n:ping\n\n";
        reads(sse, stream, &["70 |a"]);
        let mut framing = sse();
        for byte in stream.chunks(1) {
            framing.push(byte, &mut |_| {});
        }
        assert_eq!((framing.comments(), framing.retry()), (3, Some(3000)));
    }

    #[test]
    fn an_event_above_the_limit_is_measured_and_left_out() {
        let small = || Sse::new(8);
        reads(small, b"data: 12345678\n\n", &["16 |12345678"]);
        reads(small, b"data: 123456789\n\ndata: a\n\n", &["17 ! TooLarge { length: 17 }", "26 |a"]);
        reads(small, b"event: abcd\ndata: 12345\n\ndata: a\n\n", &["25 ! TooLarge { length: 25 }", "34 |a"]);
        reads(small, b"data: 1234\r\ndata: 1234\r\n\r\n", &["25 ! TooLarge { length: 25 }"]);
        reads(small, b"data: 123456789", &["15 ! TooLarge { length: 15 }"]);
        // What means nothing is not kept either.
        reads(small, b": a comment that is longer\nunknown: and a field\ndata: a\n\n", &["57 |a"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_however_they_are_cut(pieces in pieces(&[
            b"data:", b"data", b" ", b"event: e", b"id: 1", b"error:", b":", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf",
            b"retry: 1", b"{}", b"\xc3\xbc",
        ])) {
            holds(|| Sse::new(12), &pieces, 12)?;
        }

        #[test]
        fn what_was_said_is_what_is_read(events in proptest::collection::vec(
            ("[a-z]{0,4}", proptest::collection::vec("[^\r\n]{0,9}", 1..4)), 0..5),
            end in proptest::sample::select(&["\n", "\r", "\r\n"][..]),
        ) {
            let (mut stream, mut expected) = (String::new(), Vec::new());
            for (name, lines) in events {
                stream += &format!("event:{name}{end}");
                lines.iter().for_each(|line| stream += &format!("data: {line}{end}"));
                stream += end;
                let at = stream.len() - usize::from(end == "\r\n");
                expected.push(format!("{at} {name}|{}", lines.join("\n")));
            }
            prop_assert_eq!(read(Sse::new(1 << 16), stream.as_bytes().chunks(1)), expected);
        }
    }
}
