//! What was written is read back as it was.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;
use wiretape::model::{Body, Chunk, Closer, Ending, Exchange, Micros, ObservationId};
use wiretape::store::{Entry, Had, Observed, StoreError};

use super::support::*;

/// Bodies that have made others stumble.
fn weird() -> Vec<Vec<u8>> {
    let text = "a text with \\\"quotes\\\" and \\u00e9 and \\ud83d ".repeat(50);
    vec![
        Vec::new(),
        b"{".to_vec(),
        b"\xff\xfe\x00\x80".to_vec(),
        format!(r#"{{"messages":[{{"role":"user","content":"{text}"#).into_bytes(),
        "[".repeat(100_000).into_bytes(),
        format!(r#"{{"a":"{}"}}"#, "0123456789abcdef".repeat(20_000)).into_bytes(),
        br#"{"a":1,"a":2,"a":"x"}"#.to_vec(),
        format!("{{\r\n \"a\" :\t\"{text}\"\r\n}}\r\n").into_bytes(),
        [&b"[\""[..], &[b'x'; 300], b"\xff\"]"].concat(),
        (0..300_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
        vec![b'\\'; 1000],
        format!("{{\"a\":\"{}", "\\".repeat(999)).into_bytes(),
        "event: x\ndata: {}\n\n".repeat(10_000).into_bytes(),
    ]
}

#[tokio::test]
async fn weird_bodies_come_back() {
    let place = Place::new().await;
    for (number, bytes) in weird().into_iter().enumerate() {
        let number = number as u64 + 1;
        let exchange = exchange(number, bytes.clone(), bytes);
        place.write(vec![entry(exchange.clone(), number, &json!({}))]).await;
        let back = place.store.exchange(exchange.id).await.unwrap();
        assert!(back == Some(exchange), "body {number} is not what it was");
    }
}

#[tokio::test]
async fn an_exchange_comes_back_with_all_that_is_known_of_it() {
    let place = Place::new().await;
    let mut odd = exchange(1, "{}", "x");
    odd.request.trailers = Some(headers(&[("x-sum", "1")]));
    odd.request.decoded = true;
    odd.response.lost = 77;
    odd.response.end = Some((Micros(3), Ending::Broken { by: Closer::Client, why: "reset".to_owned() }));
    odd.response.chunks = vec![Chunk { after: 9, length: 0 }, Chunk { after: 3, length: u64::MAX }];
    odd.head.as_mut().unwrap().ours = true;
    odd.target = None;
    let mut bare = exchange(2, "", "");
    bare.head = None;
    bare.response = Body { end: Some((Micros(NOON), Ending::Complete)), ..Body::default() };
    bare.dialect = Some("openai.chat".to_owned());
    for exchange in [odd, bare] {
        place.write(vec![Entry { exchange: Some(exchange.clone()), ..Entry::default() }]).await;
        assert_eq!(place.store.exchange(exchange.id).await.unwrap(), Some(exchange));
    }
    assert_eq!(place.store.exchange(id(99)).await.unwrap(), None);
}

#[tokio::test]
async fn observations_come_back_with_their_content() {
    let place = Place::new().await;
    let mut with = alone(1, &json!({"session_id": "s", "x": [1, {"y": null}], "response_id": "r-1"}));
    let content =
        json!({"input": [{"role": "user", "parts": [{"text": "hello ".repeat(200)}]}], "output": []});
    with.observations[0].content = content.as_object().cloned();
    let mut second = observed(3, &json!({"exchange_index": 1}));
    second.head.insert("exchange_id".to_owned(), id(2).to_string().into());
    let mut two = entry(exchange(2, "{}", "{}"), 2, &json!({"tags": ["b", "a"]}));
    two.observations.push(second);
    place.write(vec![with.clone(), two.clone()]).await;

    let stored = place.store.observation(ObservationId(1)).await.unwrap().unwrap();
    assert_eq!(stored.head, with.observations[0].head);
    assert_eq!(stored.content, with.observations[0].content);
    assert_eq!(stored.exchange, None);
    let of = place.store.of_exchange(id(2)).await.unwrap();
    let heads: Vec<_> = of.iter().map(|stored| stored.head.clone()).collect();
    let mut expected: Vec<_> = two.observations.iter().map(|observed| observed.head.clone()).collect();
    // Tags are a set.
    expected[0].insert("tags".to_owned(), json!(["b", "a"]));
    assert_eq!(heads, expected);
    assert_eq!((of[0].exchange, of[0].index, of[1].index), (Some(id(2)), 0, 1));
    let answered = place.store.answered("r-1".to_owned()).await.unwrap().unwrap();
    assert_eq!(answered.id, ObservationId(1));
    assert_eq!(place.store.answered("r-2".to_owned()).await.unwrap(), None);
    assert_eq!(place.store.observation(ObservationId(9)).await.unwrap(), None);
    let wrong = Observed { head: json!({"id": "x"}).as_object().unwrap().clone(), ..Observed::default() };
    let wrong = Entry { observations: vec![wrong], ..Entry::default() };
    let failed = place.store.write(vec![alone(5, &json!({})), wrong].into()).await;
    assert!(matches!(failed, Err(StoreError::Asked(_))));
    assert_eq!(place.store.observation(ObservationId(5)).await.unwrap(), None, "half of a write stayed");
}

#[tokio::test]
async fn writing_twice_is_writing_once() {
    let place = Place::new().await;
    let first = entry(exchange(1, r#"{"a":"first"}"#, "ok"), 1, &json!({"session_id": "s"}));
    place.write(vec![first.clone()]).await;
    let before = place.store.stats().await.unwrap();
    let other = entry(exchange(1, r#"{"a":"second"}"#, "ok"), 1, &json!({"session_id": "t"}));
    place.write(vec![first.clone(), other]).await;
    let after = place.store.stats().await.unwrap();
    assert_eq!((before.observations, before.raw_bytes), (after.observations, after.raw_bytes));
    assert_eq!(place.store.exchange(id(1)).await.unwrap(), first.exchange);
    assert_eq!(place.store.had(id(1)).await.unwrap(), Had::Whole);
    assert_eq!(place.store.had(id(2)).await.unwrap(), Had::No);
}

fn open_exchange(bytes: &'static str, chunks: Vec<Chunk>) -> Exchange {
    let mut open = exchange(1, "{}", "");
    open.response = Body { bytes: Bytes::from(bytes), chunks, ..Body::default() };
    open
}

#[tokio::test]
async fn an_open_exchange_is_replaced_or_gone_on_with() {
    let place = Place::new().await;
    let one = Chunk { after: 1, length: 5 };
    let two = Chunk { after: 2, length: 6 };
    place.write(vec![entry(open_exchange("first", vec![one]), 1, &json!({"status": "interrupted"}))]).await;
    assert_eq!(place.store.had(id(1)).await.unwrap(), Had::Open);
    place.write(vec![entry(open_exchange("other", vec![one]), 1, &json!({"status": "interrupted"}))]).await;
    let mut more = open_exchange(" parts", vec![two]);
    more.request.bytes = Bytes::new();
    more.request.chunks = Vec::new();
    place.write(vec![Entry { more: true, ..entry(more.clone(), 2, &json!({"exchange_index": 1})) }]).await;
    more.response.end = Some((Micros(NOON), Ending::Complete));
    place.write(vec![Entry { more: true, ..entry(more, 1, &json!({})) }]).await;

    let mut whole = open_exchange("other parts parts", vec![one, two, two]);
    whole.response.end = Some((Micros(NOON), Ending::Complete));
    assert_eq!(place.store.exchange(id(1)).await.unwrap(), Some(whole.clone()));
    assert_eq!(place.store.had(id(1)).await.unwrap(), Had::Whole);
    let stats = place.store.stats().await.unwrap();
    assert_eq!((stats.exchanges, stats.observations, stats.totals.interrupted), (1, 2, 0));
    assert_eq!(stats.raw_bytes, (whole.request.bytes.len() + whole.response.bytes.len()) as u64);
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let place = Place::new().await;
    let one = entry(exchange(1, r#"{"a":"b"}"#, "ok"), 1, &json!({}));
    place.write(vec![one.clone()]).await;
    let again = place.again().await;
    assert_eq!(again.exchange(id(1)).await.unwrap(), one.exchange);
    // Both write, and both see what the other wrote.
    let two = entry(exchange(2, r#"{"a":"b"}"#, "ok"), 2, &json!({}));
    let before = place.store.version().await.unwrap();
    again.write(vec![two.clone()].into()).await.unwrap();
    assert_ne!(place.store.version().await.unwrap(), before);
    place.write(vec![entry(exchange(3, r#"{"a":"b"}"#, "ok"), 3, &json!({}))]).await;
    assert_eq!(place.store.exchange(id(2)).await.unwrap(), two.exchange);
    assert_eq!(again.stats().await.unwrap().observations, 3);
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        Just(br#"{"role":"user","content":""#.to_vec()),
        Just(br#""},{"a":[1,2],"b":""#.to_vec()),
        (0_usize..20).prop_map(|times| "the same text again and again ".repeat(times).into_bytes()),
    ];
    let begin = prop_oneof![Just(b"{".to_vec()), Just(Vec::new())];
    (begin, prop::collection::vec(part, 0..60)).prop_map(|(begin, parts)| [begin, parts.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_bodies_come_back(bodies in prop::collection::vec((bodies(), bodies()), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let place = Place::new().await;
            let exchanges: Vec<Exchange> = bodies
                .into_iter()
                .enumerate()
                .map(|(number, (request, response))| exchange(number as u64, request, response))
                .collect();
            place.write(exchanges.iter().map(|one| entry(one.clone(), 1, &json!({}))).collect()).await;
            for exchange in exchanges {
                assert_eq!(place.store.exchange(exchange.id).await.unwrap(), Some(exchange));
            }
        });
    }
}

#[tokio::test]
async fn what_is_repeated_is_stored_as_if_it_were_new() {
    let with = Place::new().await;
    let folder = folder();
    let config = wiretape::store::Config {
        recent_bytes: wiretape::model::setting::ByteSize(0),
        ..wiretape::store::Config::default()
    };
    let mode = wiretape::store::Mode::ReadWrite;
    let without = wiretape::store::open("sqlite:store.db", &folder, mode, &config).await.unwrap();
    let text = |number: u64| {
        let words = format!("words {number} ").repeat(40 + number as usize);
        format!(r#"{{"role":"user","content":"{words}"}}"#)
    };
    for number in 1..=60 {
        // It grows, and now and then something in its midst is another.
        let other = |at: u64| if number % 7 == 0 && at == 20 { 99 } else { at };
        let texts: Vec<String> = (1..=number).map(|at| text(other(at))).collect();
        let request = format!(r#"{{"messages":[{}],"max_tokens":{number}}}"#, texts.join(","));
        let one = entry(exchange(number, request, "{}"), number, &json!({}));
        with.write(vec![one.clone()]).await;
        without.write(vec![one.clone()].into()).await.unwrap();
        assert_eq!(with.store.exchange(id(number)).await.unwrap(), one.exchange);
    }
    let (one, two) = (with.store.stats().await.unwrap(), without.stats().await.unwrap());
    assert_eq!((one.pieces, one.unique_bytes, one.raw_bytes), (two.pieces, two.unique_bytes, two.raw_bytes));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_stream_shares_its_text_with_the_next_request() {
    let place = Place::new().await;
    let answer = "this is what the model answers, a few words at a time. ".repeat(12);
    let events: Vec<String> = answer
        .as_bytes()
        .chunks(9)
        .map(|part| format!("data: {{\"delta\":{{\"text\":\"{}\"}}}}\n\n", str::from_utf8(part).unwrap()))
        .collect();
    let one = entry(exchange(1, "{}", events.concat()), 1, &json!({}));
    place.write(vec![one.clone()]).await;
    let before = place.store.stats().await.unwrap();
    let request = format!(r#"{{"messages":[{{"role":"assistant","content":"{answer}"}}]}}"#);
    place.write(vec![entry(exchange(2, request, "{}"), 2, &json!({}))]).await;
    let after = place.store.stats().await.unwrap();
    assert!(after.unique_bytes - before.unique_bytes < answer.len() as u64, "{before:?} {after:?}");
    assert_eq!(place.store.exchange(id(1)).await.unwrap(), one.exchange);
    // One that was cut within an event is a stream too.
    let cut = events.concat();
    let cut = entry(exchange(3, "{}", cut[..cut.len() - 9].to_owned()), 3, &json!({}));
    place.write(vec![cut.clone()]).await;
    assert_eq!(place.store.exchange(id(3)).await.unwrap(), cut.exchange);
}
