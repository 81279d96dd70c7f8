//! A run as a person looks at it: its tree, its conversation, the versions of its prompts.

use serde_json::{Value, json};

use super::provider::{Asked, chat, pause, provider};
use super::support::{Home, Recorder};

const TASK: &str = "write the note that the report needs";

fn tool(name: &str, parameters: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        parameters.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "function", "function": {
        "name": name, "description": name, "parameters": {"type": "object", "properties": properties}
    }})
}

fn asks(id: &str, name: &str, arguments: &Value) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}}
    ]})
}

fn result(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}

/// Answers as the last message asks for it.
fn answer(mut asked: Asked) {
    let body = asked.json();
    let last = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    let mut chat = chat(match last.as_str() {
        "the note" => "PART DONE",
        _ => "ALL DONE",
    });
    let message = match last.as_str() {
        "do the report" => Some(asks("call_task", "task", &json!({"prompt": TASK}))),
        TASK => Some(asks("call_bash", "bash", &json!({"command": "cat note.txt"}))),
        _ => None,
    };
    if let Some(message) = message {
        chat["choices"][0]["message"] = message;
        chat["choices"][0]["finish_reason"] = "tool_calls".into();
    }
    chat["id"] = format!("chatcmpl-{}", last.len()).into();
    asked.json_answer(&chat);
}

/// A lead that hands a task to a helper, which calls a tool; then the same lead with a changed prompt.
fn filled() -> Home {
    let home = Home::new();
    let recorder = Recorder::start(&home, &provider(answer));
    let ask = |session: &str, system: &str, tools: &[&Value], messages: &[&Value]| {
        let system = json!({"role": "system", "content": system});
        let all: Vec<&Value> = std::iter::once(&system).chain(messages.iter().copied()).collect();
        let body = json!({"model": "gpt-4.1", "messages": all, "tools": tools}).to_string();
        let session = format!("x-wiretape-session: {session}\r\n");
        recorder.post("/v1/chat/completions", &session, body).rest();
        pause(20);
    };
    let lead = "You are the lead.\nHand out tasks.\nBe brief.";
    let helper = "You are a helper.";
    let (task, bash) = (tool("task", &["prompt"]), tool("bash", &["command"]));
    let user = json!({"role": "user", "content": "do the report"});
    let given = json!({"role": "user", "content": TASK});
    let called = asks("call_task", "task", &json!({"prompt": TASK}));
    let ran = asks("call_bash", "bash", &json!({"command": "cat note.txt"}));
    ask("s", lead, &[&task, &bash], &[&user]);
    ask("s", helper, &[&bash], &[&given]);
    ask("s", helper, &[&bash], &[&given, &ran, &result("call_bash", "the note")]);
    ask("s", lead, &[&task, &bash], &[&user, &called, &result("call_task", "PART DONE")]);
    let other = lead.replace("Be brief.", "Be thorough.");
    ask("t", &other, &[&bash], &[&json!({"role": "user", "content": "say hello"})]);
    recorder.recorded(5);
    recorder.stop();
    home
}

/// What a command prints on a terminal so wide.
fn printed(home: &Home, columns: &str, arguments: &[&str]) -> String {
    let output = home.command(arguments).env("COLUMNS", columns).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", output.stderr.escape_ascii());
    String::from_utf8(output.stdout).unwrap()
}

