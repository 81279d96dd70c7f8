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
