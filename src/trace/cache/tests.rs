//! Caches that broke, and caches that did not.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Answered, Asked, Message, Operation, Part};

const ANTHROPIC: &str = "anthropic.messages";
const OPENAI: &str = "openai.responses";

type Edit = fn(&mut Asked);

fn counted(input: u64, read: Option<u64>, written: Option<u64>) -> Usage {
    Usage { input: Some(input), cache_read: read, cache_write: written, ..Usage::default() }
}

/// A call with tools, a system prompt of two blocks and so many messages.
fn call(dialect: &'static str, messages: usize, usage: Usage) -> Reading {
    let tool =
        |name: &str| json!({"type": "function", "name": name, "description": "Does. Since 2026-11-21."});
    let message = |at: usize| {
        let role = if at.is_multiple_of(2) { "user" } else { "assistant" };
        Message::new(role, vec![Part::text(format!("Message {at}, at 12:0{}", at % 10))])
    };
    let asked = Asked {
        model: Some("m".to_owned()),
        parameters: Map::from_iter([("tool_choice".to_owned(), json!({"type": "auto"}))]),
        system: vec![Part::text("x-anthropic-billing-header: cc_version=1;"), Part::text("Be kind.")],
        input: (0..messages).map(message).collect(),
        tools: vec![tool("read"), tool("write")],
        ..Asked::default()
    };
    let answered = Answered { usage: Some(usage), ..Answered::default() };
    Reading { dialect, operation: Operation::Chat, asked, answered, start: None, end: None }
}

fn found(before: &Reading, after: &Reading) -> Option<(String, u64, Reason)> {
    let found = cache_break(before, after, None, None)?;
    Some((found.at.to_string(), found.tokens_lost, found.reason))
}

#[test]
fn what_was_read_as_far_as_it_could_be_is_no_break() {
    let before = call(ANTHROPIC, 3, counted(20_000, Some(15_000), Some(4_900)));
    let cases = [
        (ANTHROPIC, counted(21_000, Some(19_900), Some(1_000)), None),
        // The rest of a step.
        (ANTHROPIC, counted(21_000, Some(19_800), Some(1_000)), None),
        (ANTHROPIC, counted(21_000, None, None), Some(19_900)),
        (ANTHROPIC, counted(21_000, Some(5_000), Some(16_000)), Some(14_900)),
        // What is not sent cannot be read.
        (ANTHROPIC, counted(3_000, Some(0), Some(3_000)), Some(3_000)),
    ];
    for (dialect, usage, lost) in cases {
        let after = call(dialect, 5, usage.clone());
        assert_eq!(found(&before, &after).map(|found| found.1), lost, "{usage:?}");
    }
    let silent = call(OPENAI, 5, counted(21_000, None, None));
    assert_eq!(found(&call(OPENAI, 3, counted(20_000, None, None)), &silent), None);
    let mut none = silent;
    none.answered.usage = None;
    assert_eq!(found(&before, &none), None);
}

#[test]
fn providers_that_cache_by_themselves_could_have_kept_all_of_it() {
    let after = |read| call(OPENAI, 5, counted(12_000, Some(read), None));
    let before = call(OPENAI, 3, counted(10_000, Some(0), None));
    assert_eq!(found(&before, &after(9_984)), None);
    assert_eq!(found(&before, &after(9_728)), Some(("nothing".to_owned(), 256, Reason::Expired)));
    let short = call(OPENAI, 1, counted(900, Some(0), None));
    assert_eq!(found(&short, &after(0)), None);
    // Where only what is marked is kept, what was not read or written was not.
    let unmarked = call(ANTHROPIC, 3, counted(10_000, Some(0), Some(0)));
    assert_eq!(found(&unmarked, &call(ANTHROPIC, 5, counted(12_000, Some(0), Some(0)))), None);
}

