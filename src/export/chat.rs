//! A record as a conversation for those who train models: roles, texts, calls and their results, each call answered.

use serde_json::{Map, Value, json};

/// A message in the form that chat models are trained on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatMessage {
    pub role: Role,
    pub text: String,
    /// URLs of pictures, `data:` ones too.
    pub pictures: Vec<String>,
    pub calls: Vec<Call>,
    /// Of a result: the call that it is of.
    pub call_id: String,
    pub name: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    System,
    #[default]
    User,
    Assistant,
    Tool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// All of a call: its system prompt, what it sent, and its first answer. Empty where nothing was answered.
pub fn conversation(record: &Map<String, Value>) -> Vec<ChatMessage> {
    let list = |key: &str| record.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let Some(answer) = list("output").first() else { return Vec::new() };
    let mut gather = Gather::default();
    gather.add(Role::System, list("system"), None);
    for message in list("input").iter().chain([answer]) {
        let role = match message.get("role").and_then(Value::as_str).unwrap_or_default() {
            "system" | "developer" => Role::System,
            "assistant" | "model" => Role::Assistant,
            "tool" => Role::Tool,
            _ => Role::User,
        };
        let parts = message.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        gather.add(role, parts, message.get("name").and_then(Value::as_str));
    }
    answered(gather.messages)
}

/// Tools that the client could be asked to run, as functions: name, description, parameters.
pub fn functions(record: &Map<String, Value>) -> Vec<Value> {
    let tools = record.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_function = |tool: &&Value| {
        tool.get("type").is_none_or(|kind| kind == "function")
            && tool.get("name").is_some_and(Value::is_string)
    };
    let function = |tool: &Value| {
        let keys = ["name", "description", "parameters"];
        let of =
            |key: &&str| Some(((*key).to_owned(), tool.get(*key).filter(|value| !value.is_null())?.clone()));
        Value::Object(keys.iter().filter_map(of).collect())
    };
    tools.iter().filter(is_function).map(function).collect()
}

#[derive(Default)]
struct Gather {
    messages: Vec<ChatMessage>,
    /// Calls without an id get one.
    unnamed: u64,
    /// Ids that were given and whose results have not come, with the names of the tools.
    waiting: Vec<(String, String)>,
}

impl Gather {
    fn add(&mut self, role: Role, parts: &[Value], name: Option<&str>) {
        let name = name.map(str::to_owned);
        let mut message = ChatMessage { role, name, ..ChatMessage::default() };
        for part in parts {
            let text = |key: &str| part.get(key).and_then(Value::as_str);
            // What a model drew is no part of what models are trained to say.
            let is_picture = role == Role::User && text("modality") == Some("image");
            match text("type").unwrap_or_default() {
                "text" | "refusal" => push(&mut message.text, text("content").unwrap_or_default()),
                "tool_call" => {
                    let name = text("name").unwrap_or_default().to_owned();
                    let id = text("id").map(str::to_owned).unwrap_or_else(|| self.named(&name));
                    let arguments = object(part.get("arguments"));
                    message.calls.push(Call { id, name, arguments });
                }
                "tool_call_response" => {
                    let result = result_text(part.get("response").unwrap_or(&Value::Null));
                    let call_id = text("id").map(str::to_owned).or_else(|| self.oldest(text("name")));
                    let call_id = call_id.unwrap_or_default();
                    self.put(ChatMessage { role: Role::Tool, text: result, call_id, ..Default::default() });
                }
                "uri" if is_picture => {
                    message.pictures.extend(text("uri").map(str::to_owned));
                }
                "blob" if is_picture => {
                    let kind = text("mime_type").unwrap_or("image/png");
                    message
                        .pictures
                        .push(format!("data:{kind};base64,{}", text("content").unwrap_or_default()));
                }
                // What cannot be said in this form is named.
                "uri" | "blob" | "file" => {
                    push(&mut message.text, &format!("[{}]", text("modality").unwrap_or("file")));
                }
                // Reasoning, and what the provider ran itself, are not asked of whoever is trained.
                _ => {}
            }
        }
        if !message.text.is_empty() || !message.pictures.is_empty() || !message.calls.is_empty() {
            self.put(message);
        }
    }

    /// What one speaker says in several messages is one.
    fn put(&mut self, message: ChatMessage) {
        match self.messages.last_mut() {
            Some(last)
                if last.role == message.role && last.role != Role::Tool && last.name == message.name =>
            {
                push(&mut last.text, &message.text);
                last.pictures.extend(message.pictures);
                last.calls.extend(message.calls);
            }
            _ => self.messages.push(message),
        }
    }

