//! Embeddings as far as they are kept: how many there are, and how long each is.

use serde_json::{Value, json};

use super::json::Look;
use crate::model::{Answered, Message, Part, PartKind};

/// Counts vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vectors {
    count: u64,
    dimensions: Option<u64>,
}

impl Vectors {
    /// One more vector: a list of numbers, a list of such lists, or its bytes in base64, `width` bytes a number.
    pub fn hear(&mut self, vector: &Value, width: u64) {
        let dimensions = match vector {
            Value::Array(list) if list.first().is_some_and(Value::is_array) => {
                return list.iter().for_each(|vector| self.hear(vector, width));
            }
            Value::Array(list) => list.len() as u64,
            Value::String(text) => decoded_length(text) / width.max(1),
            _ => return,
        };
        self.count += 1;
        self.dimensions.get_or_insert(dimensions);
    }

    /// Says so in what was answered.
    pub fn put(self, answered: &mut Answered) {
        if let Some(dimensions) = self.dimensions {
            let value = json!({"count": self.count, "dimensions": dimensions});
            answered.extra.insert("embeddings".to_owned(), value);
        }
    }
}

/// How many bytes a base64 text stands for.
pub fn decoded_length(base64: &str) -> u64 {
    let characters = base64.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').count();
    characters as u64 * 3 / 4
}

/// What is to be embedded or judged: a text, a list of texts, or lists of parts. Tokens are counted, not kept.
pub fn input(value: &Value) -> Vec<Message> {
    let mut parts = Vec::new();
    add(value, &mut parts);
    if parts.is_empty() { Vec::new() } else { vec![Message::new("user", parts)] }
}

fn add(value: &Value, parts: &mut Vec<Part>) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => parts.push(Part::text(text.as_str())),
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_number) => {
            let value = json!({"count": list.len()});
            parts.push(PartKind::Other { kind: "tokens".to_owned(), value }.into());
        }
        Value::Array(list) => list.iter().for_each(|one| add(one, parts)),
        object if object.get("type").is_none() && object.get("content").is_some() => {
            add(object.get("content").unwrap_or(&Value::Null), parts);
        }
        object => match object.word("text").filter(|_| object.text("type").is_none()) {
            Some(text) => parts.push(Part::text(text)),
            None => parts.extend(super::openai::content::content(&Value::Array(vec![object.clone()]))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_counted_in_every_shape() {
        for (vector, width, expected) in [
            (json!([0.1, 0.2]), 4, (1, Some(2))),
            (json!([[0.1, 0.2], [0.3, 0.4]]), 4, (2, Some(2))),
            (json!("AACAPwAAAEA="), 4, (1, Some(2))),
            (json!("AQI="), 1, (1, Some(2))),
            (json!(null), 4, (0, None)),
        ] {
            let mut vectors = Vectors::default();
            vectors.hear(&vector, width);
            assert_eq!((vectors.count, vectors.dimensions), expected, "{vector}");
        }
    }
}
