//! What was said, in OpenTelemetry's GenAI form: messages of parts.

use serde_json::{Map, Value, json};

/// One message. Tools' results come one to a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool`, or the provider's own word.
    pub role: String,
    pub parts: Vec<Part>,
    /// Who speaks, where several do.
    pub name: Option<String>,
    /// Why it ended, in OpenTelemetry's words; on answers alone.
    pub finish_reason: Option<String>,
}

/// A piece of a message, and what else the provider said of it: citations, signatures, cache marks.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub kind: PartKind,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartKind {
    Text(String),
    Reasoning(String),
    /// The model declined, in these words.
    Refusal(String),
    /// The client is asked to run a tool. Arguments are JSON where they parse, else the text as it came.
    ToolCall {
        id: Option<String>,
        name: String,
        arguments: Value,
    },
    ToolCallResponse {
        id: Option<String>,
        name: Option<String>,
        response: Value,
        is_error: Option<bool>,
    },
    /// The provider ran a tool itself. `call` is its own form of it, with a `type`.
    ServerToolCall {
        id: Option<String>,
        name: String,
        call: Value,
    },
    ServerToolCallResponse {
        id: Option<String>,
        name: Option<String>,
        response: Value,
    },
    /// Bytes, in base64.
    Blob {
        modality: &'static str,
        mime_type: Option<String>,
        content: String,
    },
    Uri {
        modality: &'static str,
        mime_type: Option<String>,
        uri: String,
    },
    /// A file that the provider keeps.
    File {
        modality: &'static str,
        mime_type: Option<String>,
        file_id: String,
    },
    /// Anything else, under the provider's own `type`.
    Other {
        kind: String,
        value: Value,
    },
}

impl From<PartKind> for Part {
    fn from(kind: PartKind) -> Self {
        Self { kind, extra: Map::new() }
    }
}

impl Part {
    pub fn text(text: impl Into<String>) -> Self {
        PartKind::Text(text.into()).into()
    }

    /// The same with one more thing said of it; nothing where that is null.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        if !value.is_null() {
            self.extra.insert(key.to_owned(), value);
        }
        self
    }

    pub fn to_json(&self) -> Value {
        let Self { kind, extra } = self;
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| {
            if !value.is_null() {
                object.insert(key.to_owned(), value);
            }
        };
        put("type", kind.name().into());
        match kind {
            PartKind::Text(content) | PartKind::Reasoning(content) | PartKind::Refusal(content) => {
                put("content", content.as_str().into());
            }
            PartKind::ToolCall { id, name, arguments } => {
                put("id", json!(id));
                put("name", name.as_str().into());
                put("arguments", arguments.clone());
            }
            PartKind::ToolCallResponse { id, name, response, is_error } => {
                put("id", json!(id));
                put("name", json!(name));
                put("response", response.clone());
                put("is_error", json!(is_error));
            }
            PartKind::ServerToolCall { id, name, call } => {
                put("id", json!(id));
                put("name", name.as_str().into());
                put("server_tool_call", call.clone());
            }
            PartKind::ServerToolCallResponse { id, name, response } => {
                put("id", json!(id));
                put("name", json!(name));
                put("server_tool_call_response", response.clone());
            }
            PartKind::Blob { modality, mime_type, content } => {
                put("modality", (*modality).into());
                put("mime_type", json!(mime_type));
                put("content", content.as_str().into());
            }
            PartKind::Uri { modality, mime_type, uri } => {
                put("modality", (*modality).into());
                put("mime_type", json!(mime_type));
                put("uri", uri.as_str().into());
            }
            PartKind::File { modality, mime_type, file_id } => {
                put("modality", (*modality).into());
                put("mime_type", json!(mime_type));
                put("file_id", file_id.as_str().into());
            }
            PartKind::Other { kind: _, value } => put("content", value.clone()),
        }
        for (key, value) in extra {
            object.entry(key.clone()).or_insert_with(|| value.clone());
        }
        Value::Object(object)
    }
}

impl PartKind {
    /// Its `type`.
    pub fn name(&self) -> &str {
        match self {
            Self::Text(_) => "text",
            Self::Reasoning(_) => "reasoning",
            Self::Refusal(_) => "refusal",
            Self::ToolCall { .. } => "tool_call",
            Self::ToolCallResponse { .. } => "tool_call_response",
            Self::ServerToolCall { .. } => "server_tool_call",
            Self::ServerToolCallResponse { .. } => "server_tool_call_response",
            Self::Blob { .. } => "blob",
            Self::Uri { .. } => "uri",
            Self::File { .. } => "file",
            Self::Other { kind, .. } => kind,
        }
    }
}

impl Message {
    pub fn new(role: &str, parts: Vec<Part>) -> Self {
        Self { role: role.to_owned(), parts, ..Self::default() }
    }

    /// Its text parts, joined.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match &part.kind {
            PartKind::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Its reasoning, joined.
    pub fn reasoning(&self) -> String {
        let texts = self.parts.iter().filter_map(|part| match &part.kind {
            PartKind::Reasoning(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub fn to_json(&self) -> Value {
        let Self { role, parts, name, finish_reason } = self;
        let mut object = Map::new();
        object.insert("role".to_owned(), role.as_str().into());
        object.insert("parts".to_owned(), parts.iter().map(Part::to_json).collect());
        if let Some(name) = name {
            object.insert("name".to_owned(), name.as_str().into());
        }
        if let Some(reason) = finish_reason {
            object.insert("finish_reason".to_owned(), reason.as_str().into());
        }
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_take_opentelemetrys_form() {
        let call = PartKind::ToolCall {
            id: Some("call_1".to_owned()),
            name: "read".to_owned(),
            arguments: json!({"path": "a"}),
        };
        let message = Message {
            role: "assistant".to_owned(),
            parts: vec![
                Part::text("Hi").with("citations", json!([1])).with("nothing", Value::Null),
                call.into(),
                PartKind::Uri { modality: "image", mime_type: None, uri: "https://x/y".to_owned() }.into(),
            ],
            name: None,
            finish_reason: Some("tool_call".to_owned()),
        };
        let expected = json!({
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "Hi", "citations": [1]},
                {"type": "tool_call", "id": "call_1", "name": "read", "arguments": {"path": "a"}},
                {"type": "uri", "modality": "image", "uri": "https://x/y"},
            ],
            "finish_reason": "tool_call",
        });
        assert_eq!(message.to_json(), expected);
        assert_eq!(message.text(), "Hi");
    }
}