fn first_trace(home: &Home) -> String {
    let traces = home.json(&["ls", "traces", "--json", "--session", "s"]);
    assert_eq!(traces.len(), 1, "{traces:#?}");
    let trace = &traces[0];
    assert_eq!(
        (&trace["name"], &trace["status"], &trace["generations"]),
        (&json!("do the report"), &json!("ok"), &json!(4))
    );
    assert!(trace["duration_ms"].as_f64().unwrap() > 60.0, "{trace}");
    trace["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_trace_is_a_tree() {
    let home = filled();
    let trace = first_trace(&home);
    let shown = printed(&home, "120", &["show", &trace]);
    assert!(shown.starts_with(&format!("trace {trace}  do the report\n  session   s (said:")), "{shown}");
    for line in ["  calls     4 calls, 2 tool calls", "  tools     task, bash", "  status    ok"] {
        assert!(shown.lines().any(|own| own == line), "{line}: {shown}");
    }
    let steps: Vec<&str> =
        shown.lines().filter_map(|line| Some(&line[line.find(['├', '└', '│'])?..])).collect();
    let expected = [
        "├─ gpt-4.1                        tool_call",
        "│  └─ task(write the note that",
        "│     ├─ gpt-4.1                  tool_call",
        "│     │  └─ bash(cat note.txt)",
        "│     └─ gpt-4.1                  stop",
        "└─ gpt-4.1                        stop",
    ];
    assert_eq!(steps.len(), expected.len(), "{shown}");
    for (step, expected) in steps.iter().zip(expected) {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(step).starts_with(&squeezed(expected)), "{step} is not {expected}");
    }
    assert!(steps[3].contains(" ~") && steps[3].ends_with("the note"), "{shown}");
    assert!(steps[5].ends_with("ALL DONE"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    for columns in [40, 80, 120, 200] {
        let shown = printed(&home, &columns.to_string(), &["show", "s"]);
        assert!(shown.starts_with("session s"), "{shown}");
        assert!(shown.lines().all(|line| line.chars().count() <= columns), "{columns}: {shown}");
    }
    let cut = home.command(&["show", "s", "--limit", "2"]).output().unwrap();
    assert!(String::from_utf8(cut.stderr).unwrap().contains("only the first 2 steps"));
    let json = home.json(&["show", &trace, "--json"]);
    assert_eq!(json.len(), 6);
    for list in ["sessions", "traces", "calls"] {
        assert!(printed(&home, "100", &["ls", list]).lines().all(|line| line.chars().count() <= 100));
    }
}

#[test]
fn a_step_says_what_is_new_in_it() {
    let home = filled();
    let records = home.json(&["show", "s", "--json"]);
    let last = records.last().unwrap();
    assert_eq!(last["changes"]["new_input"], json!([3, 4]), "{last:#}");
    assert!(last["ids"].as_array().unwrap().iter().any(|id| id["value"] == "s"), "{last:#}");
    assert!(records[0].get("changes").is_none());
    assert!(home.export().iter().all(|record| record.get("ids").is_none()));
    let shown = printed(&home, "200", &["show", last["id"].as_str().unwrap()]);
    for text in [
        "\n  goes on from ",
        "\n  new          1 of 4 messages",
        "\n  placed       ",
        "\n  said         session s (",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    let tool = records.iter().find(|record| record["name"] == "bash").unwrap();
    let shown = printed(&home, "200", &["show", tool["id"].as_str().unwrap()]);
    assert!(shown.contains("\n── arguments\n{\n  \"command\": \"cat note.txt\"\n}\n"), "{shown}");
    assert!(shown.contains("\n── result\nthe note\n"), "{shown}");
}

#[test]
fn a_conversation_says_each_thing_once() {
    let home = filled();
    let shown = printed(&home, "200", &["show", &first_trace(&home), "--messages"]);
    let lines: Vec<&str> =
        shown.lines().skip(1).filter(|line| !line.trim_matches(['│', ' ']).is_empty()).collect();
    let expected = [
        "── system",
        "   You are the lead.",
        "   Hand out tasks.",
        "   Be brief.",
        "── user",
        "   do the report",
        "── assistant: chat gpt-4.1",
        "▸ task(write the note that the report needs)",
        "│ ── system",
        "│    You are a helper.",
        "│ ── user",
        "│    write the note that the report needs",
        "│ ── assistant: chat gpt-4.1",
        "│ ▸ bash(cat note.txt)",
        "│ ◂ bash, after ",
        "│    the note",
        "│ ── assistant: chat gpt-4.1",
        "│    PART DONE",
        "◂ task, after ",
        "   PART DONE",
        "── assistant: chat gpt-4.1",
        "   ALL DONE",
    ];
    assert_eq!(lines.len(), expected.len(), "{shown}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line} is not {expected}");
    }
    let messages = home.json(&["show", "s", "--messages", "--json"]);
    let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
    let expected = [
        "system",
        "user",
        "assistant",
        "call",
        "system",
        "user",
        "assistant",
        "call",
        "result",
        "assistant",
        "result",
        "assistant",
    ];
    assert_eq!(roles, expected);
    assert_eq!(messages[7]["level"], 1);
    assert_eq!(messages[7]["parts"][0]["arguments"]["command"], "cat note.txt");
}

#[test]
fn versions_of_prompts_are_listed_and_compared() {
    let home = filled();
    let listed = home.json(&["prompts", "--json"]);
    let calls: Vec<&Value> = listed.iter().map(|one| &one["calls"]).collect();
    assert_eq!(calls, [&json!(1), &json!(2), &json!(2)], "{listed:#?}");
    assert_eq!(listed[0]["prompt_preview"], "You are the lead. Hand out tasks. Be thorough.");
    assert_eq!((&listed[1]["input"], &listed[1]["errors"]), (&json!(18), &json!(0)));
    let version = |at: usize| listed[at]["prompt_version"].as_str().unwrap();
    let shown = printed(&home, "200", &["prompts"]);
    assert!(shown.lines().nth(1).unwrap().starts_with(version(0)), "{shown}");
    let compared = printed(&home, "200", &["prompts", version(1), version(0)]);
    let expected =
        "tools removed: task\n  You are the lead.\n  Hand out tasks.\n- Be brief.\n+ Be thorough.\n";
    assert_eq!(compared, expected);
    let compared = &home.json(&["prompts", version(1), version(0), "--json"])[0];
    assert_eq!(compared["tools"]["removed"], json!(["task"]));
    assert_eq!(compared["system"][2], json!({"is": "removed", "text": "Be brief."}));
    assert_eq!(printed(&home, "200", &["prompts", &version(2)[..6]]), "You are a helper.\n");
    let of_session = home.json(&["prompts", "--json", "--session", "t"]);
    assert_eq!((of_session.len(), &of_session[0]["calls"]), (1, &json!(1)));
    let unknown = home.command(&["prompts", "ffff", "eeee"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    // It fails where a sum is wrong.
    home.run(&["verify"]);
}

#[test]
fn steps_are_followed_with_the_name_of_their_trace() {
    let home = filled();
    let shown = printed(&home, "300", &["tail", "--no-follow", "--lines", "20"]);
    let of_report = shown.lines().filter(|line| line.contains("  do the report  ")).count();
    assert_eq!((shown.lines().count(), of_report), (7, 6), "{shown}");
    assert!(shown.lines().any(|line| line.contains("  bash  ") && line.contains("the note")), "{shown}");
}
