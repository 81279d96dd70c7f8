//! The conventions that are understood, a line each: whose it is, how far it is trusted, where it stands, what it means.
//!
//! Of two that say the same thing the more trusted counts, and of two as trusted the one that stands first here.

use super::cut::{self, Cut};
use super::means::Means;
use super::place::{Place, Source};
use Means::*;
use Trust::*;

/// How far a convention is trusted, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// Said to this program.
    Own,
    /// Said in the way that the configuration names.
    Configured,
    /// Said on purpose to another system that looks at calls.
    Vendor,
    /// What agents send unasked.
    Native,
    /// What a provider's own API has for it.
    Api,
    /// What is said of everything that happens for one request somewhere.
    Context,
    /// What looks as if it were one.
    Generic,
}

/// Each with what it is called in the pages.
pub const TRUSTS: &[(Trust, &str)] = &[
    (Own, "wiretape's own labels"),
    (Configured, "your own conventions"),
    (Vendor, "other systems"),
    (Native, "what agents send by themselves"),
    (Api, "providers' own fields"),
    (Context, "W3C trace context and baggage"),
    (Generic, "what looks like one"),
];

#[derive(Clone, Copy, Debug)]
pub struct Convention<'a> {
    pub system: &'a str,
    pub trust: Trust,
    pub place: Place<'a>,
    pub means: Means,
    /// What of the value counts; all of it where there is none.
    pub cut: Option<Cut>,
    /// It holds for programs alone that have one of these in their names.
    pub agents: &'a [&'a str],
    /// What a label is called, where not by the place's name.
    pub label: Option<&'a str>,
}

const fn line<'a>(system: &'a str, trust: Trust, place: Place<'a>, means: Means) -> Convention<'a> {
    Convention { system, trust, place, means, cut: None, agents: &[], label: None }
}

impl<'a> Convention<'a> {
    const fn cut(self, cut: Cut) -> Self {
        Self { cut: Some(cut), ..self }
    }

    const fn only(self, agents: &'a [&'a str]) -> Self {
        Self { agents, ..self }
    }

    const fn called(self, label: &'a str) -> Self {
        Self { label: Some(label), ..self }
    }

    /// One that the configuration names.
    pub fn configured(name: &'a str, place: Place<'a>, means: Means) -> Self {
        let line = line(name, Configured, place, means);
        if place.is_pattern() { line } else { line.called(name) }
    }
}

const fn at(source: Source, name: &str) -> Place<'_> {
    Place { source, name, path: "" }
}

const fn label(key: &str) -> Place<'_> {
    at(Source::Label, key)
}

const fn header(name: &str) -> Place<'_> {
    at(Source::Header, name)
}

const fn inside<'a>(name: &'a str, path: &'a str) -> Place<'a> {
    Place { source: Source::Header, name, path }
}

const fn baggage(name: &str) -> Place<'_> {
    at(Source::Baggage, name)
}

const fn body(path: &str) -> Place<'_> {
    at(Source::Body, path)
}

const CODEX: &[&str] = &["codex"];
/// Agents whose `prompt_cache_key` is the conversation's id.
const KEYED: &[&str] = &["codex", "copilot", "opencode"];
const TURN_METADATA: &str = "x-codex-turn-metadata";

