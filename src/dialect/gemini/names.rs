//! Looks for keys that may be written either way: Google takes `functionCall` and `function_call` for the same.

use serde_json::{Map, Value};

use crate::dialect::json::{Look, count};

/// Like `Look`, for keys given in camel case.
pub trait Either: Look {
    /// What is at this key in either writing, unless it is null.
    fn either(&self, camel: &str) -> Option<&Value>;

    fn either_text(&self, camel: &str) -> Option<&str> {
        self.either(camel)?.as_str()
    }

    /// A text that is not empty.
    fn either_word(&self, camel: &str) -> Option<&str> {
        self.either_text(camel).filter(|text| !text.is_empty())
    }

    fn either_count(&self, camel: &str) -> Option<u64> {
        count(self.either(camel)?)
    }

    fn either_truth(&self, camel: &str) -> Option<bool> {
        self.either(camel)?.as_bool()
    }

    fn either_list(&self, camel: &str) -> &[Value] {
        self.either(camel).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Either for Value {
    fn either(&self, camel: &str) -> Option<&Value> {
        self.some(camel).or_else(|| self.some(&snake(camel)))
    }
}

/// The keys of an object but these, in whichever writing they are; without nulls.
pub fn rest(object: &Value, but: &[&str]) -> Map<String, Value> {
    let Some(object) = object.as_object() else { return Map::new() };
    let kept = object.iter().filter(|(key, value)| !but.contains(&camel(key).as_str()) && !value.is_null());
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// `functionCall` as `function_call`.
pub fn snake(camel: &str) -> String {
    let mut out = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `function_call` as `functionCall`.
fn camel(snake: &str) -> String {
    let mut out = String::with_capacity(snake.len());
    let mut upper = false;
    for c in snake.chars() {
        match c {
            '_' => upper = !out.is_empty(),
            _ if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            _ => out.push(c),
        }
    }
    out
}

/// A word, or the number that stands for one where the client asked for enums as numbers.
pub fn word_or_number(value: &Value) -> Option<String> {
    match value {
        Value::String(word) if !word.is_empty() => Some(word.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_writings_are_found() {
        for json in [json!({"functionCall": 1}), json!({"function_call": 1})] {
            assert_eq!(json.either_count("functionCall"), Some(1), "{json}");
            assert!(rest(&json, &["functionCall"]).is_empty());
            assert_eq!(rest(&json, &["other"]).len(), 1);
        }
        assert_eq!(snake("parametersJsonSchema"), "parameters_json_schema");
        assert_eq!(camel("parameters_json_schema"), "parametersJsonSchema");
    }
}
