//! Heads come back whole, whatever stands in them.

use proptest::prelude::*;

use super::*;
use crate::store::StoreError;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0.0..1e9).prop_map(|number: f64| json!(number)),
        Just(json!(0.00126)),
        Just(json!("2026-11-21T12:00:01.000000Z")),
        Just(json!("00000000000000ab")),
        Just(json!("error")),
        Just(json!("reported")),
        ".{0,8}".prop_map(Value::from),
        prop::collection::vec(".{0,4}", 0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        let keys = prop::sample::select(vec!["input", "output", "source", "total", "type", "name", "x"]);
        let object = prop::collection::vec((keys, inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            object.prop_map(|pairs| Value::Object(
                pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

fn head() -> impl Strategy<Value = Map<String, Value>> {
    let keys: Vec<&str> =
        ORDER.iter().copied().chain(["exchange_id", "exchange_index", "client", "x"]).collect();
    prop::collection::vec((prop::sample::select(keys), value()), 0..20).prop_map(|pairs| {
        let mut head: Map<String, Value> =
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        head.insert("id".to_owned(), "00000000000000ff".into());
        head.insert("type".to_owned(), "generation".into());
        head.insert("start_time".to_owned(), "2026-11-21T12:00:00.000001Z".into());
        head
    })
}

/// The rest as one would find it with both heads at hand.
fn plain_rest(head: &Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = difference(head, given);
    let missing: Vec<&String> = given.keys().filter(|key| !head.contains_key(*key)).collect();
    if !missing.is_empty() {
        rest.insert(MISSING.to_owned(), json!(missing));
    }
    rest
}

fn difference(head: &Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = Map::new();
    for (key, value) in head {
        match (value, given.get(key)) {
            (value, Some(given)) if value == given => {}
            (Value::Object(own), Some(Value::Object(given))) => {
                rest.insert(key.clone(), difference(own, given).into());
            }
            _ => {
                rest.insert(key.clone(), value.clone());
            }
        }
    }
    rest
}

proptest! {
    #[test]
    fn a_head_comes_back(head in head(), number: u128) {
        let exchange = Some(ExchangeId::from_bytes(number.to_be_bytes()));
        let columns = Columns::of(&head).unwrap();
        let rest = columns.rest_of(&(&head).into(), exchange);
        prop_assert_eq!(&rest, &plain_rest(&head, &columns.head(exchange)));
        prop_assert_eq!(merge(columns.head(exchange), rest), head);
    }
}

#[test]
fn of_a_usual_head_little_is_left() {
    let head = json!({
        "id": "00000000000000ff", "trace_id": "000000000000000000000000000000ab", "session_id": "s", "type": "generation",
        "name": "chat m", "start_time": "2026-11-21T12:00:00.000001Z", "end_time": "2026-11-21T12:00:01.500001Z",
        "duration_ms": 1500.0, "status": "ok", "provider": "anthropic", "upstream": "anthropic", "request_model": "m",
        "streamed": true, "usage": {"input": 5, "output": 7, "total": 12, "source": "reported"},
        "cost": {"total": 0.0125, "currency": "USD"}, "attempt": 1, "tags": ["a", "b"], "http_status": 200,
        "exchange_id": "07070707070707070707070707070707",
    });
    let Value::Object(head) = head else { unreachable!() };
    let (columns, exchange) = (Columns::of(&head).unwrap(), Some(ExchangeId::from_bytes([7; 16])));
    let rest = columns.rest_of(&(&head).into(), exchange);
    assert_eq!(Value::Object(rest.clone()), json!({"usage": {"total": 12}, "cost": {"currency": "USD"}}));
    let keys: Vec<String> = merge(columns.head(exchange), rest).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys[..3], ["id", "trace_id", "session_id"]);
    for wrong in ["id", "type", "start_time"] {
        let mut head = head.clone();
        head.insert(wrong.to_owned(), "x".into());
        assert!(matches!(Columns::of(&head), Err(StoreError::Asked(_))), "{wrong}");
    }
}
