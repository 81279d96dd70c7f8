//! Putting together what a stream cuts up.

use serde_json::{Map, Value};

use super::json::arguments;
use crate::model::{Micros, Part, PartKind};

/// When the first content, reasoning or tool call came.
#[derive(Clone, Copy, Debug, Default)]
pub struct First(pub Option<Micros>);

impl First {
    /// Something of what the model generates came.
    pub fn saw(&mut self, at: Micros) {
        self.0.get_or_insert(at);
    }
}

/// Parts under way, in the order in which they began. Text goes on in the last part of its kind; calls have names of their own.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    parts: Vec<Part>,
    calls: Vec<Call>,
}

/// A tool call under way.
#[derive(Clone, Debug)]
struct Call {
    key: u64,
    /// Which of the parts it is.
    at: usize,
    arguments: String,
    /// They are a text, JSON or not.
    plain: bool,
}

impl Parts {
    /// More visible text: of the last part where that is text, else of a new one.
    pub fn text(&mut self, more: &str) {
        if let Some(Part { kind: PartKind::Text(text), .. }) = self.parts.last_mut() {
            text.push_str(more);
        } else if !more.is_empty() {
            self.parts.push(Part::text(more));
        }
    }

    /// More reasoning.
    pub fn reasoning(&mut self, more: &str) {
        if let Some(Part { kind: PartKind::Reasoning(text), .. }) = self.parts.last_mut() {
            text.push_str(more);
        } else if !more.is_empty() {
            self.parts.push(PartKind::Reasoning(more.to_owned()).into());
        }
    }

    /// More of a refusal.
    pub fn refusal(&mut self, more: &str) {
        if let Some(Part { kind: PartKind::Refusal(text), .. }) = self.parts.last_mut() {
            text.push_str(more);
        } else if !more.is_empty() {
            self.parts.push(PartKind::Refusal(more.to_owned()).into());
        }
    }

    /// A part that came whole.
    pub fn whole(&mut self, part: impl Into<Part>) {
        self.parts.push(part.into());
    }

    /// More of the tool call with this key; the first time it begins one.
    pub fn call(&mut self, key: u64, id: Option<&str>, name: Option<&str>, more: &str) {
        let at = match self.calls.iter().position(|call| call.key == key) {
            Some(at) => at,
            None => {
                let kind = PartKind::ToolCall { id: None, name: String::new(), arguments: Value::Null };
                self.parts.push(kind.into());
                let at = self.parts.len() - 1;
                self.calls.push(Call { key, at, arguments: String::new(), plain: false });
                self.calls.len() - 1
            }
        };
        let Some(call) = self.calls.get_mut(at) else { return };
        call.arguments.push_str(more);
        if let Some(Part { kind: PartKind::ToolCall { id: own_id, name: own_name, .. }, .. }) =
            self.parts.get_mut(call.at)
        {
            if own_id.is_none() {
                *own_id = id.filter(|id| !id.is_empty()).map(str::to_owned);
            }
            // A name comes whole; one that comes again is not appended.
            if own_name.is_empty() {
                name.unwrap_or_default().clone_into(own_name);
            }
        }
    }

    /// The id of the call with this key, if it has begun and has one.
    pub fn call_id(&self, key: u64) -> Option<&str> {
        let call = self.calls.iter().find(|call| call.key == key)?;
        match &self.parts.get(call.at)?.kind {
            PartKind::ToolCall { id, .. } => id.as_deref(),
            _ => None,
        }
    }

    /// The key of the call with this id, the last where there are several.
    pub fn call_key(&self, id: &str) -> Option<u64> {
        let is = |call: &&Call| match self.parts.get(call.at).map(|part| &part.kind) {
            Some(PartKind::ToolCall { id: own, .. }) => own.as_deref() == Some(id),
            _ => false,
        };
        self.calls.iter().rev().find(is).map(|call| call.key)
    }

    /// The arguments of the call with this key, once they are a whole object.
    pub fn whole_arguments(&self, key: u64) -> Option<&str> {
        let said = self.calls.iter().find(|call| call.key == key)?.arguments.as_str();
        let is_whole = said.ends_with('}') && serde_json::from_str::<Map<String, Value>>(said).is_ok();
        is_whole.then_some(said)
    }

    /// The arguments of the call with this key are a text, whatever it looks like.
    pub fn plain(&mut self, key: u64) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.key == key) {
            call.plain = true;
        }
    }

    /// The same without its calls: they come again, whole.
    #[must_use]
    pub fn without_calls(mut self) -> Self {
        self.parts.retain(|part| !matches!(part.kind, PartKind::ToolCall { .. }));
        self.calls.clear();
        self
    }

    /// All parts, calls with their arguments as JSON. A call that never got a name or arguments was a placeholder.
    pub fn finish(self) -> Vec<Part> {
        let Self { mut parts, calls } = self;
        let mut empty = Vec::new();
        for call in calls {
            if let Some(Part { kind: PartKind::ToolCall { id, name, arguments: own }, .. }) =
                parts.get_mut(call.at)
            {
                if id.is_none() && name.is_empty() && call.arguments.is_empty() {
                    empty.push(call.at);
                }
                *own = if call.plain { call.arguments.into() } else { arguments(&call.arguments) };
            }
        }
        let mut at = 0;
        parts.retain(|_| {
            at += 1;
            !empty.contains(&(at - 1))
        });
        parts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_interleaved_comes_together() {
        let mut parts = Parts::default();
        parts.reasoning("hm");
        parts.text("a");
        parts.text("b");
        parts.call(0, Some("c0"), Some("read"), "{\"p\":");
        parts.call(1, Some("c1"), Some("list"), "");
        parts.call(0, None, None, "1}");
        parts.call(2, None, Some(""), "");
        parts.text("c");
        let call = |id: &str, name: &str, arguments| {
            Part::from(PartKind::ToolCall { id: Some(id.to_owned()), name: name.to_owned(), arguments })
        };
        let expected = vec![
            PartKind::Reasoning("hm".to_owned()).into(),
            Part::text("ab"),
            call("c0", "read", json!({"p": 1})),
            call("c1", "list", json!({})),
            Part::text("c"),
        ];
        assert_eq!(parts.call_id(1), Some("c1"));
        assert_eq!(parts.finish(), expected);
    }
}
