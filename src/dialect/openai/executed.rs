//! Tools that Groq's compound systems ran themselves, as they say it in `executed_tools`.

use serde_json::{Value, json};

use crate::dialect::json::{Look, arguments, rest};
use crate::model::{Part, PartKind};

/// What was run, the last word on each.
#[derive(Clone, Debug, Default)]
pub struct Executed(Vec<Value>);

impl Executed {
    /// A stream says of a tool first what it is asked, then once more with what it found.
    pub fn hear(&mut self, tools: &[Value]) {
        for tool in tools {
            let index = tool.count("index");
            match self.0.iter_mut().find(|known| index.is_some() && known.count("index") == index) {
                Some(known) => *known = tool.clone(),
                None => self.0.push(tool.clone()),
            }
        }
    }

    pub fn parts(self) -> Vec<Part> {
        self.0.iter().flat_map(parts).collect()
    }
}

fn parts(tool: &Value) -> Vec<Part> {
    let name = tool.word("name").or_else(|| tool.word("type")).unwrap_or("tool");
    let id = tool.word("id").map(str::to_owned);
    let asked = tool.text("arguments").map(arguments).unwrap_or_default();
    let call = json!({"type": tool.text("type").unwrap_or("tool"), "arguments": asked});
    let found = rest(tool, &["index", "id", "type", "name", "arguments"]);
    let mut parts: Vec<Part> =
        vec![PartKind::ServerToolCall { id: id.clone(), name: name.to_owned(), call }.into()];
    if !found.is_empty() {
        let name = Some(name.to_owned());
        parts.push(PartKind::ServerToolCallResponse { id, name, response: Value::Object(found) }.into());
    }
    parts
}
