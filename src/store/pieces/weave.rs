//! Streams of events as the text that they bring and the frames around it.
//!
//! An answer that was streamed comes in a hundred events, a few letters in each. Its letters one after the other are the
//! string that the next request has whole: so they are cut like that string, and of the events is left what they frame it
//! with, in which each is like the one before.

use super::varint::{Reader, put, put_bytes};

/// Keys whose strings are parts of a text.
const DELTAS: [&[u8]; 4] = [b"\"text\":\"", b"\"content\":\"", b"\"delta\":\"", b"\"partial_json\":\""];

/// With fewer holes than this it is not worth it.
const FEW: usize = 4;

/// Frames with holes, and what was in these. `None` where it is no stream of that kind.
pub fn weave(body: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if !body.starts_with(b"event:") && !body.starts_with(b"data:") {
        return None;
    }
    let (mut lengths, mut frames, mut text) = (Vec::new(), Vec::new(), Vec::new());
    let (mut holes, mut at, mut before) = (0_usize, 0, 0);
    while let Some(quote) = memchr::memchr(b'"', &body[at..]) {
        let key = at + quote;
        let Some(delta) = DELTAS.iter().find(|delta| body[key..].starts_with(delta)) else {
            at = key + 1;
            continue;
        };
        let begin = key + delta.len();
        let end = end_of_string(body, begin)?;
        frames.extend_from_slice(&body[before..begin]);
        put(&mut lengths, (begin - before) as u64);
        put(&mut lengths, (end - begin) as u64);
        text.extend_from_slice(&body[begin..end]);
        (holes, at, before) = (holes + 1, end + 1, end);
    }
    frames.extend_from_slice(&body[before..]);
    if holes < FEW {
        return None;
    }
    let mut woven = Vec::with_capacity(frames.len() + lengths.len() + 8);
    put_bytes(&mut woven, &lengths);
    woven.extend_from_slice(&frames);
    Some((woven, text))
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
    fn the_text_of_a_stream_is_whole() {
        let event = |text: &str| format!("event: delta\ndata: {{\"delta\":{{\"text\":\"{text}\"}}}}\n\n");
        let body = ["one ", "two\\n", "\\\"three\\\"", "", "."].map(event).concat();
        let (woven, text) = weave(body.as_bytes()).unwrap();
        assert_eq!(text, b"one two\\n\\\"three\\\".");
        assert_eq!(unweave(&woven, &text).unwrap(), body.as_bytes());
        assert_eq!(weave(&body.as_bytes()[..body.len() - 8]), None);
        assert_eq!(weave(b"{\"text\":\"x\"}"), None);
    }

    proptest! {
        #[test]
        fn a_stream_comes_back(parts in prop::collection::vec(
            prop_oneof![
                Just("\"text\":\"".to_owned()), Just("\"content\":\"".to_owned()), Just("\"".to_owned()),
                Just("\\".to_owned()), "[a-z\"\\\\\n ]{0,9}",
            ],
            0..60,
        )) {
            let body = format!("data: {}", parts.concat());
            if let Some((woven, text)) = weave(body.as_bytes()) {
                prop_assert_eq!(unweave(&woven, &text).unwrap(), body.as_bytes());
            }
        }

        #[test]
        fn damaged_bytes_are_no_panic(woven: Vec<u8>, text: Vec<u8>) {
            let _ = unweave(&woven, &text);
        }
    }
}
