//! `wiretape demo`, as a newcomer runs it: what it sends is recorded, and is of every kind that there is to see.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Nothing here takes longer; what does has hung.
const PATIENCE: Duration = Duration::from_secs(60);
const ANY_PORTS: &[&str] = &["--listen", "127.0.0.1:0", "--web-listen", "127.0.0.1:0"];

/// A folder of a test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("wiretape-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn wiretape(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wiretape"));
    command.args(arguments).env_clear().env("HOME", "/nonexistent").env("WIRETAPE_HOME", home);
    command.env("TMPDIR", home).current_dir(home).stdin(Stdio::null());
    command
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    String::from_utf8(output.stdout).unwrap()
}

fn demo(home: &Path, arguments: &[&str]) {
    let home_text = home.to_str().unwrap();
    output(wiretape(home, &[&["demo", "--once", "--home", home_text], ANY_PORTS, arguments].concat()));
}

fn records(home: &Path) -> Vec<Value> {
    let lines = output(wiretape(home, &["export"]));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What all records have under a key.
fn all<'a>(records: &'a [Value], key: &str) -> BTreeSet<&'a str> {
    records.iter().filter_map(|record| record.get(key)?.as_str()).collect()
}

#[test]
fn the_sample_holds_everything_that_there_is_to_see() {
    let folder = Folder::new("demo-sample");
    demo(&folder.0, &["--pace", "0"]);
    let records = records(&folder.0);
    let has = |key: &str, wanted: &[&str]| {
        let found = all(&records, key);
        assert!(wanted.iter().all(|one| found.contains(one)), "{key}: {wanted:?} in {found:?}");
    };
    has("status", &["ok", "error", "cancelled", "interrupted"]);
    has("type", &["generation", "tool", "embedding", "retriever"]);
    has("user", &["ada", "grace", "linus", "marek", "ines"]);
    has("prompt_version", &["support-v1", "support-v2"]);
    has(
        "dialect",
        &[
            "anthropic.messages",
            "openai.chat",
            "openai.responses",
            "openai.embeddings",
            "gemini.generate",
            "cohere.rerank",
        ],
    );
    has("side", &["title"]);

    let any = |what: &str, holds: &dyn Fn(&Value) -> bool| assert!(records.iter().any(holds), "no {what}");
    any("third attempt", &|one| one["attempt"] == 3);
    any("tokens from a cache, at Anthropic", &|one| {
        one["provider"] == "anthropic" && one["usage"]["cache_read"].as_u64() > Some(1000)
    });
    any("tokens from a cache, at OpenAI", &|one| {
        one["provider"] == "openai" && one["usage"]["cache_read"].as_u64() > Some(1000)
    });
    any("reasoning", &|one| one["reasoning_text"].as_str().is_some_and(|text| !text.is_empty()));
    any("tool that went on in the background", &|one| one["tool"]["in_background"] == true);
    any("tool that failed", &|one| one["tool"]["is_error"] == true);
    let by_id = |id: &Value| records.iter().find(|one| one["id"] == *id);
    any("agent that was started by an agent that was started", &|one| {
        let starter = |one: &Value| {
            by_id(&one["parent_id"]).filter(|tool| tool["type"] == "tool" && one["type"] == "generation")
        };
        let above = starter(one).and_then(|tool| by_id(&tool["parent_id"]));
        above.and_then(starter).is_some()
    });
}

#[test]
fn every_call_is_read_and_every_answer_has_its_price() {
    let folder = Folder::new("demo-prices");
    demo(&folder.0, &["--pace", "0"]);
    for record in records(&folder.0) {
        assert_ne!(record["type"], "span", "a call that no dialect knows: {record}");
        assert!(record["losses"].as_array().is_none_or(Vec::is_empty), "{record}");
        if record["type"] == "generation" && record["status"] == "ok" {
            let cost = record["cost"]["total"].as_f64().unwrap_or_default();
            assert!(cost > 0.0, "no price: {record}");
            assert!(record["usage"]["anomalies"].as_array().is_none_or(Vec::is_empty), "{record}");
        }
    }
}

#[test]
fn a_big_one_has_a_trace_and_a_session_of_the_size_asked_for() {
    let folder = Folder::new("demo-big");
    demo(&folder.0, &["--big", "100"]);
    let records = records(&folder.0);
    let in_session = |name: &str| records.iter().filter(|one| one["session_id"] == name).count();
    assert_eq!(in_session("big-session"), 100);
    let of_trace = all(&records, "trace_id").into_iter().map(|id| {
        records.iter().filter(|one| one["trace_id"] == id && one["session_id"] == "big-trace").count()
    });
    let largest = of_trace.max().unwrap();
    assert!((100..150).contains(&largest), "{largest}");
}

/// A demo that goes on until it is told to stop.
struct Running {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(folder: &Folder) -> Self {
        let arguments = [&["demo", "--pace", "0"], ANY_PORTS].concat();
        let mut child = wiretape(&folder.0, &arguments).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// What stands behind these words on a line of its.
    fn until(&mut self, words: &str) -> String {
        let mut line = String::new();
        while self.said.read_line(&mut line).unwrap() > 0 {
            if let Some((_, rest)) = line.split_once(words) {
                return rest.trim().to_owned();
            }
            line.clear();
        }
        panic!("it never said {words:?}");
    }

    fn interrupt(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(0));
    }
}

/// The metrics that the dashboard for Grafana is made of.
fn dashboard() -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/grafana.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut names = BTreeSet::new();
    for target in targets {
        let expression = target["expr"].as_str().unwrap();
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        // Labels begin as metrics do, but stand before a comparison or behind `by`.
        let labels =
            ["gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type", "gen_ai_operation_name"];
        let is_metric = |word: &&str| {
            (word.starts_with("gen_ai_") || word.starts_with("wiretape_")) && !labels.contains(word)
        };
        names.extend(words.filter(is_metric).map(str::to_owned));
    }
    assert!(names.len() > 10, "{names:?}");
    names
}

fn ask(address: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_leaves_nothing_behind() {
    let folder = Folder::new("demo-serves");
    let mut demo = Running::start(&folder);
    let web = demo.until("Look at http://");
    let proxy = demo.until("relaying on http://");
    demo.until("Now and then another is made");
    let health =
        ask(web.trim_end_matches('/'), "GET /healthz HTTP/1.1\r\nHost: me\r\nConnection: close\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");

    let metrics = ask(
        web.trim_end_matches('/'),
        "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
    );
    let counted: Vec<&str> = metrics.lines().filter(|line| !line.starts_with('#')).collect();
    for name in dashboard() {
        let is_there =
            |line: &&str| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        assert!(counted.iter().any(is_there), "{name} is not in {metrics}");
    }

    // Whoever has no part in it is answered too.
    let body =
        json!({"model": "gpt-4.1", "messages": [{"role": "user", "content": "Who are you?"}]}).to_string();
    let answer = ask(
        proxy.split(',').next().unwrap(),
        &format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: me\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("wiretape's demo"), "{answer}");
    demo.interrupt();
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "something was left behind");
}
