//! The configuration and its mistakes as JSON, for programs.

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::example::show;
use super::file::raw;
use super::{Config, Mistake, Place};
use crate::model::setting::Raw;

impl Config {
    /// Sections as objects; what is unset is `null`, secrets are hidden.
    pub fn to_json(&self) -> Value {
        let mut sections = Map::new();
        for table in show(self) {
            let values =
                table.values.into_iter().map(|(key, literal)| (key.to_owned(), value(literal.as_deref())));
            let values = Value::Object(values.collect());
            match table.name {
                None => drop(sections.insert(table.section.to_owned(), values)),
                Some(name) => {
                    let names = sections.entry(table.section).or_insert_with(|| json!({}));
                    names[name] = values;
                }
            }
        }
        Value::Object(sections)
    }
}

impl Mistake {
    /// What is not known of it is left out.
    pub fn to_json(&self) -> Value {
        let mut mistake = match &self.place {
            Place::File(path) => json!({"file": path.display().to_string()}),
            Place::Line(path, line, column) => {
                json!({"file": path.display().to_string(), "line": line, "column": column})
            }
            Place::Variable(name) => json!({"variable": name}),
            Place::Flag(name) => json!({"flag": name}),
            Place::Default => json!({}),
        };
        if !self.key.is_empty() {
            mistake["key"] = json!(self.key);
        }
        mistake["message"] = json!(self.what);
        if let Some(hint) = &self.hint {
            mistake["hint"] = json!(hint);
        }
        mistake
    }
}

/// A TOML literal as JSON. Settings write their own literals, so one that cannot be read does not occur.
fn value(literal: Option<&str>) -> Value {
    let parsed = literal.and_then(|literal| DeValue::parse(literal).ok());
    parsed.and_then(|parsed| raw(parsed.get_ref()).ok()).map_or(Value::Null, of_raw)
}

fn of_raw(raw: Raw) -> Value {
    match raw {
        Raw::Bool(value) => json!(value),
        Raw::Integer(number) => json!(number),
        Raw::Float(number) => json!(number),
        Raw::Text(text) => json!(text),
        Raw::List(items) => items.into_iter().map(of_raw).collect(),
        Raw::Table(rows) => Value::Object(rows.into_iter().map(|(key, row)| (key, of_raw(row))).collect()),
    }
}