#[rustfmt::skip]
pub const CONVENTIONS: &[Convention<'static>] = &[
    line("wiretape", Own, label("session"), Session),
    line("wiretape", Own, label("parent_session"), ParentSession),
    line("wiretape", Own, label("thread"), Thread),
    line("wiretape", Own, label("parent_thread"), ParentThread),
    line("wiretape", Own, label("turn"), Turn),
    line("wiretape", Own, label("trace"), Trace),
    line("wiretape", Own, label("parent_span"), ParentSpan),
    line("wiretape", Own, label("user"), User),
    line("wiretape", Own, label("tag"), Tag),
    line("wiretape", Own, label("tags"), Tag),
    line("wiretape", Own, label("prompt_version"), PromptVersion),
    line("wiretape", Own, label("trace_name"), TraceName),
    line("wiretape", Own, label("name"), TraceName),
    line("wiretape", Own, label("session_name"), SessionName),
    line("wiretape", Own, label("agent"), Agent),
    line("wiretape", Own, label("role"), Role),
    line("wiretape", Own, label("*"), Label),

    line("Helicone", Vendor, header("helicone-session-id"), Session),
    line("Helicone", Vendor, header("helicone-session-name"), SessionName),
    line("Helicone", Vendor, header("helicone-session-path"), Label).called("session_path"),
    line("Helicone", Vendor, header("helicone-request-id"), Request),
    line("Helicone", Vendor, header("helicone-user-id"), User),
    line("Helicone", Vendor, header("helicone-prompt-version"), PromptVersion),
    line("Helicone", Vendor, header("helicone-prompt-id"), Label).called("prompt_id"),
    line("Helicone", Vendor, header("helicone-prompt-name"), Label).called("prompt_name"),
    line("Helicone", Vendor, header("helicone-experiment-id"), Label).called("experiment"),
    line("Helicone", Vendor, header("helicone-node-id"), Label).called("node"),
    line("Helicone", Vendor, header("helicone-property-*"), Label),

    line("Portkey", Vendor, header("x-portkey-trace-id"), Trace),
    line("Portkey", Vendor, header("x-portkey-parent-span-id"), ParentSpan),
    line("Portkey", Vendor, header("x-portkey-span-id"), Request),
    line("Portkey", Vendor, header("x-portkey-span-name"), Label).called("span_name"),
    line("Portkey", Vendor, header("x-portkey-metadata"), Metadata),

    line("LiteLLM", Vendor, header("x-litellm-session-id"), Session),
    line("LiteLLM", Vendor, header("x-litellm-trace-id"), Trace),
    line("LiteLLM", Vendor, header("x-litellm-call-id"), Request),
    line("LiteLLM", Vendor, header("x-litellm-end-user-id"), User),
    line("LiteLLM", Vendor, header("x-litellm-customer-id"), User),
    line("LiteLLM", Vendor, header("x-litellm-user-id"), User),
    line("LiteLLM", Vendor, header("x-litellm-team-id"), Label).called("team"),
    line("LiteLLM", Vendor, header("x-litellm-agent-id"), Agent),
    line("LiteLLM", Vendor, header("x-litellm-tags"), Tag),
    line("LiteLLM", Vendor, header("x-litellm-spend-logs-metadata"), Metadata),
    line("LiteLLM", Vendor, body("litellm_session_id"), Session),
    line("LiteLLM", Vendor, body("litellm_trace_id"), Trace),
    line("LiteLLM", Vendor, body("litellm_metadata"), Metadata),

    line("Langfuse", Vendor, header("langfuse_session_id"), Session),
    line("Langfuse", Vendor, header("langfuse_trace_id"), Trace),
    line("Langfuse", Vendor, header("langfuse_existing_trace_id"), Trace),
    line("Langfuse", Vendor, header("langfuse_parent_observation_id"), ParentSpan),
    line("Langfuse", Vendor, header("langfuse_trace_name"), TraceName),
    line("Langfuse", Vendor, header("langfuse_user_id"), User),
    line("Langfuse", Vendor, header("langfuse_trace_user_id"), User),
    line("Langfuse", Vendor, header("langfuse_tags"), Tag),
    line("Langfuse", Vendor, header("langfuse_prompt_version"), PromptVersion),
    line("Langfuse", Vendor, header("langfuse_prompt_id"), Label).called("prompt_id"),
    line("Langfuse", Vendor, header("langfuse_generation_name"), Label).called("generation_name"),
    line("Langfuse", Vendor, header("langfuse_trace_metadata"), Metadata),

    line("OpenRouter, opencode, LiteLLM", Vendor, header("x-session-id"), Session),
    line("opencode, LiteLLM", Vendor, header("x-parent-session-id"), ParentSession),
    line("opencode, LiteLLM", Vendor, header("x-parent-session-id"), Role).cut(cut::subagent),
    line("OpenRouter", Vendor, body("trace.trace_id"), Trace),
    line("OpenRouter", Vendor, body("trace.trace_name"), TraceName),
    line("OpenRouter", Vendor, body("trace.parent_span_id"), ParentSpan),
    line("OpenRouter", Vendor, body("trace.span_name"), Label).called("span_name"),
    line("OpenRouter", Vendor, body("trace.generation_name"), Label).called("generation_name"),
    line("OpenRouter", Vendor, header("x-title"), Label).called("app"),

    line("Cloudflare", Vendor, header("cf-aig-metadata"), Metadata),
    line("Cloudflare", Vendor, header("cf-aig-otel-trace-id"), Trace),
    line("Cloudflare", Vendor, header("cf-aig-event-id"), Request),

    line("Braintrust", Vendor, header("x-bt-parent"), ParentSpan).cut(cut::braintrust_span),
    line("Braintrust", Vendor, header("x-bt-span-id"), ParentSpan),
    line("Braintrust", Vendor, header("x-bt-project-name"), Label).called("project"),
    line("Braintrust", Vendor, header("x-bt-project-id"), Label).called("project_id"),

    line("LangSmith", Vendor, header("langsmith-trace"), Trace).cut(cut::langsmith_trace),
    line("LangSmith", Vendor, header("langsmith-trace"), ParentSpan).cut(cut::langsmith_run),
    line("LangSmith", Vendor, baggage("langsmith-metadata"), Metadata),
    line("LangSmith", Vendor, baggage("langsmith-tags"), Tag),
    line("LangSmith", Vendor, baggage("langsmith-project"), Label).called("project"),

    line("Opik", Vendor, header("opik_trace_id"), Trace),
    line("Opik", Vendor, header("opik_parent_span_id"), ParentSpan),
    line("Opik", Vendor, header("comet-workspace"), Label).called("workspace"),

    line("MLflow", Vendor, header("x-mlflow-experiment-id"), Label).called("experiment"),
    line("MLflow", Vendor, header("x-mlflow-run-id"), Label).called("run"),
    line("MLflow", Vendor, header("x-mlflow-gateway-caller"), Label).called("caller"),
    line("MLflow", Vendor, baggage("mlflow.trace.session"), Session),
    line("MLflow", Vendor, baggage("mlflow.trace.user"), User),

    line("TensorZero", Vendor, body("tensorzero::episode_id"), Session),
    line("TensorZero", Vendor, body("tensorzero::tags"), Metadata),

    line("Archestra", Vendor, header("x-archestra-session-id"), Session),
    line("TrueFoundry", Vendor, header("x-tfy-metadata"), Metadata),

    line("Claude Code", Native, header("x-claude-code-session-id"), Session),
    line("Claude Code", Native, header("x-claude-code-agent-id"), Thread),
    line("Claude Code", Native, header("x-claude-code-agent-id"), Role).cut(cut::subagent),
    line("Claude Code", Native, header("x-claude-code-parent-agent-id"), ParentThread),
    line("Claude Code", Native, header("x-claude-code-prompt-id"), Turn),
    line("Claude Code", Native, header("x-claude-code-agent-type"), Agent),
    line("Claude Code", Native, header("x-claude-code-request-class"), Role),
    line("Claude Code", Native, header("x-claude-code-compaction"), Role).cut(cut::compaction),
    line("Claude Code", Native, header("x-claude-code-prev-tool-durations"), ToolDurations),
    line("Claude Code", Native, header("x-claude-remote-session-id"), Label).called("remote_session"),
    line("Claude Code", Native, Place { source: Source::System, name: "cc_is_subagent", path: "" }, Role).cut(cut::yes_subagent),
    line("Claude Code", Native, body("metadata.user_id.session_id"), Session),
    line("Claude Code", Native, body("metadata.user_id.parent_session_id"), ParentSession),
    line("Claude Code", Native, body("metadata.user_id.account_uuid"), Account),
    line("Claude Code", Native, body("metadata.user_id.device_id"), Device),
    line("Claude Code, Kimi", Native, body("metadata.user_id"), Session).cut(cut::joined_session),
    line("Claude Code", Native, body("metadata.user_id"), Account).cut(cut::joined_account),

    line("Codex", Native, header("session-id"), Session).only(CODEX),
    line("Codex", Native, body("client_metadata.session_id"), Session),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.session_id"), Session),
    line("Codex", Native, inside(TURN_METADATA, "session_id"), Session),
    line("Codex", Native, header("session_id"), Session).only(CODEX),
    line("Codex", Native, header("conversation_id"), Session).only(CODEX),
    line("Codex", Native, body("client_metadata.thread_id"), Thread),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.thread_id"), Thread),
    line("Codex", Native, header("thread-id"), Thread).only(CODEX),
    line("Codex", Native, inside(TURN_METADATA, "thread_id"), Thread),
    line("Codex", Native, body("client_metadata.parent_thread_id"), ParentThread),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.parent_thread_id"), ParentThread),
    line("Codex", Native, body("client_metadata.x-codex-parent-thread-id"), ParentThread),
    line("Codex", Native, header("x-codex-parent-thread-id"), ParentThread),
    line("Codex", Native, inside(TURN_METADATA, "parent_thread_id"), ParentThread),
    // A sub-agent has turns of its own; the root's is what the user asked for.
    line("Codex", Native, body("client_metadata.root_turn_id"), Turn),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.root_turn_id"), Turn),
    line("Codex", Native, inside(TURN_METADATA, "root_turn_id"), Turn),
    line("Codex", Native, body("client_metadata.turn_id"), Turn),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.turn_id"), Turn),
    line("Codex", Native, inside(TURN_METADATA, "turn_id"), Turn),
    line("Codex", Native, body("client_metadata.thread_source"), Role),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.thread_source"), Role),
    line("Codex", Native, inside(TURN_METADATA, "thread_source"), Role),
    line("Codex", Native, body("client_metadata.request_kind"), Role),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.request_kind"), Role),
    line("Codex", Native, inside(TURN_METADATA, "request_kind"), Role),
    line("Codex", Native, body("generate"), Role).cut(cut::no_side),
    line("Codex", Native, body("client_metadata.x-openai-subagent"), Role),
    line("Codex", Native, header("x-openai-subagent"), Role),
    line("Codex", Native, body("client_metadata.agent_name"), Agent),
    line("Codex", Native, body("client_metadata.x-codex-turn-metadata.agent_name"), Agent),
    line("Codex", Native, inside(TURN_METADATA, "agent_name"), Agent),
    line("Codex", Native, header("chatgpt-account-id"), Account),
    line("Codex", Native, header("x-codex-installation-id"), Device),

    line("opencode", Native, header("x-opencode-session"), Session),
    line("opencode", Native, header("x-opencode-request"), Turn),
    line("opencode", Native, header("x-opencode-project"), Label).called("project"),
    // A date and a count: two machines may have the same on one day.
    line("goose, Envoy AI Gateway", Native, header("agent-session-id"), Session),
    line("Gemini CLI, OpenRouter", Native, body("session_id"), Session),
    line("Gemini CLI", Native, body("request.session_id"), Session),
    line("Gemini CLI", Native, body("user_prompt_id"), Turn),
    line("GitHub Copilot", Native, header("x-interaction-type"), Role),
    line("GitHub Copilot", Native, header("x-initiator"), Role),
    line("Kimi", Native, header("x-msh-device-id"), Device),
    line("Open WebUI", Native, header("x-openwebui-chat-id"), Session),
    line("Open WebUI", Native, header("x-openwebui-user-id"), User),
    line("Kilo Code", Native, header("x-kilocode-taskid"), Session),
    line("Roo Code", Native, header("x-roo-task-id"), Session),
    line("docker-agent", Native, header("x-cagent-compacting"), Role).cut(cut::yes_compaction),
    line("docker-agent", Native, header("x-cagent-generatingtitle"), Role).cut(cut::yes_side),
    line("SDKs of OpenAI and Anthropic", Native, header("x-stainless-retry-count"), Retries),
    line("SDKs of AWS", Native, header("amz-sdk-request"), Retries).cut(cut::retries_of_attempt),

    line("OpenAI", Api, body("conversation"), Session),
    line("xAI", Api, header("x-grok-conv-id"), Session),
    line("Codex, Copilot, opencode", Api, body("prompt_cache_key"), Session).only(KEYED),
    line("AWS Bedrock", Api, body("requestMetadata"), Metadata),
    line("AWS Bedrock", Api, header("x-amzn-bedrock-request-metadata"), Metadata),
    line("OpenAI, Anthropic, LiteLLM", Api, body("metadata"), Metadata),
    line("OpenAI", Api, body("safety_identifier"), User),
    line("OpenAI", Api, body("user"), User),
    line("OpenAI", Api, header("openai-project"), Label).called("project"),
    line("OpenAI", Api, header("openai-organization"), Account),
    line("OpenAI", Api, header("x-client-request-id"), Request),

    line("Codex", Context, body("client_metadata.ws_request_header_traceparent"), Trace).cut(cut::w3c_trace),
    line("Codex", Context, body("client_metadata.ws_request_header_traceparent"), ParentSpan).cut(cut::w3c_span),
    line("W3C", Context, header("traceparent"), Trace).cut(cut::w3c_trace),
    line("W3C", Context, header("traceparent"), ParentSpan).cut(cut::w3c_span),
    line("Langfuse", Context, baggage("langfuse.session.id"), Session),
    line("Langfuse", Context, baggage("langfuse_session_id"), Session),
    line("OpenTelemetry", Context, baggage("session.id"), Session),
    line("OpenTelemetry", Context, baggage("gen_ai.conversation.id"), Session),
    line("Traceloop", Context, baggage("traceloop.association.properties.session_id"), Session),
    line("Traceloop", Context, baggage("traceloop.association.properties.chat_id"), Session),
    line("Langfuse", Context, baggage("langfuse.user.id"), User),
    line("Langfuse", Context, baggage("langfuse_user_id"), User),
    line("OpenTelemetry", Context, baggage("user.id"), User),
    line("OpenTelemetry", Context, baggage("enduser.id"), User),
    line("Traceloop", Context, baggage("traceloop.association.properties.user_id"), User),
    line("Langfuse", Context, baggage("langfuse.trace.name"), TraceName),
    line("Langfuse", Context, baggage("langfuse_trace_name"), TraceName),
    line("Langfuse", Context, baggage("langfuse.tags"), Tag),
    line("Langfuse", Context, baggage("langfuse.trace.tags"), Tag),
    line("Langfuse", Context, baggage("langfuse_tags"), Tag),
    line("OpenInference", Context, baggage("tag.tags"), Tag),
    line("Langfuse", Context, baggage("langfuse.observation.prompt.version"), PromptVersion),
    line("OpenTelemetry", Context, baggage("gen_ai.agent.name"), Agent),
    line("Langfuse", Context, baggage("langfuse.environment"), Label).called("environment"),
    line("Langfuse", Context, baggage("langfuse.release"), Label).called("release"),
    line("Langfuse", Context, baggage("langfuse.version"), Label).called("version"),
    line("Langfuse", Context, baggage("langfuse.trace.metadata.*"), Label),
    line("Langfuse", Context, baggage("langfuse_metadata_*"), Label),
    line("OpenInference", Context, baggage("metadata"), Metadata),
    line("Traceloop", Context, baggage("traceloop.association.properties.*"), Label),

    line("anyone", Generic, header("x-*-session-id"), Session).cut(cut::token),
    line("anyone", Generic, header("session-id"), Session),
    line("anyone", Generic, header("x-conversation-id"), Session),
    line("opencode", Generic, header("x-session-affinity"), Session),
    line("anyone", Generic, header("x-thread-id"), Thread),
    line("anyone", Generic, header("thread-id"), Thread),
    line("OpenAI", Generic, body("prompt_cache_key"), Session).cut(cut::random),
    // Where nothing else groups the turns of a conversation, its thread does.
    line("anyone", Generic, header("x-thread-id"), Session),
    line("anyone", Generic, header("x-user-id"), User),
    // A person's account at the provider is better than nobody.
    line("Claude Code", Generic, body("metadata.user_id.account_uuid"), User),
    line("Claude Code", Generic, body("metadata.user_id"), User).cut(cut::joined_account),
    line("anyone", Generic, header("x-request-id"), Request),
    line("anyone", Generic, header("x-correlation-id"), Request),
];