#[test]
fn the_first_place_that_differs_is_told() {
    let cases: [(&str, Reason, Edit); 16] = [
        ("nothing", Reason::Expired, |_| {}),
        ("model", Reason::Changed, |asked| {
            asked.model = Some("other".to_owned());
            asked.tools.clear();
        }),
        ("tools: read", Reason::Changed, |asked| asked.tools[0]["description"] = json!("Reads.")),
        ("tools: read", Reason::Volatile, |asked| {
            asked.tools[0]["description"] = json!("Does. Since 2026-11-22.");
        }),
        ("tools: write", Reason::Reordered, |asked| asked.tools.reverse()),
        ("tools: new", Reason::Added, |asked| asked.tools.insert(0, json!({"name": "new"}))),
        ("tools: write", Reason::Removed, |asked| {
            asked.tools.pop();
        }),
        ("system block 0", Reason::Volatile, |asked| {
            asked.system[0] = Part::text("x-anthropic-billing-header: cc_version=2;");
            asked.input.clear();
        }),
        ("system block 1", Reason::Changed, |asked| asked.system[1] = Part::text("Be brief.")),
        ("system block 2", Reason::Added, |asked| asked.system.push(Part::text("More."))),
        ("system block 1", Reason::Removed, |asked| {
            asked.system.pop();
        }),
        ("setting tool_choice", Reason::Changed, |asked| {
            asked.parameters.insert("tool_choice".to_owned(), json!({"type": "none"}));
        }),
        ("setting thinking", Reason::Added, |asked| {
            asked.parameters.insert("thinking".to_owned(), json!({"type": "adaptive"}));
        }),
        ("message 1", Reason::Changed, |asked| asked.input[1].parts[0] = Part::text("[cleared]")),
        ("message 0", Reason::Volatile, |asked| asked.input[0].parts[0] = Part::text("Message 0, at 12:09")),
        ("message 1", Reason::Removed, |asked| asked.input.truncate(1)),
    ];
    let before = call(ANTHROPIC, 3, counted(20_000, Some(15_000), Some(4_900)));
    for (place, reason, edit) in cases {
        let mut after = call(ANTHROPIC, 5, counted(21_000, Some(0), Some(21_000)));
        edit(&mut after.asked);
        assert_eq!(found(&before, &after), Some((place.to_owned(), 19_900, reason)));
    }
}

#[test]
fn marks_and_what_is_appended_break_nothing() {
    let before = call(ANTHROPIC, 3, counted(20_000, Some(15_000), Some(4_900)));
    let mut after = call(ANTHROPIC, 5, counted(21_000, Some(0), Some(21_000)));
    let mark = json!({"type": "ephemeral"});
    after.asked.tools[1]["cache_control"] = mark.clone();
    after.asked.system[1].extra.insert("cache_control".to_owned(), mark.clone());
    after.asked.input[2].parts[0].extra.insert("cache_control".to_owned(), mark);
    after.asked.input[2].parts.push(Part::text("<reminder>"));
    assert_eq!(found(&before, &after).map(|found| found.0), Some("nothing".to_owned()));
    let edits = json!({"applied_edits": [{"type": "clear_tool_uses", "cleared_tool_uses": 3}]});
    after.answered.extra.insert("context_management".to_owned(), edits);
    assert_eq!(found(&before, &after).map(|found| found.2), Some(Reason::EditedByProvider));
}

#[test]
fn other_providers_have_other_settings() {
    let before = call(OPENAI, 3, counted(10_000, Some(0), None));
    let mut after = call(OPENAI, 5, counted(12_000, Some(0), None));
    after.asked.parameters.insert("tool_choice".to_owned(), json!("none"));
    assert_eq!(found(&before, &after).map(|found| found.0), Some("nothing".to_owned()));
    after.asked.parameters.insert("text".to_owned(), json!({"format": {"type": "json_schema"}}));
    assert_eq!(found(&before, &after).map(|found| found.0), Some("setting text.format".to_owned()));
}

#[test]
fn the_time_between_is_told() {
    let before = call(ANTHROPIC, 3, counted(20_000, Some(15_000), Some(4_900)));
    let after = call(ANTHROPIC, 5, counted(21_000, Some(0), Some(21_000)));
    let broken = cache_break(&before, &after, Some(Micros(1_000_000)), Some(Micros(401_500_000))).unwrap();
    let expected = json!({"at": {"part": "nothing", "text": "nothing"}, "tokens_lost": 19_900,
        "reason": "expired or evicted", "seconds_since": 400.5});
    assert_eq!(broken.to_json(), expected);
}

proptest! {
    #[test]
    fn no_more_is_lost_than_was_there(
        input in 0..50_000_u64, was in proptest::option::of(0..50_000_u64), written in proptest::option::of(0..50_000_u64),
        next in 0..50_000_u64, is in proptest::option::of(0..50_000_u64), explicit in any::<bool>(),
    ) {
        let dialect = if explicit { ANTHROPIC } else { OPENAI };
        let before = call(dialect, 3, counted(input, was, written));
        let after = call(dialect, 5, counted(next, is, None));
        if let Some(found) = cache_break(&before, &after, None, None) {
            prop_assert!(found.tokens_lost <= next && found.tokens_lost >= STEP);
        }
    }
}
