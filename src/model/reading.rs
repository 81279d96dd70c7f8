//! What a dialect makes of an exchange: what was asked, and what was answered.

use serde_json::{Map, Value};

use super::exchange::Micros;
use super::message::{Message, Part, PartKind};
use super::money::Usd;
use super::usage::Usage;

/// One call as its dialect reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The dialect's name, as `openai.chat`.
    pub dialect: &'static str,
    pub operation: Operation,
    pub asked: Asked,
    pub answered: Answered,
    /// When it began, where that is not when the exchange did: one of many calls on a socket.
    pub start: Option<Micros>,
    /// The same of its end.
    pub end: Option<Micros>,
}

/// What kind of work a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    Chat,
    /// A prompt to be continued.
    TextCompletion,
    /// Google's word for a chat.
    GenerateContent,
    Embeddings,
    Rerank,
    Image,
    Speech,
    Transcription,
    Moderation,
    CountTokens,
    /// A history is made shorter.
    Compact,
    /// An answer that was kept is fetched again: what it used was counted when it was made.
    FetchResponse,
    /// Anything else: files, models, batches.
    Other,
}

/// What kind of step an observation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Generation,
    Tool,
    Retriever,
    Embedding,
    Span,
    Event,
}

impl Operation {
    pub const ALL: [Self; 13] = [
        Self::Chat,
        Self::TextCompletion,
        Self::GenerateContent,
        Self::Embeddings,
        Self::Rerank,
        Self::Image,
        Self::Speech,
        Self::Transcription,
        Self::Moderation,
        Self::CountTokens,
        Self::Compact,
        Self::FetchResponse,
        Self::Other,
    ];

    /// As the record says it: OpenTelemetry's word where it has one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::TextCompletion => "text_completion",
            Self::GenerateContent => "generate_content",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Image => "image_generation",
            Self::Speech => "speech",
            Self::Transcription => "transcription",
            Self::Moderation => "moderation",
            Self::CountTokens => "count_tokens",
            Self::Compact => "compact",
            Self::FetchResponse => "fetch_response",
            Self::Other => "http",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// What an observation of it is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Chat
            | Self::TextCompletion
            | Self::GenerateContent
            | Self::Image
            | Self::Speech
            | Self::Transcription
            | Self::Compact => Kind::Generation,
            Self::Embeddings => Kind::Embedding,
            Self::Rerank => Kind::Retriever,
            Self::Moderation | Self::CountTokens | Self::FetchResponse | Self::Other => Kind::Span,
        }
    }
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Generation, Self::Tool, Self::Retriever, Self::Embedding, Self::Span, Self::Event];

    /// As the record says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generation => "generation",
            Self::Tool => "tool",
            Self::Retriever => "retriever",
            Self::Embedding => "embedding",
            Self::Span => "span",
            Self::Event => "event",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    pub model: Option<String>,
    /// The client asked for a stream.
    pub streamed: bool,
    /// Settings of the call, under the provider's names: temperature, limits, formats, tool choice.
    pub parameters: Map<String, Value>,
    /// The system prompt, where it stands apart from the messages.
    pub system: Vec<Part>,
    pub input: Vec<Message>,
    /// Tool definitions in OpenTelemetry's form: `type`, `name`, `description`, `parameters`.
    pub tools: Vec<Value>,
    /// The id of the answer that this call goes on from, where the provider keeps the history.
    pub continues: Option<String>,
    /// The input is the whole history although the call goes on from an answer: the reader had what came before.
    pub whole: bool,
    /// The id of the conversation that the provider keeps.
    pub conversation: Option<String>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

/// What was answered, as far as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// The model that answered, as the provider says.
    pub model: Option<String>,
    pub id: Option<String>,
    /// One message for each choice.
    pub output: Vec<Message>,
    /// Why each choice ended, in the provider's own words.
    pub finish_reasons: Vec<String>,
    /// `None`: the provider did not say.
    pub usage: Option<Usage>,
    /// What the provider says it bills for the call.
    pub billed: Option<Usd>,
    /// The provider's word for the tier that served it.
    pub service_tier: Option<String>,
    /// Where it was served, where the caller chose that and the provider says so.
    pub region: Option<String>,
    /// What was done for the answer and is billed beside its usage.
    pub beside: Vec<Beside>,
    pub error: Option<ApiError>,
    /// The provider said that this is the end: the stream's last event, or a whole body.
    pub complete: bool,
    /// When the first content, reasoning or tool call came; streams alone.
    pub first_token: Option<Micros>,
    /// What else the answer holds that is worth keeping beside the messages: citations, timings, ratings.
    pub extra: Map<String, Value>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

/// Work of its own that a provider did for an answer: a compaction before it, another model's advice.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// The provider's word for it.
    pub what: String,
    /// The model that did it, where that is not the one that answered.
    pub model: Option<String>,
    pub usage: Usage,
    pub service_tier: Option<String>,
}

/// An error as the provider says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// `rate_limit_error`, `invalid_request_error`, …: its type, else its code, else its status.
    pub kind: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    /// The HTTP status, or the one an error inside a stream says it would have had.
    pub status: Option<u16>,
}

impl Answered {
    /// The text of the first choice.
    pub fn text(&self) -> String {
        self.output.first().map(Message::text).unwrap_or_default()
    }

    /// The reasoning of the first choice.
    pub fn reasoning(&self) -> String {
        self.output.first().map(Message::reasoning).unwrap_or_default()
    }

    /// The calls that the client is asked to make.
    pub fn tool_calls(&self) -> impl Iterator<Item = (Option<&str>, &str, &Value)> {
        self.output.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.kind {
            PartKind::ToolCall { id, name, arguments } => Some((id.as_deref(), name.as_str(), arguments)),
            _ => None,
        })
    }

    /// Those that the provider ran itself.
    pub fn server_tool_calls(&self) -> impl Iterator<Item = (Option<&str>, &str, &Value)> {
        self.output.iter().flat_map(|message| &message.parts).filter_map(|part| match &part.kind {
            PartKind::ServerToolCall { id, name, call } => Some((id.as_deref(), name.as_str(), call)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
    }
}
