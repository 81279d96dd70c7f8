//! Where calls are put, end to end: what a scripted agent does becomes traces with tools, attempts and side calls.

use serde_json::{Value, json};

use super::provider::{Asked, provider};
use super::support::{Home, Recorder};

/// The one upstream of these tests; who it is does not matter here.
const PATH: &str = "/openai/v1/messages";

fn message(id: &str, content: &Value, stop: &str) -> Value {
    json!({
        "id": id, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": content,
        "stop_reason": stop, "stop_sequence": null, "usage": {"input_tokens": 100, "output_tokens": 10},
    })
}

/// Answers by what is asked last.
fn answer(mut asked: Asked) {
    let json = asked.json();
    let messages = json["messages"].as_array().unwrap();
    let last = &messages.last().unwrap()["content"];
    let tool = |id: &str, name: &str, input: Value| json!({"type": "tool_use", "id": id, "name": name, "input": input});
    let said = last.to_string();
    let body = if said.contains("Generate a title") {
        message(
            "msg_title",
            &json!([{"type": "text", "text": "{\"title\": \"Counting files\"}"}]),
            "end_turn",
        )
    } else if said.contains("tool_result") {
        message("msg_done", &json!([{"type": "text", "text": "There are two."}]), "end_turn")
    } else if said.contains("look it up") {
        let content = json!([
            {"type": "server_tool_use", "id": "srvtoolu_01AbCdEf", "name": "web_search", "input": {"query": "wiretape"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_01AbCdEf",
             "content": [{"type": "web_search_result", "title": "A page", "url": "https://example.com/"}]},
            {"type": "text", "text": "It is a recorder."},
        ]);
        message("msg_search", &content, "end_turn")
    } else {
        let content = json!([
            tool("toolu_01AAAA1111", "Bash", json!({"command": "ls"})),
            tool("toolu_01BBBB2222", "Read", json!({"path": "a.txt"})),
            tool("toolu_01CCCC3333", "Ask", json!({"question": "Which one?"})),
        ]);
        message("msg_tools", &content, "tool_use")
    };
    asked.json_answer(&body);
}

fn ask(messages: &Value, with_tools: bool) -> Vec<u8> {
    let mut body = json!({"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": messages});
    if with_tools {
        body["system"] = "You are an agent.".into();
        body["tools"] = json!([{"name": "Bash", "input_schema": {"type": "object"}}]);
    }
    body.to_string().into_bytes()
}

fn find<'a>(records: &'a [Value], key: &str, value: &str) -> &'a Value {
    records
        .iter()
        .find(|record| record[key] == value)
        .unwrap_or_else(|| panic!("no {key} {value}: {records:#?}"))
}

fn recorded() -> Home {
    let home = Home::new();
    let recorder = Recorder::start(&home, &provider(answer));
    let send = |body: Vec<u8>| assert_eq!(recorder.post(PATH, "", body).status(), 200);
    let user = |text: &str| json!({"role": "user", "content": text});
    send(ask(&json!([user("Generate a title for this conversation:\nCount the files.")]), false));
    send(ask(&json!([user("Count the files.")]), true));
    let calls = json!({"role": "assistant", "content": [
        {"type": "tool_use", "id": "toolu_01AAAA1111", "name": "Bash", "input": {"command": "ls"}},
        {"type": "tool_use", "id": "toolu_01BBBB2222", "name": "Read", "input": {"path": "a.txt"}},
        {"type": "tool_use", "id": "toolu_01CCCC3333", "name": "Ask", "input": {"question": "Which one?"}},
    ]});
    let results = json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_01AAAA1111", "content": "a.txt b.txt"},
        {"type": "tool_result", "tool_use_id": "toolu_01BBBB2222", "content": "no such file", "is_error": true},
    ]});
    send(ask(&json!([user("Count the files."), calls, results]), true));
    let done = json!({"role": "assistant", "content": "There are two."});
    send(ask(&json!([user("Count the files."), calls, results, done, user("And now look it up.")]), true));
    recorder.recorded(4);
    drop(recorder);
    home
}

#[test]
fn a_run_becomes_a_tree() {
    let home = recorded();
    let records = home.json(&["export"]);
    let (first, last) =
        (find(&records, "response_id", "msg_tools"), find(&records, "response_id", "msg_done"));
    assert_eq!(first["trace_id"], last["trace_id"]);
    assert_eq!(last["prior_id"], first["id"]);
    let title = find(&records, "response_id", "msg_title");
    assert_eq!((&title["side"], &title["trace_id"]), (&json!("title"), &first["trace_id"]));
    assert_eq!(title["title"], "Counting files");

    let bash = find(&records, "name", "Bash");
    assert_eq!((&bash["type"], &bash["parent_id"]), (&json!("tool"), &first["id"]));
    assert_eq!((&bash["status"], &bash["trace_id"]), (&json!("ok"), &first["trace_id"]));
    let tool = &bash["tool"];
    assert_eq!((&tool["arguments"], &tool["result"]), (&json!({"command": "ls"}), &json!("a.txt b.txt")));
    assert_eq!((&tool["duration_source"], &tool["answered_by"]), (&json!("gap"), &last["id"]));
    let read = find(&records, "name", "Read");
    assert_eq!((&read["status"], &read["tool"]["is_error"]), (&json!("error"), &json!(true)));
    let open = find(&records, "name", "Ask");
    assert_eq!((&open["status"], open.get("end_time")), (&json!("open"), None));

    let search = find(&records, "response_id", "msg_search");
    assert_ne!(search["trace_id"], first["trace_id"], "another turn");
    assert_eq!(search["session_id"], first["session_id"]);
    let retriever = find(&records, "name", "web_search");
    assert_eq!((&retriever["type"], &retriever["parent_id"]), (&json!("retriever"), &search["id"]));
    assert!(retriever["tool"]["result"].to_string().contains("A page"));
    assert!(retriever["tool"]["arguments"].to_string().contains("wiretape"));

    let sessions = home.json(&["ls", "sessions", "--json"]);
    assert_eq!(sessions.len(), 1);
    assert_eq!((&sessions[0]["traces"], &sessions[0]["title"]), (&json!(2), &json!("Counting files")));
    let traces = home.json(&["ls", "traces", "--json"]);
    let trace = find(&traces, "title", "Counting files");
    assert_eq!(
        (&trace["status"], &trace["generations"], &trace["tools"]),
        (&json!("ok"), &json!(3), &json!(3))
    );
    assert_eq!((&trace["output_preview"], &trace["errors"]), (&json!("There are two."), &json!(1)));
}

#[test]
fn reading_again_leaves_every_call_where_it_is() {
    let home = recorded();
    let before = home.json(&["export"]);
    home.run(&["reread"]);
    assert_eq!(home.json(&["export"]), before);
    assert!(
        home.json(&["verify", "--json"])
            .iter()
            .all(|line| line["wrong"].as_array().is_none_or(Vec::is_empty))
    );
}

#[test]
fn a_tree_moves_to_another_store() {
    let home = recorded();
    for form in [&["export", "--raw"][..], &["export"][..]] {
        let other = Home::new();
        let file = home.0.join("moved.jsonl");
        std::fs::write(&file, home.run(form)).unwrap();
        other.run(&["import", file.to_str().unwrap()]);
        let by_id = |home: &Home| {
            let mut records = home.json(form);
            records.sort_by_key(|record| record["id"].to_string());
            records
        };
        assert_eq!(by_id(&other), by_id(&home), "{form:?}");
    }
}
