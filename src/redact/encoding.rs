//! What a body holds once its content-encoding is off, as far as it can be taken off.
//!
//! Invariant: what comes out of here as `Bytes` or `Whole` is all that the body says to anyone who reads it. Where that
//! cannot be told, the rest, or all of it, is not kept: what cannot be looked through may hold anything.

use crate::dialect::framing::{Bounds, Decoder, Fault};

use super::chunks::Chunks;

/// What may come out of a content-encoding. The ratio is what readers allow: what they read has been looked through.
const BOUNDS: Bounds = Bounds { size: 256 << 20, ratio: 1_000 };

/// Names that say that nothing was done to the bytes: HTTP's own, those of mail (RFC 2045), and a charset in the wrong
/// place.
const NOTHING: &[&str] = &["identity", "none", "binary", "7bit", "8bit", "utf-8"];

/// A framing of uploads that calls itself an encoding, and the one of HTTP/1.1 where a server names it in the wrong place.
const FRAMINGS: &[&str] = &["aws-chunked", "chunked"];

/// What a body holds.
#[derive(Debug, PartialEq)]
pub(super) enum Content {
    /// Its bytes as they are.
    Bytes,
    /// This; and what its framing says beside it.
    Whole { text: Vec<u8>, beside: Vec<u8> },
    /// This at its beginning; what follows cannot be decoded, and is so many bytes.
    Beginning { text: Vec<u8>, rest: u64 },
    /// Nobody knows what.
    Unreadable,
}

/// Takes off what can be taken off.
pub(super) fn content(encoding: &[u8], bytes: &[u8]) -> Content {
    let names = encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let names: Vec<&[u8]> = names.filter(|name| !name.is_empty() && !is_of(NOTHING, name)).collect();
    // The framing is the outermost, wherever in the list its name stands.
    let codings: Vec<&[u8]> = names.iter().copied().filter(|name| !is_of(FRAMINGS, name)).collect();
    let is_framed = codings.len() < names.len();
    let Some(chunks) = is_framed.then(|| Chunks::read(bytes)).flatten() else {
        return decoded(&names, bytes);
    };
    let mut lines = chunks.lines;
    let text = match decoded(&codings, &chunks.data) {
        Content::Bytes => chunks.data,
        Content::Whole { text, beside } => {
            lines.extend(beside);
            text
        }
        Content::Beginning { text, rest } => return Content::Beginning { text, rest: rest + chunks.rest },
        Content::Unreadable => return Content::Unreadable,
    };
    match chunks.rest {
        0 => Content::Whole { text, beside: lines },
        rest => Content::Beginning { text, rest },
    }
}

fn decoded(names: &[&[u8]], bytes: &[u8]) -> Content {
    if names.is_empty() || bytes.is_empty() {
        return Content::Bytes;
    }
    let (decoder, is_known) = match Decoder::with_beside(&names.join(&b','), BOUNDS) {
        Ok(decoder) => (Ok(decoder), true),
        Err(_) => {
            let is_known = |name: &&[u8]| Decoder::new(name, BOUNDS).is_ok();
            let known: Vec<&[u8]> = names.iter().copied().filter(is_known).collect();
            (Decoder::with_beside(&known.join(&b','), BOUNDS), false)
        }
    };
    // Said to be encoded or not, a text is one: what is encoded is none.
    let as_it_is = || if is_text(bytes) { Content::Bytes } else { Content::Unreadable };
    let Ok(mut decoder) = decoder else { return as_it_is() };
    let mut text = Vec::new();
    let pushed = decoder.push(bytes, &mut |piece| text.extend_from_slice(piece));
    let fault = pushed.and_then(|()| decoder.finish()).err();
    // Where only some names are known, what comes out shows whether the others did anything.
    let says_nothing = text.is_empty() || !is_known && !is_text(&text);
    let whole = |text, decoder: &mut Decoder| Content::Whole { text, beside: decoder.beside().to_vec() };
    match fault {
        None if is_known || !says_nothing => whole(text, &mut decoder),
        None => as_it_is(),
        Some(_) if says_nothing || is_text(bytes) => as_it_is(),
        // It broke off: all that came has come out, unless it stands in a block that is read as a whole. What is no text may
        // be what comes of another encoding than it is said to be.
        Some(Fault::Unterminated) if !decoder.holds_back() && is_text(&text) => whole(text, &mut decoder),
        Some(_) => {
            let rest = (bytes.len() as u64).saturating_sub(decoder.told());
            // Something is missing, though nobody knows how much.
            Content::Beginning { text, rest: rest.max(1) }
        }
    }
}

