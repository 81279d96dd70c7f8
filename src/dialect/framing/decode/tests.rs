//! Streams as providers compress them: flushed with each event, cut anywhere, broken off, corrupt, too good to be true.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const EVENTS: [&str; 3] =
    ["data: {\"text\":\"Grüße 👋\"}\n\n", "data: {\"text\":\"Grüße aus Köln\"}\n\n", "data: [DONE]\n\n"];
const WIDE: Bounds = Bounds { size: 1 << 30, ratio: 1 << 20 };

/// Decodes these pieces, and says what came of them.
fn decode<'p>(
    coding: &str,
    bounds: Bounds,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (Vec<u8>, Result<(), Fault>) {
    let mut decoder = Decoder::new(coding.as_bytes(), bounds).unwrap();
    let mut decoded = Vec::new();
    for piece in pieces {
        let _ = decoder.push(piece, &mut |bytes| decoded.extend_from_slice(bytes));
    }
    (decoded, decoder.finish())
}

/// An encoder, and the text that comes out of it flushed with each event.
fn flushed<W: Write>(mut encoder: W, seen: impl Fn(&W) -> usize) -> (W, Vec<usize>) {
    let mut ends = Vec::new();
    for event in EVENTS {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        ends.push(seen(&encoder));
    }
    (encoder, ends)
}

/// The events under each coding, and where in the bytes each event has been flushed.
fn samples() -> Vec<(&'static str, Vec<u8>, Vec<usize>)> {
    let level = Compression::default();
    let (gzip, gzip_ends) = flushed(GzEncoder::new(Vec::new(), level), |encoder| encoder.get_ref().len());
    let (zlib, zlib_ends) = flushed(ZlibEncoder::new(Vec::new(), level), |encoder| encoder.get_ref().len());
    let (bare, bare_ends) =
        flushed(DeflateEncoder::new(Vec::new(), level), |encoder| encoder.get_ref().len());
    let zstd = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    let (zstd, zstd_ends) = flushed(zstd, |encoder| encoder.get_ref().len());
    let (brotli, brotli_ends) = brotli();
    vec![
        ("gzip", gzip.finish().unwrap(), gzip_ends),
        ("deflate", zlib.finish().unwrap(), zlib_ends),
        ("deflate", bare.finish().unwrap(), bare_ends),
        ("zstd", zstd.finish().unwrap(), zstd_ends),
        ("br", brotli, brotli_ends),
    ]
}

/// The events as node's zlib compresses and flushes them.
fn brotli() -> (Vec<u8>, Vec<usize>) {
    let parts = [
        "0b0f80646174613a207b2274657874223a224772c3bcc39f6520f09f918b227d0a0a",
        "1801004074727ea1efa617ca5bd2c25403a98811282c91c734fd97a5050c",
        "680008646174613a205b444f4e455d0a0a",
        "03",
    ];
    let parts = parts.map(hex);
    let ends = parts.iter().scan(0, |end, part| {
        *end += part.len();
        Some(*end)
    });
    (parts.concat(), ends.take(3).collect())
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Brotli that stores: a stream any decoder must take, made without an encoder.
fn stored_brotli(text: &[u8]) -> Vec<u8> {
    // A window of 16 bits, then blocks: not the last, length in four nibbles, uncompressed.
    let mut bytes = Vec::new();
    let (mut head, mut bits) = (0_u64, 1);
    for block in text.chunks(1 << 16) {
        head |= ((block.len() as u64 - 1) << 3 | 1 << 19) << bits;
        bytes.extend(&head.to_le_bytes()[..(bits + 20_usize).div_ceil(8)]);
        bytes.extend(block);
        (head, bits) = (0, 0);
    }
    bytes.push(u8::try_from(head | 3 << bits).unwrap());
    bytes
}

#[test]
fn every_coding_is_taken_off_however_it_is_cut() {
    let text = EVENTS.concat().into_bytes();
    for (coding, bytes, _) in samples() {
        let expected = (text.clone(), Ok(()));
        assert_eq!(decode(coding, WIDE, [bytes.as_slice()]), expected, "{coding}");
        assert_eq!(decode(coding, WIDE, bytes.chunks(1)), expected, "{coding}");
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let pieces = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(decode(coding, WIDE, pieces), expected, "{coding} cut at {first} and {second}");
            }
        }
    }
}

