//! Putting together what providers stream beside the text without saying how: lists grow, texts of known keys grow,
//! anything else is replaced.

use serde_json::{Map, Value};

use crate::dialect::json::Look;

/// Texts that come in pieces.
const GROWING: &[&str] = &["text", "summary", "data", "transcript", "thinking", "arguments", "signature"];

/// One more value for this key.
pub fn at(whole: &mut Map<String, Value>, key: &str, more: &Value) {
    match (whole.get_mut(key), more) {
        (_, Value::Null) => {}
        (Some(Value::String(text)), Value::String(more)) if GROWING.contains(&key) => text.push_str(more),
        (Some(Value::Array(list)), Value::Array(more)) => more.iter().for_each(|more| element(list, more)),
        (Some(known @ Value::Object(_)), Value::Object(_)) => into(known, more),
        _ => {
            whole.insert(key.to_owned(), more.clone());
        }
    }
}

/// All that is in this object.
pub fn into(whole: &mut Value, more: &Value) {
    let Some(whole) = whole.as_object_mut() else { return };
    for (key, value) in more.as_object().into_iter().flatten() {
        at(whole, key, value);
    }
}

/// One more element: of one index and type it goes on with the last.
fn element(list: &mut Vec<Value>, more: &Value) {
    let index = more.count("index");
    let goes_on = index.is_some();
    match list.last_mut() {
        Some(last) if goes_on && last.count("index") == index && last.get("type") == more.get("type") => {
            into(last, more);
        }
        _ => list.push(more.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_of_one_element_become_one() {
        let mut whole = Map::new();
        for more in [
            json!([{"index": 0, "type": "a", "text": "x", "format": "f"}]),
            json!([{"index": 0, "type": "a", "text": "y", "format": "f"}]),
            json!([{"index": 1, "type": "a", "text": "z"}, {"loose": true}, {"loose": true}]),
        ] {
            at(&mut whole, "list", &more);
        }
        let expected = json!({"list": [{"index": 0, "type": "a", "text": "xy", "format": "f"},
            {"index": 1, "type": "a", "text": "z"}, {"loose": true}, {"loose": true}]});
        assert_eq!(Value::Object(whole), expected);
    }
}
