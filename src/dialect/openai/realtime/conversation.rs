//! A live conversation's items, in their order.

use std::collections::HashSet;

use serde_json::Value;

use crate::dialect::json::Look;
use crate::dialect::openai::responses::{messages, overlay};
use crate::model::Message;

/// How many items are remembered; of a longer conversation the oldest are forgotten.
const REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub struct Conversation(Vec<Value>);

impl Conversation {
    /// An item that is new, or known better now. One that is new comes behind the one that it says it does.
    pub fn put(&mut self, mut item: Value, behind: Option<&str>) {
        let Some(id) = item.word("id").map(str::to_owned) else { return };
        without_sound(&mut item);
        if let Some(own) = self.find(&id) {
            return overlay(own, item);
        }
        let before = behind.and_then(|behind| self.0.iter().position(|item| item.text("id") == Some(behind)));
        self.0.insert(before.map_or(self.0.len(), |at| at + 1), item);
        if self.0.len() > REMEMBERED {
            self.0.remove(0);
        }
    }

    pub fn remove(&mut self, id: &str) {
        self.0.retain(|item| item.text("id") != Some(id));
    }

    /// What was said in an item's sound.
    pub fn transcribe(&mut self, id: &str, content: Option<u64>, transcript: &str) {
        let at = usize::try_from(content.unwrap_or_default()).unwrap_or(usize::MAX);
        let part = self.find(id).and_then(|item| item.get_mut("content")?.get_mut(at));
        if let Some(part) = part.and_then(Value::as_object_mut) {
            part.insert("transcript".to_owned(), transcript.into());
        }
    }

    /// The ids of all items there are.
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().filter_map(|item| item.word("id")).map(str::to_owned).collect()
    }

    /// These items as messages, with what is known of them by now: a transcript may come after the answer.
    pub fn messages(&self, ids: &[String]) -> Vec<Message> {
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        messages(self.0.iter().filter(|item| item.text("id").is_some_and(|id| ids.contains(id))))
    }

    /// Items that an answer was asked with, where those that are only named are taken from here.
    pub fn input(&self, items: &[Value]) -> Vec<Message> {
        let named = |item: &&Value| item.text("type") == Some("item_reference");
        let known = |id: &str| self.0.iter().find(|item| item.text("id") == Some(id));
        messages(
            items.iter().map(|item| {
                Some(item).filter(named).and_then(|item| known(item.text("id")?)).unwrap_or(item)
            }),
        )
    }

    fn find(&mut self, id: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|item| item.text("id") == Some(id))
    }
}

/// Takes the sound out of an item, which is nearly all of its bytes.
fn without_sound(item: &mut Value) {
    let parts = item.get_mut("content").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten().filter_map(Value::as_object_mut) {
        part.remove("audio");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_come_where_they_say() {
        let mut conversation = Conversation::default();
        let said = |id: &str, text: &str| json!({"id": id, "type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]});
        conversation.put(said("a", "1"), None);
        conversation.put(said("c", "3"), Some("a"));
        conversation.put(said("b", "2"), Some("a"));
        conversation.put(said("c", "4"), Some("b"));
        let all = conversation.ids();
        assert_eq!(all, ["a", "b", "c"]);
        let texts: Vec<String> = conversation.messages(&all).iter().map(Message::text).collect();
        assert_eq!(texts, ["1", "2", "4"]);
        conversation.remove("b");
        assert_eq!(conversation.messages(&all).len(), 2);
    }
}
