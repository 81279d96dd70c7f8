//! The program as a person runs it: what it prints, what it answers, how it ends.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn wiretape(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
    // Nothing of this machine's own configuration, nor of its data.
    command.args(arguments).env_clear().env("HOME", "/nonexistent").current_dir(std::env::temp_dir());
    command.env("WIRETAPE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/binary"));
    command
}

/// Ended when dropped, whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    fn ended(&mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

/// A provider that answers one request on each connection, after `wait`.
fn provider(wait: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming().take(8) {
            let mut socket = socket.unwrap();
            std::thread::spawn(move || {
                let _ = socket.read(&mut [0; 4096]);
                std::thread::sleep(wait);
                let _ = socket
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
            });
        }
    });
    format!("http://{address}")
}

/// Starts it, and reads where to call from what it prints.
fn start(upstream: &str) -> (Running, String) {
    let set = format!("upstream.openai.url={upstream}");
    let mut command =
        wiretape(&["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0", "--set", &set]);
    let mut running = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let base = line.strip_prefix("export OPENAI_BASE_URL=http://").unwrap().strip_suffix("/v1").unwrap();
    (running, base.to_owned())
}

fn call(address: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"GET /v1/models HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_serves_and_ends_when_told() {
    for signal in ["-TERM", "-INT"] {
        let (mut running, address) = start(&provider(Duration::ZERO));
        assert!(call(&address).ends_with("hello"));
        running.signal(signal);
        assert_eq!(running.ended(), 0);
        assert!(TcpStream::connect(&address).is_err());
    }
}

#[test]
fn a_call_under_way_finishes_and_a_second_word_does_not_wait_for_it() {
    let (mut running, address) = start(&provider(Duration::from_millis(700)));
    let calling = std::thread::spawn(move || call(&address));
    std::thread::sleep(Duration::from_millis(300));
    running.signal("-TERM");
    assert!(calling.join().unwrap().ends_with("hello"));
    assert_eq!(running.ended(), 0);

    let (mut running, address) = start(&provider(PATIENCE));
    let mut socket = TcpStream::connect(&address).unwrap();
    socket.write_all(b"GET /v1/models HTTP/1.1\r\nHost: me\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    running.signal("-TERM");
    std::thread::sleep(Duration::from_millis(200));
    assert!(running.0.try_wait().unwrap().is_none(), "it waits for the call");
    let second = Instant::now();
    running.signal("-TERM");
    assert_eq!(running.ended(), 0);
    assert!(second.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = wiretape(&["serve", "--listen", &address, "--web-listen", "127.0.0.1:0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("proxy.listen") && said.contains(&address), "{said}");
}

#[test]
fn what_is_wrong_is_said_with_the_right_code() {
    let output =
        wiretape(&["serve", "--set", "proxy.lisen=127.0.0.1:1", "--listen", "0.0.0.0:0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("did you mean `proxy.listen`") && said.contains("proxy.token"),
        "all at once: {said}"
    );
    assert_eq!(wiretape(&["--nonsense"]).output().unwrap().status.code(), Some(2));
    assert_eq!(wiretape(&["--version"]).output().unwrap().status.code(), Some(0));
}
