//! `application/vnd.amazon.eventstream`, as Bedrock streams: binary frames of headers and a payload, with checksums.
//!
//! ```text
//! u32 length of all │ u32 length of headers │ u32 CRC of these 8 bytes │ headers │ payload │ u32 CRC of all before
//! header: u8 length of name │ name │ u8 type │ value, whose length the type says, or a u16 before it
//! ```
//!
//! A frame whose checksum is wrong is reported and stepped over by the length it says. Where that length cannot be true
//! the stream is lost.

use super::held::empty;
use super::{Content, Event, Frame, Framing, Out, Problem};

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// What the AWS SDKs take at most.
const MOST_HEADERS: usize = 128 << 10;
const MOST_PAYLOAD: usize = 24 << 20;

pub struct EventStream {
    limit: usize,
    /// The frame at hand, as far as it came.
    held: Vec<u8>,
    state: State,
    /// Bytes seen.
    at: u64,
}

#[derive(Clone, Copy)]
enum State {
    Prelude,
    Frame {
        length: usize,
    },
    /// A frame that is left out. `told` says that its checksum was, already.
    Skip {
        length: usize,
        left: usize,
        told: bool,
    },
    Lost,
}

impl EventStream {
    /// `limit` bounds a frame.
    pub fn new(limit: usize) -> Self {
        Self::at(limit, 0)
    }

    pub(super) fn at(limit: usize, at: u64) -> Self {
        Self { limit, held: Vec::new(), state: State::Prelude, at }
    }

    /// Takes bytes until as many are held; says how many it took.
    fn fill(&mut self, bytes: &[u8], until: usize) -> usize {
        let taken = bytes.len().min(until.saturating_sub(self.held.len()));
        self.held.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        self.at += taken as u64;
        taken
    }

    fn prelude(&mut self, out: &mut Out<'_>) {
        let length = u32_at(&self.held, 0) as usize;
        let headers = u32_at(&self.held, 4) as usize;
        let rest = length.checked_sub(PRELUDE + CHECKSUM).and_then(|room| room.checked_sub(headers));
        let plausible = headers <= MOST_HEADERS && rest.is_some_and(|payload| payload <= MOST_PAYLOAD);
        let sound = u32_at(&self.held, 8) == crc32fast::hash(self.held.get(..8).unwrap_or_default());
        if !plausible {
            self.report(Problem::Lost { length: length as u64 }, out);
            self.state = State::Lost;
        } else if sound && length <= self.limit {
            self.state = State::Frame { length };
            return;
        } else {
            if !sound {
                self.report(Problem::Checksum { length: length as u64 }, out);
            }
            self.state = State::Skip { length, left: length - PRELUDE, told: !sound };
        }
        empty(&mut self.held);
    }

    fn frame(&mut self, out: &mut Out<'_>) {
        let (message, checksum) = self.held.split_at(self.held.len().saturating_sub(CHECKSUM));
        if u32_at(checksum, 0) == crc32fast::hash(message) {
            let headers = u32_at(message, 4) as usize;
            let (headers, payload) =
                message.get(PRELUDE..).and_then(|rest| rest.split_at_checked(headers)).unwrap_or_default();
            let headers = Headers::read(headers);
            if headers.cut {
                self.report(Problem::Malformed("an event's headers cannot be read to their end"), out);
            }
            out(Frame { end: self.at, content: Content::Event(headers.event(payload)) });
        } else {
            self.report(Problem::Checksum { length: self.held.len() as u64 }, out);
        }
        empty(&mut self.held);
        self.state = State::Prelude;
    }

    fn report(&self, problem: Problem, out: &mut Out<'_>) {
        out(Frame { end: self.at, content: Content::Problem(problem) });
    }
}

