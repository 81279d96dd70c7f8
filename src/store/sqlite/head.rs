//! A record's head as it is to be stored: what it came with, and its place over that. Heads are large, and copying one to
//! put a place into it takes longer than storing it.

use serde_json::{Map, Value};

#[derive(Clone, Copy)]
pub struct Head<'a> {
    of: &'a Map<String, Value>,
    /// Takes the place of what is there; null stands for nothing.
    over: &'a [(&'static str, Value)],
}

impl<'a> Head<'a> {
    pub fn new(of: &'a Map<String, Value>, over: &'a [(&'static str, Value)]) -> Self {
        Self { of, over }
    }

    fn over(&self, key: &str) -> Option<&'a Value> {
        self.over.iter().find(|(over, _)| *over == key).map(|(_, value)| value)
    }

    pub fn get(&self, key: &str) -> Option<&'a Value> {
        match self.over(key) {
            Some(value) => Some(value).filter(|value| !value.is_null()),
            None => self.of.get(key),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let of = self.of.iter().map(|(key, value)| (key.as_str(), value));
        let over = self.over.iter().map(|(key, value)| (*key, value));
        of.filter(move |(key, _)| self.over(key).is_none()).chain(over.filter(|(_, value)| !value.is_null()))
    }
}

impl<'a> From<&'a Map<String, Value>> for Head<'a> {
    fn from(of: &'a Map<String, Value>) -> Self {
        Self { of, over: &[] }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_goes_over_what_is_there() {
        let of = json!({"id": "a", "trace_id": "old", "side": "title", "name": "chat"});
        let over = [
            ("trace_id", json!("new")),
            ("side", Value::Null),
            ("attempt", json!(1)),
            ("title", Value::Null),
        ];
        let head = Head::new(of.as_object().unwrap(), &over);
        let all: Vec<(&str, &Value)> = head.iter().collect();
        let (id, name, trace, attempt) = (json!("a"), json!("chat"), json!("new"), json!(1));
        assert_eq!(all, [("id", &id), ("name", &name), ("trace_id", &trace), ("attempt", &attempt)]);
        for (key, value) in all {
            assert_eq!(head.get(key), Some(value));
        }
        assert_eq!((head.get("side"), head.get("title"), head.get("x")), (None, None, None));
    }
}
