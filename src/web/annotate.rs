//! What people, scripts and agents add: read beside what is shown, and taken in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

use super::fault::Fault;
use super::view::trace::Whole;
use crate::model::{Annotation, AnnotationId, AnnotationKind, Micros, ObservationId, TraceId};
use crate::store::Store;

pub use crate::model::Target;

/// Longer texts are refused.
const LONGEST: usize = 64 << 10;

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A name that nothing else is likely to have: the time, and a count for those of one moment.
fn new_id(at: Micros) -> AnnotationId {
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let seed =
        [at.0.to_le_bytes(), count.to_le_bytes(), u64::from(std::process::id()).to_le_bytes()].concat();
    let hash = blake3::hash(&seed);
    let bytes: [u8; 8] = std::array::from_fn(|at| hash.as_bytes()[at]);
    AnnotationId(u64::from_le_bytes(bytes))
}

/// Reads what somebody says of something. Everything comes as text or as JSON: a form has nothing but text.
pub fn annotation(target: Target, said: &Map<String, Value>) -> Result<Annotation, Fault> {
    for key in said.keys() {
        if !["kind", "name", "value", "comment", "author", "csrf"].contains(&key.as_str()) {
            return Err(Fault::asked(format!(
                "there is no {key:?}; there are kind, name, value, comment, author"
            )));
        }
    }
    let text = |key: &str| match said.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST => Ok(Some(text.trim().to_owned())),
        Some(Value::String(_)) => Err(Fault::asked(format!("{key}: longer than {LONGEST} bytes"))),
        Some(_) => Err(Fault::asked(format!("{key}: expected a text"))),
    };
    let kind = text("kind")?.unwrap_or_default();
    let names = AnnotationKind::ALL.map(AnnotationKind::name).join(", ");
    let kind = AnnotationKind::from_name(&kind)
        .ok_or_else(|| Fault::asked(format!("kind: expected one of {names}")))?;
    let value = match said.get("value") {
        None | Some(Value::Null) => None,
        Some(Value::String(_)) => text("value")?.map(|text| read_value(&text)),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.clone()),
        Some(_) => return Err(Fault::asked("value: expected a number, true, false or a text")),
    };
    let at = Micros::now();
    let mut annotation = Annotation {
        id: new_id(at),
        target,
        kind,
        name: text("name")?,
        value,
        comment: text("comment")?,
        author: text("author")?,
        at,
    };
    complete(&mut annotation)?;
    Ok(annotation)
}

/// A number, a truth, or the text itself.
fn read_value(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => text.into(),
    }
}

/// Each kind needs something of its own.
fn complete(annotation: &mut Annotation) -> Result<(), Fault> {
    let need = |there: bool, what: &str| if there { Ok(()) } else { Err(Fault::asked(what)) };
    match annotation.kind {
        AnnotationKind::Score => {
            need(annotation.name.is_some(), "a score needs a name")?;
            need(annotation.value.is_some(), "a score needs a value")
        }
        AnnotationKind::Note => need(annotation.comment.is_some(), "a note needs a comment"),
        AnnotationKind::Tag => {
            // A form may say it in either field.
            if annotation.name.is_none() {
                annotation.name = annotation.value.take().and_then(|value| value.as_str().map(str::to_owned));
            }
            need(annotation.name.is_some(), "a tag needs a name")
        }
        AnnotationKind::Approval => {
            let value = annotation.value.take().unwrap_or(true.into());
            need(value.is_boolean(), "an approval is true or false")?;
            annotation.value = Some(value);
            Ok(())
        }
        AnnotationKind::Pin => Ok(()),
    }
}

/// What was added to one thing.
pub async fn of(store: &dyn Store, target: Target) -> Result<Value, Fault> {
    let found = store.annotations(vec![target]).await?;
    Ok(found.iter().map(Annotation::to_json).collect())
}

pub async fn of_whole(store: &dyn Store, whole: &Whole) -> Result<Value, Fault> {
    of(store, target_of(whole)).await
}

pub fn target_of(whole: &Whole) -> Target {
    match whole {
        Whole::Trace(id) => Target::Trace(*id),
        Whole::Session(id) => Target::Session(id.clone()),
    }
}

/// Puts what was added beside each item of a list.
async fn beside(
    store: &dyn Store,
    mut items: Vec<Value>,
    target: impl Fn(&str) -> Option<Target>,
) -> Result<Vec<Value>, Fault> {
    let of_item = |item: &Value| item.get("id").and_then(Value::as_str).and_then(&target);
    let targets: Vec<Target> = items.iter().filter_map(of_item).collect();
    let mut found: HashMap<Target, Vec<Value>> = HashMap::new();
    for annotation in store.annotations(targets).await? {
        found.entry(annotation.target.clone()).or_default().push(annotation.to_json());
    }
    if found.is_empty() {
        return Ok(items);
    }
    for item in &mut items {
        if let Some(own) = of_item(item).and_then(|target| found.remove(&target)) {
            item["annotations"] = own.into();
        }
    }
    Ok(items)
}

pub async fn beside_calls(store: &dyn Store, items: Vec<Value>) -> Result<Vec<Value>, Fault> {
    beside(store, items, |id| ObservationId::parse(id).map(Target::Observation)).await
}

pub async fn beside_traces(store: &dyn Store, items: Vec<Value>) -> Result<Vec<Value>, Fault> {
    beside(store, items, |id| TraceId::parse(id).map(Target::Trace)).await
}

pub async fn beside_sessions(store: &dyn Store, items: Vec<Value>) -> Result<Vec<Value>, Fault> {
    beside(store, items, |id| Some(Target::Session(id.to_owned()))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(said: &Value) -> Result<Annotation, Fault> {
        annotation(Target::Session("s".to_owned()), said.as_object().unwrap())
    }

    #[test]
    fn each_kind_needs_its_own() {
        assert!(read(&json!({"kind": "score", "name": "x"})).is_err());
        assert_eq!(
            read(&json!({"kind": "score", "name": "x", "value": "0.5"})).unwrap().value,
            Some(json!(0.5))
        );
        assert_eq!(
            read(&json!({"kind": "score", "name": "x", "value": "good"})).unwrap().value,
            Some(json!("good"))
        );
        assert!(read(&json!({"kind": "note"})).is_err());
        assert_eq!(read(&json!({"kind": "tag", "value": "red"})).unwrap().name.as_deref(), Some("red"));
        assert_eq!(read(&json!({"kind": "approval"})).unwrap().value, Some(json!(true)));
        assert!(read(&json!({"kind": "approval", "value": "perhaps"})).is_err());
        assert!(read(&json!({"kind": "other"})).is_err());
        assert!(read(&json!({"kind": "pin", "colour": "red"})).is_err());
        assert_ne!(read(&json!({"kind": "pin"})).unwrap().id, read(&json!({"kind": "pin"})).unwrap().id);
    }
}
