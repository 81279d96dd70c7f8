//! WebSockets with messages that cannot be read.

use wiretape::dialect::framing::{Content, Framing, Websocket};
use wiretape::model::{Chunk, Exchange};

use crate::support::*;

const LEFT_OUT: &str = "what could not be decoded in the response's body was left out";

fn socket(extensions: &str, received: &[u8]) -> Exchange {
    let headers = [("upgrade", "websocket"), ("sec-websocket-extensions", extensions)];
    let mut exchange = exchange(&[], Vec::new(), &headers, received.to_vec());
    exchange.upgrade = true;
    exchange.head.as_mut().unwrap().status = 101;
    exchange.response.chunks = vec![Chunk { after: 1, length: received.len() as u64 }];
    exchange
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let length = if length < 126 { vec![length] } else { vec![126, 0, length] };
    [&[first], &length[..], payload].concat()
}

fn read(bytes: &[u8]) -> Vec<String> {
    let mut seen = Vec::new();
    Websocket::new(1 << 20, None).push(bytes, &mut |frame| match frame.content {
        Content::Event(event) => seen.push(String::from_utf8(event.data.to_vec()).unwrap()),
        other => seen.push(format!("{other:?}")),
    });
    seen
}

/// Frames of which nothing can be read, with what they hold.
fn unreadable() -> Vec<(&'static str, Vec<u8>)> {
    let key = made("sk-", 40);
    let key = key.as_bytes();
    let long = [key, key, key].concat();
    vec![
        ("", frame(0xc1, key)),
        ("", frame(0x83, key)),
        ("", frame(0x80, key)),
        ("", frame(0x09, key)),
        ("", frame(0x89, &long)),
        ("permessage-deflate", frame(0xc1, &[b"\xff", key].concat())),
        ("permessage-deflate", frame(0x41, &[b"\xff", key].concat())),
        ("", [&[0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], key].concat()),
        ("", frame(0x89, key)[..40].to_vec()),
    ]
}

#[test]
fn a_message_that_cannot_be_read_is_left_out() {
    for (at, (extensions, broken)) in unreadable().into_iter().enumerate() {
        let text = frame(0x81, b"{\"a\":1}");
        let mut exchange = socket(extensions, &[&text[..], &broken].concat());
        assert_eq!(redactor(&["keys"]).redact(&mut exchange), 0, "{at}");
        let body = &exchange.response;
        assert!(!body.bytes.windows(8).any(|window| window == &made("sk-", 40).as_bytes()[3..11]), "{at}");
        assert!(body.decoded && body.lost >= 33 && body.lost <= broken.len() as u64, "{at}: {}", body.lost);
        let went_by = body.chunks.iter().map(|chunk| chunk.length).sum::<u64>() + body.lost;
        assert_eq!(went_by, (text.len() + broken.len()) as u64, "{at}");
        assert_eq!(exchange.redactions, [LEFT_OUT], "{at}");
        assert_eq!(read(&body.bytes)[0], "{\"a\":1}", "{at}");
        let before = exchange.clone();
        assert_eq!(redactor(&["keys"]).redact(&mut exchange), 0);
        assert!(before == exchange, "{at}: once is enough");
    }
}

#[test]
fn what_stands_behind_it_stays_and_both_directions_are_plain_then() {
    let text = frame(0x81, b"{\"a\":1}");
    let mut exchange = socket("permessage-deflate", &[&frame(0xc1, b"\xff"), &text[..]].concat());
    // A message of nothing, compressed.
    exchange.request.bytes = vec![0xc1, 1, 0].into();
    redactor(&["keys"]).redact(&mut exchange);
    assert_eq!((&exchange.response.bytes[..], &exchange.request.bytes[..]), (&text[..], &[0x81, 0][..]));
    assert!(exchange.request.decoded && exchange.response.decoded);
    assert_eq!((exchange.response.lost, exchange.request.lost), (3, 0));
}

#[test]
fn one_that_broke_off_between_messages_or_within_one_stays() {
    let text = frame(0x81, b"{\"a\":1}");
    for extensions in ["", "permessage-deflate"] {
        for cut in 0..=text.len() {
            let bytes = [&text[..], &text[..cut]].concat();
            let mut exchange = socket(extensions, &bytes);
            redactor(&["keys"]).redact(&mut exchange);
            let body = &exchange.response;
            assert_eq!((&body.bytes[..], body.decoded, body.lost), (&bytes[..], false, 0), "{cut}");
            assert_eq!(exchange.redactions, [""; 0]);
        }
    }
}

#[test]
fn other_protocols_are_gone_through_as_they_stand() {
    let key = made("sk-", 40);
    for (name, is_socket) in [("my-own", false), ("WebSocket", true)] {
        let bytes = format!("\0\u{1}{key}\n");
        let mut exchange = socket("", bytes.as_bytes());
        exchange.head.as_mut().unwrap().headers = headers(&[("upgrade", name)]);
        redactor(&["keys"]).redact(&mut exchange);
        let made = format!("\0\u{1}{}\n", stand_in("keys", &key));
        assert_eq!(exchange.response.bytes == made.as_bytes(), !is_socket, "{name}");
    }
}
