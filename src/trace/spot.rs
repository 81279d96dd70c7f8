//! A place in what is asked, for saying where two calls part.

use std::fmt;

use serde_json::{Value, json};

/// Where in a call, in the order in which providers put the parts of a prompt together. Numbers are those of the record's
/// own lists, which begin at 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Model,
    /// A tool by its name; none where the order alone differs.
    Tools {
        name: Option<String>,
    },
    /// A block of the system prompt that stands apart from the messages.
    System {
        block: usize,
    },
    /// A setting of the call, under the provider's name.
    Settings {
        name: String,
    },
    Message {
        index: usize,
    },
    /// They do not part.
    Nothing,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model => f.write_str("model"),
            Self::Tools { name: Some(name) } => write!(f, "tools: {name}"),
            Self::Tools { name: None } => f.write_str("tools"),
            Self::System { block } => write!(f, "system block {block}"),
            Self::Settings { name } => write!(f, "setting {name}"),
            Self::Message { index } => write!(f, "message {index}"),
            Self::Nothing => f.write_str("nothing"),
        }
    }
}

impl Place {
    pub fn to_json(&self) -> Value {
        let said = self.to_string();
        match self {
            Self::Model => json!({"part": "model", "text": said}),
            Self::Tools { name: Some(name) } => json!({"part": "tools", "name": name, "text": said}),
            Self::Tools { name: None } => json!({"part": "tools", "text": said}),
            Self::System { block } => json!({"part": "system", "index": block, "text": said}),
            Self::Settings { name } => json!({"part": "settings", "name": name, "text": said}),
            Self::Message { index } => json!({"part": "message", "index": index, "text": said}),
            Self::Nothing => json!({"part": "nothing", "text": said}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_said_in_words() {
        let cases = [
            (Place::Model, "model"),
            (Place::Tools { name: Some("read_file".to_owned()) }, "tools: read_file"),
            (Place::Tools { name: None }, "tools"),
            (Place::System { block: 2 }, "system block 2"),
            (Place::Settings { name: "tool_choice".to_owned() }, "setting tool_choice"),
            (Place::Message { index: 14 }, "message 14"),
            (Place::Nothing, "nothing"),
        ];
        for (place, words) in cases {
            assert_eq!(place.to_string(), words);
            assert_eq!(place.to_json()["text"], words);
        }
    }
}
