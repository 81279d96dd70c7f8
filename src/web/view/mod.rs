//! What pages and the API show, as values: each from the store, and the same for both.

pub mod call;
pub mod compare;
pub mod dashboard;
pub mod facets;
pub mod health;
pub mod limits;
pub mod lists;
pub mod live;
pub mod prompts;
pub mod trace;

use serde_json::{Map, Value};

/// Puts a value, unless there is none.
fn put(object: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    let value = value.into();
    if !value.is_null() {
        object.insert(key.to_owned(), value);
    }
}
