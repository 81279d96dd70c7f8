//! A destination's settings.

use std::time::Duration;

use crate::export::otlp::{Mode, PROJECTIONS, Semconv, projection};
use crate::model::setting::{ByteSize, Raw, Secret, Setting, Value, quote};
use crate::setting;

/// `[export.NAME]`
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub kind: String,
    pub url: Option<String>,
    pub headers: Vec<Secret>,
    pub basic_auth: Option<Secret>,
    pub project: Option<String>,
    pub service: String,
    pub environment: Option<String>,
    pub content: Mode,
    pub semconv: Semconv,
    pub parent: Parent,
    pub json: bool,
    pub gzip: bool,
    pub sample: f64,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub user: Option<String>,
    pub tag: Option<String>,
    pub session: Option<String>,
    pub settle: Duration,
    pub idle: Duration,
    pub give_up: Duration,
    pub timeout: Duration,
    pub batch_bytes: ByteSize,
}

/// What becomes of the span that a caller says its call was made in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parent {
    /// The call's span links to it.
    #[default]
    Link,
    /// It is the parent: for destinations that have the caller's own spans, too.
    Caller,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kind: "genai".to_owned(),
            url: None,
            headers: Vec::new(),
            basic_auth: None,
            project: None,
            service: "wiretape".to_owned(),
            environment: None,
            content: Mode::Full,
            semconv: Semconv::default(),
            parent: Parent::Link,
            json: false,
            gzip: true,
            sample: 1.0,
            provider: None,
            model: None,
            user: None,
            tag: None,
            session: None,
            settle: Duration::from_secs(3),
            idle: Duration::from_secs(10),
            give_up: Duration::from_secs(15 * 60),
            timeout: Duration::from_secs(30),
            // Below the 4 MiB that gRPC's servers take, which collectors have behind HTTP, too.
            batch_bytes: ByteSize(3 << 20),
        }
    }
}

/// Every setting of an `[export.NAME]`.
pub const SETTINGS: &[Setting<Config>] = &[
    setting!(
        kind,
        "What the destination understands: \"genai\" (OpenTelemetry's conventions: collectors, Jaeger, Tempo, Datadog, \
         Opik), \"openinference\" (Phoenix, Arize), \"langfuse\", \"langsmith\", \"mlflow\" or \"braintrust\"."
    ),
    setting!(
        url,
        "Where spans are sent. Without a path, or with one that does not end in /traces, the kind's own is appended.",
        example = "\"http://127.0.0.1:6006\""
    ),
    setting!(
        headers,
        "Headers of each call, as \"name: value\". $NAME stands for a variable of the environment, so that no secret need \
         be in the file: [\"x-api-key: $LANGSMITH_API_KEY\"]."
    ),
    setting!(
        basic_auth,
        "User and password, as Langfuse wants its keys. $NAME stands for a variable of the environment.",
        example = "\"$LANGFUSE_PUBLIC_KEY:$LANGFUSE_SECRET_KEY\""
    ),
    setting!(
        project,
        "Which of the destination's projects spans belong to: Phoenix's, LangSmith's or Braintrust's by name, MLflow's \
         experiment by its id (0 where unset); elsewhere it is the resource's service.namespace.",
        example = "\"my-agents\""
    ),
    setting!(service, "What the destination knows us by: the resource's service.name."),
    setting!(environment, "The resource's deployment.environment.name.", example = "\"production\""),
    setting!(
        content,
        "How much of what was said goes along. \"full\": all of it, which of a long session grows with the square of its \
         turns. \"new\": only messages that the call before did not have. \"preview\": where each text begins. \
         \"none\": nothing but names, numbers and times."
    ),
    setting!(
        semconv,
        "Which of OpenTelemetry's names: \"1.41\", which backends read; \"main\", those that are to follow; or \"both\"."
    ),
    setting!(
        parent,
        "What becomes of the span that a caller says (traceparent) its call was made in. \"link\": the call's span links \
         to it, and stands under a root of our own. \"caller\": it is the parent, for destinations that have it."
    ),
    setting!(json, "Sends JSON rather than protobuf. Phoenix takes protobuf only."),
    setting!(gzip, "Compresses what is sent."),
    setting!(sample, "Which part of all traces is sent; whole traces, always the same ones."),
    setting!(
        provider,
        "Sends only this provider's calls, and what hangs on them.",
        example = "\"anthropic\""
    ),
    setting!(model, "Sends only calls of this model; * stands for any text.", example = "\"claude-*\""),
    setting!(user, "Sends only this user's calls.", example = "\"alice\""),
    setting!(tag, "Sends only calls with this tag.", example = "\"production\""),
    setting!(session, "Sends only this session's calls.", example = "\"nightly\""),
    setting!(
        settle,
        "How long after its end a step is sent: a call that ends meanwhile may say where it belongs. Backends keep what \
         they were told first."
    ),
    setting!(idle, "How long after its last step a trace that has its answer is closed, and its root sent."),
    setting!(give_up, "The same where it has none: a tool may still be at work."),
    setting!(timeout, "How long the destination may take to answer."),
    setting!(
        batch_bytes,
        "How large a batch may be, before compression. A span that is larger is sent with less content."
    ),
];

impl Value for Parent {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == "link" => Ok(Self::Link),
            Raw::Text(text) if text == "caller" => Ok(Self::Caller),
            _ => Err("expected \"link\" or \"caller\"".to_owned()),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(match self {
            Self::Link => "link",
            Self::Caller => "caller",
        }))
    }
}

impl Config {
    /// What is wrong with the settings taken together: the key at fault and what about it.
    pub fn check(&self) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        if projection(&self.kind).is_none() {
            let known: Vec<&str> =
                PROJECTIONS.iter().filter_map(|known| known.names.first().copied()).collect();
            wrong
                .push(("kind", format!("no kind is called {:?}; there are {}", self.kind, known.join(", "))));
        }
        match &self.url {
            None => wrong.push(("url", "is missing".to_owned())),
            Some(url) => wrong.extend(crate::proxy::client::Target::parse(url).err().map(|why| ("url", why))),
        }
        if !(0.0..=1.0).contains(&self.sample) {
            wrong.push(("sample", "must be between 0 and 1".to_owned()));
        }
        if self.batch_bytes.0 < 64 << 10 {
            wrong.push(("batch_bytes", "must be at least 64KiB".to_owned()));
        }
        if self.timeout.is_zero() {
            wrong.push(("timeout", "must be more than nothing".to_owned()));
        }
        for header in &self.headers {
            if !header.reveal().contains(':') {
                wrong.push(("headers", "expected \"name: value\"".to_owned()));
            }
        }
        wrong
    }
}
