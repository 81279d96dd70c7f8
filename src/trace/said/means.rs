//! What something that a caller says means here.

use super::Role;
use crate::model::setting::{Raw, Value, nearest, quote};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    Session,
    ParentSession,
    Thread,
    ParentThread,
    Turn,
    Trace,
    ParentSpan,
    User,
    Tag,
    Label,
    PromptVersion,
    TraceName,
    SessionName,
    Agent,
    Role,
    Retries,
    ToolDurations,
    /// An object with any of these in it, under the names in [`super::table::KEYS`]; what else it has are labels.
    Metadata,
    /// These are seen, and nothing follows from them.
    Request,
    Account,
    Device,
}

/// Each with its name and, for people, what it is.
pub const MEANINGS: &[(Means, &str, &str)] = &[
    (Means::Session, "session", "what groups the turns of a conversation"),
    (Means::ParentSession, "parent_session", "the session that started this one"),
    (
        Means::Thread,
        "thread",
        "one line of messages within a session: of several agents in it each has its own",
    ),
    (Means::ParentThread, "parent_thread", "the thread that started this one"),
    (Means::Turn, "turn", "one thing that a user asked for, with all that followed from it"),
    (Means::Trace, "trace", "the trace, by its own name"),
    (Means::ParentSpan, "parent_span", "the caller's own span that the call was made in"),
    (Means::User, "user", "who asks"),
    (Means::Tag, "tag", "a word to find the call by; several are parted by commas, or a JSON list"),
    (Means::Label, "label", "a name and a value to find the call by"),
    (Means::PromptVersion, "prompt_version", "which version of a prompt it is"),
    (Means::TraceName, "trace_name", "how the trace is to be called"),
    (Means::SessionName, "session_name", "how the session is to be called"),
    (Means::Agent, "agent", "the agent's name or kind"),
    (Means::Role, "role", "what the call is for: main, subagent, side or compaction"),
    (Means::Retries, "retries", "how often this request was tried before"),
    (Means::ToolDurations, "tool_durations", "how long tools took: `Bash=742;Read=9`, in milliseconds"),
    (
        Means::Metadata,
        "metadata",
        "a JSON object: known names in it mean what they say, the others are labels",
    ),
    (Means::Request, "request", "the request; only noted"),
    (Means::Account, "account", "an account; only noted"),
    (Means::Device, "device", "a machine; only noted"),
];

/// The words by which callers say what a call is for.
const ROLES: &[(&str, Role)] = &[
    ("main", Role::Main),
    ("turn", Role::Main),
    ("user", Role::Main),
    ("conversation-user", Role::Main),
    ("conversation-agent", Role::Main),
    ("subagent", Role::Subagent),
    ("workflow", Role::Subagent),
    ("review", Role::Subagent),
    ("collab_spawn", Role::Subagent),
    ("thread_spawn", Role::Subagent),
    ("conversation-subagent", Role::Subagent),
    ("side", Role::Side),
    ("auxiliary", Role::Side),
    ("prewarm", Role::Side),
    ("title", Role::Side),
    ("memory_consolidation", Role::Side),
    ("conversation-background", Role::Side),
    ("compaction", Role::Compaction),
    ("compact", Role::Compaction),
];

impl Means {
    pub fn name(self) -> &'static str {
        MEANINGS.iter().find(|(means, ..)| *means == self).map_or("", |(_, name, _)| name)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        MEANINGS.iter().find(|(_, known, _)| *known == name).map(|(means, ..)| *means)
    }

    /// It names one of many, so that one value in the calls of all would throw them together.
    pub fn is_id(self) -> bool {
        use Means::{ParentSession, ParentSpan, ParentThread, Session, Thread, Trace, Turn};
        matches!(self, Session | ParentSession | Thread | ParentThread | Turn | Trace | ParentSpan)
    }

    /// It is another for each call, so that the head of a socket cannot say it of the calls on it.
    pub fn is_of_one_call(self) -> bool {
        matches!(self, Self::Turn | Self::Role | Self::Retries | Self::ToolDurations | Self::Request)
    }

    /// It is noted wherever it was seen.
    pub fn is_noted(self) -> bool {
        use Means::{Account, Agent, Device, PromptVersion, Request, Role, User};
        self.is_id() || matches!(self, User | Agent | Role | PromptVersion | Request | Account | Device)
    }
}

/// What a call is for, by the caller's word for it.
pub fn role(word: &str) -> Option<Role> {
    let word = word.to_ascii_lowercase();
    ROLES.iter().find(|(known, _)| *known == word).map(|(_, role)| *role)
}

impl Value for Means {
    fn read(raw: &Raw) -> Result<Self, String> {
        let Raw::Text(text) = raw else { return Err(format!("expected text in quotes, got {}", raw.kind())) };
        Self::from_name(text).ok_or_else(|| {
            let near = nearest(text, MEANINGS.iter().map(|(_, name, _)| *name));
            let all = || MEANINGS.iter().map(|(_, name, _)| *name).collect::<Vec<_>>().join(", ");
            match near {
                Some(near) => format!("{text:?} means nothing, did you mean \"{near}\"?"),
                None => format!("{text:?} means nothing, there are {}", all()),
            }
        })
    }

    fn show(&self) -> Option<String> {
        Some(quote(self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for (means, name, what) in MEANINGS {
            assert_eq!(Means::from_name(name), Some(*means));
            assert!(means.name() == *name && !what.is_empty());
        }
    }

    #[test]
    fn the_nearest_name_is_told() {
        let read = |text: &str| Means::read(&Raw::Text(text.to_owned()));
        assert_eq!(read("prompt_version"), Ok(Means::PromptVersion));
        assert_eq!(read("sesion"), Err("\"sesion\" means nothing, did you mean \"session\"?".to_owned()));
        assert!(read("colour").unwrap_err().contains("there are session, parent_session, "));
        assert!(Means::read(&Raw::Integer(1)).is_err());
    }

    #[test]
    fn words_for_roles_are_known_in_any_case() {
        assert_eq!(role("Subagent"), Some(Role::Subagent));
        assert_eq!(role("agent"), None);
    }
}
