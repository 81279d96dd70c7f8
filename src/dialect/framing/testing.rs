//! What the tests of all framings share: a stream cut at every pair of byte positions reads like the whole.

use proptest::prelude::*;

use super::{Content, Frame, Framing};

/// A frame as a line of text: where it ended, and what it is.
pub fn show(frame: &Frame<'_>) -> String {
    let content = match &frame.content {
        Content::Event(event) => {
            let mut text = format!(
                "{}|{}",
                event.name.escape_ascii(),
                String::from_utf8(event.data.to_vec())
                    .unwrap_or_else(|_| event.data.escape_ascii().to_string())
            );
            if let Some(id) = event.id {
                text += &format!(" id={}", id.escape_ascii());
            }
            if !event.content_type.is_empty() {
                text += &format!(" type={}", event.content_type.escape_ascii());
            }
            for (is, mark) in
                [(event.error, " error"), (event.binary, " binary"), (event.unterminated, " unterminated")]
            {
                if is {
                    text += mark;
                }
            }
            text
        }
        Content::Ping(data) => format!("ping {}", data.escape_ascii()),
        Content::Pong(data) => format!("pong {}", data.escape_ascii()),
        Content::Close { code, reason } => format!("close {code:?} {}", reason.escape_ascii()),
        Content::Problem(problem) => format!("! {problem:?}"),
    };
    format!("{} {content}", frame.end)
}

/// All that a framing makes of these pieces.
pub fn read<'p>(mut framing: impl Framing, pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<String> {
    let mut seen = Vec::new();
    for piece in pieces {
        framing.push(piece, &mut |frame| seen.push(show(&frame)));
    }
    framing.finish(&mut |frame| seen.push(show(&frame)));
    assert_eq!(framing.buffered(), 0, "nothing is kept when it is finished");
    seen
}

/// Reads the stream whole, byte by byte, with empty pushes, and cut at every pair of positions: it always says this.
#[track_caller]
pub fn reads<F: Framing>(make: impl Fn() -> F, stream: &[u8], expected: &[&str]) {
    assert_eq!(read(make(), [stream]), expected, "whole");
    assert_eq!(read(make(), stream.chunks(1)), expected, "byte by byte");
    assert_eq!(read(make(), stream.chunks(1).flat_map(|byte| [byte, &[]])), expected, "with empty pushes");
    // Cutting a long one at every pair would take minutes: there the second cut comes shortly after the first.
    let reach = if stream.len() <= 200 { stream.len() } else { 3 };
    for first in 0..=stream.len() {
        for second in first..=stream.len().min(first + reach) {
            let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(read(make(), pieces), expected, "cut at {first} and {second}");
        }
    }
}

/// Bytes in which what the framing looks for is frequent, in pieces.
pub fn pieces(likely: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let token = prop_oneof![
        4 => proptest::sample::select(likely).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    let piece = proptest::collection::vec(token, 0..6).prop_map(|tokens| tokens.concat());
    proptest::collection::vec(piece, 0..12)
}

/// However the bytes are cut the framing says the same, and it never keeps more than `limit` and a frame's head.
pub fn holds<F: Framing>(
    make: impl Fn() -> F,
    pieces: &[Vec<u8>],
    limit: usize,
) -> Result<(), TestCaseError> {
    let whole = pieces.concat();
    let expected = read(make(), [whole.as_slice()]);
    prop_assert_eq!(read(make(), pieces.iter().map(Vec::as_slice)), expected.clone());
    prop_assert_eq!(read(make(), whole.chunks(1)), expected);
    let mut framing = make();
    let mut last = 0;
    for piece in pieces {
        framing.push(piece, &mut |frame| {
            assert!(frame.end >= last, "frames end in the order they come");
            last = frame.end;
        });
        prop_assert!(framing.buffered() <= limit + 14, "{} bytes are kept", framing.buffered());
    }
    Ok(())
}