impl Framing for EventStream {
    fn push(&mut self, mut bytes: &[u8], out: &mut Out<'_>) {
        while !bytes.is_empty() {
            let taken = match self.state {
                State::Prelude => {
                    let taken = self.fill(bytes, PRELUDE);
                    if self.held.len() == PRELUDE {
                        self.prelude(out);
                    }
                    taken
                }
                State::Frame { length } => {
                    let taken = self.fill(bytes, length);
                    if self.held.len() == length {
                        self.frame(out);
                    }
                    taken
                }
                State::Skip { length, left, told } => {
                    let taken = bytes.len().min(left);
                    self.at += taken as u64;
                    self.state = State::Skip { length, left: left - taken, told };
                    if taken == left {
                        self.state = State::Prelude;
                        if !told {
                            self.report(Problem::TooLarge { length: length as u64 }, out);
                        }
                    }
                    taken
                }
                State::Lost => {
                    self.at += bytes.len() as u64;
                    bytes.len()
                }
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        let came = match self.state {
            State::Skip { length, left, .. } => length - left,
            _ => self.held.len(),
        };
        if came > 0 {
            self.report(Problem::Unterminated { length: came as u64 }, out);
        }
        empty(&mut self.held);
        self.state = State::Prelude;
    }

    fn buffered(&self) -> usize {
        self.held.len()
    }
}

/// The headers that mean something to a reader.
#[derive(Default)]
struct Headers<'a> {
    message_type: &'a [u8],
    event_type: &'a [u8],
    exception_type: &'a [u8],
    error_code: &'a [u8],
    error_message: &'a [u8],
    content_type: &'a [u8],
    /// They could not be read to their end.
    cut: bool,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Self {
        let mut found = Self::default();
        while !bytes.is_empty() {
            let Some(EventHeader { name, value, rest, .. }) = EventHeader::read(bytes) else {
                found.cut = true;
                break;
            };
            match name {
                b":message-type" => found.message_type = value,
                b":event-type" => found.event_type = value,
                b":exception-type" => found.exception_type = value,
                b":error-code" => found.error_code = value,
                b":error-message" => found.error_message = value,
                b":content-type" => found.content_type = value,
                _ => {}
            }
            bytes = rest;
        }
        found
    }

    fn event(&self, payload: &'a [u8]) -> Event<'a> {
        let failed = [self.exception_type, self.error_code].into_iter().find(|name| !name.is_empty());
        Event {
            name: failed.unwrap_or(self.event_type),
            // An error that is no exception says what it has to say in a header.
            data: if payload.is_empty() { self.error_message } else { payload },
            content_type: self.content_type,
            error: failed.is_some() || matches!(self.message_type, b"exception" | b"error"),
            ..Event::default()
        }
    }
}

/// A header of a frame.
pub struct EventHeader<'a> {
    /// The name with its length, and the type.
    pub before: &'a [u8],
    pub name: &'a [u8],
    /// As it came where it is neither bytes nor text.
    pub value: &'a [u8],
    /// The value is bytes or text: its length stands before it.
    pub has_length: bool,
    /// What follows.
    pub rest: &'a [u8],
}

impl<'a> EventHeader<'a> {
    /// The first header of these.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let name_end = 1 + usize::from(*bytes.first()?);
        let (before, rest) = bytes.split_at_checked(name_end + 1)?;
        let kind = *before.last()?;
        // Bytes, and text.
        let has_length = matches!(kind, 6 | 7);
        let (length, rest) = match kind {
            // True and false are types of their own.
            0 | 1 => (0, rest),
            2 => (1, rest),
            3 => (2, rest),
            4 => (4, rest),
            // A long, and a time.
            5 | 8 => (8, rest),
            _ if has_length => {
                let (length, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            // A UUID.
            9 => (16, rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        Some(Self { before, name: before.get(1..name_end)?, value, has_length, rest })
    }
}

/// The number that stands there; 0 where the bytes do not reach.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |number| u32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{holds, read, reads};
    use super::*;

    fn stream() -> EventStream {
        EventStream::new(1024)
    }

    fn text(name: &str, value: &str) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        typed(name, 7, &[&length, value.as_bytes()].concat())
    }

    fn typed(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
        [&[u8::try_from(name.len()).unwrap()], name.as_bytes(), &[kind], value].concat()
    }

    fn frame(headers: &[Vec<u8>], payload: &[u8]) -> Vec<u8> {
        let headers = headers.concat();
        let length = u32::try_from(16 + headers.len() + payload.len()).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend(u32::try_from(headers.len()).unwrap().to_be_bytes());
        frame.extend(crc32fast::hash(&frame).to_be_bytes());
        frame.extend(headers);
        frame.extend(payload);
        frame.extend(crc32fast::hash(&frame).to_be_bytes());
        frame
    }

    fn event(name: &str, payload: &str) -> Vec<u8> {
        frame(&[text(":event-type", name), text(":message-type", "event")], payload.as_bytes())
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let empty = b"\0\0\0\x10\0\0\0\0\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
        reads(stream, empty, &["16 |"]);
    }

    #[test]
    fn each_frame_is_an_event() {
        let first = event("messageStart", "{\"role\":\"é\"}");
        let second =
            frame(&[text(":content-type", "application/json"), text(":event-type", "x")], "👋".as_bytes());
        let bytes = [first.clone(), second].concat();
        assert_eq!(first.len(), 78);
        reads(stream, &bytes, &["78 messageStart|{\"role\":\"é\"}", "147 x|👋 type=application/json"]);
    }

    #[test]
    fn exceptions_and_errors_say_that_they_are() {
        let exception = frame(
            &[text(":message-type", "exception"), text(":exception-type", "throttling")],
            b"{\"message\":\"slow\"}",
        );
        reads(stream, &exception, &["89 throttling|{\"message\":\"slow\"} error"]);
        let error =
            [text(":message-type", "error"), text(":error-code", "500"), text(":error-message", "no")];
        reads(stream, &frame(&error, b""), &["76 500|no error"]);
    }

    #[test]
    fn headers_of_every_type_are_stepped_over() {
        let headers = [
            typed("0", 0, b""),
            typed("1", 1, b""),
            typed("2", 2, b"1"),
            typed("3", 3, b"12"),
            typed("4", 4, b"1234"),
            typed("5", 5, b"12345678"),
            typed("6", 6, b"\0\x031:2"),
            typed("8", 8, b"12345678"),
            typed("9", 9, b"0123456789abcdef"),
            text(":event-type", "x"),
        ];
        reads(stream, &frame(&headers, b"{}"), &["105 x|{}"]);
        let unknown = [text(":event-type", "x"), typed("a", 10, b"?"), text(":exception-type", "y")];
        let problem = "Malformed(\"an event's headers cannot be read to their end\")";
        reads(stream, &frame(&unknown, b"{}"), &[&format!("58 ! {problem}"), "58 x|{}"]);
    }

    #[test]
    fn a_wrong_checksum_costs_one_frame() {
        let (mut bad, good) = (event("a", "1"), event("b", "2"));
        let length = bad.len();
        *bad.last_mut().unwrap() ^= 1;
        let last = format!("{} b|2", length + good.len());
        let bytes = [bad.clone(), good.clone()].concat();
        reads(stream, &bytes, &[&format!("{length} ! Checksum {{ length: {length} }}"), &last]);
        bad[9] ^= 1;
        let bytes = [bad, good].concat();
        reads(stream, &bytes, &[&format!("12 ! Checksum {{ length: {length} }}"), &last]);
    }

    #[test]
    fn a_length_that_cannot_be_true_ends_the_reading() {
        for (length, headers) in [(15_u32, 0_u32), (u32::MAX, 0), (100, 85), (1 << 20, 1 << 19), (0, 0)] {
            let mut bytes = [length.to_be_bytes(), headers.to_be_bytes()].concat();
            bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
            bytes.extend(event("a", ""));
            reads(stream, &bytes, &[&format!("12 ! Lost {{ length: {length} }}")]);
        }
    }

    #[test]
    fn a_frame_above_the_limit_is_measured_and_left_out() {
        let bytes = [event("a", &"x".repeat(10)), event("b", "x")].concat();
        reads(|| EventStream::new(60), &bytes, &["64 ! TooLarge { length: 64 }", "119 b|x"]);
    }

    #[test]
    fn a_frame_without_its_end_cannot_be_read() {
        let bytes = event("a", "{}");
        reads(stream, &bytes[..40], &["40 ! Unterminated { length: 40 }"]);
        reads(stream, &bytes[..3], &["3 ! Unterminated { length: 3 }"]);
        reads(|| EventStream::new(20), &bytes[..40], &["40 ! Unterminated { length: 40 }"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_however_they_are_cut(
            frames in proptest::collection::vec((
                proptest::collection::vec(any::<u8>(), 0..30),
                proptest::collection::vec(any::<u8>(), 0..30),
                proptest::option::weighted(0.3, (any::<prop::sample::Index>(), 0..8)),
            ), 0..5),
            cuts in 1..40_usize,
        ) {
            let mut bytes = Vec::new();
            for (headers, payload, flip) in frames {
                let mut frame = frame(&[headers], &payload);
                if let Some((place, bit)) = flip {
                    *place.get_mut(&mut frame) ^= 1_u8 << bit;
                }
                bytes.extend(frame);
            }
            let pieces: Vec<_> = bytes.chunks(cuts).map(<[u8]>::to_vec).collect();
            holds(|| EventStream::new(50), &pieces, 50)?;
        }

        #[test]
        fn what_was_said_is_what_is_read(events in proptest::collection::vec(("[a-z]{1,9}", "\\PC{0,30}"), 0..5)) {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (name, payload) in events {
                bytes.extend(event(&name, &payload));
                expected.push(format!("{} {name}|{payload}", bytes.len()));
            }
            prop_assert_eq!(read(stream(), bytes.chunks(7)), expected);
        }
    }
}
