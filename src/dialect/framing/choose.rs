//! Which framing a body has: by its content type, and by how it begins where the type does not tell or does not hold.
//!
//! A JSON body may begin with white space that keeps the connection alive, for minutes: it is stepped over, not kept.

use super::held::{Bom, is_white};
use super::{EventStream, Framing, JsonArray, Ndjson, Out, Sse};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sse,
    Ndjson,
    /// A JSON text, or an array of which each element comes when it is ready.
    Json,
    EventStream,
    /// Nothing that is cut into events here.
    Opaque,
}

/// How much white space is looked behind where a body begins with a bracket.
const MOST_WHITE: usize = 7;

/// Types whose bodies may begin with any byte.
const MEDIA: [&[u8]; 4] = [b"audio/", b"image/", b"video/", b"multipart/"];

impl Kind {
    /// What the content type says; `None` where it says nothing.
    pub fn of(content_type: Option<&[u8]>) -> Option<Self> {
        let essence = content_type?.split(|byte| *byte == b';').next()?.trim_ascii().to_ascii_lowercase();
        match essence.as_slice() {
            b"text/event-stream" => Some(Self::Sse),
            b"application/vnd.amazon.eventstream" => Some(Self::EventStream),
            b"application/x-ndjson"
            | b"application/ndjson"
            | b"application/jsonl"
            | b"application/x-jsonl"
            | b"application/jsonlines"
            | b"application/x-jsonlines"
            | b"application/stream+json" => Some(Self::Ndjson),
            b"application/json" | b"text/json" => Some(Self::Json),
            other if other.ends_with(b"+json") => Some(Self::Json),
            other if MEDIA.iter().any(|media| other.starts_with(media)) => Some(Self::Opaque),
            // Servers call anything by any other name, JSON by that of HTML too.
            _ => None,
        }
    }

