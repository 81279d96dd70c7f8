//! Secrets cut over the events of a stream, framed and compressed; and bodies of any bytes.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};
use wiretape::dialect::framing::{Content, EventStream, Framing, PerMessageDeflate, Websocket};
use wiretape::redact::{Config, Redactor};

use crate::support::*;

/// Cuts a text at random places, also within what is one character of UTF-8 of many bytes.
fn pieces(text: &str, cuts: &[usize]) -> Vec<String> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    at.retain(|at| text.is_char_boundary(*at));
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

/// A provider's event that brings a piece of text, as JSON.
type Event = fn(&str) -> Value;

const EVENTS: &[(&str, Event, &str)] = &[
    (
        "message",
        |text| json!({"choices": [{"index": 0, "delta": {"content": text}}], "id": "a"}),
        "/choices/0/delta/content",
    ),
    (
        "message",
        |text| json!({"choices": [{"delta": {"tool_calls": [{"index": 1, "function": {"arguments": text}}]}}]}),
        "/choices/0/delta/tool_calls/0/function/arguments",
    ),
    (
        "content_block_delta",
        |text| json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": text}}),
        "/delta/partial_json",
    ),
    (
        "response.output_text.delta",
        |text| json!({"type": "response.output_text.delta", "item_id": "i", "delta": text, "output_index": 0}),
        "/delta",
    ),
    (
        "message",
        |text| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]}),
        "/candidates/0/content/parts/0/text",
    ),
    ("message", |text| json!({"message": {"content": text}, "done": false}), "/message/content"),
];

/// How events become a body, and a body events.
const FRAMINGS: [&str; 5] = [
    "text/event-stream",
    "application/x-ndjson",
    "application/json",
    "application/vnd.amazon.eventstream",
    "websocket",
];

fn framed(content_type: &str, name: &str, events: &[Value]) -> Vec<u8> {
    let texts = events.iter().map(Value::to_string);
    match content_type {
        "text/event-stream" => texts
            .map(|text| format!(": hi\nevent: {name}\ndata: {text}\n\n"))
            .chain(["data: [DONE]\n\n".to_owned()])
            .collect::<String>()
            .into_bytes(),
        "application/x-ndjson" => texts.map(|text| text + "\r\n").collect::<String>().into_bytes(),
        "application/json" => format!("[{}]\n", texts.collect::<Vec<_>>().join("\n,\r\n")).into_bytes(),
        "websocket" => texts.flat_map(|text| websocket_frame(text.as_bytes())).collect(),
        _ => texts.flat_map(|text| aws_frame(name, &text)).collect(),
    }
}

