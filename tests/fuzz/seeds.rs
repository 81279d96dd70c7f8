//! Where fuzzing begins: fixtures of dialects, and a few inputs by hand.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::Value;
use wiretape::model::{Direction, Ending, ExchangeId, Headers, Label, Micros};
use wiretape::tape::format::{PREFIX, put_event, put_passed};
use wiretape::tape::{Begin, Event, ResponseHead};

use crate::fixture::{Fixture, all};
use crate::targets::exchange::{
    BROKEN, EVENTS, FRAMES, Input, MARK, OWN_RULES, SOCKET, event_frame, text_frame,
};
use crate::targets::framings::{self, Cut};
use crate::targets::{Target, encodings};

/// Fixtures above this make slow rounds, and have little that the others lack.
const LARGEST: usize = 48 << 10;

/// All seeds of a target.
pub fn of(target: Target) -> Vec<Vec<u8>> {
    match target {
        Target::Framing(cut) => framing(cut),
        Target::Encoding(names) => encoding(names),
        Target::Dialect(dialect) => {
            let own = all().into_iter().filter(|fixture| fixture.dialect() == dialect.name());
            own.map(|fixture| of_fixture(&fixture).write()).filter(|seed| seed.len() < LARGEST).collect()
        }
        Target::Redactor => redactor(),
        Target::Record => record(),
    }
}

fn of_fixture(fixture: &Fixture) -> Input {
    let exchange = fixture.exchange(usize::MAX);
    let head = exchange.head.as_ref().unwrap();
    let mut input = Input {
        cut: 9,
        status: Input::status_byte(head.status),
        line: format!("{} {} {}", exchange.method, exchange.forwarded, exchange.provider),
        headers: exchange.headers.as_bytes().to_vec(),
        response_headers: head.headers.as_bytes().to_vec(),
        request: exchange.request.bytes.to_vec(),
        response: exchange.response.bytes.to_vec(),
        ..Input::default()
    };
    if let Some((_, Ending::Broken { .. })) = exchange.response.end {
        input.flags |= BROKEN;
    }
    let list = |key: &str| fixture.json.get(key).and_then(Value::as_array);
    if let Some(messages) = list("messages") {
        input.flags |= SOCKET;
        input.request.clear();
        let sides = messages.iter().map(|message| match message.get("client") {
            Some(json) => format!("c{json}").into_bytes(),
            None => format!("s{}", message["server"]).into_bytes(),
        });
        input.response = sides.collect::<Vec<_>>().join(MARK);
    }
    if let Some(frames) = list("frames") {
        input.flags |= EVENTS;
        let pieces = frames.iter().map(|frame| {
            let failed = if frame.get("exception").is_some() { "!" } else { "" };
            format!("{failed}{}\n{}", frame["name"].as_str().unwrap(), frame["json"]).into_bytes()
        });
        input.response = pieces.collect::<Vec<_>>().join(MARK);
    }
    input
}

const SSE: &[u8] = b"\xef\xbb\xbf: hi\r\nid: 1\r\nevent: a\r\ndata: {\"b\":\"\xc3\xbc\"}\r\ndata: c\r\n\r\n\
    retry: 10\ndata\n\ndata: [DONE]\r\r: bye";
const NDJSON: &[u8] = b"\xef\xbb\xbf{\"a\":1}\n\n [2]\r\n\"\xc3\xbc\"\nnot json\n{\"unfinished\":";
const ARRAY: &[u8] = b" [{\"a\":[1,\"]\\\"\"]},\n2 , null,\"\xf0\x9f\x98\x80\"] \n";

fn framing(cut: Cut) -> Vec<Vec<u8>> {
    let events = [
        event_frame(b"messageStart", b"{\"role\":\"assistant\"}"),
        event_frame(b"!throttlingException", b"{\"message\":\"slow down\"}"),
        event_frame(b"chunk", b""),
    ]
    .concat();
    match cut {
        Cut::Sse => vec![framings::input(0, SSE)],
        Cut::Ndjson => vec![framings::input(0, NDJSON)],
        Cut::JsonArray => {
            [ARRAY, b"{\"a\":{\"b\":\"}\"}}", b"null", b"[]"].map(|text| framings::input(0, text)).to_vec()
        }
        Cut::EventStream => vec![framings::input(0, &events)],
        Cut::Websocket => websockets(),
        Cut::Auto => (0_u8..8)
            .zip([SSE, SSE, NDJSON, ARRAY, &events, b"dat", b"ID3", b"\n {\"a\":1}"])
            .map(|(said, stream)| framings::input(said, stream))
            .collect(),
    }
}

