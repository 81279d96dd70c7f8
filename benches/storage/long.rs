//! Sessions of ten thousand turns: what the store's write of a call costs must not grow with what came before it.

use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use wiretape::model::{Body, Chunk, Ending, Exchange, ExchangeId, Head, Headers, Micros};
use wiretape::price::Pricer;
use wiretape::recorder::Reader;
use wiretape::store::{Config, Mode, SqliteStore, Store};
use wiretape::trace;

use super::words::Dice;

const TURNS: usize = 10_000;
/// As many turns are looked at, at the begin and at the end.
const SOME: usize = 1000;
/// So many calls come in any order.
const NEAR: u64 = 5;
/// Of a history that is cut so many messages are left.
const WINDOW: usize = 20;
const NOON: u64 = 1_795_262_400_000_000;

/// How an agent works.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// After so many turns the user says something.
    every: usize,
    /// It sends the end of its history; else the id of the answer that it goes on from.
    sends_history: bool,
}

const WAYS: [Way; 3] = [
    Way { name: "goes on by id, a trace of 10", every: 10, sends_history: false },
    Way { name: "goes on by id, one trace", every: TURNS, sends_history: false },
    Way { name: "the last 20 messages", every: 10, sends_history: true },
];

pub async fn run(folder: &Path) {
    println!("{:<30} {:>14} {:>10} {:>12}", "microseconds of work a call", "arrival", "1-1000", "9001-10000");
    for way in WAYS {
        for (arrival, near) in [("in order", 1), ("any of five", NEAR)] {
            let file = folder.join("long.db");
            let [first, last] = session(&file, way, near).await;
            println!("{:<30} {arrival:>14} {first:>10.0} {last:>12.0}", way.name);
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{end}", file.display()));
            }
        }
    }
}

async fn session(file: &Path, way: Way, near: u64) -> [f64; 2] {
    let reader = Reader::new(Pricer::default(), &trace::Config::default());
    let store =
        SqliteStore::open_with(file, Mode::ReadWrite, &Config::default(), reader.reread()).await.unwrap();
    let mut dice = Dice(3);
    let mut history = Vec::new();
    let mut exchanges: Vec<Exchange> = (0..TURNS).map(|turn| call(way, turn, &mut history)).collect();
    for few in exchanges.chunks_mut(usize::try_from(near).unwrap()) {
        for at in (1..few.len()).rev() {
            few.swap(at, usize::try_from(dice.below(at as u64 + 1)).unwrap());
        }
    }
    let mut times = [Duration::ZERO; 2];
    for (at, exchange) in exchanges.into_iter().enumerate() {
        let entry = super::entry(&reader, exchange);
        let begun = worked();
        store.write(vec![entry].into()).await.unwrap();
        let took = worked() - begun;
        match at {
            _ if at < SOME => times[0] += took,
            _ if at >= TURNS - SOME => times[1] += took,
            _ => {}
        }
    }
    let sessions = store.stats().await.unwrap().sessions;
    assert_eq!(sessions, 1, "{} sessions were made of one", sessions);
    store.close().await.unwrap();
    times.map(|time| time.as_secs_f64() * 1e6 / SOME as f64)
}

/// How long this process has worked: what else the machine does plays no part.
fn worked() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

fn call_id(turn: usize) -> String {
    format!("call_{:08x}{turn:05}", (turn as u64).wrapping_mul(0x9E37_79B9) as u32)
}

fn call(way: Way, turn: usize, history: &mut Vec<Value>) -> Exchange {
    let mut input = Vec::new();
    if turn > 0 {
        input.push(json!({"type": "function_call_output", "call_id": call_id(turn - 1), "output": "done"}));
    }
    if turn.is_multiple_of(way.every) {
        let said = format!("Please go on with part {} of the work.", turn / way.every);
        input.push(json!({"type": "message", "role": "user", "content": said}));
    }
    let output = vec![
        json!({"type": "message", "id": format!("msg_{turn}"), "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": format!("Step {turn} is next.")}]}),
        json!({"type": "function_call", "id": format!("fc_{turn}"), "call_id": call_id(turn), "name": "step",
            "arguments": format!("{{\"number\":{turn}}}")}),
    ];
    history.append(&mut input.clone());
    let mut body = json!({"model": "gpt-5", "tools": [{"type": "function", "name": "step"}]});
    if way.sends_history {
        body["input"] = history[history.len().saturating_sub(WINDOW)..].to_vec().into();
    } else {
        body["input"] = input.into();
        if turn > 0 {
            body["previous_response_id"] = format!("resp_{:08}", turn - 1).into();
        }
    }
    history.extend(output.iter().cloned());
    let response = json!({
        "id": format!("resp_{turn:08}"), "object": "response", "status": "completed", "model": "gpt-5",
        "output": output, "usage": {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110},
    });
    exchange(turn as u64, &body, &response)
}

fn exchange(turn: u64, request: &Value, response: &Value) -> Exchange {
    let began = Micros(NOON + turn * 3_000_000);
    let body = |json: &Value, after: u64| {
        let bytes = json.to_string();
        Body {
            chunks: vec![Chunk { after, length: bytes.len() as u64 }],
            bytes: bytes.into(),
            end: Some((Micros(began.0 + after), Ending::Complete)),
            ..Body::default()
        }
    };
    let headers =
        |lines: &[(&str, &str)]| Headers::of(|| lines.iter().map(|(name, value)| (*name, value.as_bytes())));
    Exchange {
        id: ExchangeId::from_bytes((u128::from(began.0 / 1000) << 80 | u128::from(turn)).to_be_bytes()),
        upstream: "openai".to_owned(),
        provider: "openai".to_owned(),
        dialect: None,
        method: "POST".to_owned(),
        target: Some("/openai/v1/responses".to_owned()),
        forwarded: "/v1/responses".to_owned(),
        version: "HTTP/1.1".to_owned(),
        headers: headers(&[("authorization", "fingerprint:1"), ("user-agent", "agent/2.1")]),
        labels: Vec::new(),
        upgrade: false,
        began,
        request: body(request, 100),
        informational: Vec::new(),
        head: Some(Head {
            at: Micros(began.0 + 500_000),
            status: 200,
            version: "HTTP/1.1".to_owned(),
            headers: headers(&[("content-type", "application/json")]),
            ours: false,
        }),
        response: body(response, 1_000_000),
        redactions: Vec::new(),
    }
}
