//! Bodies that are encoded: in ways that are known, in ways that are not, and not as they say.

use std::io::Write as _;

use proptest::prelude::*;
use serde_json::json;
use wiretape::model::{Body, Chunk};

use crate::support::*;

/// A response with this encoding and these bytes, and the lines that say what was taken out.
fn gone_through(encoding: &str, bytes: &[u8]) -> (Body, Vec<String>) {
    let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
    let mut exchange = exchange(&[], Vec::new(), &headers, bytes.to_vec());
    exchange.response.chunks = vec![Chunk { after: 1, length: bytes.len() as u64 }];
    redactor(&["keys"]).redact(&mut exchange);
    (exchange.response, exchange.redactions)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// With a secret, and what is to become of it.
fn texts() -> (String, String) {
    let key = made("sk-", 48);
    (json!({"a": key}).to_string(), json!({"a": stand_in("keys", &key)}).to_string())
}

const TAKEN: &str = "keys: 1 in the response's body";
const LEFT_OUT: &str = "what could not be decoded in the response's body was left out";
const NOTHING: &str = "everything in the response's body: its content-encoding cannot be taken off";

#[test]
fn encodings_in_a_row_are_taken_off_and_framings_of_uploads_too() {
    let (text, wanted) = texts();
    let chunked = |bytes: &[u8]| {
        let chunks = bytes
            .chunks(9)
            .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        chunks.chain([b"0\r\n\r\n".to_vec()]).collect::<Vec<_>>().concat()
    };
    for (encoding, bytes) in [
        ("gzip, zstd", zstd::encode_all(&gzip(text.as_bytes())[..], 3).unwrap()),
        ("aws-chunked", chunked(text.as_bytes())),
        ("gzip,aws-chunked", chunked(&gzip(text.as_bytes()))),
        ("my-own, gzip", gzip(text.as_bytes())),
    ] {
        let (body, lines) = gone_through(encoding, &bytes);
        assert_eq!((&body.bytes[..], body.decoded, body.lost), (wanted.as_bytes(), true, 0), "{encoding}");
        assert_eq!(lines, [TAKEN]);
    }
    let picture = chunked(b"\x89PNG\r\n\x1a\n and more of it");
    let (body, lines) = gone_through("aws-chunked", &picture);
    assert_eq!((&body.bytes[..], body.decoded, lines.len()), (&picture[..], false, 0));
    // A secret in what stands between the chunks.
    let signed = format!("3;note={}\r\n{{ }}\r\n0\r\n\r\n", made("sk-", 48));
    let (body, lines) = gone_through("aws-chunked", signed.as_bytes());
    assert_eq!((&body.bytes[..], body.decoded, lines), (&b"{ }"[..], true, vec![TAKEN.to_owned()]));
}

#[test]
fn what_nobody_can_decode_is_not_kept_and_what_is_text_is_gone_through() {
    let (text, wanted) = texts();
    for encoding in ["my-own", "utf-8", "exi", "gzip", "br", "deflate", "zstd", "gzip, my-own"] {
        let (body, lines) = gone_through(encoding, text.as_bytes());
        assert_eq!(body.bytes, wanted, "{encoding}");
        assert_eq!((body.lost, lines), (0, vec![TAKEN.to_owned()]));
        let (body, lines) = gone_through(encoding, b"{\"a\": 1}");
        assert_eq!(
            (&body.bytes[..], body.decoded, lines.len()),
            (&b"{\"a\": 1}"[..], false, 0),
            "{encoding}"
        );
    }
    // It might be that, turned round.
    let opaque: Vec<u8> = text.bytes().map(|byte| byte ^ 0x80).collect();
    for encoding in ["my-own", "exi", "gzip", "zstd", "my-own, gzip"] {
        let (body, lines) = gone_through(encoding, &opaque);
        assert_eq!(
            (body.bytes.len(), body.lost, body.chunks.len()),
            (0, opaque.len() as u64, 0),
            "{encoding}"
        );
        assert_eq!(lines, [NOTHING]);
    }
    // Sound and a picture, which are not encoded, stay.
    for content_type in ["audio/mpeg", "image/png", "application/octet-stream", ""] {
        assert_eq!(answer(&redactor(&["keys"]), content_type, &opaque), (opaque.clone(), Vec::new()));
    }
}

#[test]
fn of_what_is_broken_the_beginning_stays() {
    let (text, wanted) = texts();
    let hidden = [gzip(b"{}"), text.clone().into_bytes()].concat();
    let (body, lines) = gone_through("gzip", &hidden);
    assert_eq!((&body.bytes[..], body.decoded, lines), (&b"{}"[..], true, vec![LEFT_OUT.to_owned()]));
    let (body, lines) = gone_through("gzip", &[gzip(text.as_bytes()), text.into_bytes()].concat());
    assert_eq!((&body.bytes[..], lines.len()), (wanted.as_bytes(), 2));
    // A stream that broke off, as streams do, is whole as far as it came.
    let whole = gzip(b"{\"a\": 1}");
    let cut = &whole[..whole.len() - 5];
    let (body, lines) = gone_through("gzip", cut);
    assert_eq!((&body.bytes[..], body.decoded, lines.len()), (cut, false, 0));
}

#[test]
fn what_of_a_body_cannot_be_decoded_is_lost() {
    let text = json!({"a": "b".repeat(40_000)}).to_string();
    let followed = |rest: &[u8]| [&gzip(text.as_bytes())[..], rest].concat();
    let mut broken_zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    let end = broken_zstd.len();
    broken_zstd.extend(b"and more of it");
    let chunks = format!("{:x}\r\n{text}\r\n", text.len());
    for (encoding, bytes, rest) in [
        ("gzip", followed(b"and more of it"), 14),
        ("zstd", broken_zstd.clone(), broken_zstd.len() - end),
        (
            "zstd, gzip",
            [&gzip(&zstd::encode_all(text.as_bytes(), 3).unwrap())[..], b"and more of it"].concat(),
            14,
        ),
        ("aws-chunked", [chunks.as_bytes(), b"and more of it"].concat(), 14),
    ] {
        let (body, lines) = gone_through(encoding, &bytes);
        assert_eq!(
            (body.bytes.len(), body.decoded, body.lost),
            (text.len(), true, rest as u64),
            "{encoding}"
        );
        assert_eq!(body.chunks, [Chunk { after: 1, length: (bytes.len() - rest) as u64 }], "{encoding}");
        assert_eq!(lines, [LEFT_OUT]);
    }
    // Where it is corrupt in its midst, it is told as nearly as can be.
    let noise: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| format!("{:x} ", crc32fast::hash(&n.to_be_bytes())).into_bytes())
        .collect();
    let mut bytes = gzip(&noise);
    let at = bytes.len() / 2;
    bytes.splice(at..at, [0xff; 300]);
    let (body, _) = gone_through("gzip", &bytes);
    assert!(noise.starts_with(&body.bytes[..noise.len() / 3]) && body.lost > 0);
    let kept = bytes.len() as u64 - body.lost;
    assert!(kept.abs_diff(at as u64) < 20_000, "{kept} of {at}");
    assert_eq!(body.chunks, [Chunk { after: 1, length: kept }]);
}

