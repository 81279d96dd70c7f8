//! Histories that went on, and histories that were changed.

use proptest::prelude::*;

use super::*;
use crate::model::{Answered, Asked, Message, Operation};

type Edit = fn(&mut Vec<Message>);

fn say(role: &str, text: &str) -> Message {
    Message::new(role, vec![Part::text(text)])
}

fn call(id: Option<&str>, name: &str, path: &str) -> Part {
    let arguments = json!({"path": path, "depth": 1});
    PartKind::ToolCall { id: id.map(str::to_owned), name: name.to_owned(), arguments }.into()
}

fn result(id: &str, response: Value) -> Message {
    let part = PartKind::ToolCallResponse { id: Some(id.to_owned()), name: None, response, is_error: None };
    Message::new("tool", vec![part.into()])
}

fn reading(input: Vec<Message>, output: Vec<Message>) -> Reading {
    Reading {
        dialect: "test",
        operation: Operation::Chat,
        asked: Asked { input, ..Asked::default() },
        answered: Answered { output, ..Answered::default() },
        start: None,
        end: None,
    }
}

/// A question, an answer that calls a tool, its result.
fn before() -> Reading {
    let thought = PartKind::Reasoning("Let me look.".to_owned()).into();
    let asked = Message::new("assistant", vec![call(Some("t1"), "read", "a")]);
    let answer = Message::new(
        "assistant",
        vec![thought, Part::text("I read "), Part::text("b now.\n"), call(Some("t2"), "read", "b")],
    );
    reading(vec![say("user", "What is in a and b?"), asked, result("t1", json!("A"))], vec![answer])
}

fn after(edit: impl FnOnce(&mut Vec<Message>)) -> Reading {
    let before = before();
    let mut input = before.asked.input;
    input.extend(before.answered.output);
    input.push(result("t2", json!("B")));
    edit(&mut input);
    reading(input, Vec::new())
}

#[test]
fn a_history_that_only_goes_on_has_no_difference() {
    let found = changes(&before(), &after(|_| {}));
    let expected = Changes { kept_messages: 4, new_input: 4..5, ..Changes::default() };
    assert_eq!(found, expected);
    let json = json!({"system_changed": false, "kept_messages": 4, "new_input": [4, 5]});
    assert_eq!(found.to_json(), json);
}

