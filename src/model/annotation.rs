//! What people, scripts and agents add to what was recorded: scores, notes, tags, pins, approvals.

use std::fmt;

use serde_json::{Map, Value};

use super::{Micros, ObservationId, TraceId};

/// What it is said of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Observation(ObservationId),
    Trace(TraceId),
    Session(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationKind {
    /// A name and a value.
    Score,
    Note,
    /// A name, found by the filter for tags.
    Tag,
    /// It is kept from being pruned.
    Pin,
    /// True or false, with a comment.
    Approval,
}

/// Names an annotation: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AnnotationId(pub u64);

#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    pub id: AnnotationId,
    pub target: Target,
    pub kind: AnnotationKind,
    pub name: Option<String>,
    /// A number, true or false, or a text.
    pub value: Option<Value>,
    pub comment: Option<String>,
    pub author: Option<String>,
    pub at: Micros,
}

impl AnnotationKind {
    pub const ALL: [Self; 5] = [Self::Score, Self::Note, Self::Tag, Self::Pin, Self::Approval];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Note => "note",
            Self::Tag => "tag",
            Self::Pin => "pin",
            Self::Approval => "approval",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl Target {
    /// The kind of what it names, and its name.
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Observation(id) => ("observation", id.to_string()),
            Self::Trace(id) => ("trace", id.to_string()),
            Self::Session(id) => ("session", id.clone()),
        }
    }

    pub fn of_parts(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "observation" => ObservationId::parse(id).map(Self::Observation),
            "trace" => TraceId::parse(id).map(Self::Trace),
            "session" => Some(Self::Session(id.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for AnnotationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl AnnotationId {
    /// Reads 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        ObservationId::parse(text).map(|id| Self(id.0))
    }
}

impl Annotation {
    /// As the record tells it. `of` says what kind of thing it is said of.
    pub fn to_json(&self) -> Value {
        let Self { id, target, kind, name, value, comment, author, at } = self;
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| {
            if !value.is_null() {
                object.insert(key.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        put("id", id.to_string().into());
        put("of", target.parts().0.into());
        put("kind", kind.name().into());
        put("name", text(name));
        put("value", value.clone().unwrap_or_default());
        put("comment", text(comment));
        put("author", text(author));
        put("time", at.rfc3339().into());
        Value::Object(object)
    }

    /// The other way round. `None` where it is not of this form.
    pub fn from_json(target: Target, json: &Value) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            id: AnnotationId::parse(&text("id")?)?,
            target,
            kind: AnnotationKind::from_name(&text("kind")?)?,
            name: text("name"),
            value: json.get("value").cloned().filter(|value| !value.is_null()),
            comment: text("comment"),
            author: text("author"),
            at: Micros::parse_rfc3339(&text("time")?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let annotation = Annotation {
            id: AnnotationId(7),
            target: Target::Session("s".to_owned()),
            kind: AnnotationKind::Score,
            name: Some("helpful".to_owned()),
            value: Some(0.5.into()),
            comment: Some("so so".to_owned()),
            author: None,
            at: Micros(1_000_001),
        };
        let json = annotation.to_json();
        assert_eq!(json["of"], "session");
        assert_eq!(Annotation::from_json(annotation.target.clone(), &json), Some(annotation));
        for kind in AnnotationKind::ALL {
            assert_eq!(AnnotationKind::from_name(kind.name()), Some(kind));
        }
    }
}
