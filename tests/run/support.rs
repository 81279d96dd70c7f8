//! A provider, a client and the program under test.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Nothing here takes longer; what does has hung.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The test that is the client, where another runs it.
pub const CLIENT: &str = "the_client_that_is_run";
/// What the client does: words, one after another.
pub const DO: &str = "TEST_CLIENT_DOES";

/// A data folder of one's own, removed at the end.
pub struct Home(pub PathBuf);

impl Home {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("wiretape-run-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn wiretape(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
        // Nothing of this machine's own configuration, and no provider that is not a test's.
        command.args(arguments).env_clear().env("HOME", "/nonexistent").current_dir(&self.0);
        command.env("WIRETAPE_HOME", &self.0).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs the client through a recorder before this provider.
    pub fn run(&self, provider: &str, web: SocketAddr, flags: &[&str], does: &str) -> Command {
        let own = std::env::current_exe().unwrap();
        let client = [own.to_str().unwrap(), CLIENT, "--exact", "--ignored", "--nocapture"];
        self.run_this(provider, web, flags, &client, does)
    }

    pub fn run_this(
        &self,
        provider: &str,
        web: SocketAddr,
        flags: &[&str],
        command: &[&str],
        does: &str,
    ) -> Command {
        let settings = settings(provider, web);
        let settings = settings.iter().flat_map(|set| ["--set", set.as_str()]);
        let arguments: Vec<&str> =
            ["run"].into_iter().chain(settings).chain(flags.iter().copied()).chain(["--"]).collect();
        let mut run = self.wiretape(&[&arguments[..], command].concat());
        run.env(DO, does);
        run
    }

    /// Every record.
    pub fn export(&self) -> Vec<Value> {
        let output = self.wiretape(&["export"]).output().unwrap();
        assert!(output.status.success(), "{}", output.stderr.escape_ascii());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A recorder's settings: any port for agents, this one for its web side, this provider for all that tests call.
pub fn settings(provider: &str, web: SocketAddr) -> Vec<String> {
    let mut all = vec!["proxy.listen=127.0.0.1:0".to_owned(), format!("web.listen={web}")];
    all.extend(["openai", "anthropic", "gemini"].map(|name| format!("upstream.{name}.url={provider}")));
    all
}

/// An address that nobody listens at.
pub fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A process that is killed when dropped, whatever happens.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub fn signal(&self, name: &str) {
        signal(self.0.id(), name);
    }

    pub fn code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            pause();
        }
    }
}

pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

pub fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: never");
        pause();
    }
}

pub fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

/// Writes a program for the shell into a folder.
pub fn script(folder: &Path, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Starts a provider that calls a tool once, then answers; it ends with the test.
pub fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            std::thread::spawn(move || {
                let (head, body) = read(&mut socket);
                let answer = if body.contains("tool_call_id") || !body.contains("weather") {
                    json!({"role": "assistant", "content": "It is sunny."})
                } else {
                    json!({"role": "assistant", "content": null, "tool_calls": [{"id": "call_weather_1",
                        "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]})
                };
                // As with any provider, no two answers have the same id: they would be one call seen twice.
                static ANSWERS: AtomicU32 = AtomicU32::new(0);
                let id = format!("chatcmpl-{}", ANSWERS.fetch_add(1, Ordering::Relaxed));
                let answer = json!({"id": id, "object": "chat.completion", "model": "gpt-4.1",
                    "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
                    "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}})
                .to_string();
                let status = if head.contains("/v1/chat/completions") { "200 OK" } else { "404 Not Found" };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    answer.len()
                );
                let _ = socket.write_all(format!("{head}{answer}").as_bytes());
            });
        }
    });
    format!("http://{address}")
}

/// Something else that listens and answers as a web server would.
pub fn stranger() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let _ = read(&mut socket);
            let answer = r#"{"status":"ready"}"#;
            let length = answer.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = socket.write_all(format!("{head}{answer}").as_bytes());
        }
    });
    address
}

/// A request's head and body.
fn read(socket: &mut TcpStream) -> (String, String) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap_or_default();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return (head.to_owned(), body.to_owned());
            }
        }
        match socket.read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            _ => return (String::new(), String::new()),
        }
    }
}

/// Posts to a base URL as an SDK would: the answer's body.
pub fn post(base: &str, path: &str, body: &Value) -> String {
    let rest = base.strip_prefix("http://").unwrap();
    let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let body = body.to_string();
    let mut socket = TcpStream::connect(authority).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!(
        "POST {prefix}{path} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    socket.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}
