//! What makes a tool's definition the same as another: all that the model is told of it, whatever the order of its keys.

use blake3::Hasher;
use serde_json::Value;

use super::normalised;

/// What is said of a tool and not to the model.
const BESIDE: &[&str] = &["cache_control", "cachePoint"];

/// How deep a definition is taken apart. Parsers stop at about this depth themselves.
const DEEPEST: usize = 128;

/// A hash of a definition that is the same for the same tool.
pub fn essence(tool: &Value) -> [u8; 32] {
    let mut hasher = Hasher::new();
    feed(&mut hasher, tool, false, 0);
    *hasher.finalize().as_bytes()
}

/// The name that a model calls it by.
pub fn name_of(tool: &Value) -> &str {
    let named = |key| tool.get(key).and_then(Value::as_str);
    named("name").or_else(|| named("type")).unwrap_or_default()
}

/// Feeds a value with its keys in order. A description may hold a date or a folder, as a prompt may: `prose` says that
/// a text is one.
fn feed(hasher: &mut Hasher, value: &Value, prose: bool, depth: usize) {
    match value {
        Value::Object(object) if depth < DEEPEST => {
            let mut fields: Vec<(&String, &Value)> = object.iter().collect();
            if depth == 0 {
                fields.retain(|(key, _)| !BESIDE.contains(&key.as_str()));
            }
            fields.sort_unstable_by_key(|(key, _)| *key);
            hasher.update(b"{");
            for (key, value) in fields {
                text(hasher, key);
                feed(hasher, value, key == "description", depth + 1);
            }
            hasher.update(b"}");
        }
        Value::Array(list) if depth < DEEPEST => {
            hasher.update(b"[");
            list.iter().for_each(|value| feed(hasher, value, false, depth + 1));
            hasher.update(b"]");
        }
        Value::String(words) if prose => text(hasher, &normalised(words)),
        Value::String(words) => text(hasher, words),
        other => {
            hasher.update(b"=");
            text(hasher, &other.to_string());
        }
    }
}

/// Texts go with their length, so that what stands behind one is never taken for a part of it.
fn text(hasher: &mut Hasher, text: &str) {
    hasher.update(b"\"");
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}