fn websockets() -> Vec<Vec<u8>> {
    let masked = b"\x81\x85\x01\x02\x03\x04igoho".to_vec();
    let fragments = b"\x01\x03{\"a\x89\x02hi\x8a\x00\x80\x04\":1}\x88\x05\x03\xe8bye".to_vec();
    let long = [text_frame(&[b'a'; 200]), b"\x82\x03\x00\x01\x02".to_vec()].concat();
    let plain = [masked.clone(), fragments.clone(), long].concat();
    let mut deflate = flate2::Compress::new(Compression::default(), false);
    let mut frames = Vec::new();
    for text in ["{\"type\":\"response.created\"}", "{\"type\":\"response.done\"}", ""] {
        let mut packed = Vec::with_capacity(200);
        deflate.compress_vec(text.as_bytes(), &mut packed, flate2::FlushCompress::Sync).unwrap();
        let packed = packed.strip_suffix(b"\0\0\xff\xff").unwrap_or(&packed);
        let mut frame = text_frame(packed);
        frame[0] = 0xc1;
        frames.extend(frame);
    }
    let mixed = [frames.clone(), masked, fragments].concat();
    vec![
        framings::input(0, &plain),
        framings::input(3, &frames),
        framings::input(1, &frames),
        framings::input(3, &mixed),
    ]
}

fn encoding(names: &str) -> Vec<Vec<u8>> {
    let text = [SSE, &b"data: {\"text\":\"again and again and again\"}\n\n".repeat(60)].concat();
    let mut seeds = Vec::new();
    for text in [b"".as_slice(), SSE, &text] {
        let packed = names.split(", ").fold(text.to_vec(), |bytes, name| packed(name, &bytes));
        seeds.push(encodings::input(&packed));
        seeds.push(encodings::input(&packed.repeat(2)));
    }
    if names == "deflate" {
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::best());
        bare.write_all(&text).unwrap();
        seeds.push(encodings::input(&bare.finish().unwrap()));
    }
    if names == "br" {
        // Compressed, and flushed after each event.
        let hex = "0b0f80646174613a207b2274657874223a224772c3bcc39f6520f09f918b227d0a0a1801004074727ea1efa617ca5bd2c\
                   25403a98811282c91c734fd97a5050c680008646174613a205b444f4e455d0a0a03";
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        seeds.push(encodings::input(&hex.as_bytes().chunks(2).map(byte).collect::<Vec<_>>()));
    }
    seeds
}

