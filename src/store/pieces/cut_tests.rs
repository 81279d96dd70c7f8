//! What a cut promises: the leaves are the body, and what bodies share becomes the same leaves.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn leaves(body: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    let mut start = 0;
    let mut found = Vec::new();
    for Leaf { kind, end } in cut(body) {
        assert!(end > start, "an empty leaf");
        found.push((kind, body[start..end].to_vec()));
        start = end;
    }
    assert_eq!(start, body.len());
    found
}

fn message(number: usize, mark: &str) -> String {
    let text = format!("message {number} says: ").repeat(20);
    format!(r#"{{"role":"user","content":[{{"type":"text","text":"{text}"{mark}}}]}}"#)
}

fn request(messages: usize, marked: bool) -> Vec<u8> {
    let mark = r#","cache_control":{"type":"ephemeral"}"#;
    let messages: Vec<String> = (0..messages)
        .map(|number| message(number, if marked && number + 1 == messages { mark } else { "" }))
        .collect();
    format!(r#"{{"model":"m","messages":[{}],"max_tokens":5}}"#, messages.join(",")).into_bytes()
}

#[test]
fn a_marker_that_moves_and_a_message_more_cost_themselves() {
    let old: HashSet<_> = leaves(&request(40, true)).into_iter().collect();
    let new: Vec<_> = leaves(&request(41, true)).into_iter().filter(|leaf| !old.contains(leaf)).collect();
    let bytes: usize = new.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(new.len() <= 3 && bytes < 2 * message(0, "").len(), "{new:?}");
}

#[test]
fn small_messages_come_in_groups_that_do_not_move() {
    let body = |skip: usize| {
        let messages: Vec<String> = (0..2000)
            .filter(|number| *number != skip)
            .map(|number| format!(r#"{{"role":"user","content":"number {number}"}}"#))
            .collect();
        format!("[{}]", messages.join(",")).into_bytes()
    };
    let all: HashSet<_> = leaves(&body(usize::MAX)).into_iter().collect();
    assert!((30..300).contains(&all.len()), "{} groups", all.len());
    let new = leaves(&body(300)).into_iter().filter(|leaf| !all.contains(leaf)).count();
    assert!(new <= 3, "{new} groups are new");
}

#[test]
fn a_string_is_a_leaf_wherever_it_stands() {
    let text = "a \\\"quoted\\\" text \\\\".repeat(30);
    let body = format!(r#"{{"a":"{text}","b":[1,"{text}"]}}"#);
    let texts: Vec<_> = leaves(body.as_bytes()).into_iter().filter(|(kind, _)| *kind == Kind::Text).collect();
    assert_eq!(texts, vec![(Kind::Text, text.clone().into_bytes()); 2]);
    assert_eq!(cut_text(text.as_bytes()), [Leaf { kind: Kind::Text, end: text.len() }]);
}

#[test]
fn numbers_and_nesting_without_end_are_cut_too() {
    let numbers = format!("[{}]", vec!["0.123456"; 100_000].join(","));
    let deep = "[".repeat(100_000);
    for body in [numbers.as_bytes(), deep.as_bytes(), b"{\"open", b"{", b"[\"\\"] {
        let found = leaves(body);
        assert!(found.iter().all(|(_, bytes)| bytes.len() <= LARGE_BODY));
    }
    assert!(leaves(b"").is_empty());
    assert_eq!(leaves(b"event: x\n\n"), [(Kind::Data, b"event: x\n\n".to_vec())]);
}

fn jsonish() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        "[\\[\\]{},:]{1,4}".prop_map(String::into_bytes),
        "\"[a-z ]{0,9}\"".prop_map(String::into_bytes),
        (200_usize..600).prop_map(|length| format!("\"{}\"", "text ".repeat(length / 5)).into_bytes()),
        prop::collection::vec(any::<u8>(), 0..9),
        Just(b"\"}]},{\"role\":\"user\",\"content\":".to_vec()),
    ];
    prop::collection::vec(token, 0..200).prop_map(|tokens| [&b"{"[..], &tokens.concat()].concat())
}

proptest! {
    #[test]
    fn leaves_are_the_body(body: Vec<u8>, json in jsonish()) {
        leaves(&body);
        leaves(&json);
    }

    #[test]
    fn going_on_from_another_body_is_cutting_afresh(one in jsonish(), two in jsonish(), place in 0.0..1.0) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place inside")]
        let place = (one.len() as f64 * place) as usize;
        let other = [&one[..place], &two].concat();
        let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
        let old = cut(&one);
        let (kept, found) = resume(&other, &old, shared);
        prop_assert_eq!(&found, &cut(&other));
        prop_assert_eq!(&found[..kept], &old[..kept]);
    }
}
