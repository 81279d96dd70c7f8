//! Frames as clients and servers make them, and as they should not.

use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

use super::super::testing::{holds, read, reads};
use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const LAST: u8 = 0x80;
const RSV1: u8 = 0x40;

fn plain() -> Websocket {
    Websocket::new(100, None)
}

fn deflating(takeover: bool) -> Websocket {
    Websocket::new(100, Some(PerMessageDeflate { takeover, window_bits: 15 }))
}

fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ ..126 => frame.push(masked | u8::try_from(length).unwrap()),
        length => {
            frame.push(masked | 126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask.map_or(0, |mask| mask[at % 4])));
    frame
}

fn deflate(compress: &mut Compress, text: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        // Nothing to flush: an empty message is an empty block.
        return vec![0];
    }
    let mut bytes = Vec::with_capacity(text.len() + 100);
    compress.compress_vec(text, &mut bytes, FlushCompress::Sync).unwrap();
    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
    bytes.truncate(bytes.len() - 4);
    bytes
}

#[test]
fn the_examples_of_the_specification_are_read() {
    reads(plain, b"\x81\x05Hello", &["7 |Hello"]);
    reads(plain, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &["11 |Hello"]);
    reads(plain, b"\x01\x03Hel\x80\x02lo", &["9 |Hello"]);
    reads(
        plain,
        b"\x89\x05Hello\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
        &["7 ping Hello", "18 pong Hello"],
    );
    reads(
        || Websocket::new(70_000, None),
        &frame(0x82, None, &[b'x'; 256]),
        &[&format!("260 |{} binary", "x".repeat(256))],
    );
}