fn packed(name: &str, bytes: &[u8]) -> Vec<u8> {
    match name {
        "gzip" => {
            let mut packer = GzEncoder::new(Vec::new(), Compression::default());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        "deflate" => {
            let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        "br" => stored_brotli(bytes),
        other => panic!("no packer for {other}"),
    }
}

/// Brotli that stores: a window of 16 bits, then blocks, not the last, of bytes as they are.
fn stored_brotli(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut head, mut bits) = (0_u64, 1_usize);
    for block in bytes.chunks(1 << 16) {
        head |= ((block.len() as u64 - 1) << 3 | 1 << 19) << bits;
        out.extend_from_slice(&head.to_le_bytes()[..(bits + 20).div_ceil(8)]);
        out.extend_from_slice(block);
        (head, bits) = (0, 0);
    }
    head |= 3 << bits;
    out.push(head.to_le_bytes()[0]);
    out
}

/// Secrets, put together so that no scanner of sources takes them for such.
fn secrets() -> Vec<String> {
    let letters: String = "a1B2c3D4e5F6g7H8i9J0".repeat(4);
    let made = |prefix: &str, length: usize| format!("{prefix}{}", &letters[..length]);
    vec![
        made("sk-", 48),
        made("AIza", 35),
        made("AKIA", 16).to_uppercase(),
        made("ghp_", 36),
        format!("{}.{}.{}", made("eyJ", 20), made("eyJ", 30), made("", 43)),
        format!("https://me:{}@host/", made("", 12)),
        format!("Authorization: Basic {}", made("", 20)),
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", made("", 60)),
        "4111 1111 1111 1111".to_owned(),
        "some.one@example.com".to_owned(),
        "+1 202 555 0143".to_owned(),
        "123-45-6789".to_owned(),
    ]
}

/// Every secret in bodies of every kind, whole and cut over events, and fixtures with secrets in them.
fn redactor() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for secret in secrets() {
        let json = |text: &str| Value::from(text).to_string();
        let (one, two) = secret.split_at(secret.len() / 2);
        let piece = |text: &str| format!("{{\"choices\":[{{\"delta\":{{\"content\":{}}}}}]}}", json(text));
        let whole =
            format!("{{\"a\":{},\"api_key\":\"x{one}\",\"badge\":7}}", json(&format!("it is {secret}.")));
        let sse = format!("data: {}\n\ndata: {}\n\ndata: [DONE]\n\n", piece(one), piece(two));
        let lines = format!("{}\n{}\n", piece(&format!("a {one}")), piece(&format!("{two} b")));
        let frames =
            [format!("chunk\n{}", piece(one)), format!("chunk\n{}", piece(two))].map(String::into_bytes);
        let socket = [format!("c{whole}"), format!("s{}", piece(one)), format!("s{}", piece(two))];
        let form = format!("user=me&token={one}&text={two}");
        let headers = |name: &str| format!("content-type: {name}\r\n").into_bytes();
        let input = |name: &str, body: Vec<u8>, flags: u8| Input {
            flags,
            line: format!("POST /v1/x?key={one} own"),
            headers: [headers("application/json"), format!("x-note: {secret}\r\n").into_bytes()].concat(),
            response_headers: headers(name),
            request: whole.clone().into_bytes(),
            response: body,
            ..Input::default()
        };
        let mut upgrade = input("", socket.map(String::into_bytes).join(MARK), SOCKET);
        upgrade.status = Input::status_byte(101);
        let mut packed_body = input("text/event-stream", packed("gzip", sse.as_bytes()), 0);
        packed_body.response_headers.extend_from_slice(b"content-encoding: gzip\r\n");
        let mut unknown = input("application/json", whole.clone().into_bytes(), 0);
        unknown.response_headers.extend_from_slice(b"content-encoding: aws-chunked, my-own\r\n");
        seeds.extend([
            input("text/event-stream", sse.into_bytes(), 0),
            input("application/x-ndjson", lines.into_bytes(), 0),
            input("application/vnd.amazon.eventstream", frames.join(MARK), EVENTS),
            input("application/x-www-form-urlencoded", form.into_bytes(), 0),
            input("text/plain", format!("{secret} {whole}").into_bytes(), 0),
            packed_body,
            unknown,
            upgrade,
        ]);
    }
    let mut frames = Input { flags: SOCKET | FRAMES, status: Input::status_byte(101), ..Input::default() };
    frames.response = [b"s\x01\x03{\"a".to_vec(), b"s\x80\x04\":1}".to_vec()].join(MARK);
    seeds.push(frames);
    let own: Vec<Input> =
        seeds.iter().cloned().map(|seed| Input { flags: seed.flags | OWN_RULES, ..seed }).collect();
    seeds.extend(own);
    seeds.extend(all().iter().step_by(9).map(of_fixture));
    seeds.iter().map(Input::write).filter(|seed| seed.len() < LARGEST).collect()
}

fn record() -> Vec<Vec<u8>> {
    let headers = || Headers::from_lines(b"host: a\r\ncontent-type: application/json\r\n".to_vec());
    let begin = Begin {
        upstream: "openai".into(),
        method: http::Method::POST,
        target: Some(http::uri::PathAndQuery::from_static("/openai/v1/x?a=b")),
        forwarded: http::uri::PathAndQuery::from_static("/v1/x?a=b"),
        version: http::Version::HTTP_11,
        headers: headers(),
        labels: vec![Label { key: "session".to_owned(), value: "é".to_owned() }],
        upgrade: false,
    };
    let head = ResponseHead {
        status: http::StatusCode::OK,
        version: http::Version::HTTP_2,
        headers: headers(),
        ours: true,
    };
    let by = wiretape::model::Closer::Us;
    let events = [
        Event::Begin(Box::new(begin)),
        Event::Informational(http::StatusCode::EARLY_HINTS),
        Event::Head(Box::new(head)),
        Event::Data(Direction::Request, b"{\"a\":1}".as_slice().into()),
        Event::Trailers(Direction::Response, headers()),
        Event::Last(Direction::Response, b"".as_slice().into()),
        Event::Closed { direction: Direction::Request, ending: Ending::Complete, lost: 0 },
        Event::Closed {
            direction: Direction::Response,
            ending: Ending::Broken { by, why: "a limit".to_owned() },
            lost: 7,
        },
    ];
    let id = ExchangeId::from_bytes([7; 16]);
    let mut records: Vec<Vec<u8>> = Vec::new();
    for event in &events {
        let mut out = Vec::new();
        put_event(&mut out, 1, id, Micros(1_700_000_000_000_000), event).unwrap();
        records.push(out);
    }
    let mut out = Vec::new();
    put_passed(&mut out, 1, id, Micros(1), Direction::Request, 1 << 40, true).unwrap();
    records.push(out);
    records.iter().map(|record| record[PREFIX..].to_vec()).collect()
}