#[test]
fn an_event_comes_out_with_the_push_that_flushed_it() {
    for (coding, bytes, ends) in samples() {
        let mut decoder = Decoder::new(coding.as_bytes(), WIDE).unwrap();
        let mut start = 0;
        for (event, end) in EVENTS.iter().zip(ends) {
            let mut decoded = Vec::new();
            decoder.push(&bytes[start..end], &mut |bytes| decoded.extend_from_slice(bytes)).unwrap();
            assert_eq!(decoded, event.as_bytes(), "{coding}");
            start = end;
        }
    }
}

#[test]
fn no_encoding_is_handed_on() {
    for name in ["", "identity", " Identity ,"] {
        assert_eq!(decode(name, WIDE, [&b"ab"[..], b"", b"c"]), (b"abc".to_vec(), Ok(())));
    }
}

#[test]
fn codings_are_chained() {
    let text = EVENTS.concat().repeat(300).into_bytes();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&text).unwrap();
    let bytes = zstd::encode_all(stored_brotli(&gzip.finish().unwrap()).as_slice(), 3).unwrap();
    for size in [1, 7, 100, bytes.len()] {
        let (decoded, result) = decode("gzip, br,ZSTD", WIDE, bytes.chunks(size));
        assert!(decoded == text && result.is_ok(), "in pieces of {size}");
    }
}

#[test]
fn an_unknown_or_endless_encoding_is_refused() {
    let refused = |name: &str| Decoder::new(name.as_bytes(), WIDE).err();
    assert_eq!(refused("gzip, aws-chunked"), Some(UnknownCoding(b"gzip, aws-chunked".to_vec())));
    assert!(refused("gzip, gzip, gzip, gzip").is_none());
    assert!(refused("gzip, gzip, gzip, gzip, gzip").is_some());
}

#[test]
fn members_and_frames_may_follow_one_another() {
    for (coding, bytes, _) in samples() {
        let twice = bytes.repeat(2);
        for size in [1, 5, twice.len()] {
            let (decoded, result) = decode(coding, WIDE, twice.chunks(size));
            let text = EVENTS.concat().into_bytes();
            if matches!(coding, "gzip" | "zstd") {
                assert_eq!((decoded, result), (text.repeat(2), Ok(())), "{coding}");
            } else {
                assert_eq!((decoded, result), (text, Err(Fault::Corrupt)), "{coding}");
            }
        }
    }
    // By gzip itself, with the name of a file.
    let bytes = hex("1f8b0808c91f016b000366722d612e74787400732f3abce7f0fc542e0049942e1508000000").repeat(2);
    assert_eq!(decode("gzip", WIDE, bytes.chunks(1)), ("Grüße\nGrüße\n".as_bytes().to_vec(), Ok(())));
    let (_, gzip, _) = samples().swap_remove(0);
    let padded = [gzip.as_slice(), &[0; 9]].concat();
    assert_eq!(decode("x-gzip", WIDE, padded.chunks(3)).1, Ok(()));
}

#[test]
fn what_is_cut_off_is_told_as_far_as_it_came() {
    let text = EVENTS.concat().into_bytes();
    for (coding, bytes, ends) in samples() {
        assert_eq!(decode(coding, WIDE, []), (vec![], Ok(())), "{coding}: an empty body");
        for end in 1..bytes.len() {
            let (decoded, result) = decode(coding, WIDE, [&bytes[..end]]);
            assert_eq!(result, Err(Fault::Unterminated), "{coding} cut off at {end}");
            assert!(text.starts_with(&decoded), "{coding} cut off at {end}");
            let whole = ends.iter().filter(|flushed| **flushed <= end).count();
            assert!(decoded.len() >= EVENTS[..whole].concat().len(), "{coding} cut off at {end}");
        }
    }
}

#[test]
fn what_is_read_and_has_not_come_out_is_said_to_be_there() {
    for (coding, bytes, ends) in samples() {
        for size in [1, 5, bytes.len()] {
            for end in 0..=bytes.len() {
                let mut decoder = Decoder::new(coding.as_bytes(), WIDE).unwrap();
                for piece in bytes[..end].chunks(size) {
                    decoder.push(piece, &mut |_| {}).unwrap();
                }
                let between = end == 0 || end == bytes.len() || ends.contains(&end);
                // Behind the last event nothing but the end of the frame follows.
                let certain = between || coding != "zstd" || end < ends[2];
                let holds_back = coding == "zstd" && !between;
                assert!(!certain || decoder.holds_back() == holds_back, "{coding} cut off at {end}");
            }
        }
    }
}

