//! What agents and models say to each other in the demo, before any provider's format is put around it.

use serde_json::Value;

/// A tool that an agent offers its model.
#[derive(Clone, Debug)]
pub struct Tool {
    pub name: &'static str,
    pub about: &'static str,
    /// Its parameters, all of them texts: a name, and what it is for.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// One message of a conversation.
#[derive(Clone, Debug)]
pub enum Message {
    User(Vec<Part>),
    Assistant(Reply),
    Results(Vec<Outcome>),
}

/// What a user's message is made of.
#[derive(Clone, Debug)]
pub enum Part {
    Text(String),
    /// A PNG.
    Image(Vec<u8>),
}

/// What a model says.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub reasoning: String,
    pub text: String,
    pub calls: Vec<Call>,
}

/// A model asks for a tool to be called.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: String,
    pub name: String,
    pub arguments: Value,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub call: Call,
    pub text: String,
    pub is_error: bool,
}

/// What a request is made of.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub model: &'a str,
    pub system: &'a str,
    pub tools: &'a [Tool],
    pub messages: &'a [Message],
    pub streamed: bool,
    pub reasons: bool,
    /// The names of the members, all of them texts, where the answer is to be JSON.
    pub schema: &'a [&'a str],
}

/// What an answer is made of.
#[derive(Clone, Debug)]
pub struct Answer {
    pub id: String,
    pub model: String,
    pub reply: Reply,
    pub usage: Usage,
}

/// Tokens, as a provider counts them: what was sent in, cached or not, and of that what the cache had and what was put
/// into it; what came out, and of that what was thought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub written: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// How a provider says no.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: &'static str,
    pub message: &'static str,
}

impl Reply {
    /// The arguments of its calls and all its words, as tokens are counted.
    pub fn tokens(&self) -> u64 {
        let calls = self.calls.iter().map(|call| tokens(&call.arguments.to_string()) + 12).sum::<u64>();
        tokens(&self.text) + calls
    }
}

/// How many tokens a text is, about: the demo's models count four bytes as one.
pub fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

/// A text in the pieces in which a model brings it out: three words at a time.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut words) = (0, 0);
    for (at, _) in text.match_indices(' ') {
        words += 1;
        if words % 3 == 0 {
            pieces.push(&text[start..=at]);
            start = at + 1;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}
