//! Killed without a word, at any moment: what had come a second before is there afterwards, once.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::provider::{Asked, chat, delta, noise_of, pause, provider, question};
use super::support::{Home, Recorder, alone, body, noise};

/// What had reached us this long before must be there.
const GRACE: Duration = Duration::from_secs(1);

/// What a client had of a call.
#[derive(Clone, Default)]
struct Had {
    /// Its answer had come as a whole.
    ended: Option<Instant>,
    /// Bodies' bytes, and when they had come.
    bytes: Vec<(Instant, usize)>,
}

type Calls = Arc<Mutex<HashMap<String, Had>>>;

/// Streams go on for ever; the others are answered with what they ask for.
fn answer(mut asked: Asked) {
    let name = asked.json()["messages"][0]["content"].as_str().unwrap().to_owned();
    if !name.starts_with("stream") {
        return asked.json_answer(&chat(&noise_of(&name)));
    }
    asked.stream();
    // As long as the recorder lives; the test ends before this does.
    for number in 0..2000 {
        let event = delta(&format!("{name}:{number} "));
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        if asked.socket.write_all(chunk.as_bytes()).is_err() {
            return;
        }
        pause(5);
    }
}

/// What a stream says, up to a length.
fn said(name: &str, length: usize) -> Vec<u8> {
    let mut all = Vec::new();
    for number in 0.. {
        if all.len() >= length {
            break;
        }
        all.extend_from_slice(delta(&format!("{name}:{number} ")).as_bytes());
    }
    all.truncate(length);
    all
}

fn calls(address: &str, calls: &Calls, stop: &AtomicBool, next: &AtomicU64, round: u64) {
    while !stop.load(Ordering::Relaxed) {
        let name = format!("call-{round}-{}", next.fetch_add(1, Ordering::Relaxed));
        calls.lock().unwrap().insert(name.clone(), Had::default());
        let Some(seen) = post(address, &name) else { return };
        if seen.ends_with(b"}") {
            calls.lock().unwrap().get_mut(&name).unwrap().ended = Some(Instant::now());
        }
        pause(10);
    }
}

/// `None` where the recorder is gone.
fn post(address: &str, name: &str) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut socket = std::net::TcpStream::connect(address).ok()?;
    socket.write_all(request(name).as_bytes()).ok()?;
    let mut seen = Vec::new();
    let _ = socket.read_to_end(&mut seen);
    Some(seen)
}

fn request(name: &str) -> String {
    let asked = question(name);
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: me\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{asked}",
        asked.len()
    )
}

fn streams(address: &str, calls: &Calls, name: &str) {
    use std::io::Read as _;
    let Ok(mut socket) = std::net::TcpStream::connect(address) else { return };
    calls.lock().unwrap().insert(name.to_owned(), Had::default());
    let _ = socket.write_all(request(name).as_bytes());
    let (mut seen, mut buffer) = (Vec::new(), [0; 16 << 10]);
    while let Ok(count @ 1..) = socket.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..count]);
        let bytes = unchunked(&seen);
        calls.lock().unwrap().get_mut(name).unwrap().bytes.push((Instant::now(), bytes));
    }
}

/// How many bytes of a body in chunks have come.
fn unchunked(seen: &[u8]) -> usize {
    let Some(at) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { return 0 };
    let (mut rest, mut bytes) = (&seen[at + 4..], 0);
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        bytes += size.min(rest.len());
        if rest.len() < size + 2 {
            break;
        }
        rest = &rest[size + 2..];
    }
    bytes
}

/// One run that is killed; says when.
fn killed(
    home: &Home,
    upstream: &str,
    round: u64,
    known: &Calls,
    after: Duration,
    settings: &[&str],
) -> Instant {
    let recorder = Recorder::with(home, upstream, settings);
    let address = recorder.address.clone();
    let (stop, next) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| calls(&address, known, &stop, &next, round));
        }
        for number in 0..3 {
            let name = format!("stream-{round}-{number}");
            let address = &address;
            scope.spawn(move || streams(address, known, &name));
        }
        std::thread::sleep(after);
        stop.store(true, Ordering::Relaxed);
        let at = Instant::now();
        recorder.kill();
        at
    })
}