/// What names in an object of metadata mean, the more telling first. All others are labels.
pub const KEYS: &[(&str, Means)] = &[
    ("session_id", Session),
    ("sessionId", Session),
    ("session", Session),
    ("langfuse_session_id", Session),
    ("mlflow.trace.session", Session),
    ("conversation_id", Session),
    ("conversationId", Session),
    ("thread_id", Session),
    ("threadId", Session),
    ("parent_session_id", ParentSession),
    ("turn_id", Turn),
    ("trace_id", Trace),
    ("traceId", Trace),
    ("existing_trace_id", Trace),
    ("langfuse_trace_id", Trace),
    ("parent_observation_id", ParentSpan),
    ("parent_span_id", ParentSpan),
    ("_user", User),
    ("user_id", User),
    ("userId", User),
    ("user", User),
    ("trace_user_id", User),
    ("langfuse_user_id", User),
    ("mlflow.trace.user", User),
    ("end_user_id", User),
    ("tags", Tag),
    ("langfuse_tags", Tag),
    ("trace_name", TraceName),
    ("session_name", SessionName),
    ("prompt_version", PromptVersion),
    ("agent_name", Agent),
];

/// Whether a line of the table is about this very name.
pub fn has_own_line(source: Source, name: &str) -> bool {
    CONVENTIONS
        .iter()
        .any(|line| line.place.source == source && line.place.name == name && !line.place.is_pattern())
}

/// Whether a line of the table reads this member of an object of metadata, or what is within it.
pub fn reads_member(object: &Place, key: &str) -> bool {
    CONVENTIONS.iter().any(|line| object.leads_to(key, &line.place))
}
