//! Marks: short hashes by which calls find each other.

use std::fmt;

use serde_json::Value;

use super::words::spaced;

/// A hash of something that two calls have in common: the id of a tool's call, the words of an answer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(pub u64);

/// The mark of an agent's later beginnings: those that no call of a tool has to be found for.
pub fn later(mark: Mark) -> Mark {
    Marking::of("later").and_mark(mark).mark()
}

/// What a mark says of the call it is kept with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// Its answer is this turn.
    Gives,
    /// Its history ends with this turn, or holds it.
    Needs,
    /// It asks this.
    Asks,
    /// It asks for a tool that is given this text: kept with the tool's call.
    Prompts,
    /// A conversation begins with these words in it.
    Begins,
    /// The user says this; what is beside the main line may say it too.
    Words,
    /// It is beside the main line, and about these words.
    Beside,
    /// It belongs to this thread or session, as the caller says.
    Thread,
    /// It was started by this thread or session, as the caller says.
    Under,
    /// It brings a tool's result that says this.
    Brings,
    /// It was made in this span of the caller's.
    Span,
}

impl MarkKind {
    pub const ALL: [Self; 11] = [
        Self::Gives,
        Self::Needs,
        Self::Asks,
        Self::Prompts,
        Self::Begins,
        Self::Words,
        Self::Beside,
        Self::Thread,
        Self::Under,
        Self::Brings,
        Self::Span,
    ];

    /// The number it is kept under; it never changes.
    pub const fn number(self) -> u8 {
        match self {
            Self::Gives => 0,
            Self::Needs => 1,
            Self::Asks => 2,
            Self::Prompts => 3,
            Self::Begins => 4,
            Self::Words => 5,
            Self::Beside => 6,
            Self::Thread => 7,
            Self::Under => 8,
            Self::Brings => 9,
            Self::Span => 10,
        }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What goes into a mark, field by field: no two lists of fields run into one another.
///
/// It is gathered and hashed at the end: a hasher is large to move about, and dear to feed word by word.
pub struct Marking(Vec<u8>);

impl Marking {
    /// `what` keeps marks of different things apart.
    pub fn of(what: &str) -> Self {
        Self(Vec::with_capacity(256)).and(what)
    }

    #[must_use]
    pub fn and(mut self, field: &str) -> Self {
        self.0.extend_from_slice(&(field.len() as u64).to_le_bytes());
        self.0.extend_from_slice(field.as_bytes());
        self
    }

    #[must_use]
    pub fn and_mark(mut self, mark: Mark) -> Self {
        self.0.extend_from_slice(&mark.0.to_le_bytes());
        self
    }

    /// A text in which any white space is as good as any other. Of a long one its two ends stand for all of it: it comes
    /// with every call of its conversation.
    #[must_use]
    pub fn and_words(mut self, text: &str) -> Self {
        let ends = if text.len() > 4 * END {
            [&text[..boundary(text, END)], &text[boundary(text, text.len() - END)..]]
        } else {
            [text, ""]
        };
        self.0.reserve(ends.iter().map(|end| end.len() + 2).sum());
        ends.into_iter().for_each(|end| spaced(end, &mut self.0));
        self.0.push(0);
        self
    }

    /// JSON by what it says: keys in any order.
    #[must_use]
    pub fn and_json(mut self, value: &Value) -> Self {
        json(&mut self.0, value);
        self
    }

    pub fn mark(self) -> Mark {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(blake3::hash(&self.0).as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]));
        Mark(u64::from_le_bytes(bytes))
    }

    pub fn id(self) -> u128 {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(blake3::hash(&self.0).as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]));
        u128::from_le_bytes(bytes)
    }
}

/// So many bytes of each end of a long text are looked at.
const END: usize = 8192;

/// The last place up to this one where a text may be parted.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn json(to: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_unstable();
            to.push(b'{');
            for key in keys {
                to.extend_from_slice(key.as_bytes());
                to.push(b':');
                if let Some(value) = object.get(key) {
                    json(to, value);
                }
            }
            to.push(b'}');
        }
        Value::Array(values) => {
            to.push(b'[');
            values.iter().for_each(|value| json(to, value));
            to.push(b']');
        }
        // Arguments come as a text or as what it says.
        Value::String(text) => {
            to.extend_from_slice(&(text.len() as u64).to_le_bytes());
            to.extend_from_slice(text.as_bytes());
        }
        Value::Number(number) => {
            // 7 and 7.0 are the same to every client that writes arguments anew.
            let text = match number.as_f64() {
                Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
                _ => number.to_string(),
            };
            to.push(b'#');
            to.extend_from_slice(text.as_bytes());
        }
        Value::Bool(_) | Value::Null => {
            to.extend_from_slice(value.to_string().as_bytes());
            to.push(b',');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_do_not_run_into_one_another() {
        assert_ne!(Marking::of("a").and("bc").mark(), Marking::of("a").and("b").and("c").mark());
        assert_ne!(
            Marking::of("a").and_words("b").and_words("c").mark(),
            Marking::of("a").and_words("b c").mark()
        );
        assert_eq!(Marking::of("a").and_words(" b\n c").mark(), Marking::of("a").and_words("b c").mark());
    }

    #[test]
    fn long_texts_are_known_by_their_ends() {
        let mark = |text: &str| Marking::of("x").and_words(text).mark();
        let middle = "ü ".repeat(100_000);
        assert_eq!(mark(&format!("a {middle} b")), mark(&format!("a {middle}  b")));
        assert_ne!(mark(&format!("a {middle} b")), mark(&format!("a {middle} c")));
        assert_ne!(mark(&format!("a {middle} b")), mark(&format!("c {middle} b")));
    }

    #[test]
    fn json_is_known_by_what_it_says() {
        let mark = |value| Marking::of("x").and_json(&value).mark();
        assert_eq!(mark(json!({"a": 1, "b": [2.0, null]})), mark(json!({"b": [2, null], "a": 1.0})));
        assert_ne!(mark(json!({"a": 1})), mark(json!({"a": "1"})));
        assert_ne!(mark(json!(["ab"])), mark(json!(["a", "b"])));
    }

    #[test]
    fn kinds_have_numbers_of_their_own() {
        for (at, kind) in MarkKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.number()), at);
        }
    }
}
