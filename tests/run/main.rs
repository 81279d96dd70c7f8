//! `wiretape run`, with a provider of the test's own, and the test itself as the command that is run.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use support::{
    DO, Home, Running, nobody, out, post, provider, said, script, settings, signal, stranger, until,
};

/// Does what the environment asks for, one word after another.
#[test]
#[ignore = "it is the client that the other tests run"]
fn the_client_that_is_run() {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    for word in variable(DO).split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("ask", words) => {
                let question = json!({"role": "user", "content": words});
                let ask = |messages: Value| {
                    let body = json!({"model": "gpt-4.1", "messages": messages});
                    post(&variable("OPENAI_BASE_URL"), "/chat/completions", &body)
                };
                let answer: Value = serde_json::from_str(&ask(json!([question]))).unwrap();
                let message = &answer["choices"][0]["message"];
                if let Some(calls) = message["tool_calls"].as_array() {
                    let result = json!({"role": "tool", "tool_call_id": calls[0]["id"], "content": "sun"});
                    ask(json!([question, message, result]));
                }
            }
            ("show", name) => println!("{name}={}", variable(name)),
            ("exit", code) => std::process::exit(code.parse().unwrap()),
            ("pid", _) => println!("pid={}", std::process::id()),
            ("group", _) => println!("group={} {}", group("self"), std::process::id()),
            ("wait", file) => until("the file", || std::path::Path::new(file).exists()),
            other => panic!("{other:?}"),
        }
    }
    std::process::exit(0);
}

/// A process's group, where the system tells.
fn group(process: &str) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(2).unwrap().to_owned()
}

fn value(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.split_once(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).1.to_owned()
}

