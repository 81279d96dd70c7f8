//! Arguments of a function call that come in pieces, each with the path of the value it belongs to.

use serde_json::{Map, Value};

use super::names::Either;

/// The deepest place that is followed.
const DEPTH: usize = 32;
/// How far behind the end of a list an element may stand: lists come in order, and what lies between is made up.
const GAP: usize = 16;

/// One step of a path.
enum Step {
    Key(String),
    At(usize),
}

/// Puts a piece into its place. Texts grow by each of theirs; anything else comes whole.
pub fn put(arguments: &mut Value, piece: &Value) {
    let path = piece.either_text("jsonPath").unwrap_or("$");
    let value = ["stringValue", "numberValue", "boolValue"].iter().find_map(|key| piece.either(key).cloned());
    let Some(mut place) = steps(path).and_then(|steps| walk(arguments, steps)) else { return };
    match (value, &mut place) {
        (Some(Value::String(more)), Value::String(text)) => text.push_str(&more),
        (Some(value), place) => **place = value,
        (None, _) => {}
    }
}

/// `$.a.b[0]["c d"]` taken apart; `None` where it is no such path.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == DEPTH {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'));
            let (name, behind) = match quote {
                Some(quote) => inner.get(1..)?.split_once(&format!("{quote}]"))?,
                None => inner.split_once(']')?,
            };
            let step = match (quote, name.parse()) {
                (None, Ok(at)) => Step::At(at),
                _ => Step::Key(name.to_owned()),
            };
            steps.push(step);
            rest = behind;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, behind) = name.split_at(end);
            if !name.is_empty() {
                steps.push(Step::Key(name.to_owned()));
            }
            rest = behind;
        }
    }
    Some(steps)
}

/// The value at the end of a path; what is missing on the way is made.
fn walk(from: &mut Value, steps: Vec<Step>) -> Option<&mut Value> {
    let mut place = from;
    for step in steps {
        place = match step {
            Step::Key(key) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut()?.entry(key).or_insert(Value::Null)
            }
            Step::At(at) => {
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                let list = place.as_array_mut()?;
                if at > list.len() + GAP {
                    return None;
                }
                if list.len() <= at {
                    list.resize(at + 1, Value::Null);
                }
                list.get_mut(at)?
            }
        };
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_come_together() {
        let mut arguments = json!({});
        for piece in [
            json!({"jsonPath": "$.city", "stringValue": "Kra", "willContinue": true}),
            json!({"jsonPath": "$.city", "stringValue": "ków"}),
            json!({"jsonPath": "$.days[1].at", "numberValue": 2}),
            json!({"jsonPath": "$['a b']", "boolValue": true}),
            json!({"json_path": "$.none", "nullValue": "NULL_VALUE"}),
        ] {
            put(&mut arguments, &piece);
        }
        let expected = json!({"city": "Kraków", "days": [null, {"at": 2}], "a b": true, "none": null});
        assert_eq!(arguments, expected);
    }

    #[test]
    fn paths_that_are_none_do_no_harm() {
        for path in ["$..", "$[", "$[99999999999]", "$[17]", "....", "$['", ""] {
            put(&mut json!({}), &json!({"jsonPath": path, "stringValue": "x"}));
        }
    }
}
