//! A span's attributes as JSON, to be looked up under any of the names that conventions have for one thing.

use serde_json::{Map, Value};

use super::super::message::{Any, AnyValue, KeyValue};

/// Attributes by their keys.
#[derive(Clone, Debug, Default)]
pub struct Bag(pub Map<String, Value>);

impl Bag {
    pub fn of(pairs: &[KeyValue]) -> Self {
        let pairs = pairs.iter().filter_map(|pair| Some((pair.key.clone(), plain(pair.value.as_ref()?))));
        Self(pairs.collect())
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub fn text(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// A count, also where it is written as text.
    pub fn count(&self, keys: &[&str]) -> Option<u64> {
        let count = |value: &Value| {
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counts that some write as fractions are whole and small"
            )]
            number.or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
        };
        keys.iter().find_map(|key| count(self.get(key)?))
    }

    pub fn number(&self, keys: &[&str]) -> Option<f64> {
        keys.iter().find_map(|key| {
            let value = self.get(key)?;
            value.as_f64().or_else(|| value.as_str()?.parse().ok())
        })
    }

    /// A value that may be written as a text of JSON.
    pub fn json(&self, keys: &[&str]) -> Option<Value> {
        keys.iter().find_map(|key| Some(parsed(self.get(key)?)))
    }

    /// Texts: a list of them, a text of JSON that is one, or a text with commas.
    pub fn texts(&self, keys: &[&str]) -> Vec<String> {
        let texts =
            |list: &[Value]| list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect();
        match self.json(keys) {
            Some(Value::Array(list)) => texts(&list),
            Some(Value::String(text)) => {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What flat keys below a prefix make together: `a.0.b` is `b` of the first of a list.
    pub fn nested(&self, prefix: &str) -> Option<Value> {
        let mut root = Tree::default();
        let mut any = false;
        for (key, value) in &self.0 {
            if let Some(path) = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) {
                any = true;
                root.put(path, value.clone());
            }
        }
        any.then(|| root.into_value())
    }

    /// Those below a prefix, without it, where they are text.
    pub fn below(&self, prefix: &str) -> Vec<(String, String)> {
        let own = self.0.iter().filter_map(|(key, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return None,
            };
            Some((key.strip_prefix(prefix)?.to_owned(), text))
        });
        own.collect()
    }
}

/// A text of JSON as what it says; any other value as it is.
pub fn parsed(value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    let is_json = text.trim_start().starts_with(['{', '[']);
    let parsed = is_json.then(|| serde_json::from_str(text).ok()).flatten();
    parsed.unwrap_or_else(|| value.clone())
}

/// A value of OTLP as JSON.
fn plain(value: &AnyValue) -> Value {
    match &value.value {
        None => Value::Null,
        Some(Any::Text(text)) => text.as_str().into(),
        Some(Any::Bool(value)) => (*value).into(),
        Some(Any::Int(number)) => (*number).into(),
        Some(Any::Double(number)) => (*number).into(),
        Some(Any::List(list)) => list.values.iter().map(plain).collect(),
        Some(Any::Map(map)) => Value::Object(Bag::of(&map.values).0),
        Some(Any::Bytes(bytes)) => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(bytes).into()
        }
    }
}

/// Flat keys on their way to what they make.
#[derive(Default)]
struct Tree {
    value: Option<Value>,
    inner: Vec<(String, Tree)>,
}

/// No list is longer, whatever index a key names.
const LONGEST: usize = 10_000;
/// Nothing is deeper.
const DEEPEST: usize = 32;

impl Tree {
    fn put(&mut self, path: &str, value: Value) {
        let mut at = self;
        for (depth, part) in path.split('.').enumerate() {
            if depth > DEEPEST {
                return;
            }
            let known = at.inner.iter().position(|(key, _)| key == part);
            let index = known.unwrap_or_else(|| {
                at.inner.push((part.to_owned(), Self::default()));
                at.inner.len() - 1
            });
            at = &mut at.inner[index].1;
        }
        at.value = Some(value);
    }

    fn into_value(self) -> Value {
        if self.inner.is_empty() {
            return self.value.unwrap_or(Value::Null);
        }
        let indexes: Option<Vec<usize>> =
            self.inner.iter().map(|(key, _)| key.parse().ok().filter(|at| *at < LONGEST)).collect();
        match indexes {
            Some(indexes) => {
                let mut items: Vec<(usize, Value)> = indexes
                    .into_iter()
                    .zip(self.inner)
                    .map(|(at, (_, tree))| (at, tree.into_value()))
                    .collect();
                items.sort_by_key(|(at, _)| *at);
                items.into_iter().map(|(_, value)| value).collect()
            }
            None => {
                let pairs = self.inner.into_iter().map(|(key, tree)| (key, tree.into_value()));
                Value::Object(pairs.collect())
            }
        }
    }
}
