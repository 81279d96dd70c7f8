//! How much of what was said goes along: an agent says its whole history with every call, and a backend keeps each copy.

use serde_json::{Value, json};

use super::step::{Content, Step};
use crate::model::setting::{Raw, Value as SettingValue, quote};
use crate::model::shortened;

/// How much of what was said goes along with a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// All of it.
    #[default]
    Full,
    /// Of a call that goes on from another, only the messages that are new.
    New,
    /// The beginning of each text.
    Preview,
    None,
}

/// A preview's length, in characters.
const PREVIEW: usize = 200;

impl Mode {
    pub const ALL: [Self; 4] = [Self::Full, Self::New, Self::Preview, Self::None];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::New => "new",
            Self::Preview => "preview",
            Self::None => "none",
        }
    }

    /// The next that makes a span smaller.
    pub fn less(self) -> Option<Self> {
        match self {
            Self::Full => Some(Self::New),
            Self::New => Some(Self::Preview),
            Self::Preview => Some(Self::None),
            Self::None => None,
        }
    }

    /// Leaves out of a step what this mode leaves out.
    pub fn apply(self, step: &mut Step) {
        match self {
            Self::Full => {}
            Self::New => only_new(&mut step.content),
            Self::Preview => preview(step),
            Self::None => {
                step.content = Content { mode: Some("none"), ..Content::default() };
                step.error_message = None;
                // Stop sequences and schemas say what the call is about.
                step.parameters.retain(|_, value| value.is_number() || value.is_boolean());
                step.attributes.retain(|_, value| value.is_number() || value.is_boolean());
            }
        }
    }
}

impl SettingValue for Mode {
    fn read(raw: &Raw) -> Result<Self, String> {
        let Raw::Text(text) = raw else { return Err("expected full, new, preview or none".to_owned()) };
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| format!("expected full, new, preview or none, got {text:?}"))
    }

    fn show(&self) -> Option<String> {
        Some(quote(self.name()))
    }
}

fn only_new(content: &mut Content) {
    let Some(from) = content.new_from.filter(|from| *from > 0 && *from <= content.input.len()) else {
        return;
    };
    content.input.drain(..from);
    content.system.clear();
    content.tools.clear();
    content.mode = Some("new");
}

fn preview(step: &mut Step) {
    let content = &mut step.content;
    only_new(content);
    for part in content.system.iter_mut().chain(messages(&mut content.output)) {
        shorten_part(part);
    }
    messages(&mut content.input).for_each(shorten_part);
    for tool in &mut content.tools {
        *tool = json!({"type": "function", "name": tool.get("name").cloned().unwrap_or_default()});
    }
    for value in [&mut content.given, &mut content.gave].into_iter().flatten() {
        *value = shorten(value);
    }
    content.mode = Some("preview");
    step.error_message = step.error_message.take().map(|message| shortened(&message, PREVIEW));
    for value in step.parameters.values_mut().chain(step.attributes.values_mut()) {
        *value = shorten(value);
    }
}

fn messages(messages: &mut [Value]) -> impl Iterator<Item = &mut Value> {
    let parts = messages.iter_mut().filter_map(|message| message.get_mut("parts")?.as_array_mut());
    parts.flatten()
}

/// Keys of parts that hold what was said; the others say what it is.
const SAID: &[&str] = &["content", "response", "arguments", "server_tool_call", "server_tool_call_response"];

fn shorten_part(part: &mut Value) {
    let Some(part) = part.as_object_mut() else { return };
    if part.contains_key("modality") {
        part.shift_remove("content");
    }
    for (key, value) in part.iter_mut() {
        if SAID.contains(&key.as_str()) {
            *value = shorten(value);
        }
    }
}

fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) => shortened(text, PREVIEW).into(),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.len() <= PREVIEW { value.clone() } else { shortened(&text, PREVIEW).into() }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> Step {
        let long = "word ".repeat(200);
        let message = |text: &str| json!({"role": "user", "parts": [{"type": "text", "content": text}]});
        Step {
            content: Content {
                system: vec![json!({"type": "text", "content": long})],
                input: vec![message("old"), message(&long)],
                output: vec![message("answer")],
                tools: vec![json!({"type": "function", "name": "read", "parameters": {"a": long}})],
                given: Some(json!({"path": long})),
                gave: None,
                new_from: Some(1),
                mode: None,
            },
            error_message: Some("said something".to_owned()),
            ..Step::default()
        }
    }

    fn applied(mode: Mode) -> Step {
        let mut step = step();
        mode.apply(&mut step);
        step
    }

    #[test]
    fn less_and_less_goes_along() {
        assert_eq!(applied(Mode::Full), step());
        let new = applied(Mode::New).content;
        assert_eq!((new.input.len(), new.system.len(), new.mode), (1, 0, Some("new")));
        assert_eq!(new.input[0], step().content.input[1]);
        let preview = applied(Mode::Preview).content;
        let text = preview.input[0]["parts"][0]["content"].as_str().unwrap();
        assert!(text.ends_with('…') && text.chars().count() == 201, "{text}");
        assert!(preview.given.unwrap().as_str().unwrap().chars().count() <= 201);
        let none = applied(Mode::None);
        assert_eq!(none.content, Content { mode: Some("none"), ..Content::default() });
        assert_eq!(none.error_message, None);
    }

    #[test]
    fn what_goes_on_from_nothing_is_all_new() {
        let mut first = step();
        first.content.new_from = None;
        let before = first.clone();
        Mode::New.apply(&mut first);
        assert_eq!(first, before);
    }
}