fn is_of(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether this is text that can be looked through as it stands: UTF-8 without control characters, and not the letters of
/// base64 or hexadecimal digits alone, which say something else than they show.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !b"\t\n\r\x0c".contains(byte);
    let is_packed = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_\r\n".contains(byte);
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        // It broke off within a character.
        Err(why) => why.error_len().is_none(),
    };
    is_utf8 && !bytes.iter().any(is_control) && !bytes.iter().all(is_packed)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const TEXT: &[u8] = br#"{"a": "b"}"#;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 3).unwrap()
    }

    fn chunked(data: &[u8], size: usize) -> Vec<u8> {
        let mut made = Vec::new();
        for chunk in data.chunks(size) {
            made.extend(format!("{:x};chunk-signature=00ff\r\n", chunk.len()).as_bytes());
            made.extend([chunk, b"\r\n"].concat());
        }
        made.extend(b"0;chunk-signature=00ff\r\nx-amz-checksum-crc32:AAAA==\r\n\r\n");
        made
    }

    fn text_of(content: Content) -> Vec<u8> {
        match content {
            Content::Whole { text, beside: _ } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_to_take_off_leaves_the_bytes() {
        for encoding in ["", "identity", " , Identity", "UTF-8", "binary", "none"] {
            assert_eq!(content(encoding.as_bytes(), b"\0\xff"), Content::Bytes, "{encoding}");
        }
        assert_eq!(content(b"exi", b""), Content::Bytes);
    }

    #[test]
    fn what_is_known_is_taken_off_in_its_order() {
        for (encoding, bytes) in [
            ("gzip", gzip(TEXT)),
            ("zstd", zstd(TEXT)),
            ("gzip, zstd", zstd(&gzip(TEXT))),
            ("zstd, identity, gzip", gzip(&zstd(TEXT))),
            ("aws-chunked", chunked(TEXT, 3)),
            ("aws-chunked, gzip", chunked(&gzip(TEXT), 7)),
            ("gzip,aws-chunked", chunked(&gzip(TEXT), 7)),
        ] {
            assert_eq!(text_of(content(encoding.as_bytes(), &bytes)), TEXT, "{encoding}");
        }
        // A picture that is uploaded in chunks.
        assert_eq!(text_of(content(b"aws-chunked", &chunked(b"\x89PNG\0", 2))), b"\x89PNG\0");
    }

    #[test]
    fn a_name_that_nobody_knows_leaves_what_is_text_all_the_same() {
        assert_eq!(text_of(content(b"my-own", TEXT)), TEXT);
        assert_eq!(text_of(content(b"my-own, gzip", &gzip(TEXT))), TEXT);
        assert_eq!(text_of(content(b"gzip, my-own", &gzip(TEXT))), TEXT);
        assert_eq!(text_of(content(b"my-own", b"{\"a\": \"\xc3")), b"{\"a\": \"\xc3", "cut within a letter");
        for bytes in [&b"\0\x01{}"[..], b"\xff{}", b"eyJhIjogImIifQ==", b"eyJh\r\nIjog\r\n", b"7b7d\n"] {
            assert_eq!(content(b"my-own", bytes), Content::Unreadable, "{}", bytes.escape_ascii());
            assert_eq!(content(b"my-own, gzip", &gzip(bytes)), Content::Unreadable);
        }
        assert_eq!(content(b"my-own", &gzip(TEXT)), Content::Unreadable);
        // More of them than anyone would apply.
        assert_eq!(content(b"gzip,gzip,gzip,gzip,gzip", &gzip(TEXT)), Content::Unreadable);
    }

    #[test]
    fn text_that_is_said_to_be_encoded_is_text() {
        for encoding in ["gzip", "deflate", "br", "zstd", "gzip, br", "aws-chunked, gzip"] {
            assert_eq!(content(encoding.as_bytes(), TEXT), Content::Bytes, "{encoding}");
        }
    }

    #[test]
    fn of_what_is_broken_the_beginning_is_known() {
        let whole = gzip(TEXT);
        let followed = [&whole[..], b"and more"].concat();
        let beginning = |text: &[u8], rest| Content::Beginning { text: text.to_vec(), rest };
        assert_eq!(content(b"gzip", &followed), beginning(TEXT, 8));
        assert_eq!(content(b"gzip", b"\x1f\x8b\x08\0\xff"), Content::Unreadable);
        assert_eq!(content(b"gzip", &zstd(TEXT)), Content::Unreadable);
        // Nobody's text, stored: what brotli makes of other bytes may be anything.
        assert_eq!(content(b"br", b"\x0b\x0f\x80\0\x01\xff"), beginning(b"\0\x01\xff", 1));
        // It broke off behind all that it says.
        assert_eq!(text_of(content(b"gzip", &whole[..whole.len() - 6])), TEXT);
        let chunks = [b"4\r\nsaid\r\n", &b"and this is no chunk"[..]].concat();
        assert_eq!(content(b"aws-chunked", &chunks), beginning(b"said", 20));
        assert_eq!(content(b"aws-chunked, my-own", b"2\r\n\0\0\r\n0\r\n\r\n"), Content::Unreadable);
    }

    #[test]
    fn a_block_that_is_not_whole_is_not_known() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
        encoder.write_all(TEXT).unwrap();
        encoder.flush().unwrap();
        let first = encoder.get_ref().len();
        encoder.write_all(b"another text, which is longer than that").unwrap();
        encoder.flush().unwrap();
        let second = encoder.get_ref().len();
        let bytes = encoder.finish().unwrap();
        assert_eq!(text_of(content(b"zstd", &bytes[..first])), TEXT);
        for cut in first + 4..second {
            match content(b"zstd", &bytes[..cut]) {
                Content::Beginning { text, rest } => {
                    assert!(text.starts_with(TEXT) && rest == (cut - first) as u64, "{cut}: {rest}");
                }
                other => panic!("{cut}: {other:?}"),
            }
        }
        assert!(matches!(content(b"zstd", &bytes[..second]), Content::Whole { .. }));
    }
}