/// Compares what is recorded with what clients had a second before.
fn check(home: &Home, known: &HashMap<String, Had>, deaths: &[Instant]) {
    let records = home.export();
    let mut found: HashMap<&str, &Value> = HashMap::new();
    for record in &records {
        let Some(name) = record["input"][0]["parts"][0]["content"].as_str() else {
            // Its head had come and its body had not.
            assert_eq!(record["status"], "interrupted");
            continue;
        };
        assert!(found.insert(name, record).is_none(), "{name} is there twice");
    }
    let mut checked = [0, 0];
    for (name, had) in known {
        let round: usize = name.split('-').nth(1).unwrap().parse().unwrap();
        let in_time = |at: &Instant| deaths[round].duration_since(*at) >= GRACE;
        if had.ended.as_ref().is_some_and(in_time) {
            checked[0] += 1;
            let record = found.get(&**name).unwrap_or_else(|| panic!("{name} is missing"));
            assert_eq!(record["status"], "ok", "{name}");
            assert_eq!(record["output_text"], noise_of(name).as_str(), "{name}");
        }
        let bytes = had.bytes.iter().filter(|(at, _)| in_time(at)).map(|(_, bytes)| *bytes).max();
        if let Some(bytes) = bytes.filter(|bytes| *bytes > 0) {
            checked[1] += 1;
            let record = found.get(&**name).unwrap_or_else(|| panic!("{name} is missing"));
            let kept = body(&record["raw"]["response"]);
            assert!(kept.len() >= bytes, "{name}: {} of {bytes} bytes", kept.len());
            assert_eq!(kept, said(name, kept.len()), "{name}");
            assert_eq!(
                (&record["status"], &record["ended_by"]),
                (&"interrupted".into(), &"us".into()),
                "{name}"
            );
        }
    }
    assert!(checked.iter().all(|count| *count > 0), "{checked:?}");
}

/// What is on the tape is in the store, and the tape is empty.
fn recovered(home: &Home, upstream: &str) {
    let recorder = Recorder::start(home, upstream);
    super::support::until("the tape is read", || {
        recorder.metric("recorder_waiting") == 0 && recorder.metric("journal_bytes") == 0
    });
    recorder.stop();
    // What was no record is kept aside.
    let left: Vec<_> = home.tape().into_iter().filter(|path| is_segment(path)).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tape")
}

fn millis(seed: u64, least: u64, range: u64) -> Duration {
    let number = u64::from_str_radix(&noise(15, seed), 16).unwrap();
    Duration::from_millis(least + number % range)
}

#[test]
fn what_had_come_a_second_before_survives() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), provider(answer));
    let known = Calls::default();
    let mut deaths = Vec::new();
    for round in 0..8 {
        // Every other time with next to no memory, so that streams lie on the tape alone, in many segments.
        let small = ["recorder.memory=1MiB", "tape.segment_bytes=64KiB"];
        let settings = if round % 2 == 0 { &[][..] } else { &small[..] };
        deaths.push(killed(&home, &upstream, round, &known, millis(round, 1200, 1200), settings));
    }
    recovered(&home, &upstream);
    check(&home, &known.lock().unwrap(), &deaths);
}

#[test]
fn killed_again_while_it_recovers() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), provider(answer));
    let known = Calls::default();
    let mut deaths = Vec::new();
    for round in 0..2 {
        deaths.push(killed(&home, &upstream, round, &known, Duration::from_millis(1800), &[]));
        // Within what it takes to read the tape: before, in the middle of it, and behind.
        for attempt in 0..5 {
            let mut command =
                home.command(&["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"]);
            let null = std::process::Stdio::null;
            let mut child = command.stdout(null()).stderr(null()).spawn().unwrap();
            std::thread::sleep(millis(round * 10 + attempt, 5, 80));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    recovered(&home, &upstream);
    check(&home, &known.lock().unwrap(), &deaths);
}

#[test]
fn a_torn_record_costs_itself_only() {
    let _quiet = alone();
    let (home, upstream) = (Home::new(), provider(answer));
    let known = Calls::default();
    let mut deaths = Vec::new();
    for round in 0..3 {
        deaths.push(killed(&home, &upstream, round, &known, Duration::from_millis(1500), &[]));
        tear(&home, round);
    }
    recovered(&home, &upstream);
    check(&home, &known.lock().unwrap(), &deaths);
}

/// Takes from the newest segment what a write that stopped half way does not leave, or leaves of something else.
fn tear(home: &Home, round: u64) {
    let segment = home.tape().into_iter().max().unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    match round {
        0 => bytes.truncate(bytes.len() - 7),
        1 => {
            let end = bytes.len();
            bytes[end - 100..].fill(0);
        }
        _ => bytes.extend_from_slice(&[7; 50]),
    }
    std::fs::write(&segment, bytes).unwrap();
}