#[test]
fn it_says_at_the_end_what_was_done_and_records_it() {
    let home = Home::new();
    let labels = ["--name", "forecast", "--label", "user=ada", "--label", "team=a/b c"];
    let output =
        home.run(&provider(), nobody(), &labels, "ask=weather show=OPENAI_BASE_URL").output().unwrap();
    let told = said(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for words in
        ["2 calls, 1 tool call", "in 2000, out 200", "$0.0056", "get_weather 1", "gpt-4.1", "wiretape show "]
    {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    let run = value(&out(&output), "OPENAI_BASE_URL");
    let run = run.split(['=', ',']).nth(1).unwrap().to_owned();
    assert!(run.starts_with("forecast-"), "{run}");
    let records = home.export();
    let calls: Vec<&Value> = records.iter().filter(|one| one["type"] == "generation").collect();
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(call["labels"], json!({"run": run, "team": "a/b c"}));
        assert_eq!(call["user"], "ada");
    }
}

#[test]
fn its_exit_code_is_the_command_s() {
    let home = Home::new();
    let (provider, web) = (provider(), nobody());
    let code = |command: &[&str], does: &str| {
        let output = match command {
            [] => home.run(&provider, web, &["--quiet"], does).output(),
            _ => home.run_this(&provider, web, &["--quiet"], command, does).output(),
        };
        output.unwrap().status.code()
    };
    assert_eq!(code(&[], "exit=0"), Some(0));
    assert_eq!(code(&[], "exit=42"), Some(42));
    assert_eq!(code(&["sh", "-c", "kill -TERM $$"], ""), Some(128 + 15));
    assert_eq!(code(&["no-such-program"], ""), Some(127));
    let folder = home.0.to_str().unwrap();
    assert_eq!(code(&[folder], ""), Some(126));
    assert_eq!(home.wiretape(&["run"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn it_says_nothing_where_it_is_to_be_quiet_and_why_where_nothing_came_by() {
    let home = Home::new();
    let (provider, web) = (provider(), nobody());
    let quiet = home.run(&provider, web, &["--quiet"], "ask=hi").output().unwrap();
    assert_eq!(said(&quiet), "");
    let silent = home.run(&provider, web, &[], "exit=0").output().unwrap();
    assert!(said(&silent).contains("no call came by"), "{}", said(&silent));
}

#[test]
fn a_recorder_that_runs_is_used_and_waited_for() {
    let home = Home::new();
    let (provider, web) = (provider(), nobody());
    let settings = settings(&provider, web);
    let settings: Vec<&str> = settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    let mut serve = home.wiretape(&[&["serve"], &settings[..]].concat());
    let mut recorder = Running(serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut first = String::new();
    BufReader::new(recorder.0.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let address = value(&first, "OPENAI_BASE_URL").trim_end_matches("/v1").to_owned();

    let output = home.run(&provider, web, &[], "show=OPENAI_BASE_URL ask=weather").output().unwrap();
    assert!(value(&out(&output), "OPENAI_BASE_URL").starts_with(&address));
    let told = said(&output);
    assert!(told.contains("the recorder that runs already"), "{told}");
    assert!(told.contains("2 calls, 1 tool call") && told.contains(&format!("http://{web}/")), "{told}");
    // It does not end with the run.
    assert!(recorder.0.try_wait().unwrap().is_none());
}

#[test]
fn what_is_no_recorder_is_not_taken_for_one() {
    let home = Home::new();
    let output = home.run(&provider(), stranger(), &[], "ask=hi").output().unwrap();
    let told = said(&output);
    assert!(told.contains("a recorder of its own") && told.contains(": 1 call\n"), "{told}");
}

#[test]
fn runs_at_the_same_time_do_not_get_in_each_other_s_way() {
    let home = Home::new();
    let (provider, web) = (provider(), nobody());
    let start = |_| {
        let mut run = home.run(&provider, web, &["--quiet"], "ask=weather");
        Running(run.stdout(Stdio::null()).spawn().unwrap())
    };
    let mut runs: Vec<Running> = (0..4).map(start).collect();
    runs.iter_mut().for_each(|run| assert_eq!(run.code(), Some(0)));
    let records = home.export();
    let calls = records.iter().filter(|one| one["type"] == "generation");
    let names: std::collections::BTreeSet<&str> =
        calls.clone().filter_map(|one| one["labels"]["run"].as_str()).collect();
    assert_eq!((calls.count(), names.len()), (8, 4));
}

#[test]
fn a_run_within_a_run_goes_through_the_same_recorder_under_its_own_name() {
    let home = Home::new();
    let (provider, web) = (provider(), nobody());
    let own = std::env::current_exe().unwrap();
    let settings = settings(&provider, web);
    let settings: Vec<&str> = settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
    let inner = [
        &[env!("CARGO_BIN_EXE_wiretape"), "run", "--name", "inner"],
        &settings[..],
        &["--", own.to_str().unwrap(), support::CLIENT, "--exact", "--ignored", "--nocapture"],
    ]
    .concat();
    let mut outer =
        home.run_this(&provider, web, &["--name", "outer"], &inner, "ask=hi show=OPENAI_BASE_URL");
    let output = outer.output().unwrap();
    let told = said(&output);
    assert!(told.contains("through the recorder that runs already"), "{told}");
    let records = home.export();
    assert_eq!(records.len(), 1, "{told}");
    assert!(records[0]["labels"]["run"].as_str().unwrap().starts_with("inner-"));
}

#[test]
fn a_host_of_the_user_s_own_goes_on_being_called() {
    let home = Home::new();
    let (mine, other) = (provider(), nobody());
    let mut run = home.run(&format!("http://{other}"), nobody(), &[], "ask=hi show=OPENAI_BASE_URL");
    let output = run.env("OPENAI_BASE_URL", format!("{mine}/v1")).output().unwrap();
    let told = said(&output);
    assert!(told.contains("its calls go there through the recorder"), "{told}");
    assert!(told.contains(": 1 call\n"), "{told}");
    let records = home.export();
    assert_eq!((&records[0]["status"], &records[0]["output_text"]), (&json!("ok"), &json!("It is sunny.")));
}

#[test]
fn a_signal_is_passed_on_and_the_calls_before_it_are_told() {
    let home = Home::new();
    let mut run = home.run(&provider(), nobody(), &[], "ask=hi pid wait=never");
    let mut run = Running(run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    wait_for(&mut run, "pid=");
    run.signal("-TERM");
    assert_eq!(run.code(), Some(128 + 15));
    let told = std::io::read_to_string(run.0.stderr.take().unwrap()).unwrap();
    assert!(told.contains(": 1 call\n"), "{told}");
}

/// Reads what it prints until a line holds these words; what stands behind them.
fn wait_for(run: &mut Running, words: &str) -> String {
    let mut lines = BufReader::new(run.0.stdout.as_mut().unwrap()).lines();
    let found = lines.find_map(|line| Some(line.unwrap().split_once(words)?.1.to_owned()));
    found.unwrap_or_else(|| panic!("it never said {words:?}"))
}

#[test]
#[cfg(target_os = "linux")]
fn it_stops_and_goes_on_with_the_command_whose_group_it_shares() {
    let home = Home::new();
    let go = home.0.join("go");
    let does = format!("group wait={}", go.display());
    let mut run = home.run(&provider(), nobody(), &["--quiet"], &does);
    let mut run = Running(run.stdout(Stdio::piped()).spawn().unwrap());
    let own = run.0.id();
    let line = wait_for(&mut run, "group=");
    let (its_group, client) = line.split_once(' ').unwrap();
    assert_eq!(its_group, group(&own.to_string()));
    let client: u32 = client.parse().unwrap();
    let state = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
    };
    signal(client, "-STOP");
    until("it stops too", || state(own) == Some('T'));
    signal(own, "-CONT");
    until("the command goes on", || state(client) != Some('T'));
    std::fs::write(&go, "").unwrap();
    assert_eq!(run.code(), Some(0));
}

#[test]
fn agents_that_need_more_than_variables_get_it() {
    let home = Home::new();
    let (provider, web) = (provider(), nobody());
    let codex = script(&home.0, "codex", "printf '%s\\n' \"$@\"");
    let mut run = home.run_this(&provider, web, &["--quiet"], &[&codex, "exec", "hi there"], "");
    let words = out(&run.env("CODEX_API_KEY", "k").output().unwrap());
    let words: Vec<&str> = words.lines().collect();
    assert_eq!((words[0], &words[2..]), ("-c", &["exec", "hi there"][..]));
    assert!(
        words[1].starts_with("openai_base_url=\"http://127.0.0.1:") && words[1].ends_with("/v1\""),
        "{words:?}"
    );

    let opencode = script(&home.0, "opencode", "printf '%s' \"$OPENCODE_CONFIG_CONTENT\"");
    let settings = out(&home.run_this(&provider, web, &["--quiet"], &[&opencode], "").output().unwrap());
    let settings: Value = serde_json::from_str(&settings).unwrap();
    assert!(settings["provider"]["google"]["options"]["baseURL"].as_str().unwrap().ends_with("/v1beta"));
}
