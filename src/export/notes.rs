//! What people added to what is exported: scores, notes, tags. A record carries what was said of it, of its trace and of its
//! session; `of` says which.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::model::{Annotation, Target};
use crate::store::{Row, Store, StoreError};

/// What was added to the rows that were looked at last.
pub struct Notes {
    store: Arc<dyn Store>,
    /// Whether anything was added to anything: almost always nothing was.
    any: Option<bool>,
    known: HashMap<Target, Vec<Value>>,
}

impl Notes {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, any: None, known: HashMap::new() }
    }

    /// Asks for what was added to these.
    pub async fn look(&mut self, rows: impl Iterator<Item = &Row>) -> Result<(), StoreError> {
        self.known.clear();
        if self.any.is_none() {
            self.any = Some(!self.store.all_annotations(None, 1).await?.is_empty());
        }
        if self.any != Some(true) {
            return Ok(());
        }
        let targets: HashSet<Target> = rows.flat_map(|row| targets(&row.head)).collect();
        for annotation in self.store.annotations(targets.into_iter().collect()).await? {
            self.known.entry(annotation.target.clone()).or_default().push(annotation.to_json());
        }
        Ok(())
    }

    /// Adds to a record what was added to it.
    pub fn put(&self, record: &mut Map<String, Value>) {
        let own: Vec<Value> =
            targets(record).filter_map(|target| self.known.get(&target)).flatten().cloned().collect();
        if !own.is_empty() {
            record.insert("annotations".to_owned(), own.into());
        }
    }
}

/// What a record is, and what it belongs to.
fn targets(record: &Map<String, Value>) -> impl Iterator<Item = Target> + use<> {
    let of = |kind: &str, key: &str| Target::of_parts(kind, record.get(key)?.as_str()?);
    [of("observation", "id"), of("trace", "trace_id"), of("session", "session_id")].into_iter().flatten()
}

/// Takes what people added out of a record.
pub fn taken(record: &mut Map<String, Value>) -> Vec<Annotation> {
    let Some(Value::Array(all)) = record.shift_remove("annotations") else { return Vec::new() };
    let target = |json: &Value| {
        let of = json.get("of").and_then(Value::as_str)?;
        targets(record).find(|target| target.parts().0 == of)
    };
    all.iter().filter_map(|json| Annotation::from_json(target(json)?, json)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_added_comes_back_to_where_it_was() {
        let note = |of: &str| json!({"id": "0000000000000007", "of": of, "kind": "note", "comment": "c", "time": "2026-11-21T12:00:00Z"});
        let Value::Object(mut record) = json!({
            "id": "00000000000000aa", "trace_id": "000000000000000000000000000000bb", "session_id": "s",
            "annotations": [note("observation"), note("trace"), note("session"), note("planet"), 7],
        }) else {
            panic!("an object")
        };
        let targets: Vec<(&str, String)> = taken(&mut record).iter().map(|one| one.target.parts()).collect();
        let expected = [
            ("observation", "00000000000000aa"),
            ("trace", "000000000000000000000000000000bb"),
            ("session", "s"),
        ];
        assert_eq!(targets, expected.map(|(kind, id)| (kind, id.to_owned())));
        assert!(!record.contains_key("annotations"));
    }
}
