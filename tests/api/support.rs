//! A recorder over what the demo recorded, and a client that says just what it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

/// Nothing here takes longer; what does has hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running program and its data folder, gone at the end.
pub struct Place {
    home: PathBuf,
    child: Child,
    pub web: String,
    pub proxy: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.body.escape_ascii()))
    }
}

fn wiretape(home: &PathBuf) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
    command.env_clear().env("HOME", "/nonexistent").env("WIRETAPE_HOME", home);
    command.current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

impl Place {
    /// With what the demo recorded.
    pub fn demo(settings: &[&str]) -> Self {
        let home = new_home();
        let home_text = home.to_str().unwrap().to_owned();
        let mut demo = wiretape(&home);
        demo.args(["demo", "--once", "--pace", "0", "--home", &home_text]);
        let demo = demo.args(["--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"]).output().unwrap();
        assert!(demo.status.success(), "{}", demo.stderr.escape_ascii());
        Self::over(home, settings)
    }

    pub fn empty(settings: &[&str]) -> Self {
        Self::over(new_home(), settings)
    }

    fn over(home: PathBuf, settings: &[&str]) -> Self {
        let mut command = wiretape(&home);
        command.args(["serve", "--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"]);
        settings.iter().for_each(|set| {
            command.args(["--set", set]);
        });
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let (mut proxy, mut all) = (String::new(), String::new());
        let web = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "it did not start: {all}");
            all.push_str(&line);
            if let Some((_, address)) = line.split_once("relaying on http://") {
                proxy = address.trim().to_owned();
            }
            if let Some((_, address)) = line.split_once("pages on http://") {
                break address.trim().to_owned();
            }
        };
        // What it says later must not stop it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { home, child, web, proxy }
    }

    /// Sends a request as it stands, less what every request needs.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.web).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: {}\r\n", self.web));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        answer(&all)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body.escape_ascii());
        answer.json()
    }

    /// The first id in a list.
    pub fn first(&self, list: &str) -> String {
        self.json(list)["items"][0]["id"].as_str().unwrap().to_owned()
    }
}

fn new_home() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let home = std::env::temp_dir().join(format!("wiretape-api-{}-{number}", std::process::id()));
    std::fs::create_dir(&home).unwrap();
    home
}

fn answer(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &bytes[end + 4..];
    Answer { status, headers, body: if chunked { unchunked(body) } else { body.to_vec() } }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[line + 2..line + 2 + size]);
        bytes = &bytes[line + 2 + size + 2..];
    }
}
