//! A span's attributes on their way: what is absent is left out.

use serde_json::Value;

use super::message::{Any, AnyValue, ArrayValue, KeyValue, KeyValueList};

/// Attributes, each key once: what is put last holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub fn put(&mut self, key: &str, any: Any) {
        let value = Some(AnyValue::new(any));
        match self.0.iter_mut().find(|known| known.key == key) {
            Some(known) => known.value = value,
            None => self.0.push(KeyValue { key: key.to_owned(), value }),
        }
    }

    pub fn text<'a>(&mut self, key: &str, text: impl AsText<'a>) {
        if let Some(text) = text.or_none().filter(|text| !text.is_empty()) {
            self.put(key, Any::Text(text.to_owned()));
        }
    }

    pub fn int(&mut self, key: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.put(key, Any::Int(i64::try_from(number).unwrap_or(i64::MAX)));
        }
    }

    pub fn double(&mut self, key: &str, number: Option<f64>) {
        if let Some(number) = number {
            self.put(key, Any::Double(number));
        }
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.put(key, Any::Bool(value));
    }

    pub fn texts<'a>(&mut self, key: &str, texts: impl IntoIterator<Item = &'a str>) {
        let values: Vec<AnyValue> =
            texts.into_iter().map(|text| AnyValue::new(Any::Text(text.to_owned()))).collect();
        if !values.is_empty() {
            self.put(key, Any::List(ArrayValue { values }));
        }
    }

    /// As a JSON text: what backends that know no structure take.
    pub fn json(&mut self, key: &str, value: &Value) {
        let is_empty = match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(object) => object.is_empty(),
            _ => false,
        };
        if !is_empty {
            self.put(key, Any::Text(value.to_string()));
        }
    }

    /// As JSON has it.
    pub fn value(&mut self, key: &str, value: &Value) {
        if let Some(any) = any_of(value) {
            self.put(key, any);
        }
    }

    pub fn into_pairs(self) -> Vec<KeyValue> {
        self.0
    }
}

/// Text, or perhaps text.
pub trait AsText<'a> {
    fn or_none(self) -> Option<&'a str>;
}

impl<'a> AsText<'a> for &'a str {
    fn or_none(self) -> Option<&'a str> {
        Some(self)
    }
}

impl<'a> AsText<'a> for &'a String {
    fn or_none(self) -> Option<&'a str> {
        Some(self)
    }
}

impl<'a> AsText<'a> for &'a Option<String> {
    fn or_none(self) -> Option<&'a str> {
        self.as_deref()
    }
}

impl<'a> AsText<'a> for Option<&'a str> {
    fn or_none(self) -> Option<&'a str> {
        self
    }
}

/// A value of JSON as OTLP has it; nothing where it is null.
pub fn any_of(value: &Value) -> Option<Any> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Any::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Any::Int(whole),
            None => Any::Double(number.as_f64()?),
        },
        Value::String(text) => Any::Text(text.clone()),
        Value::Array(list) => Any::List(ArrayValue {
            values: list.iter().map(|value| AnyValue { value: any_of(value) }).collect(),
        }),
        Value::Object(object) => Any::Map(KeyValueList {
            values: object
                .iter()
                .map(|(key, value)| KeyValue {
                    key: key.clone(),
                    value: Some(AnyValue { value: any_of(value) }),
                })
                .collect(),
        }),
    })
}