#[test]
fn how_a_history_is_written_down_does_not_matter() {
    let rewrites: [Edit; 6] = [
        // Reasoning is dropped, texts are joined and trimmed.
        |input| input[3].parts = vec![Part::text("I read b now."), call(Some("t2"), "read", "b")],
        // Ids are dropped, keys are in another order.
        |input| {
            let arguments = json!({"depth": 1, "path": "b"});
            let own = PartKind::ToolCall { id: None, name: "read".to_owned(), arguments };
            input[3].parts = vec![Part::text("I read b now."), own.into()];
        },
        // Marks of a cache move.
        |input| {
            input[0].parts[0].extra =
                Map::from_iter([("cache_control".to_owned(), json!({"type": "ephemeral"}))]);
        },
        |input| {
            input[2] =
                result("t1", json!([{"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}]));
        },
        |input| {
            let mark = PartKind::Other { kind: "cachePoint".to_owned(), value: json!({"type": "default"}) };
            input[0].parts.push(mark.into());
        },
        |input| input[3].role = "model".to_owned(),
    ];
    for (at, rewrite) in rewrites.into_iter().enumerate() {
        let found = changes(&before(), &after(rewrite));
        assert_eq!(found, Changes { kept_messages: 4, new_input: 4..5, ..Changes::default() }, "{at}");
    }
    // One answer as two messages.
    let split = after(|input| {
        let call = input[3].parts.pop().unwrap();
        input.insert(4, Message::new("assistant", vec![call]));
    });
    let found = changes(&before(), &split);
    assert_eq!(found, Changes { kept_messages: 5, new_input: 5..6, ..Changes::default() });
}

#[test]
fn what_was_edited_is_found() {
    let message = |index| Some(Place::Message { index });
    let cases: [(&str, Edit, Changes); 6] = [
        (
            "a cleared result",
            |input| input[2] = result("t1", json!("[cleared]")),
            Changes {
                kept_messages: 3,
                new_input: 4..5,
                edited: vec![2],
                first_difference: message(2),
                ..Changes::default()
            },
        ),
        (
            "an appended reminder",
            |input| input[0].parts.push(Part::text("<reminder>")),
            Changes {
                kept_messages: 3,
                new_input: 4..5,
                edited: vec![0],
                first_difference: message(0),
                ..Changes::default()
            },
        ),
        (
            "an answer in other words",
            |input| input[3].parts = vec![Part::text("Reading.")],
            Changes {
                kept_messages: 3,
                new_input: 4..5,
                edited: vec![3],
                first_difference: message(3),
                ..Changes::default()
            },
        ),
        (
            "a round that is gone",
            |input| {
                input.drain(1..3);
            },
            Changes {
                kept_messages: 2,
                new_input: 2..3,
                removed: 2,
                first_difference: message(1),
                ..Changes::default()
            },
        ),
        (
            "a message put between",
            |input| input.insert(1, say("user", "Hurry.")),
            Changes {
                kept_messages: 4,
                new_input: 5..6,
                inserted: vec![1],
                first_difference: message(1),
                ..Changes::default()
            },
        ),
        (
            "a summary in place of all",
            |input| *input = vec![say("user", "Summary: a holds A."), say("user", "Go on.")],
            Changes { new_input: 0..2, removed: 4, first_difference: message(0), ..Changes::default() },
        ),
    ];
    for (name, edit, expected) in cases {
        assert_eq!(changes(&before(), &after(edit)), expected, "{name}");
    }
}

#[test]
fn tools_and_system_come_before_messages() {
    let tool = |name: &str, words: &str| json!({"type": "function", "name": name, "description": words});
    let with = |system: &[&str], tools: Vec<Value>| {
        let mut reading = before();
        reading.asked.system = system.iter().map(|text| Part::text(*text)).collect();
        reading.asked.tools = tools;
        reading
    };
    let one = with(&["It is 2026-11-21.", "Be kind."], vec![tool("a", "Reads."), tool("b", "Writes.")]);
    let other = with(&["It is 2026-11-22.", "Be brief."], vec![tool("c", "New."), tool("a", "Reads all.")]);
    let found = changes(&one, &other);
    let [added, removed, changed] = ["c", "b", "a"].map(|name| vec![name.to_owned()]);
    assert_eq!(found.tools, ToolChanges { added, removed, changed });
    assert!(found.system);
    assert_eq!(found.first_difference, Some(Place::Tools { name: Some("c".to_owned()) }));
    let same_tools = with(&["It is 2026-11-22.", "Be brief."], one.asked.tools.clone());
    assert_eq!(changes(&one, &same_tools).first_difference, Some(Place::System { block: 1 }));
    let tomorrow = with(&["It is 2026-11-22.", "Be kind."], one.asked.tools.clone());
    assert!(!changes(&one, &tomorrow).system);
}

#[test]
fn a_call_that_sends_only_what_is_new_changes_nothing() {
    let mut next = reading(vec![result("t2", json!("B"))], Vec::new());
    next.asked.continues = Some("resp_1".to_owned());
    assert_eq!(changes(&before(), &next), Changes { new_input: 0..1, ..Changes::default() });
}

proptest! {
    #[test]
    fn every_message_is_counted_once(
        was in proptest::collection::vec(("user|assistant|tool|system", "[ab]{0,2}"), 0..12),
        is in proptest::collection::vec(("user|assistant|tool|system", "[ab]{0,2}"), 0..12),
    ) {
        let list = |said: &[(String, String)]| said.iter().map(|(role, text)| say(role, text)).collect::<Vec<_>>();
        let found = changes(&reading(list(&was), vec![]), &reading(list(&is), vec![]));
        let counted = found.kept_messages + found.edited.len() + found.inserted.len() + found.new_input.len();
        prop_assert_eq!(counted, is.len());
        let mut on = list(&was);
        on.push(say("user", "And now?"));
        let found = changes(&reading(list(&was), vec![]), &reading(on, vec![]));
        prop_assert_eq!((found.kept_messages, found.new_input), (was.len(), was.len()..was.len() + 1));
    }
}
