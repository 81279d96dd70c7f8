//! Frames of AWS event streams: their headers, and those that are no frames, or not whole.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;
use wiretape::dialect::framing::{Content, EventStream, Framing};
use wiretape::model::{Body, Chunk};

use crate::support::*;

fn header(name: &str, kind: u8, value: &[u8]) -> Vec<u8> {
    let (name_length, length) = (u8::try_from(name.len()).unwrap(), u16::try_from(value.len()).unwrap());
    [&[name_length], name.as_bytes(), &[kind], &length.to_be_bytes(), value].concat()
}

fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    for length in [16 + headers.len() + payload.len(), headers.len()] {
        frame.extend(u32::try_from(length).unwrap().to_be_bytes());
    }
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend([headers, payload].concat());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

#[test]
fn headers_of_events_are_gone_through() {
    let key = made("sk-", 48);
    let frames = |secret: &str| {
        let message = format!("no access with {secret}");
        let error = [
            header(":message-type", 7, b"error"),
            header(":error-code", 7, b"Denied"),
            header(":error-message", 7, message.as_bytes()),
        ];
        let bytes = [header(":event-type", 7, b"chunk"), header("note", 6, secret.as_bytes())].concat();
        let payload = json!({"delta": {"text": secret}}).to_string();
        let plain = header(":event-type", 7, b"chunk");
        [
            frame(&plain, b"{\"delta\":{\"text\":\"Hi\"}}"),
            frame(&bytes, b"{}"),
            frame(&bytes, payload.as_bytes()),
            frame(&error.concat(), b""),
        ]
        .concat()
    };
    let hidden = stand_in("keys", &key);
    let content_type = "application/vnd.amazon.eventstream";
    let (bytes, lines) = answer(&redactor(&["keys"]), content_type, frames(&key).as_slice());
    assert_eq!(bytes.escape_ascii().to_string(), frames(&hidden).escape_ascii().to_string());
    assert_eq!(lines, ["keys: 4 in the response's body"]);
    let mut seen = Vec::new();
    EventStream::new(1 << 20).push(&bytes, &mut |frame| match frame.content {
        Content::Event(event) => seen.push(String::from_utf8(event.data.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    });
    assert_eq!(seen[3], format!("no access with {hidden}"));
    assert_eq!(answer(&redactor(&["keys"]), content_type, frames("none").as_slice()).0, frames("none"));
}

const EVENTS: &str = "application/vnd.amazon.eventstream";
const LEFT_OUT: &str = "what could not be decoded in the response's body was left out";

fn gone_through(bytes: &[u8]) -> (Body, Vec<String>) {
    let mut exchange = exchange(&[], Vec::new(), &[("content-type", EVENTS)], bytes.to_vec());
    exchange.response.chunks = vec![Chunk { after: 1, length: bytes.len() as u64 }];
    redactor(&["keys"]).redact(&mut exchange);
    let went_by =
        exchange.response.chunks.iter().map(|chunk| chunk.length).sum::<u64>() + exchange.response.lost;
    assert_eq!(went_by, bytes.len() as u64);
    (exchange.response, exchange.redactions)
}

/// A model's own event, as Bedrock sends it.
fn model_event(text: &str) -> Vec<u8> {
    let event = json!({"delta": {"text": text}}).to_string();
    frame(
        &header(":event-type", 7, b"chunk"),
        json!({"bytes": STANDARD.encode(event)}).to_string().as_bytes(),
    )
}

#[test]
fn what_came_of_the_last_event_is_gone_through() {
    let key = made("sk-", 48);
    let first = model_event("Hi ");
    let last = model_event(&format!("{key} and that is the end of it"));
    // The base64 of all of the key, or of enough of it to be known.
    let base64 = STANDARD
        .encode(json!({"delta": {"text": format!("{key} ")}}).to_string().split(" \"").next().unwrap());
    let start = last.windows(9).position(|window| window == b"{\"bytes\":").unwrap() + 10;
    for cut in 0..last.len() {
        let bytes = [&first[..], &last[..cut]].concat();
        let (body, lines) = gone_through(&bytes);
        if cut >= start + base64.len() {
            assert_eq!((&body.bytes[..], body.lost), (&first[..], cut as u64), "{cut}");
            assert_eq!(lines, [LEFT_OUT, "keys: 1 in the response's body"], "{cut}");
        } else if lines.is_empty() {
            assert!(body.bytes == bytes && cut < start + base64.len() - 4, "{cut}");
        }
    }
    // With nothing in it, it stays.
    let other = model_event("no secret at all");
    for cut in 0..other.len() {
        let bytes = [&first[..], &other[..cut]].concat();
        let (body, lines) = gone_through(&bytes);
        assert_eq!((&body.bytes[..], body.lost, lines.len()), (&bytes[..], 0, 0), "{cut}");
    }
    // Half of it came in the event before.
    let (one, two) = key.split_at(20);
    let whole = [model_event(one), model_event(two)].concat();
    let (body, lines) = gone_through(&whole[..whole.len() - 6]);
    assert_eq!(&body.bytes[..], model_event(&stand_in("keys", &key)));
    assert_eq!(lines, [LEFT_OUT, "keys: 1 in the response's body"]);
}

#[test]
fn what_is_neither_frames_nor_text_is_left_out_where_something_is_in_it() {
    let (first, key) = (model_event("Hi"), made("sk-", 48));
    let broken = [&[0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0], &model_event(&key)[..]].concat();
    let (body, lines) = gone_through(&[&first[..], &broken].concat());
    assert_eq!((&body.bytes[..], body.lost), (&first[..], broken.len() as u64));
    assert_eq!(lines, [LEFT_OUT]);
    let broken = [&[0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0], &model_event("no secret at all")[..]].concat();
    let (body, lines) = gone_through(&broken);
    assert_eq!((&body.bytes[..], body.lost, lines.len()), (&broken[..], 0, 0));
    // An error that is no event says what it says.
    let error = json!({"message": key}).to_string();
    let (body, lines) = gone_through(error.as_bytes());
    assert_eq!((&body.bytes[..], body.lost), (error.replace(&key, &stand_in("keys", &key)).as_bytes(), 0));
    assert_eq!(lines, ["keys: 1 in the response's body"]);
}

#[test]
fn base64_is_read_however_it_is_written() {
    let key = made("sk-", 48);
    // Letters that base64 writes as `/`.
    let event = json!({"a": key, "b": "???>>>"}).to_string();
    let strict = STANDARD.encode(&event);
    assert!(strict.contains('/'));
    for base64 in
        [strict.replace('/', "\\/"), strict.trim_end_matches('=').to_owned(), format!(" {strict}\\n")]
    {
        for payload in [
            format!("{{\"bytes\":\"{base64}\"}}"),
            format!("{{\"bytes\":\"{base64}\",\"c\":{{\"bytes\":\"\"}}}}"),
        ] {
            let (body, lines) = gone_through(&frame(b"", payload.as_bytes()));
            let hidden = STANDARD.encode(event.replace(&key, &stand_in("keys", &key)));
            assert_eq!(&body.bytes[..], frame(b"", payload.replace(&base64, &hidden).as_bytes()), "{base64}");
            assert_eq!(lines, ["keys: 1 in the response's body"]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn frames_with_any_headers_stay_frames(
        headers in proptest::collection::vec((
            "[a-z:-]{0,12}", 6..8_u8,
            prop_oneof![any::<Vec<u8>>(), Just(made("sk-", 48).into_bytes()), Just(b"me@example.org".to_vec())],
        ), 0..5),
        cut in 0..40_usize,
    ) {
        let mut headers = headers.iter().flat_map(|(name, kind, value)| header(name, *kind, value)).collect::<Vec<_>>();
        headers.truncate(headers.len().saturating_sub(cut.saturating_sub(20)));
        let before = [frame(&headers, b"{\"a\":1}"), frame(b"", b"[]")].concat();
        let (after, _) = answer(&redactor(&["keys", "emails"]), "application/vnd.amazon.eventstream", &before);
        prop_assert!(!after.windows(51).any(|window| window == made("sk-", 48).as_bytes()));
        let mut events = Vec::new();
        EventStream::new(1 << 30).push(&after, &mut |frame| if let Content::Event(event) = frame.content {
            events.push(event.data.to_vec());
        });
        prop_assert_eq!(events, [b"{\"a\":1}".to_vec(), b"[]".to_vec()]);
    }
}