    /// What a body is that is said to be of this kind, or of none, and begins like this behind its white space. `None`
    /// while that cannot be told.
    fn settled(said: Option<Self>, start: &[u8]) -> Option<Self> {
        if let Some(Self::EventStream | Self::Opaque) = said {
            return said;
        }
        let &first = start.first()?;
        let fields = [&b":"[..], b"data:", b"event:", b"id:", b"retry:", b"error:"];
        if fields.iter().any(|field| start.starts_with(field)) {
            return Some(Self::Sse);
        }
        if fields.iter().any(|field| field.starts_with(start)) {
            return None;
        }
        match (said, first) {
            // An error comes as JSON whatever was asked for, and no event begins like this.
            (Some(Self::Sse), b'{' | b'[') => Some(Self::Json),
            (Some(Self::Sse | Self::Ndjson), _) => said,
            (None, b'[') => Self::of_bracket(start),
            (_, b'{' | b'[') => Some(Self::Json),
            (Some(Self::Json), b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => said,
            _ => Some(Self::Opaque),
        }
    }

    /// What nobody says is JSON may be a text that was heard: `[Music] …`.
    fn of_bracket(start: &[u8]) -> Option<Self> {
        match start.iter().skip(1).find(|byte| !is_white(**byte)) {
            Some(b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9') => Some(Self::Json),
            Some(_) => Some(Self::Opaque),
            None => (start.len() > MOST_WHITE).then_some(Self::Json),
        }
    }
}

/// Finds out which framing a body has, and reads it by that.
pub struct Auto {
    said: Option<Kind>,
    limit: usize,
    bom: Bom,
    state: State,
    /// Bytes seen before the framing was known.
    at: u64,
}

enum State {
    /// How the body begins behind its white space, as far as it came: at most as long as the longest field name, or
    /// as the white space that is looked behind.
    Start(Vec<u8>),
    Known(Kind, Option<Box<dyn Framing + Send>>),
}

impl Auto {
    /// `limit` bounds a frame.
    pub fn new(content_type: Option<&[u8]>, limit: usize) -> Self {
        let said = Kind::of(content_type);
        let mut auto = Self { said, limit, bom: Bom::default(), state: State::Start(Vec::new()), at: 0 };
        if let Some(kind) = Kind::settled(said, b"") {
            auto.settle(kind, 0);
        }
        auto
    }

    /// Which framing it is, once that is known.
    pub fn kind(&self) -> Option<Kind> {
        match &self.state {
            State::Start(_) => None,
            State::Known(kind, _) => Some(*kind),
        }
    }

    fn settle(&mut self, kind: Kind, at: u64) {
        let framing: Option<Box<dyn Framing + Send>> = match kind {
            Kind::Sse => Some(Box::new(Sse::at(self.limit, at))),
            Kind::Ndjson => Some(Box::new(Ndjson::at(self.limit, at))),
            Kind::Json => Some(Box::new(JsonArray::at(self.limit, at))),
            Kind::EventStream => Some(Box::new(EventStream::at(self.limit, at))),
            Kind::Opaque => None,
        };
        self.state = State::Known(kind, framing);
    }

    /// Reads the start, a byte at a time. Says how many of these bytes it took.
    fn sniff(&mut self, bytes: &[u8], out: &mut Out<'_>) -> usize {
        for (at, &byte) in bytes.iter().enumerate() {
            let State::Start(start) = &mut self.state else { return at };
            self.at += 1;
            if start.is_empty() && is_white(byte) {
                continue;
            }
            start.push(byte);
            if let Some(kind) = Kind::settled(self.said, start) {
                self.known(kind, out);
            }
        }
        bytes.len()
    }

    /// The framing is known: it gets what was kept of the start.
    fn known(&mut self, kind: Kind, out: &mut Out<'_>) {
        let State::Start(start) = &mut self.state else { return };
        let start = std::mem::take(start);
        self.settle(kind, self.at - start.len() as u64);
        self.pass(&start, out);
    }

    /// To the framing, where there is one.
    fn pass(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        if let State::Known(_, Some(framing)) = &mut self.state {
            framing.push(bytes, out);
        }
    }
}

impl Framing for Auto {
    fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let mut rest = bytes;
        if let State::Start(_) = self.state {
            let (stripped, first) = self.bom.strip(bytes);
            self.at += stripped as u64;
            self.at -= first.len() as u64;
            let sniffed = self.sniff(first, out);
            // The framing may be known before all that was taken for a mark is told.
            self.pass(first.get(sniffed..).unwrap_or_default(), out);
            rest = bytes.get(stripped..).unwrap_or_default();
            let sniffed = self.sniff(rest, out);
            rest = rest.get(sniffed..).unwrap_or_default();
        }
        self.pass(rest, out);
    }

    fn finish(&mut self, out: &mut Out<'_>) {
        if let State::Start(start) = &self.state {
            // Too short to tell: what it is said to be, or else nothing.
            let kind = self.said.filter(|_| !start.is_empty()).unwrap_or(Kind::Opaque);
            self.known(kind, out);
        }
        if let State::Known(_, Some(framing)) = &mut self.state {
            framing.finish(out);
        }
    }

    fn buffered(&self) -> usize {
        match &self.state {
            State::Start(start) => start.len(),
            State::Known(_, framing) => framing.as_ref().map_or(0, |framing| framing.buffered()),
        }
    }

    fn comments(&self) -> u64 {
        match &self.state {
            State::Known(_, Some(framing)) => framing.comments(),
            State::Start(_) | State::Known(_, None) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{holds, pieces, reads};
    use super::*;

    fn auto(content_type: &str) -> impl Fn() -> Auto {
        move || Auto::new(Some(content_type.as_bytes()), 64)
    }

    fn kind(content_type: Option<&str>, body: &[u8]) -> Option<Kind> {
        let mut auto = Auto::new(content_type.map(str::as_bytes), 64);
        auto.push(body, &mut |_| {});
        auto.kind()
    }

    #[test]
    fn the_content_type_tells() {
        for (content_type, body, expected) in [
            ("Text/Event-Stream; charset=utf-8", "data: {}", Some(Kind::Sse)),
            ("text/event-stream", ": hi", Some(Kind::Sse)),
            ("text/event-stream", "x: y", Some(Kind::Sse)),
            ("text/event-stream", "", None),
            ("application/x-ndjson", "{}", Some(Kind::Ndjson)),
            ("application/stream+json", "[", Some(Kind::Ndjson)),
            ("application/json", "[", Some(Kind::Json)),
            ("application/problem+json", " {", Some(Kind::Json)),
            ("application/json", "null", Some(Kind::Json)),
            ("application/vnd.amazon.eventstream", "", Some(Kind::EventStream)),
            ("audio/mpeg", "", Some(Kind::Opaque)),
            ("text/html", "<", Some(Kind::Opaque)),
        ] {
            assert_eq!(kind(Some(content_type), body.as_bytes()), expected, "{content_type}: {body}");
        }
    }

    #[test]
    fn the_body_tells_where_the_type_does_not() {
        for (content_type, body, expected) in [
            (None, "\n\n{", Some(Kind::Json)),
            (Some("text/plain"), "data:", Some(Kind::Sse)),
            (None, "dat", None),
            (None, "date", Some(Kind::Opaque)),
            (Some("application/json"), "\r\nevent: x", Some(Kind::Sse)),
            (Some("application/json"), "<html>", Some(Kind::Opaque)),
            (Some("text/event-stream"), "{\"error\"", Some(Kind::Json)),
            (Some("application/x-ndjson"), "data: {}", Some(Kind::Sse)),
            (None, "\u{feff}{", Some(Kind::Json)),
            (None, "[", None),
            (None, "[ \n", None),
            (None, "[        ", Some(Kind::Json)),
            (None, "[ {", Some(Kind::Json)),
            (None, "[0.5", Some(Kind::Json)),
            (Some("text/plain"), "[Music]", Some(Kind::Opaque)),
            (Some("application/json"), "[M", Some(Kind::Json)),
            (None, "Bad gateway", Some(Kind::Opaque)),
        ] {
            assert_eq!(kind(content_type, body.as_bytes()), expected, "{content_type:?}: {body}");
        }
    }

    #[test]
    fn white_space_before_the_body_is_stepped_over_and_not_kept() {
        reads(auto("application/json"), "\n         \n\n {\"a\":\"ü\"}\n".as_bytes(), &["23 |{\"a\":\"ü\"}"]);
        let mut framing = auto("application/json")();
        for _ in 0..10_000 {
            framing.push(b"\n         ", &mut |_| {});
        }
        assert_eq!((framing.buffered(), framing.kind()), (0, None));
    }

    #[test]
    fn a_body_is_read_from_its_first_byte_on() {
        reads(auto("text/event-stream"), b"\r\ndata: a\r\n\r\nevent: b\ndata: c\n\n", &["12 |a", "31 b|c"]);
        reads(auto("text/event-stream"), b"{\"error\":\n{}}", &["13 |{\"error\":\n{}}"]);
        reads(auto("text/plain"), b"\xef\xbb\xbfretry: 1\ndata: a\n\n", &["21 |a"]);
        reads(auto("application/x-ndjson"), b"\n{}\n[]", &["4 |{}", "6 |[] unterminated"]);
        reads(auto("application/x-ndjson"), b"e", &["1 |e unterminated"]);
        reads(auto("application/x-ndjson"), b"\xef\xbb\n{}\n", &["3 |\\xef\\xbb", "6 |{}"]);
        reads(auto("audio/mpeg"), b"data: a\n\n", &[]);
        reads(auto("text/plain"), b"dat", &[]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_however_they_are_cut(
            pieces in pieces(&[
                b"data:", b"da", b":", b"{", b"}", b"[", b"\n", b"\r\n", b" ", b"\xef\xbb\xbf", b"\xc3\xbc", b"true",
            ]),
            said in proptest::sample::select(&["", "text/event-stream", "application/json", "application/jsonl"][..]),
        ) {
            holds(|| Auto::new(Some(said.as_bytes()), 12), &pieces, 12)?;
        }
    }
}