    fn named(&mut self, name: &str) -> String {
        self.unnamed += 1;
        let id = format!("call_{}", self.unnamed);
        self.waiting.push((id.clone(), name.to_owned()));
        id
    }

    /// The oldest call of this tool that waits.
    fn oldest(&mut self, name: Option<&str>) -> Option<String> {
        let at = self.waiting.iter().position(|(_, waiting)| name.is_none_or(|name| name == waiting))?;
        Some(self.waiting.remove(at).0)
    }
}

fn push(text: &mut String, more: &str) {
    if !text.is_empty() && !more.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

/// Arguments are an object here: any other value stands in one.
pub fn object(arguments: Option<&Value>) -> Value {
    match arguments {
        Some(Value::Object(object)) => object.clone().into(),
        None | Some(Value::Null) => Map::new().into(),
        Some(other) => json!({"value": other}),
    }
}

/// A tool's result as text.
pub fn result_text(response: &Value) -> String {
    match response {
        Value::String(text) => text.clone(),
        Value::Array(parts) if parts.iter().any(|part| part.get("text").is_some_and(Value::is_string)) => {
            let texts = parts.iter().map(|part| match part.get("text").and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("part")),
            });
            texts.collect::<Vec<_>>().join("\n\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Each call is followed by its result, and each result follows its call: what is not is left out, but for calls at the
/// very end.
fn answered(messages: Vec<ChatMessage>) -> Vec<ChatMessage> {
    let mut out: Vec<ChatMessage> = Vec::with_capacity(messages.len());
    let mut rest = messages.into_iter().peekable();
    while let Some(mut message) = rest.next() {
        if message.role == Role::Tool {
            // Its call is not there.
            continue;
        }
        let mut results = Vec::new();
        while let Some(result) = rest.next_if(|next| next.role == Role::Tool && !message.calls.is_empty()) {
            results.push(result);
        }
        if rest.peek().is_some() || !results.is_empty() {
            message.calls.retain(|call| results.iter().any(|result| result.call_id == call.id));
        }
        let mut seen = Vec::new();
        results.retain(|result| {
            let is_first = !seen.contains(&result.call_id);
            seen.push(result.call_id.clone());
            is_first && message.calls.iter().any(|call| call.id == result.call_id)
        });
        if !message.text.is_empty() || !message.pictures.is_empty() || !message.calls.is_empty() {
            out.push(message);
            out.append(&mut results);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(record: Value) -> Vec<ChatMessage> {
        let Value::Object(record) = record else { panic!("a record is an object") };
        conversation(&record)
    }

    fn call(id: Option<&str>, name: &str) -> Value {
        json!({"type": "tool_call", "id": id, "name": name, "arguments": {}})
    }

    fn result(id: Option<&str>, name: &str, response: &Value) -> Value {
        json!({"role": "tool", "parts": [{"type": "tool_call_response", "id": id, "name": name, "response": response}]})
    }

    #[test]
    fn calls_in_several_messages_are_one_turn_and_are_answered() {
        let messages = read(json!({
            "system": [{"type": "text", "content": "Be brief."}],
            "input": [
                {"role": "user", "parts": [{"type": "text", "content": "go"}]},
                {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}, call(Some("a"), "read")]},
                {"role": "assistant", "parts": [call(Some("b"), "read"), call(Some("lost"), "read")]},
                result(Some("a"), "read", &json!("one")),
                result(Some("b"), "read", &json!([{"type": "text", "text": "two"}, {"type": "image"}])),
                result(Some("nobody"), "read", &json!("x")),
            ],
            "output": [{"role": "assistant", "parts": [{"type": "text", "content": "done"}]}],
        }));
        let roles: Vec<Role> = messages.iter().map(|message| message.role).collect();
        assert_eq!(
            roles,
            [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool, Role::Assistant]
        );
        let ids: Vec<&str> = messages[2].calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!(messages[4].text, "two\n\n[image]");
    }

    #[test]
    fn calls_without_ids_get_some_and_those_at_the_end_stay() {
        let messages = read(json!({
            "input": [
                {"role": "user", "parts": [{"type": "text", "content": "go"}]},
                {"role": "assistant", "parts": [call(None, "read"), call(None, "write")]},
                result(None, "write", &json!({"ok": true})), result(None, "read", &json!("text")),
            ],
            "output": [{"role": "assistant", "parts": [call(None, "read")]}],
        }));
        assert_eq!(
            messages[1].calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(),
            ["call_1", "call_2"]
        );
        assert_eq!((messages[2].call_id.as_str(), messages[2].text.as_str()), ("call_2", "{\"ok\":true}"));
        assert_eq!(messages.last().unwrap().calls[0].id, "call_3");
        assert!(read(json!({"input": [{"role": "user", "parts": []}]})).is_empty());
    }
}