fn websocket_frame(text: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4_u8];
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    frame.extend(mask);
    frame.extend(text.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// As Bedrock sends a model's own events.
fn aws_frame(name: &str, text: &str) -> Vec<u8> {
    let payload = json!({"bytes": STANDARD.encode(text), "p": "abc"}).to_string();
    let mut headers = b"\x0b:event-type\x07".to_vec();
    headers.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
    headers.extend(name.as_bytes());
    let mut frame = Vec::new();
    for length in [16 + headers.len() + payload.len(), headers.len()] {
        frame.extend(u32::try_from(length).unwrap().to_be_bytes());
    }
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload.as_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn unframed(content_type: &str, body: &[u8]) -> Vec<Value> {
    let parse = |text: &str| serde_json::from_str(text).unwrap();
    let text = || std::str::from_utf8(body).unwrap();
    match content_type {
        "text/event-stream" => text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .filter(|data| *data != "[DONE]")
            .map(parse)
            .collect(),
        "application/x-ndjson" => text().lines().map(parse).collect(),
        "application/json" => serde_json::from_str::<Vec<Value>>(text()).unwrap(),
        other => {
            let mut events = Vec::new();
            let mut take = |frame: wiretape::dialect::framing::Frame<'_>| match frame.content {
                Content::Event(event) => events.push(event.data.to_vec()),
                other => panic!("{other:?}"),
            };
            if other == "websocket" {
                Websocket::new(1 << 30, None).push(body, &mut take);
            } else {
                EventStream::new(1 << 30).push(body, &mut take);
            }
            let event = |data: Vec<u8>| -> Value {
                let outer: Value = serde_json::from_slice(&data).unwrap();
                match outer["bytes"].as_str() {
                    Some(inner) => serde_json::from_slice(&STANDARD.decode(inner).unwrap()).unwrap(),
                    None => outer,
                }
            };
            events.into_iter().map(event).collect()
        }
    }
}

fn streamed(redactor: &Redactor, content_type: &str, bytes: Vec<u8>) -> Vec<u8> {
    let mut exchange = exchange(&[], Vec::new(), &[("content-type", content_type)], bytes);
    if content_type == "websocket" {
        exchange.upgrade = true;
        exchange.head.as_mut().unwrap().status = 101;
    }
    redactor.redact(&mut exchange);
    exchange.response.bytes.to_vec()
}

/// The stream says the same as before, but for the secrets, and whatever was not of that text is untouched.
fn check_stream(text: &str, wanted: &str, cuts: &[usize]) -> Result<(), TestCaseError> {
    // A name of one's own holds in what is said as well.
    let redactor = with(&Config { fields: vec!["api_key".to_owned()], ..Config::default() });
    for (name, event, place) in EVENTS {
        let events: Vec<Value> = pieces(text, cuts).iter().map(|piece| event(piece)).collect();
        for content_type in FRAMINGS {
            let made = streamed(&redactor, content_type, framed(content_type, name, &events));
            let mut seen = unframed(content_type, &made);
            let joined: String =
                seen.iter().map(|event| event.pointer(place).unwrap().as_str().unwrap()).collect();
            prop_assert_eq!(&joined, wanted, "{} {}", content_type, place);
            for (seen, event) in seen.iter_mut().zip(&events) {
                *seen.pointer_mut(place).unwrap() = event.pointer(place).unwrap().clone();
            }
            prop_assert_eq!(&seen, &events);
        }
    }
    Ok(())
}

#[test]
fn choices_and_blocks_are_told_apart() {
    let key = made("sk-ant-", 60);
    let event = |index: usize, text: &str| json!({"choices": [{"delta": {"content": text}, "index": index}]});
    let (first, second) = key.split_at(9);
    let events = [event(0, first), event(1, "and "), event(0, second), event(1, "so on")];
    let made = streamed(&redactor(&["keys"]), FRAMINGS[0], framed(FRAMINGS[0], "m", &events));
    let wanted = [event(0, &stand_in("keys", &key)), event(1, "and "), event(0, ""), event(1, "so on")];
    assert_eq!(unframed(FRAMINGS[0], &made), wanted);
}

#[test]
fn lists_of_tokens_are_pieces_of_a_text() {
    let key = made("sk-ant-", 60);
    let token = |text: &str| json!({"token": text, "logprob": -0.5, "bytes": text.as_bytes(), "top_logprobs": [{"token": "no", "bytes": [110]}]});
    let tokens = |texts: [&str; 4]| json!({"id": "a", "choices": [{"logprobs": {"content": texts.map(token)}, "index": 0}]});
    let before = tokens(["My ", &key[..5], &key[5..30], &key[30..]]);
    let hidden = stand_in("keys", &key);
    let mut after = tokens(["My ", &hidden, "", ""]);
    for at in 1..4 {
        after["choices"][0]["logprobs"]["content"][at]["bytes"] = json!([]);
    }
    assert_eq!(json_answer(&before.to_string()), after.to_string());
    for content_type in FRAMINGS {
        let made = streamed(
            &redactor(&["keys"]),
            content_type,
            framed(content_type, "m", &[before.clone(), json!({})]),
        );
        assert_eq!(unframed(content_type, &made), [after.clone(), json!({})]);
    }
}

#[test]
fn what_is_repeated_at_the_end_goes_too_and_plain_text_is_put_together() {
    let key = made("sk-ant-", 60);
    let stream =
        format!("data: {}\n\ndata: {}\n\ndata: {{\"text\":\"all {key}\"}}\n\n", &key[..20], &key[20..]);
    let made = streamed(&redactor(&["keys"]), FRAMINGS[0], stream.into_bytes());
    let hidden = stand_in("keys", &key);
    let wanted = format!("data: {hidden}\n\ndata: \n\ndata: {{\"text\":\"all {hidden}\"}}\n\n");
    assert_eq!(String::from_utf8(made).unwrap(), wanted);
}

#[test]
fn what_is_compressed_is_decoded_where_something_has_to_go() {
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let key = made("sk-", 48);
    for (text, wanted) in
        [(json!({"a": key}), Some(json!({"a": stand_in("keys", &key)}))), (json!({"a": 1}), None)]
    {
        let body = gzip(&text.to_string());
        let lines = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let mut exchange = exchange(&lines, body.clone(), &[], Vec::new());
        redactor(&["keys"]).redact(&mut exchange);
        assert_eq!(exchange.request.decoded, wanted.is_some());
        let wanted = wanted.map_or(body, |wanted| wanted.to_string().into_bytes());
        assert_eq!(exchange.request.bytes, wanted);
    }
}

#[test]
fn a_compressed_socket_is_written_anew() {
    let mut deflate = flate2::Compress::new(flate2::Compression::fast(), false);
    let key = made("sk-", 48);
    let mut stream = vec![0x89, 2, b'h', b'i'];
    for piece in [&key[..10], &key[10..]] {
        let text = json!({"type": "response.text.delta", "delta": piece}).to_string();
        let mut message = Vec::with_capacity(1000);
        deflate.compress_vec(text.as_bytes(), &mut message, flate2::FlushCompress::Sync).unwrap();
        message.truncate(message.len() - 4);
        // In two frames.
        let (first, second) = message.split_at(7);
        for (head, part) in [(0x41, first), (0x80, second)] {
            stream.extend([head, u8::try_from(part.len()).unwrap()]);
            stream.extend(part);
        }
    }
    let mut exchange =
        exchange(&[], Vec::new(), &[("sec-websocket-extensions", "permessage-deflate")], stream);
    exchange.upgrade = true;
    exchange.head.as_mut().unwrap().status = 101;
    // A message of nothing, compressed.
    exchange.request.bytes = vec![0xc1, 1, 0].into();
    assert_eq!(redactor(&["keys"]).redact(&mut exchange), 1);
    assert!(exchange.request.decoded && exchange.response.decoded);
    assert_eq!(exchange.request.bytes, vec![0x81, 0], "both directions are compressed, or neither");
    let deflate = PerMessageDeflate { takeover: true, window_bits: 15 };
    let mut seen = Vec::new();
    Websocket::new(1000, Some(deflate)).push(&exchange.response.bytes, &mut |frame| match frame.content {
        Content::Event(event) => seen.push(String::from_utf8(event.data.to_vec()).unwrap()),
        other => seen.push(format!("{other:?}")),
    });
    let event = |text: String| json!({"type": "response.text.delta", "delta": text}).to_string();
    assert_eq!(seen, ["Ping([104, 105])".to_owned(), event(stand_in("keys", &key)), event(String::new())]);
}

/// A JSON text with some of its characters written as numbers.
fn escaped(text: &str, which: u64) -> String {
    let mut written = String::new();
    for (at, c) in text.chars().enumerate() {
        if which >> (at % 64) & 1 == 1 && c.is_ascii() || matches!(c, '"' | '\\' | '\n') {
            written += &format!("\\u{:04x}", u32::from(c));
        } else {
            written.push(c);
        }
    }
    written
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_secret_does_not_survive_being_cut(
        before in "[ -~é]{0,12}", behind in "[ é\"\\\\,:]{0,6}", which in 0..26_usize,
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let key = &keys()[which];
        // What may stand before it without being a part of it.
        let before = format!("{} ", before.replace(['{', '[', ':', '@'], ""));
        let wanted = format!("{before}{}{behind}", stand_in("keys", key));
        check_stream(&format!("{before}{key}{behind}"), &wanted, &cuts)?;
    }

    #[test]
    fn nor_being_cut_within_the_arguments_of_a_tool(
        note in "[a-zé\"\\\\\n ]{0,12}", secret in "[!-~é\"\\\\\n]{1,20}",
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
    ) {
        let arguments = |secret: &str| json!({"note": note, "api_key": secret, "n": [1]}).to_string();
        let wanted = arguments(&stand_in("field", &secret));
        check_stream(&arguments(&secret), &wanted, &cuts)?;
    }

    #[test]
    fn nor_being_written_with_escapes(
        before in "[a-zé\n\" ]{0,8}", which in 0..26_usize, bits in any::<u64>(), more in any::<u64>(),
    ) {
        let key = &keys()[which];
        let inner = format!("{{\"k\":\"{}\"}}", escaped(&format!("{before} {key}"), bits));
        let text = format!("{{\"a\":\"{}\",\"b\":1}}", escaped(&inner, more));
        let made = json_answer(&text);
        let outer: Value = serde_json::from_str(&made).unwrap();
        let inner: Value = serde_json::from_str(outer["a"].as_str().unwrap()).unwrap();
        prop_assert_eq!(inner["k"].as_str().unwrap(), format!("{before} {}", stand_in("keys", key)));
    }

    #[test]
    fn what_holds_no_secret_stays(text in "[ -~é\\n]{0,200}") {
        let text = text.replace([':', '@', '-', '_', '.', '='], " ");
        let event = json!({"a": text, "b": [text, 1], "c": {"d": json!({"e": text}).to_string()}});
        for content_type in FRAMINGS {
            let bytes = framed(content_type, "m", &[event.clone(), event.clone()]);
            prop_assert_eq!(&streamed(&redactor(&["keys"]), content_type, bytes.clone()), &bytes);
        }
    }

    #[test]
    fn any_bytes_are_gone_through(
        bytes in proptest::collection::vec(prop_oneof![
            2 => proptest::collection::vec(any::<u8>(), 0..8),
            3 => proptest::sample::select(vec![
                "{", "}", "[", "]", "\"", "\\", ":", ",", "data: ", "\n", "\r\n\r\n", " sk-", "abcdefghijklmnopqrstuvwxyz1234",
                "\"api_key\":", "\\u002d", "a@b.org", "4111111111111111", "{\"bytes\":\"", "-----BEGIN PRIVATE KEY-----", "é",
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ], 0..40).prop_map(|pieces| pieces.concat()),
        bits in any::<u8>(),
    ) {
        let redactor = redactor(&["keys", "cards", "emails", "phones", "ssn"]);
        for content_type in FRAMINGS.iter().chain(&["", "application/x-www-form-urlencoded"]) {
            let once = streamed(&redactor, content_type, bytes.clone());
            if *content_type != "websocket" {
                prop_assert!(!once.windows(34).any(|window| window == b" sk-abcdefghijklmnopqrstuvwxyz1234"));
            }
        }
        let mut exchange = exchange(&[("content-encoding", "br")], bytes.clone(), &[], bytes);
        exchange.upgrade = bits & 1 == 1;
        redactor.redact(&mut exchange);
    }
}
