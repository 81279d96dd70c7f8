//! Headers of the frames of AWS event streams.

use proptest::prelude::*;
use serde_json::json;
use wiretape::dialect::framing::{Content, EventStream, Framing};

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
