//! The scripts that the demo plays: who asks whom for what, what is answered, and what goes wrong.

use serde_json::Value;

use super::talk::{Part, Refusal, Tool};
use super::wire::Wire;

/// What an agent does in its life.
#[derive(Clone, Debug)]
pub struct Script {
    pub wire: &'static Wire,
    /// As it is asked for, and as it answers.
    pub model: &'static str,
    pub snapshot: &'static str,
    pub system: &'static str,
    pub tools: &'static [Tool],
    pub streamed: bool,
    pub reasons: bool,
    pub schema: &'static [&'static str],
    /// Its User-Agent.
    pub client: &'static str,
    /// What its base URL says of it: `session=…,user=…`; nothing where it says nothing.
    pub labels: String,
    /// Each turn brings a `traceparent`, as programs with OpenTelemetry send it.
    pub traced: bool,
    /// Begins so many milliseconds after the others.
    pub begins: u64,
    pub turns: Vec<Turn>,
}

/// One thing that a user asks for.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    pub user: Vec<Part>,
    /// From here on the system prompt is another, so that nothing of it is in the cache.
    pub system: Option<&'static str>,
    /// A title is asked for, of another model: which, its snapshot, and the title.
    pub title: Option<(&'static str, &'static str, &'static str)>,
    /// The words are looked for among others first: which they were, the best first.
    pub retrieves: &'static [&'static str],
    /// It only begins when all that goes on in the background is over, and says what came of it.
    pub awaits: bool,
    pub rounds: Vec<Round>,
    pub answer: Said,
}

/// The model asks for tools, and they do their work.
#[derive(Clone, Debug)]
pub struct Round {
    pub said: Said,
    pub work: Vec<Work>,
}

#[derive(Clone, Debug)]
pub struct Work {
    pub tool: &'static str,
    pub arguments: Value,
    pub does: Does,
}

#[derive(Clone, Debug)]
pub enum Does {
    /// It takes so many milliseconds.
    Answer(String, u64),
    Fail(String, u64),
    /// Another agent; its last words are the result.
    Agent(Box<Script>),
    /// The same, without waiting for it.
    Background(Box<Script>),
}

/// What a model says, and how.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub reasoning: &'static str,
    pub text: String,
    /// What the same call was answered before.
    pub before: &'static [Refusal],
    pub end: End,
    /// Until the first byte, and between two pieces; 0: as usual.
    pub think: u64,
    pub gap: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub enum End {
    #[default]
    Whole,
    /// The client leaves when so many pieces have come.
    Leaves(usize),
    /// The provider breaks off after so many pieces.
    Breaks(usize),
    /// There is no answer but this.
    Refused(Refusal),
}

pub const OVERLOADED: Refusal = Refusal { status: 529, kind: "overloaded_error", message: "Overloaded" };
pub const RATE_LIMITED: Refusal = Refusal {
    status: 429,
    kind: "rate_limit_exceeded",
    message: "Rate limit reached for gpt-4.1-mini in organization demo-org on tokens per min (TPM): Limit 200000, \
              Used 199300, Requested 1821. Please try again in 336ms.",
};
pub const SERVER_ERROR: Refusal = Refusal {
    status: 500,
    kind: "server_error",
    message: "The server had an error while processing your request. Sorry about that!",
};
pub const TOO_LONG: Refusal = Refusal {
    status: 400,
    kind: "context_length_exceeded",
    message: "This model's maximum context length is 128000 tokens. However, your messages resulted in 141873 tokens.",
};

/// The model's last words on something.
pub fn says(text: impl Into<String>) -> Said {
    Said { text: text.into(), ..Said::default() }
}

impl Said {
    pub fn thinking(mut self, reasoning: &'static str) -> Self {
        self.reasoning = reasoning;
        self
    }

    pub fn after(mut self, before: &'static [Refusal]) -> Self {
        self.before = before;
        self
    }

    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    pub fn slowly(mut self, think: u64, gap: u64) -> Self {
        (self.think, self.gap) = (think, gap);
        self
    }

    pub fn calling(self, work: impl Into<Vec<Work>>) -> Round {
        Round { said: self, work: work.into() }
    }
}

/// A tool is called and answers after so many milliseconds.
pub fn tool(tool: &'static str, arguments: Value, answer: impl Into<String>, millis: u64) -> Work {
    Work { tool, arguments, does: Does::Answer(answer.into(), millis) }
}

/// The same, and it fails.
pub fn fails(tool: &'static str, arguments: Value, answer: impl Into<String>, millis: u64) -> Work {
    Work { tool, arguments, does: Does::Fail(answer.into(), millis) }
}

/// The user asks for something, and after some rounds the model answers.
pub fn turn(user: impl Into<String>, rounds: impl Into<Vec<Round>>, answer: Said) -> Turn {
    Turn { user: vec![Part::Text(user.into())], rounds: rounds.into(), answer, ..Turn::default() }
}