#[test]
fn the_examples_of_compression_are_read() {
    let takeover = || deflating(true);
    let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    reads(takeover, hello, &["9 |Hello"]);
    reads(takeover, b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", &["11 |Hello"]);
    // The second message refers back to the first.
    let again = [&hello[..], b"\xc1\x05\xf2\x00\x11\x00\x00"].concat();
    reads(takeover, &again, &["9 |Hello", "16 |Hello"]);
    // Not compressed at all, in a block that ends the deflate stream, and in two blocks.
    reads(takeover, b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", &["13 |Hello"]);
    let ended = [&b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"[..], hello].concat();
    reads(takeover, &ended, &["10 |Hello", "19 |Hello"]);
    reads(takeover, b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", &["15 |Hello"]);
    // An empty message, and one that is not compressed between two that are.
    reads(takeover, b"\xc1\x01\x00\x81\x01a", &["3 |", "6 |a"]);
}

#[test]
fn a_ping_may_come_within_a_message() {
    let bytes = [
        frame(1, Some(MASK), "Gr".as_bytes()),
        frame(LAST | 9, Some(MASK), b"?"),
        frame(0, Some(MASK), b"\xc3"),
        frame(LAST | 10, Some(MASK), b""),
        frame(LAST, Some(MASK), b"\xbc\xc3\x9fe"),
    ];
    reads(plain, &bytes.concat(), &["15 ping ?", "28 pong ", "38 |Grüße"]);
}

#[test]
fn a_close_says_why() {
    reads(plain, &frame(LAST | 8, None, b"\x03\xe8bye"), &["7 close Some(1000) bye"]);
    reads(plain, b"\x88\x00\x88\x01x", &["2 close None ", "5 close None x"]);
}

#[test]
fn what_breaks_the_rules_is_reported_and_left_out() {
    let good = frame(LAST | 1, None, b"a");
    let after = |bytes: &[u8]| [bytes, &good].concat();
    let reason = |at: usize, why: &str| format!("{at} ! Malformed(\"{why}, and was left out\")");
    let orphan = reason(2, "a WebSocket frame continues a message that is not there");
    reads(plain, &after(b"\x80\x01x"), &[&orphan, "6 |a"]);
    let bits = reason(2, "a WebSocket frame uses bits that were not agreed on");
    reads(plain, &after(b"\xc1\x01x"), &[&bits, "6 |a"]);
    reads(|| deflating(true), &after(b"\xa1\x01x"), &[&bits, "6 |a"]);
    let control = reason(2, "a WebSocket control frame is too long or in pieces");
    reads(plain, &after(b"\x09\x01x"), &[&control, "6 |a"]);
    let unknown = reason(2, "a WebSocket frame is of an unknown kind");
    reads(plain, &after(b"\x83\x01x"), &[&unknown, "6 |a"]);
    // A message that lost a frame is left out: what continues it has nothing to continue.
    let bits = reason(5, "a WebSocket frame uses bits that were not agreed on");
    let orphan = reason(8, "a WebSocket frame continues a message that is not there");
    reads(plain, &after(b"\x01\x01x\x20\x01y\x80\x01z"), &[&bits, &orphan, "12 |a"]);
    // A message within a message ends it.
    reads(plain, &after(b"\x01\x01x"), &["5 |x unterminated", "6 |a"]);
}

#[test]
fn a_length_that_cannot_be_true_ends_the_reading() {
    let bytes = b"\x81\x7f\x80\0\0\0\0\0\0\0\x81\x01a";
    reads(plain, bytes, &["10 ! Lost { length: 9223372036854775808 }"]);
}

#[test]
fn what_does_not_inflate_is_reported() {
    let bytes = b"\xc1\x02\xff\xff\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x81\x01a";
    let broken = "Malformed(\"a WebSocket message does not inflate\")";
    let first = format!("4 ! {broken}");
    reads(|| deflating(true), bytes, &[&first, &format!("13 ! {broken}"), "16 |a"]);
    reads(|| deflating(false), bytes, &[&first, "13 |Hello", "16 |a"]);
}

#[test]
fn a_message_above_the_limit_is_measured_and_left_out() {
    let bytes = [frame(2, None, &[0; 60]), frame(LAST, None, &[0; 41]), frame(LAST | 1, None, b"a")].concat();
    reads(plain, &bytes, &["105 ! TooLarge { length: 101 }", "108 |a"]);
    // One too large when inflated still is what later ones refer back to.
    let mut compress = Compress::new(Compression::default(), false);
    let text = b"0123456789abcdef".repeat(70);
    let mut bytes = frame(LAST | RSV1 | 1, Some(MASK), &deflate(&mut compress, &text));
    let large = format!("{} ! TooLarge {{ length: 1120 }}", bytes.len());
    bytes.extend(frame(LAST | RSV1 | 1, Some(MASK), &deflate(&mut compress, &text[..20])));
    let small = format!("{} |0123456789abcdef0123", bytes.len());
    reads(|| deflating(true), &bytes, &[&large, &small]);
}

#[test]
fn what_is_cut_off_is_handed_out_and_marked() {
    reads(plain, b"\x81\x05Hel", &["5 |Hel unterminated"]);
    reads(plain, b"\x01\x03Hel", &["5 |Hel unterminated"]);
    reads(plain, b"\x01\x03Hel\x80", &["6 |Hel unterminated"]);
    reads(plain, b"\x89\x03H", &["3 ! Unterminated { length: 1 }"]);
    reads(plain, b"\x81\x7e\0", &["3 ! Unterminated { length: 3 }"]);
    reads(|| deflating(true), b"\xc1\x07\xf2\x48\xcd\xc9", &["6 |Hel unterminated"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        frames in proptest::collection::vec(
            (any::<u8>(), proptest::option::of(any::<[u8; 4]>()), proptest::collection::vec(any::<u8>(), 0..40)), 0..8),
        tail in proptest::collection::vec(any::<u8>(), 0..20),
        takeover in proptest::option::of(any::<bool>()),
        cuts in 1..50_usize,
    ) {
        let mut bytes: Vec<u8> =
            frames.iter().flat_map(|(first, mask, payload)| frame(first & 0xcf, *mask, payload)).collect();
        bytes.extend(tail);
        let pieces: Vec<_> = bytes.chunks(cuts).map(<[u8]>::to_vec).collect();
        let deflate = takeover.map(|takeover| PerMessageDeflate { takeover, window_bits: 15 });
        holds(|| Websocket::new(60, deflate), &pieces, 60)?;
    }

    #[test]
    fn what_was_said_is_what_is_read(
        messages in proptest::collection::vec(("\\PC{0,300}", any::<bool>(), 1..60_usize), 0..6),
        mask in proptest::option::of(any::<[u8; 4]>()),
        takeover in any::<bool>(),
    ) {
        let mut compress = Compress::new(Compression::fast(), false);
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (text, compressed, size) in messages {
            let payload = if compressed { deflate(&mut compress, text.as_bytes()) } else { text.clone().into_bytes() };
            if compressed && !takeover {
                compress.reset();
            }
            let mut first = if compressed { RSV1 | 1 } else { 1 };
            for piece in payload.chunks(size) {
                bytes.extend(frame(first, mask, piece));
                first = 0;
            }
            bytes.extend(frame(LAST | first, mask, b""));
            expected.push(format!("{} |{text}", bytes.len()));
        }
        let make = || Websocket::new(1 << 16, Some(PerMessageDeflate { takeover, window_bits: 15 }));
        prop_assert_eq!(read(make(), [bytes.as_slice()]), expected.clone());
        prop_assert_eq!(read(make(), bytes.chunks(11)), expected);
    }
}