/// A member with an extra field, a name and a comment.
fn gzip_with(text: &[u8], extra: &str, name: &str, comment: &str) -> Vec<u8> {
    let mut builder = flate2::GzBuilder::new();
    if !extra.is_empty() {
        builder = builder.extra(extra);
    }
    if !name.is_empty() {
        builder = builder.filename(name);
    }
    if !comment.is_empty() {
        builder = builder.comment(comment);
    }
    let mut encoder = builder.write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A frame that decoders skip.
fn skipped(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&[0x5a, 0x2a, 0x4d, 0x18], &length[..], content].concat()
}

/// Brotli with a block of metadata, and one that stores the text.
fn brotli_with(metadata: &[u8], text: &[u8]) -> Vec<u8> {
    let head = 3_u16 << 2 | 1 << 5 | u16::try_from(metadata.len() - 1).unwrap() << 7;
    let block = (u32::try_from(text.len()).unwrap() - 1) << 3 | 1 << 19;
    [&head.to_le_bytes()[..], metadata, &block.to_le_bytes()[..3], text, &[3]].concat()
}

#[test]
fn what_an_encoding_says_beside_the_text_is_gone_through() {
    let key = made("sk-", 48);
    let (text, none) = (&b"{\"a\": 1}"[..], "nothing");
    let zstd = |text: &[u8]| zstd::encode_all(text, 3).unwrap();
    let all = |secret: &str| {
        vec![
            ("gzip", gzip_with(text, secret, "", "")),
            ("gzip", gzip_with(text, "", secret, "")),
            ("gzip", gzip_with(text, none, none, secret)),
            ("gzip", [gzip(b""), gzip_with(text, "", "", secret)].concat()),
            ("gzip", [gzip(text), vec![0; 9], gzip_with(b"", "", secret, "")].concat()),
            ("x-gzip, zstd", zstd(&gzip_with(text, "", secret, none))),
            ("zstd", [skipped(secret.as_bytes()), zstd(text)].concat()),
            (
                "zstd",
                [zstd(text), skipped(b""), skipped(none.as_bytes()), skipped(secret.as_bytes())].concat(),
            ),
            ("zstd, gzip", gzip(&[skipped(secret.as_bytes()), zstd(text)].concat())),
            ("zstd, my-own", [skipped(secret.as_bytes()), zstd(text)].concat()),
            ("br", brotli_with(secret.as_bytes(), text)),
        ]
    };
    for (at, (encoding, bytes)) in all(&key).into_iter().enumerate() {
        let (body, lines) = gone_through(encoding, &bytes);
        assert_eq!((&body.bytes[..], body.decoded, body.lost), (text, true, 0), "{at}");
        assert_eq!(lines, [TAKEN], "{at}");
        // Cut off anywhere.
        for cut in 0..bytes.len() {
            let (body, _) = gone_through(encoding, &bytes[..cut]);
            assert!(!body.bytes.windows(30).any(|window| window == &key.as_bytes()[..30]), "{at}: {cut}");
        }
    }
    for (at, (encoding, bytes)) in all(none).into_iter().enumerate() {
        let (body, lines) = gone_through(encoding, &bytes);
        assert_eq!((&body.bytes[..], body.decoded, lines.len()), (&bytes[..], false, 0), "{at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_encoding_of_any_bytes_is_gone_through(
        names in proptest::collection::vec(proptest::sample::select(vec![
            "gzip", "deflate", "br", "zstd", "identity", "my-own", "aws-chunked", "chunked", "", "base64",
        ]), 0..4),
        bytes in proptest::collection::vec(prop_oneof![
            Just(gzip(b"{\"a\":1}")), Just(b"7\r\n{\"a\":1}\r\n".to_vec()), Just(b"0\r\n\r\n".to_vec()),
            Just(made(" sk-", 48).into_bytes()), any::<[u8; 3]>().prop_map(|some| some.to_vec()),
        ], 0..5).prop_map(|pieces| pieces.concat()),
    ) {
        let (body, lines) = gone_through(&names.join(", "), &bytes);
        prop_assert!(!body.bytes.windows(52).any(|window| window == made(" sk-", 48).as_bytes()));
        prop_assert!(body.bytes == bytes || !lines.is_empty());
        // What was gone through has nothing left to find.
        let encoding = if body.decoded { String::new() } else { names.join(", ") };
        let (again, _) = gone_through(&encoding, &body.bytes);
        prop_assert_eq!(again.bytes, body.bytes);
    }
}
