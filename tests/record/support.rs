//! The program under test, its data folder, and a client that speaks plain bytes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing here takes longer; what does has hung.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A data folder of one's own, removed at the end.
pub struct Home(pub PathBuf);

impl Home {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wiretape-record-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
        // Nothing of this machine's own configuration.
        command.args(arguments).env_clear().env("HOME", "/nonexistent").current_dir(std::env::temp_dir());
        command.env("WIRETAPE_HOME", &self.0).stdin(Stdio::null());
        command
    }

    /// What a command prints, where it succeeds.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let said = output.stderr.escape_ascii();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints, as a JSON object a line.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.run(arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every record, with what was on the wire.
    pub fn export(&self) -> Vec<Value> {
        self.json(&["export", "--raw"])
    }

    /// All files in it.
    pub fn files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        found
    }

    /// The tape's segments and what was kept aside.
    pub fn tape(&self) -> Vec<PathBuf> {
        let tape = self.0.join("tape");
        let on_tape = |path: &PathBuf| path.starts_with(&tape) && !path.ends_with("lock");
        self.files().into_iter().filter(on_tape).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The running program. Killed when dropped, whatever happens.
pub struct Recorder {
    child: Child,
    pub address: String,
    /// Where its web side is.
    pub web: String,
    said: Option<std::thread::JoinHandle<String>>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Recorder {
    /// Before this provider, which it calls openai.
    pub fn start(home: &Home, upstream: &str) -> Self {
        Self::with(home, upstream, &[])
    }

    /// The same with settings: `section.key=value`.
    pub fn with(home: &Home, upstream: &str, settings: &[&str]) -> Self {
        let url = format!("upstream.openai.url={upstream}");
        let mut arguments =
            vec!["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", "--set", &url];
        settings.iter().for_each(|set| arguments.extend(["--set", set]));
        Self::spawn(home.command(&arguments))
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (mut address, mut web, mut all) = (None, None, String::new());
        while web.is_none() {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "it did not start: {all}");
            let after = |text: &str| line.split_once(text).map(|(_, rest)| rest.trim().to_owned());
            address = address.or(after("relaying on http://"));
            web = after("pages on http://");
            all.push_str(&line);
        }
        let said = std::thread::spawn(move || rest(said, all));
        Self { child, address: address.unwrap(), web: web.unwrap(), said: Some(said) }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// As the power does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to stop, and waits until it has. What it had said on stderr.
    pub fn stop(mut self) -> String {
        self.signal("-TERM");
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let said = self.said.take().unwrap().join().unwrap();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    pub fn metric(&self, name: &str) -> u64 {
        let head = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let text = String::from_utf8(Call::raw(&self.web, head.as_bytes()).rest()).unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(&format!("wiretape_{name} ")));
        found.unwrap_or_else(|| panic!("no metric {name} in {text}")).parse().unwrap()
    }

    pub fn until_metric(&self, name: &str, holds: impl Fn(u64) -> bool) {
        until(name, || holds(self.metric(name)));
    }

    /// Waits until so many calls are in the store.
    pub fn recorded(&self, count: u64) {
        until("everything is in the store", || {
            let recorded = self.metric("recorded_exchanges_total");
            assert!(recorded <= count, "{recorded} recorded, {count} were made");
            recorded == count
        });
    }

    /// A call with a JSON body.
    pub fn post(&self, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Call {
        self.call("POST", path, headers, body.as_ref())
    }

    pub fn call(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Call {
        let length = match method {
            "GET" | "HEAD" => String::new(),
            _ => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
        };
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: me\r\n{headers}{length}Connection: close\r\n\r\n");
        Call::raw(&self.address, &[head.as_bytes(), body].concat())
    }
}

fn rest(mut said: BufReader<ChildStderr>, mut all: String) -> String {
    let mut line = String::new();
    while matches!(said.read_line(&mut line), Ok(1..)) {
        all.push_str(&line);
        line.clear();
    }
    all
}

/// A call under way: what was sent, on a connection of its own.
pub struct Call {
    pub socket: TcpStream,
    pub seen: Vec<u8>,
}

impl Call {
    pub fn raw(address: &str, bytes: &[u8]) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(bytes).unwrap();
        Self { socket, seen: Vec::new() }
    }

    /// Reads until `text` has come.
    pub fn until(&mut self, text: &str) {
        while !holds(&self.seen, text.as_bytes()) {
            assert!(self.more(), "it ended before {text:?}: {}", self.seen.escape_ascii());
        }
    }

    pub fn more(&mut self) -> bool {
        let mut buffer = [0; 64 << 10];
        match self.socket.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.seen.extend_from_slice(&buffer[..count]);
                true
            }
            Err(why)
                if matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                panic!("nothing came for long")
            }
            // What ends a connection is not asked here.
            Err(_) => false,
        }
    }

    /// Everything up to the connection's end.
    pub fn rest(mut self) -> Vec<u8> {
        while self.more() {}
        self.seen
    }

    pub fn status(self) -> u16 {
        let all = self.rest();
        let text = String::from_utf8(all).unwrap();
        text.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {text}")).parse().unwrap()
    }
}

pub fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The one record for which this holds.
pub fn one(records: &[Value], holds: impl Fn(&Value) -> bool) -> &Value {
    let found: Vec<&Value> = records.iter().filter(|record| holds(record)).collect();
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0]
}

/// The record of the call that carried the label `case`.
pub fn case<'a>(records: &'a [Value], name: &str) -> &'a Value {
    one(records, |record| record["labels"]["case"] == name)
}

/// A body as it is in a record.
pub fn body(side: &Value) -> Vec<u8> {
    use base64::Engine as _;
    match side["body_b64"].as_str() {
        Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        None => side["body"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// Tests that need a quiet machine, or much of it, go one by one.
pub fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Bytes that differ everywhere, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        text.push_str(&format!("{:016x}", next()));
    }
    text.truncate(length);
    text
}

/// That these records are the same, or what of the first that differ does.
pub fn assert_same(left: &[Value], right: &[Value], what: &str) {
    for (left, right) in left.iter().zip(right) {
        let keys = [left, right].into_iter().flat_map(|one| one.as_object().unwrap().keys());
        for key in keys {
            let (left, right) = (&left[key.as_str()], &right[key.as_str()]);
            assert!(left == right, "{what}: {key}: {left:.300} and {right:.300}");
        }
    }
    assert_eq!(left.len(), right.len(), "{what}");
}
