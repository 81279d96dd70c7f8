//! Many calls on one socket, and histories that the provider keeps.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::provider::{Asked, provider};
use super::support::{Call, Home, Recorder, assert_same, until};

/// A text message in one frame; what a client sends is masked.
fn frame(text: &str, masked: bool) -> Vec<u8> {
    let mark = if masked { 0x80 } else { 0 };
    let mut bytes = vec![0x81];
    match u16::try_from(text.len()).unwrap() {
        short @ 0..126 => bytes.push(mark | u8::try_from(short).unwrap()),
        long => {
            bytes.push(mark | 126);
            bytes.extend(long.to_be_bytes());
        }
    }
    let mask = if masked { [1, 2, 3, 4] } else { [0; 4] };
    if masked {
        bytes.extend(mask);
    }
    bytes.extend(text.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The next message, if one comes.
fn message(socket: &mut TcpStream) -> Option<String> {
    let mut exactly = |length: usize| {
        let mut bytes = vec![0; length];
        socket.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let head = exactly(2)?;
    let length = match head[1] & 0x7f {
        126 => exactly(2)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        short => short.into(),
    };
    let mask = if head[1] & 0x80 > 0 { exactly(4)? } else { vec![0; 4] };
    let bytes = exactly(length)?;
    let bytes = bytes.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Some(String::from_utf8(bytes).unwrap())
}

fn response(id: &str, status: &str, before: &Value, text: Option<&str>) -> Value {
    let output: Vec<Value> = text.map(|text| item(id, text)).into_iter().collect();
    let usage = json!({
        "input_tokens": 5, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7
    });
    json!({
        "id": id, "object": "response", "created_at": 1_790_000_000, "status": status, "error": null,
        "model": "gpt-5.4-2026-03-05", "output": output, "previous_response_id": before, "tools": [], "metadata": {},
        "usage": if text.is_some() { usage } else { Value::Null }
    })
}

fn item(id: &str, text: &str) -> Value {
    let content = json!([{"type": "output_text", "annotations": [], "text": text}]);
    json!({"id": format!("msg_{id}"), "type": "message", "status": "completed", "role": "assistant", "content": content})
}

/// Answers `What is N?` by `It is N.`, in the response `resp_N`.
fn answer_of(asked: &Value) -> (String, String) {
    let last = asked["input"].as_array().unwrap().last().unwrap();
    let text = last["content"][0]["text"].as_str().unwrap();
    let number = text.trim_start_matches("What is ").trim_end_matches('?');
    (format!("resp_{number}"), format!("It is {number}."))
}

fn create(number: usize, before: Option<&str>) -> Value {
    let content = json!([{"type": "input_text", "text": format!("What is {number}?")}]);
    let mut asked = json!({
        "model": "gpt-5.4", "instructions": "Be short.",
        "input": [{"type": "message", "role": "user", "content": content}]
    });
    if let Some(before) = before {
        asked["previous_response_id"] = before.into();
    }
    asked
}

pub fn serve(mut asked: Asked) {
    if !asked.head.to_ascii_lowercase().contains("upgrade: websocket") {
        let sent = asked.json();
        let (id, text) = answer_of(&sent);
        return asked.json_answer(&response(&id, "completed", &sent["previous_response_id"], Some(&text)));
    }
    asked.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    while let Some(sent) = message(&mut asked.socket) {
        let sent: Value = serde_json::from_str(&sent).unwrap();
        let (id, text) = answer_of(&sent);
        let before = &sent["previous_response_id"];
        let mut events = vec![
            json!({"type": "response.created", "response": response(&id, "in_progress", before, None)}),
            json!({"type": "response.output_text.delta", "item_id": format!("msg_{id}"), "output_index": 0,
                   "content_index": 0, "delta": text}),
        ];
        // One is never finished.
        if !text.contains("13") {
            events.push(
                json!({"type": "response.output_item.done", "output_index": 0, "item": item(&id, &text)}),
            );
            let whole = response(&id, "completed", before, Some(&text));
            events.push(json!({"type": "response.completed", "response": whole}));
        }
        events.iter().for_each(|event| asked.write(frame(&event.to_string(), false)));
    }
}

pub fn open(recorder: &Recorder) -> Call {
    let head = "GET /v1/responses HTTP/1.1\r\nHost: me\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                x-wiretape-session: s\r\n\r\n";
    let mut call = Call::raw(&recorder.address, head.as_bytes());
    let mut byte = [0];
    while !call.seen.ends_with(b"\r\n\r\n") {
        call.socket.read_exact(&mut byte).unwrap();
        call.seen.push(byte[0]);
    }
    assert!(call.seen.starts_with(b"HTTP/1.1 101 "));
    call
}

pub fn ask(socket: &mut TcpStream, number: usize, before: Option<&str>) {
    let mut asked = create(number, before);
    asked["type"] = "response.create".into();
    socket.write_all(&frame(&asked.to_string(), true)).unwrap();
    let last = if number == 13 { "response.output_text.delta" } else { "response.completed" };
    while serde_json::from_str::<Value>(&message(socket).unwrap()).unwrap()["type"] != last {}
}

/// What was said, in order.
fn texts(record: &Value) -> Vec<&str> {
    let messages = record["input"].as_array().unwrap().iter().chain(record["output"].as_array().unwrap());
    messages.map(|message| message["parts"][0]["content"].as_str().unwrap()).collect()
}

fn history(to: usize) -> Vec<String> {
    (1..=to).flat_map(|number| [format!("What is {number}?"), format!("It is {number}.")]).collect()
}

#[test]
fn each_call_on_a_socket_is_there_while_it_is_open() {
    let home = Home::new();
    let recorder = Recorder::start(&home, &provider(serve));
    let mut call = open(&recorder);
    let mut tail = super::moved::Following::new(&home, "100");
    for number in 1..=5 {
        let before = format!("resp_{}", number - 1);
        ask(&mut call.socket, number, (number > 1).then_some(&before));
        until("the call is listed", || home.json(&["ls", "--json"]).len() == number);
        tail.until(number);
    }
    ask(&mut call.socket, 13, Some("resp_5"));
    std::thread::sleep(std::time::Duration::from_millis(700));
    let open = home.export();
    assert_eq!(open.len(), 5, "what goes on has no record yet");
    assert!(open.iter().all(|record| record["status"] == "ok"));
    let [last] = &home.json(&["export", "--limit", "1"])[..] else { panic!("one") };
    assert_eq!(texts(last), history(5));

    drop(call);
    recorder.recorded(1);
    let records = home.export();
    assert_eq!(records.len(), 6);
    for (at, record) in records.iter().take(5).enumerate() {
        assert_eq!(
            (&record["status"], &record["response_id"]),
            (&json!("ok"), &json!(format!("resp_{}", at + 1)))
        );
        assert_eq!(texts(record), history(at + 1));
        assert_eq!((&record["session_id"], &record["dialect"]), (&json!("s"), &json!("openai.responses")));
        assert_eq!(record["id"], open[at]["id"]);
    }
    assert_eq!(
        (&records[5]["status"], &records[5]["output_text"]),
        (&json!("interrupted"), &json!("It is 13."))
    );
    tail.until(6);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(tail.ids().len(), 6, "none is told of twice");
    recorder.stop();
    assert_same(&home.export(), &records, "at the end");
}

#[test]
fn a_history_that_the_provider_keeps_is_in_the_export() {
    let home = Home::new();
    let recorder = Recorder::start(&home, &provider(serve));
    for number in 1..=3 {
        let before = format!("resp_{}", number - 1);
        let asked = create(number, (number > 1).then_some(&before));
        assert_eq!(recorder.post("/v1/responses", "", asked.to_string()).status(), 200);
    }
    // On a socket it goes on where the calls before had ended.
    let mut call = open(&recorder);
    ask(&mut call.socket, 4, Some("resp_3"));
    drop(call);
    recorder.recorded(4);
    let records = home.json(&["export"]);
    for (at, record) in records.iter().enumerate() {
        assert_eq!(texts(record), history(at + 1));
    }
    let id = records[3]["id"].as_str().unwrap();
    assert!(home.run(&["show", id]).contains("What is 1?"));
    recorder.stop();
}
