//! Bodies that are lines, or pairs: server-sent events, a JSON text a line, and forms.

use std::ops::Range;

use memchr::{memchr, memchr2};

use super::coding::Coding;
use super::edit::Edit;
use super::find::{Finder, Match};
use super::stream::Stream;

/// Server-sent events, cut as readers cut them. What is no data is looked at line by line.
pub(super) fn sse(mut stream: Stream<'_>, bytes: &[u8]) -> Vec<Edit> {
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut event = Event::default();
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let line = at..at + length;
        at = line.end + if rest.get(length..).is_some_and(|end| end.starts_with(b"\r\n")) { 2 } else { 1 };
        if length == 0 {
            event.end(&mut stream, bytes);
            continue;
        }
        let colon = memchr(b':', rest.get(..length).unwrap_or_default()).unwrap_or(length);
        let value = line.start + (colon + 1).min(length)..line.end;
        let space = usize::from(bytes.get(value.clone()).is_some_and(|value| value.starts_with(b" ")));
        let value = value.start + space..value.end;
        match rest.get(..colon) {
            Some(b"data" | b"error") => event.data.push(value),
            Some(b"event") => {
                event.name = value;
                stream.apart(line);
            }
            _ => stream.apart(line),
        }
    }
    event.end(&mut stream, bytes);
    stream.finish()
}

/// What has come of an event.
#[derive(Default)]
struct Event {
    name: Range<usize>,
    data: Vec<Range<usize>>,
}

impl Event {
    fn end(&mut self, stream: &mut Stream<'_>, bytes: &[u8]) {
        let name = bytes.get(self.name.clone()).unwrap_or_default();
        for range in self.data.drain(..) {
            stream.part(name, range);
        }
        stream.event_ended();
        self.name = 0..0;
    }
}

/// A JSON text a line.
pub(super) fn ndjson(mut stream: Stream<'_>, bytes: &[u8]) -> Vec<Edit> {
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        stream.part(b"", at..at + length);
        stream.event_ended();
        at += length + 1;
    }
    stream.finish()
}

/// `name=value&name=value`, as forms and queries have it. What is called by the name of a
/// credential goes whole.
pub(super) fn pairs(finder: &Finder, bytes: &[u8]) -> Vec<Match> {
    let mut found = Vec::new();
    let mut at = 0;
    for pair in bytes.split(|byte| *byte == b'&') {
        let equals = memchr(b'=', pair).map_or(0, |equals| equals + 1);
        let (name, value) = pair.split_at(equals);
        let name = name.strip_suffix(b"=").unwrap_or(name);
        found.extend(finder.written(Coding::Percent, name).into_iter().map(|one| one.at(at)));
        match finder.parameter(name, value) {
            Some(secret) => found.push(secret.at(at + equals)),
            None => found
                .extend(finder.written(Coding::Percent, value).into_iter().map(|one| one.at(at + equals))),
        }
        at += pair.len() + 1;
    }
    found
}

pub(super) fn form(finder: &Finder, bytes: &[u8]) -> Vec<Edit> {
    pairs(finder, bytes).into_iter().map(Edit::from).collect()
}
