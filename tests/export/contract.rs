//! What holds for every form.

use std::sync::Arc;

use wiretape::export::{COLUMNS, FORMATS, Leave, Sample, Wanted, format};
use wiretape::redact::{Config, Redactor};
use wiretape::store::Filter;

use crate::calls::{
    EMAIL, HOSTILE, KEY, Made, NOON, SECRET, cut, error, everything, limited, tools, unknown,
};
use crate::forms::{check, rows};
use crate::support::Place;

/// Whether a file has a text, as it stands or as JSON writes it.
fn has(bytes: &[u8], text: &str) -> bool {
    let find = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    let json = serde_json::to_string(text).unwrap();
    find(text.as_bytes()) || find(json.trim_matches('"').as_bytes())
}

#[tokio::test]
async fn every_form_holds_nothing_one_call_and_whatever_else_there_is() {
    let selections: [fn(&mut Made); 6] = [|_| (), tools, limited, error, cut, unknown];
    for (number, add) in selections.iter().enumerate() {
        let mut made = Made::new();
        add(&mut made);
        let place = Place::new(&made.all).await;
        for form in FORMATS {
            let (bytes, written) = place.export(form, Wanted::default()).await;
            let counted = check(form.name, &bytes);
            assert!(
                counted.is_none_or(|count| count as u64 == written),
                "{}, {number}: {written}",
                form.name
            );
            assert!(made.all.is_empty() <= (written == 0), "{}: {written} of nothing", form.name);
        }
    }
}

#[tokio::test]
async fn every_form_is_the_same_each_time_and_keeps_to_limits_and_samples() {
    let place = Place::new(&everything()).await;
    for form in FORMATS {
        let (all, count) = place.export(form, Wanted::default()).await;
        assert_eq!(
            check(form.name, &all).unwrap_or(usize::try_from(count).unwrap()) as u64,
            count,
            "{}",
            form.name
        );
        assert!(count > 0, "{} is empty", form.name);
        assert_eq!(place.export(form, Wanted::default()).await.0, all, "{} differs", form.name);
        let (some, few) = place.export(form, Wanted { limit: Some(2), ..Wanted::default() }).await;
        // It is one of what the form takes; spans are counted one by one.
        let most = check(form.name, &some).map_or(count - 1, |_| 2);
        assert!((1..=most).contains(&few), "{}: {few}", form.name);
        let sample = |share| Wanted { sample: Some(Sample { share, seed: 1 }), ..Wanted::default() };
        assert_eq!(place.export(form, sample(0.0)).await.1, 0, "{}", form.name);
        assert_eq!(place.export(form, sample(1.0)).await.0, all, "{}", form.name);
        let none = Filter { user: Some("nobody".to_owned()), ..Filter::default() };
        let (empty, nothing) = place.export(form, Wanted { filter: none, ..Wanted::default() }).await;
        check(form.name, &empty);
        assert_eq!(nothing, 0, "{}", form.name);
    }
}

#[tokio::test]
async fn what_was_said_is_in_every_form_that_has_room_for_it() {
    let place = Place::new(&everything()).await;
    for form in FORMATS.iter().filter(|form| !form.is_binary) {
        let (bytes, _) = place.export(form, Wanted::default()).await;
        assert!(has(&bytes, SECRET), "{}", form.name);
        assert!(has(&bytes, "日本語"), "{}", form.name);
    }
    // As it stands, where it need not be written otherwise.
    for name in ["jsonl", "openai-finetune", "sharegpt", "atif"] {
        let (bytes, _) = place.export(format(name).unwrap(), Wanted::default()).await;
        assert!(has(&bytes, HOSTILE), "{name}");
    }
}

#[tokio::test]
async fn without_content_nothing_that_was_said_leaves() {
    let place = Place::new(&everything()).await;
    let leave = Arc::new(Leave { no_content: true, redactor: None });
    for form in FORMATS {
        for raw in [false, true] {
            let wanted = Wanted { raw, leave: Arc::clone(&leave), ..Wanted::default() };
            let (bytes, _) = place.export(form, wanted).await;
            check(form.name, &bytes);
            assert!(!has(&bytes, SECRET), "{} tells what was said", form.name);
        }
    }
    // What is said about it leaves.
    let (lines, _) = place.export(format("jsonl").unwrap(), Wanted { leave, ..Wanted::default() }).await;
    for kept in ["\"input\":100", "rate_limit_error", "\"temperature\":0.5", "\"name\":\"read\"", "nightly"] {
        assert!(has(&lines, kept), "{kept}");
    }
}

