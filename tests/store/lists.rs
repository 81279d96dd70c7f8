//! Lists: filters, pages, search.

use serde_json::json;
use wiretape::model::{Kind, Micros, Status, TraceId};
use wiretape::store::{Entry, Filter, Order, Page, StoreError};

use super::support::*;

/// Twelve observations that differ.
async fn dozen() -> Place {
    let place = Place::new().await;
    let more = |number: u64| match number {
        1 => json!({"status": "error", "error": {"type": "rate_limit_error", "http_status": 429}}),
        2 => json!({"type": "tool", "name": "read_file"}),
        3 => json!({"provider": "openai", "request_model": "gpt-[5]", "response_model": "gpt-[5]"}),
        4 => json!({"tags": ["red", "blue"], "session_id": "s"}),
        5 => json!({"tags": ["red"], "session_id": "s", "user": "ada"}),
        6 => json!({"status": "cancelled", "user": "ada"}),
        _ => json!({}),
    };
    let entries = (1..=12).map(|number| {
        let request = format!(r#"{{"messages":[{{"role":"user","content":"question number {number}"}}]}}"#);
        entry(exchange(number, request, "{}"), number, &more(number))
    });
    place.write(entries.collect()).await;
    place
}

#[tokio::test]
async fn filters_let_through_what_they_say() {
    let place = dozen().await;
    let all: Vec<String> = (1..=12_u64).rev().map(|number| format!("{number:x}")).collect();
    assert_eq!(place.ids(&Filter::default()).await, all);
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (Filter { status: Some(Status::Error), ..Filter::default() }, vec!["1"]),
        (Filter { status: Some(Status::Cancelled), user: text("ada"), ..Filter::default() }, vec!["6"]),
        (Filter { kind: Some(Kind::Tool), ..Filter::default() }, vec!["2"]),
        (Filter { provider: text("openai"), ..Filter::default() }, vec!["3"]),
        (Filter { model: text("gpt-[5]"), ..Filter::default() }, vec!["3"]),
        (Filter { model: text("gpt-*"), ..Filter::default() }, vec!["3"]),
        (Filter { model: text("*-2026"), kind: Some(Kind::Tool), ..Filter::default() }, vec!["2"]),
        (Filter { model: text("m?1"), ..Filter::default() }, vec![]),
        (Filter { tag: text("red"), ..Filter::default() }, vec!["5", "4"]),
        (Filter { tag: text("blue"), session: text("s"), ..Filter::default() }, vec!["4"]),
        (Filter { session: text("s"), ..Filter::default() }, vec!["5", "4"]),
        (Filter { session: text("none"), ..Filter::default() }, vec![]),
        (Filter { user: text("ada"), ..Filter::default() }, vec!["6", "5"]),
        (Filter { trace: Some(TraceId(2)), ..Filter::default() }, vec!["c", "b", "a"]),
        (Filter { since: Some(Micros(NOON + 11 * SECOND)), ..Filter::default() }, vec!["c", "b"]),
        (Filter { until: Some(Micros(NOON + 3 * SECOND)), ..Filter::default() }, vec!["2", "1"]),
        (Filter { search: text("number 7"), ..Filter::default() }, vec!["7"]),
        (Filter { search: text("question"), tag: text("red"), ..Filter::default() }, vec!["5", "4"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(place.ids(&filter).await, expected, "{filter:?}");
    }
    let oldest = super::support::all(&*place.store, &Filter::default(), Order::OldestFirst, 5).await;
    assert_eq!(ids(&oldest), all.into_iter().rev().collect::<Vec<_>>());
    let row = &oldest[0];
    assert_eq!(row.head["error"]["type"], "rate_limit_error");
    assert!(row.head.get("parameters").is_none() && row.head["usage"].get("raw").is_none());
}

#[tokio::test]
async fn exchanges_are_listed_by_their_ids() {
    let place = dozen().await;
    let red = Filter { tag: Some("red".to_owned()), ..Filter::default() };
    assert_eq!(place.store.exchanges(red.clone(), None, 9).await.unwrap(), [id(4), id(5)]);
    assert_eq!(place.store.exchanges(red, Some(id(4)), 9).await.unwrap(), [id(5)]);
    let all = place.store.exchanges(Filter::default(), Some(id(3)), 4).await.unwrap();
    assert_eq!(all, [id(4), id(5), id(6), id(7)]);
}

#[tokio::test]
async fn a_list_that_grows_is_walked_without_holes_or_duplicates() {
    let place = Place::new().await;
    place.write((1..=50).map(|number| alone(number * 2, &json!({}))).collect()).await;
    let (mut seen, mut after) = (Vec::new(), None);
    for step in 0.. {
        let page = Page { order: Order::NewestFirst, limit: 7, after };
        let rows = place.store.list(Filter::default(), page).await.unwrap();
        if rows.is_empty() {
            break;
        }
        seen.extend(ids(&rows));
        after = rows.last().map(|row| row.cursor.clone());
        // One that is newer, and an old one once more.
        place
            .write(vec![alone(1000 + step, &json!({})), alone(100 - step * 2, &json!({"name": "new"}))])
            .await;
    }
    let expected: Vec<String> = (1..=50_u64).rev().map(|number| format!("{:x}", number * 2)).collect();
    assert_eq!(seen, expected);
    let wrong = Page { after: Some(wiretape::store::Cursor("x".to_owned())), ..page(1) };
    assert!(matches!(place.store.list(Filter::default(), wrong).await, Err(StoreError::Asked(_))));
}

fn search(text: &str) -> Filter {
    Filter { search: Some(text.to_owned()), ..Filter::default() }
}

#[tokio::test]
async fn a_search_finds_what_was_said_first_and_what_was_answered() {
    let place = Place::new().await;
    let old = "the parser drops the last token when the input ends early ".repeat(10);
    let message = |text: &str| format!(r#"{{"role":"user","content":"{text}"}}"#);
    let body = |messages: &[String]| format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","));
    let first = message(&old);
    let second = message("Now use a \\\"state machine\\\"\\nof caf\\u00e9s");
    let mut one = entry(exchange(1, body(std::slice::from_ref(&first)), "data: zebra\n\n"), 1, &json!({}));
    one.observations[0].text = "I will look at the lexer first.".to_owned();
    let two = entry(exchange(2, body(&[first, second]), "{}"), 2, &json!({}));
    let picture = format!(r#"{{"data":"{}","text":"{}"}}"#, "QUJDREVG".repeat(100), "x ".repeat(200));
    place.write(vec![one, two, entry(exchange(3, picture, "{}"), 3, &json!({}))]).await;
    for (text, expected) in [
        ("parser", vec!["1"]),
        ("PARSER token", vec!["1"]),
        ("parser zebra", vec![]),
        ("pars*", vec!["1"]),
        ("lexer", vec!["1"]),
        ("\"look at the lexer\"", vec!["1"]),
        ("\"lexer the at\"", vec![]),
        ("\"state machine\"", vec!["2"]),
        ("machine state", vec!["2"]),
        ("cafés", vec!["2"]),
        ("cafes", vec!["2"]),
        ("CAF*", vec!["2"]),
        ("mach* caf*", vec!["2"]),
        ("mach* lex*", vec![]),
        ("\"state machine\" no*", vec!["2"]),
        ("zeb*", vec![]),
        ("QUJDREVG*", vec![]),
        ("zebra", vec![]),
    ] {
        assert_eq!(place.ids(&search(text)).await, expected, "{text}");
    }
    let rows = place.store.list(search("lexer"), page(5)).await.unwrap();
    assert_eq!(rows[0].snippet.as_deref(), Some("I will look at the lexer first."));
    let rows = place.store.list(search("machine"), page(5)).await.unwrap();
    assert!(rows[0].snippet.as_deref().unwrap().contains("Now use a \"state machine\" of cafés"));
    for odd in ["\"", "AND", "a OR", "NEAR(a b)", "x:y", "(", "'; DROP TABLE", "-x", "^", "a* *"] {
        let found = place.store.list(search(odd), page(5)).await;
        assert!(matches!(found, Ok(_) | Err(StoreError::Asked(_))), "{odd}: {found:?}");
    }
}

#[tokio::test]
async fn a_word_that_is_everywhere_is_found_page_by_page() {
    let place = Place::new().await;
    for from in 0..6 {
        let entries = (0..2000).map(|at| {
            let mut one = alone(1 + from * 2000 + at, &json!({}));
            one.observations[0].text = format!("common word{}", at % 1000);
            one
        });
        place.write(entries.collect::<Vec<Entry>>()).await;
    }
    let rows = all(&*place.store, &search("common"), Order::NewestFirst, 4000).await;
    let mut found = ids(&rows);
    assert_eq!((found.len(), found[0].as_str()), (12_000, "2ee0"));
    found.dedup();
    assert_eq!(found.len(), 12_000);
    assert_eq!(place.ids(&search("common word7")).await.len(), 12);
    let traces = place.store.traces(search("common"), page(3)).await.unwrap();
    assert_eq!(traces.len(), 3);
    // Looked for one by one, and in the index where that finds too little.
    for (beginning, word) in [("comm*", "common"), ("comm* word7*", "word7*")] {
        let many = all(&*place.store, &search(word), Order::NewestFirst, 4000).await;
        for limit in [1, 40, 4000] {
            let few = place.store.list(search(beginning), page(limit)).await.unwrap();
            assert_eq!(ids(&few), ids(&many)[..limit.min(many.len())], "{beginning}");
        }
        let listed = |text| place.store.traces(search(text), page(40));
        assert_eq!(listed(beginning).await.unwrap(), listed(word).await.unwrap());
        let listed = |text| place.store.sessions(search(text), page(40));
        assert_eq!(listed(beginning).await.unwrap(), listed(word).await.unwrap());
    }
}
