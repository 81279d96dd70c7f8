//! Answers as the text that they bring and the frames around it.
//!
//! An answer in one piece of JSON has its texts in long strings, and what is around them is like what is around others'.
//! An answer that was streamed comes in a hundred events, a few letters in each. Its letters one after the other are the
//! string that the next request has whole: so they are cut like that string, and of the events is left what they frame it
//! with, in which each is like the one before.

use super::cut::{Kind, cut};
use super::varint::{Reader, put, put_bytes};

/// Keys whose strings are parts of a text.
const DELTAS: [&[u8]; 7] = [
    b"\"text\":\"",
    b"\"content\":\"",
    b"\"delta\":\"",
    b"\"partial_json\":\"",
    b"\"thinking\":\"",
    b"\"reasoning_content\":\"",
    b"\"arguments\":\"",
];

/// A text shorter than this stays in its frames.
const SHORT: usize = 256;

/// A stream taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Weave {
    /// The frames, with where texts go.
    pub woven: Vec<u8>,
    /// The texts, one after the other, and where each ends.
    pub text: Vec<u8>,
    pub ends: Vec<usize>,
}

/// A part of a text: where it stands, and which key it is of.
struct Hole {
    begin: usize,
    end: usize,
    key: usize,
}

/// What is around texts is no frames of theirs if it is longer.
const LONG_FRAMES: usize = 16 << 10;

/// Takes an answer apart. `None` where it is none of that kind, or has no text that would be worth it.
pub fn weave(body: &[u8]) -> Option<Weave> {
    if body.starts_with(b"event:") || body.starts_with(b"data:") {
        return woven(body, &holes(body));
    }
    if !body.starts_with(b"{") {
        return None;
    }
    let mut holes: Vec<Hole> = Vec::new();
    let mut begin = 0;
    for leaf in cut(body) {
        match (leaf.kind, holes.last_mut()) {
            (Kind::Text, Some(last)) if last.end == begin => last.end = leaf.end,
            // No two of them go on from one another.
            (Kind::Text, _) => holes.push(Hole { begin, end: leaf.end, key: holes.len() }),
            _ => {}
        }
        begin = leaf.end;
    }
    let text: usize = holes.iter().map(|hole| hole.end - hole.begin).sum();
    if body.len() - text > LONG_FRAMES { None } else { woven(body, &holes) }
}