#[test]
fn what_came_before_a_fault_is_kept() {
    for (coding, mut bytes, ends) in samples() {
        // A block of a kind that does not exist, or what cannot be a distance or a length, in the last event.
        bytes.truncate(ends[1]);
        bytes.extend([0xff; 40]);
        for size in [1, 9, bytes.len()] {
            let (decoded, result) = decode(coding, WIDE, bytes.chunks(size));
            assert_eq!(result, Err(Fault::Corrupt), "{coding} in pieces of {size}");
            let kept = EVENTS[..2].concat();
            // Brotli may keep what it made of the few bytes around the fault.
            let kept = if coding == "br" && size > 1 { EVENTS[0].as_bytes() } else { kept.as_bytes() };
            assert!(decoded.starts_with(kept), "{coding} in pieces of {size}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_a_fault() {
    for (coding, mut bytes, _) in samples().into_iter().take(2) {
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(
            decode(coding, WIDE, bytes.chunks(4)),
            (EVENTS.concat().into_bytes(), Err(Fault::Corrupt))
        );
    }
}

#[test]
fn a_bomb_is_stopped_at_the_bounds() {
    let bomb = vec![b'a'; 3_000_000];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bomb).unwrap();
    let samples = [
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(bomb.as_slice(), 3).unwrap()),
        ("br", hex("9bbfc62df825c2e2b14020cfb705")),
    ];
    for (coding, bytes) in samples {
        assert_eq!(decode(coding, WIDE, [bytes.as_slice()]), (bomb.clone(), Ok(())), "{coding}");
        for (size, ratio, most) in
            [(1000, 1 << 20, 1000), (1 << 30, 10, 1 << 20), (2_000_000, 1 << 20, 2_000_000)]
        {
            let (decoded, result) = decode(coding, Bounds { size, ratio }, bytes.chunks(5));
            assert_eq!((decoded.len(), result), (most, Err(Fault::TooLarge)), "{coding} {size} {ratio}");
        }
    }
    // One within another is stopped at the inner one.
    let twice = zstd::encode_all(zstd::encode_all(bomb.as_slice(), 3).unwrap().as_slice(), 3).unwrap();
    let (decoded, result) = decode("zstd, zstd", Bounds { size: 5000, ratio: 1 << 20 }, [twice.as_slice()]);
    assert_eq!((decoded.len(), result), (5000, Err(Fault::TooLarge)));
}

proptest! {
    #[test]
    fn any_bytes_are_taken(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..6),
        coding in proptest::sample::select(&["gzip", "deflate", "br", "zstd", "br, gzip"][..]),
    ) {
        let bounds = Bounds { size: 5000, ratio: 1 << 20 };
        let (decoded, _) = decode(coding, bounds, pieces.iter().map(Vec::as_slice));
        prop_assert!(decoded.len() <= 5000);
    }

    #[test]
    fn what_is_damaged_never_harms(
        sample in 0..5_usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        size in 1..100_usize,
    ) {
        let (coding, mut bytes, _) = samples().swap_remove(sample);
        for (place, byte) in damage {
            *place.get_mut(&mut bytes) = byte;
        }
        let (decoded, _) = decode(coding, Bounds { size: 1 << 16, ratio: 1 << 20 }, bytes.chunks(size));
        prop_assert!(decoded.len() <= 1 << 16);
    }

    #[test]
    fn what_was_encoded_comes_out(
        text in proptest::collection::vec(proptest::sample::select(&b"ab\n{}\xc3\xbc"[..]), 0..70_000),
        noise in proptest::collection::vec(any::<u8>(), 0..3000),
        size in 1..5000_usize,
    ) {
        let text = [noise.as_slice(), &text, &noise].concat();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(&text).unwrap();
        for (coding, bytes) in [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("br", stored_brotli(&text)),
            ("zstd", zstd::encode_all(text.as_slice(), 3).unwrap()),
        ] {
            let (decoded, result) = decode(coding, WIDE, bytes.chunks(size));
            prop_assert!(result.is_ok() && decoded == text, "{} {:?}", coding, result);
        }
    }
}
