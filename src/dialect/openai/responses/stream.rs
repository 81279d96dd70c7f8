//! Items put together from a stream's events. What the last event says counts more; this is for those that never get there.

use serde_json::{Value, json};

use crate::dialect::json::{Look, is_empty};

/// The items of an answer under way, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct Items(Vec<Item>);

#[derive(Clone, Debug)]
struct Item {
    index: Option<u64>,
    json: Value,
}

/// Where a text that comes in pieces belongs: into which kind of item, and where in it.
struct Piece {
    /// Between `response.` and `.delta` in the events' name.
    name: &'static str,
    item: &'static str,
    path: &'static [Step],
    /// What the whole text is called in the event that ends it.
    whole: &'static str,
}

enum Step {
    Key(&'static str),
    /// A list, the event's key that says which of its elements, and what kind those are.
    List(&'static str, &'static str, &'static str),
}

use Step::{Key, List};

const fn piece(name: &'static str, item: &'static str, path: &'static [Step], whole: &'static str) -> Piece {
    Piece { name, item, path, whole }
}

const REASONING: &[Step] = &[List("content", "content_index", "reasoning_text"), Key("text")];
const SUMMARY: &[Step] = &[List("summary", "summary_index", "summary_text"), Key("text")];
const TEXT: &[Step] = &[List("content", "content_index", "output_text"), Key("text")];
const SPOKEN: &[Step] = &[List("content", "content_index", "output_audio"), Key("transcript")];

/// Older names among them: not all who speak like this have followed.
const PIECES: &[Piece] = &[
    piece("output_text", "message", TEXT, "text"),
    piece("text", "message", TEXT, "text"),
    piece("refusal", "message", &[List("content", "content_index", "refusal"), Key("refusal")], "refusal"),
    piece("output_audio_transcript", "message", SPOKEN, "transcript"),
    piece("audio_transcript", "message", SPOKEN, "transcript"),
    piece("audio.transcript", "message", SPOKEN, "transcript"),
    piece("reasoning_text", "reasoning", REASONING, "text"),
    piece("reasoning", "reasoning", REASONING, "text"),
    piece("reasoning_summary_text", "reasoning", SUMMARY, "text"),
    piece("reasoning_summary", "reasoning", SUMMARY, "text"),
    piece("function_call_arguments", "function_call", &[Key("arguments")], "arguments"),
    piece("mcp_call_arguments", "mcp_call", &[Key("arguments")], "arguments"),
    piece("mcp_call.arguments", "mcp_call", &[Key("arguments")], "arguments"),
    piece("custom_tool_call_input", "custom_tool_call", &[Key("input")], "input"),
    piece("code_interpreter_call_code", "code_interpreter_call", &[Key("code")], "code"),
    piece("code_interpreter_call.code", "code_interpreter_call", &[Key("code")], "code"),
    piece("apply_patch_call_operation_diff", "apply_patch_call", &[Key("operation"), Key("diff")], "diff"),
    piece(
        "shell_call_command",
        "shell_call",
        &[Key("action"), List("commands", "command_index", "")],
        "command",
    ),
];

impl Items {
    /// One event. Says whether the model generated something in it.
    pub fn event(&mut self, kind: &str, event: &mut Value) -> bool {
        let Some((name, verb)) = kind.strip_prefix("response.").and_then(|rest| rest.rsplit_once('.')) else {
            return false;
        };
        match (name, verb) {
            ("output_item", "added") => self.added(event),
            ("output_item", "done") => self.done(event),
            ("content_part" | "reasoning_summary_part", _) => {
                self.part(name, event);
                false
            }
            ("output_text.annotation", "added") => {
                self.annotation(event);
                false
            }
            ("image_generation_call", "partial_image") => true,
            (_, "delta") => {
                let text = event.text("delta").unwrap_or_default().to_owned();
                if let Some(slot) = self.slot(name, event) {
                    slot.push_str(&text);
                }
                // Sound is not kept, nor are a shell's pieces, which are objects; but they came.
                event.some("delta").is_some_and(|delta| !is_empty(delta))
            }
            (_, "done") => {
                let Some(piece) = PIECES.iter().find(|piece| piece.name == name) else { return false };
                let Some(whole) = event.text(piece.whole).map(str::to_owned) else { return false };
                if let Some(slot) = self.slot(name, event) {
                    *slot = whole;
                }
                false
            }
            _ => false,
        }
    }

    /// Whether one of the items has this id.
    pub fn holds(&self, id: &str) -> bool {
        self.0.iter().any(|item| item.json.text("id") == Some(id))
    }

    pub fn into_values(self) -> Vec<Value> {
        let mut items = self.0;
        // Some count every item as the first: those stay in the order in which they came.
        items.sort_by_key(|item| item.index.unwrap_or(u64::MAX));
        items.into_iter().map(|item| item.json).collect()
    }

    fn added(&mut self, event: &mut Value) -> bool {
        let json = event.get_mut("item").map(Value::take).unwrap_or_default();
        let call = json.text("type").is_some_and(|kind| kind.ends_with("_call"));
        match json.text("id").and_then(|id| self.by_id(id)) {
            Some(item) => overlay(&mut item.json, json),
            None => self.0.push(Item { index: event.count("output_index"), json }),
        }
        call
    }

    fn done(&mut self, event: &mut Value) -> bool {
        let json = event.get_mut("item").map(Value::take).unwrap_or_default();
        let generated = json.text("type") != Some("reasoning");
        let id = json.text("id").map(str::to_owned);
        match self.find(id.as_deref(), event) {
            Some(item) => overlay(&mut item.json, json),
            None => self.0.push(Item { index: event.count("output_index"), json }),
        }
        generated
    }

    fn part(&mut self, name: &str, event: &mut Value) {
        let part = event.get_mut("part").map(Value::take).unwrap_or_default();
        let (list, index) = match name {
            "content_part" => ("content", "content_index"),
            _ => ("summary", "summary_index"),
        };
        let id = event.text("item_id").map(str::to_owned);
        if let Some(item) = self.find(id.as_deref(), event)
            && let Some(element) = element(&mut item.json, list, event.count(index), "")
        {
            overlay(element, part);
        }
    }

    fn annotation(&mut self, event: &mut Value) {
        let annotation = event.get_mut("annotation").map(Value::take).unwrap_or_default();
        let id = event.text("item_id").map(str::to_owned);
        if let Some(item) = self.find(id.as_deref(), event)
            && let Some(part) =
                element(&mut item.json, "content", event.count("content_index"), "output_text")
            && let Some(place) = element(part, "annotations", event.count("annotation_index"), "")
        {
            *place = annotation;
        }
    }

    /// The text that events of this name go on with.
    fn slot(&mut self, name: &str, event: &Value) -> Option<&mut String> {
        let piece = PIECES.iter().find(|piece| piece.name == name)?;
        let id = event.text("item_id");
        if self.find(id, event).is_none() {
            let json = json!({"type": piece.item, "id": id, "call_id": event.get("call_id")});
            self.0.push(Item { index: event.count("output_index"), json });
        }
        let item = self.find(id, event)?;
        let mut value = &mut item.json;
        for step in piece.path {
            value = match step {
                Key(key) => {
                    if !value.is_object() {
                        *value = json!({});
                    }
                    value.as_object_mut()?.entry(*key).or_insert(Value::Null)
                }
                List(key, index, kind) => element(value, key, event.count(index), kind)?,
            };
        }
        if !value.is_string() {
            *value = Value::String(String::new());
        }
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    fn by_id(&mut self, id: &str) -> Option<&mut Item> {
        self.0.iter_mut().find(|item| item.json.text("id") == Some(id))
    }

    /// The item an event is about. Ids go before places, as some count every item as the first; but some seal the ids
    /// anew in every event, so the place has to do where no item has the id.
    fn find(&mut self, id: Option<&str>, event: &Value) -> Option<&mut Item> {
        let at = self.0.iter().rposition(|item| id.is_some() && item.json.text("id") == id);
        let index = event.count("output_index");
        let at = at.or_else(|| self.0.iter().rposition(|item| index.is_some() && item.index == index));
        let at = at.or_else(|| self.0.len().checked_sub(1).filter(|_| id.is_none() && index.is_none()));
        self.0.get_mut(at?)
    }
}

/// An element of a list in an object; one that is not there yet is added at the end, wherever the event says it is.
fn element<'a>(value: &'a mut Value, list: &str, index: Option<u64>, kind: &str) -> Option<&'a mut Value> {
    if !value.is_object() {
        *value = json!({});
    }
    let list = value.as_object_mut()?.entry(list).or_insert(Value::Null);
    if !list.is_array() {
        *list = json!([]);
    }
    let list = list.as_array_mut()?;
    let at = usize::try_from(index.unwrap_or_default()).unwrap_or(usize::MAX).min(list.len());
    if at == list.len() {
        list.push(if kind.is_empty() { Value::Null } else { json!({"type": kind}) });
    }
    list.get_mut(at)
}

/// Puts what is newly said over what was said before. Nothing takes the place of something.
pub fn overlay(old: &mut Value, new: Value) {
    match (old.as_object_mut(), new) {
        (Some(old), Value::Object(new)) => {
            for (key, value) in new {
                if !is_empty(&value) || !old.contains_key(&key) {
                    old.insert(key, value);
                }
            }
        }
        (_, Value::Null) => {}
        (_, new) => *old = new,
    }
}