fn woven(body: &[u8], holes: &[Hole]) -> Option<Weave> {
    let (mut lengths, mut frames, mut text, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut before = 0;
    for run in holes.chunk_by(|one, next| goes_on(body, one, next)) {
        if run.iter().map(|hole| hole.end - hole.begin).sum::<usize>() < SHORT {
            continue;
        }
        for hole in run {
            frames.extend_from_slice(&body[before..hole.begin]);
            put(&mut lengths, (hole.begin - before) as u64);
            put(&mut lengths, (hole.end - hole.begin) as u64);
            text.extend_from_slice(&body[hole.begin..hole.end]);
            before = hole.end;
        }
        ends.push(text.len());
    }
    if ends.is_empty() {
        return None;
    }
    frames.extend_from_slice(&body[before..]);
    let mut woven = Vec::with_capacity(frames.len() + lengths.len() + 8);
    put_bytes(&mut woven, &lengths);
    woven.extend_from_slice(&frames);
    Some(Weave { woven, text, ends })
}

/// Whether a part goes on where another ended: of the same key, in the next event.
fn goes_on(body: &[u8], one: &Hole, next: &Hole) -> bool {
    one.key == next.key && memchr::memmem::find_iter(&body[one.end..next.begin], b"\n\n").count() == 1
}

fn holes(body: &[u8]) -> Vec<Hole> {
    let (mut holes, mut at) = (Vec::new(), 0);
    while let Some(quote) = memchr::memchr(b'"', &body[at..]) {
        let begin = at + quote;
        at = begin + 1;
        let first = body.get(at);
        // Most strings are told by their first letter.
        let is_delta = |delta: &&[u8]| delta.get(1) == first && body[begin..].starts_with(delta);
        let Some(key) = DELTAS.iter().position(is_delta) else { continue };
        let begin = begin + DELTAS[key].len();
        let Some(end) = end_of_string(body, begin) else { continue };
        at = end + 1;
        holes.push(Hole { begin, end, key });
    }
    holes
}

/// Where the string ends. A line's end in it means that the stream was cut there, or is none.
fn end_of_string(body: &[u8], begin: usize) -> Option<usize> {
    let mut at = begin;
    loop {
        at += memchr::memchr3(b'"', b'\\', b'\n', &body[at..])?;
        match body[at] {
            b'"' => return Some(at),
            b'\\' => at = (at + 2).min(body.len()),
            _ => return None,
        }
    }
}

/// The body again.
pub fn unweave(woven: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(woven);
    let mut lengths = Reader(reader.bytes()?);
    let (mut frames, mut text) = (reader, Reader(text));
    let mut body = Vec::with_capacity(woven.len() + text.0.len());
    while !lengths.is_at_end() {
        body.extend_from_slice(frames.take(usize::try_from(lengths.number()?).ok()?)?);
        body.extend_from_slice(text.take(usize::try_from(lengths.number()?).ok()?)?);
    }
    body.extend_from_slice(frames.0);
    text.is_at_end().then_some(body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_text_of_a_stream_is_whole() {
        let event =
            |key: &str, text: &str| format!("event: delta\ndata: {{\"delta\":{{\"{key}\":\"{text}\"}}}}\n\n");
        let parts = |key: &str, part: &str| (0..60).map(|_| event(key, part)).collect::<String>();
        let stop = "event: stop\ndata: {}\n\n";
        let body = [
            parts("thinking", "hm\\n... "),
            parts("text", "say \\\"it\\\" "),
            stop.to_owned(),
            parts("text", "and more "),
            event("partial_json", "{}"),
        ];
        let body = body.concat();
        let Weave { woven, text, ends } = weave(body.as_bytes()).unwrap();
        let texts = ["hm\\n... ".repeat(60), "say \\\"it\\\" ".repeat(60), "and more ".repeat(60)];
        assert_eq!(text, texts.concat().as_bytes());
        assert_eq!(ends, [texts[0].len(), texts[0].len() + texts[1].len(), text.len()]);
        assert_eq!(unweave(&woven, &text).unwrap(), body.as_bytes());
        for cut in 0..200 {
            let cut = &body.as_bytes()[..body.len() - cut];
            let Weave { woven, text, ends: _ } = weave(cut).unwrap();
            assert_eq!(unweave(&woven, &text).unwrap(), cut);
        }
        assert_eq!(weave(b"{\"text\":\"x\"}"), None);
    }

    #[test]
    fn each_text_of_an_answer_is_whole() {
        let texts = ["say \\\"it\\\" ".repeat(60), "and more ".repeat(60), "large ".repeat(9000)];
        let [one, two, three] = &texts;
        let body = format!(r#"{{"id":"x","a":"{one}","b":["{two}","short"],"c":"{three}"}}"#);
        let Weave { woven, text, ends } = weave(body.as_bytes()).unwrap();
        assert_eq!(text, texts.concat().as_bytes());
        assert_eq!(ends, [one.len(), one.len() + two.len(), text.len()]);
        assert!(woven.len() < 60);
        assert_eq!(unweave(&woven, &text).unwrap(), body.as_bytes());
        let many = format!(r#"{{"a":"{one}","b":[{}1]}}"#, "\"short\",".repeat(3000));
        assert_eq!(weave(many.as_bytes()), None);
    }

    proptest! {
        #[test]
        fn a_stream_comes_back(parts in prop::collection::vec(
            prop_oneof![
                Just("\"text\":\"".to_owned()), Just("\"content\":\"".to_owned()), Just("\"".to_owned()),
                Just("\\".to_owned()), "[a-z\"\\\\\n ]{0,9}", Just("long ".repeat(60)), Just("\n\n".to_owned()),
            ],
            0..60,
        )) {
            let body = format!("data: {}", parts.concat());
            if let Some(Weave { woven, text, ends: _ }) = weave(body.as_bytes()) {
                prop_assert_eq!(unweave(&woven, &text).unwrap(), body.as_bytes());
            }
        }

        #[test]
        fn damaged_bytes_are_no_panic(woven: Vec<u8>, text: Vec<u8>) {
            let _ = unweave(&woven, &text);
        }
    }
}