#[tokio::test]
async fn what_rules_find_does_not_leave() {
    let place = Place::new(&everything()).await;
    let rules = Config::default().stricter();
    let redactor = Redactor::new(&rules, |secret| format!("fp{}", secret.len())).unwrap();
    let leave = Arc::new(Leave { no_content: false, redactor: Some(Arc::new(redactor)) });
    for form in FORMATS {
        let (all, count) = place.export(form, Wanted::default()).await;
        assert!(form.is_binary || has(&all, EMAIL), "{}", form.name);
        let wanted = Wanted { raw: true, leave: Arc::clone(&leave), ..Wanted::default() };
        let (bytes, redacted) = place.export(form, wanted).await;
        check(form.name, &bytes);
        assert_eq!(redacted, count, "{}", form.name);
        for secret in [EMAIL, KEY] {
            assert!(!has(&bytes, secret), "{} tells {secret}", form.name);
        }
        assert!(form.is_binary || form.name == "csv" || has(&bytes, SECRET), "{}", form.name);
        assert!(form.is_binary || has(&bytes, "redacted:emails:fp24"), "{}", form.name);
    }
}

#[tokio::test]
async fn of_each_conversation_the_longest_is_learned_from() {
    let mut made = Made::new();
    tools(&mut made);
    limited(&mut made);
    error(&mut made);
    cut(&mut made);
    let place = Place::new(&made.all).await;
    let (bytes, written) = place.export(format("openai-finetune").unwrap(), Wanted::default()).await;
    assert_eq!(written, 2);
    let lines = String::from_utf8(bytes).unwrap();
    let examples: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let roles = |at: usize| -> Vec<&str> {
        examples[at]["messages"].as_array().unwrap().iter().map(|own| own["role"].as_str().unwrap()).collect()
    };
    assert_eq!(roles(0), ["system", "user", "assistant", "tool", "tool", "assistant", "user", "assistant"]);
    assert_eq!(examples[0]["parallel_tool_calls"], true);
    assert_eq!(examples[0]["tools"][0]["function"]["name"], "read");
    assert_eq!(roles(1), ["user", "assistant"]);
    assert_eq!(examples[1]["messages"][1]["weight"], 0);
}

#[tokio::test]
async fn every_key_of_a_record_has_a_column() {
    let place = Place::new(&everything()).await;
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    // Their parts have columns.
    let apart = ["cost", "client"];
    for record in place.records().await {
        for key in record.as_object().unwrap().keys() {
            assert!(names.contains(&key.as_str()) || apart.contains(&key.as_str()), "{key} has no column");
        }
    }
}

#[tokio::test]
async fn a_table_says_what_the_records_say() {
    let place = Place::new(&everything()).await;
    let (bytes, _) = place.export(format("csv").unwrap(), Wanted::default()).await;
    let rows = rows(&bytes);
    let at = |name: &str| rows[0].iter().position(|own| own == name).unwrap();
    let records = place.records().await;
    assert_eq!(rows.len() - 1, records.len());
    for (row, record) in rows[1..].iter().zip(&records) {
        assert_eq!(record["id"], row[at("id")].as_str());
        assert_eq!(record["start_time"], row[at("start_time")].as_str());
        let tokens = record["usage"]["input"].as_u64().map(|count| count.to_string()).unwrap_or_default();
        assert_eq!(row[at("input_tokens")], tokens);
        assert_eq!(row[at("user")], EMAIL);
    }
    assert!(records[0]["start_time"].as_str().unwrap() > wiretape::model::Micros(NOON).rfc3339().as_str());
}

/// Whatever any provider says: every fixture of every dialect.
#[tokio::test]
async fn every_dialect_fits_into_every_form() {
    let fixtures = crate::fixture::all();
    assert!(fixtures.len() > 300);
    let exchanges: Vec<_> = fixtures.iter().map(|fixture| fixture.exchange(100)).collect();
    let place = Place::new(&exchanges).await;
    for form in FORMATS {
        let (bytes, written) = place.export(form, Wanted::default()).await;
        let counted = check(form.name, &bytes);
        assert!(counted.is_none_or(|count| count as u64 == written), "{}: {written}", form.name);
        assert!(written > 0, "{}", form.name);
    }
}
