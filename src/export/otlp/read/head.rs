//! A span's head: what it is, when, whose, and how it ended, under whichever names an SDK says it.

use serde_json::{Map, Value, json};

use super::super::message::{ERROR, Scope, Span};
use super::bag::Bag;
use crate::model::{Kind, Micros, ObservationId, TraceId};

/// What a span is.
pub fn kind(bag: &Bag, span: &Span) -> Kind {
    let said = |keys: &[&str]| bag.text(keys).map(|text| text.to_ascii_lowercase());
    if let Some(kind) = said(&["langfuse.observation.type"]) {
        return Kind::from_name(&kind).unwrap_or(Kind::Span);
    }
    if let Some(kind) = said(&["openinference.span.kind"]) {
        return match kind.as_str() {
            "llm" => Kind::Generation,
            "tool" => Kind::Tool,
            "retriever" | "reranker" => Kind::Retriever,
            "embedding" => Kind::Embedding,
            _ => Kind::Span,
        };
    }
    if let Some(operation) = said(&["gen_ai.operation.name"]) {
        return match operation.as_str() {
            "chat" | "text_completion" | "completion" | "generate_content" | "responses" => Kind::Generation,
            "execute_tool" => Kind::Tool,
            "embeddings" | "embedding" => Kind::Embedding,
            "retrieval" | "rerank" => Kind::Retriever,
            _ => Kind::Span,
        };
    }
    if let Some(kind) = said(&["traceloop.span.kind"]) {
        return if kind == "tool" { Kind::Tool } else { Kind::Span };
    }
    if let Some(kind) = said(&["llm.request.type"]) {
        return match kind.as_str() {
            "embedding" => Kind::Embedding,
            "rerank" => Kind::Retriever,
            _ => Kind::Generation,
        };
    }
    if let Some(operation) = said(&["ai.operationid"]).or_else(|| said(&["ai.operationId"])) {
        return match operation.as_str() {
            _ if operation.ends_with(".dogenerate") || operation.ends_with(".dostream") => Kind::Generation,
            _ if operation.ends_with(".doembed") => Kind::Embedding,
            "ai.toolcall" => Kind::Tool,
            _ => Kind::Span,
        };
    }
    let is_call = bag.get("gen_ai.system").is_some() && bag.get("gen_ai.request.model").is_some();
    let is_point = span.start_time_unix_nano == span.end_time_unix_nano && span.attributes.is_empty();
    match (is_call, is_point) {
        (true, _) => Kind::Generation,
        (false, true) => Kind::Event,
        (false, false) => Kind::Span,
    }
}

/// The record's head.
pub fn head(
    span: &Span,
    kind: Kind,
    bag: &Bag,
    resource: &Bag,
    scope: Option<&Scope>,
) -> Result<Map<String, Value>, String> {
    let id = |bytes: &[u8]| -> Option<u64> {
        let bytes: [u8; 8] = bytes.try_into().ok()?;
        Some(u64::from_be_bytes(bytes)).filter(|id| *id != 0)
    };
    let trace: Option<[u8; 16]> = span.trace_id.as_slice().try_into().ok();
    let trace = trace.map(u128::from_be_bytes).filter(|trace| *trace != 0);
    let trace = trace.ok_or("a trace's id is not 16 bytes")?;
    let own = id(&span.span_id).ok_or("a span's id is not 8 bytes")?;
    let start = Micros(span.start_time_unix_nano / 1000);
    let end = Micros(span.end_time_unix_nano / 1000).max(start);
    let mut head = Head(Map::new());
    head.put("id", ObservationId(own).to_string().into());
    head.put("trace_id", TraceId(trace).to_string().into());
    head.put("session_id", json!(bag.text(SESSION)));
    head.put("parent_id", json!(id(&span.parent_span_id).map(|id| ObservationId(id).to_string())));
    head.put("type", kind.name().into());
    head.put("name", span.name.as_str().into());
    head.put("start_time", start.rfc3339().into());
    let first = first_token(bag, start);
    head.put("first_token_time", json!(first.map(Micros::rfc3339)));
    head.put("end_time", end.rfc3339().into());
    head.put("duration_ms", millis(start, end));
    head.put("ttft_ms", first.map_or(Value::Null, |first| millis(start, first)));
    ended(span, bag, &mut head);
    if kind == Kind::Tool {
        let name = bag.text(&["gen_ai.tool.name", "tool.name", "traceloop.entity.name", "ai.toolCall.name"]);
        let call = bag.text(&["gen_ai.tool.call.id", "tool.id", "tool_call.id", "ai.toolCall.id"]);
        let name = name.unwrap_or_else(|| span.name.clone());
        head.put("name", name.as_str().into());
        let mut tool = Head(Map::new());
        tool.put("call_id", json!(call));
        tool.put("name", name.into());
        head.put("tool", Value::Object(tool.0));
    }
    if matches!(kind, Kind::Generation | Kind::Embedding | Kind::Retriever) {
        called(bag, &mut head);
    }
    whose(bag, resource, &mut head);
    let (name, version) = scope.map_or(("", ""), |scope| (scope.name.as_str(), scope.version.as_str()));
    let mut instrumentation = Head(Map::new());
    instrumentation.put("name", if name.is_empty() { "otlp" } else { name }.into());
    instrumentation.put("version", json!(Some(version).filter(|version| !version.is_empty())));
    head.put("instrumentation", Value::Object(instrumentation.0));
    Ok(head.0)
}

struct Head(Map<String, Value>);

impl Head {
    fn put(&mut self, key: &str, value: Value) {
        if !value.is_null() {
            self.0.insert(key.to_owned(), value);
        }
    }
}

fn millis(from: Micros, to: Micros) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a span does not take centuries")]
    let micros = to.0.saturating_sub(from.0) as f64;
    json!(micros / 1000.0)
}

fn first_token(bag: &Bag, start: Micros) -> Option<Micros> {
    if let Some(text) = bag.text(&["langfuse.observation.completion_start_time"]) {
        return Micros::parse_rfc3339(text.trim_matches('"'));
    }
    let seconds = bag
        .number(&["gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"])
        .or_else(|| Some(bag.number(&["ai.response.msToFirstChunk"])? / 1000.0))?;
    let after = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Some(Micros(start.0.saturating_add(u64::try_from(after.as_micros()).ok()?)))
}

fn ended(span: &Span, bag: &Bag, head: &mut Head) {
    let failed = span.status.as_ref().filter(|status| status.code == ERROR);
    let level = bag.text(&["langfuse.observation.level"]);
    if failed.is_none() && level.as_deref() != Some("ERROR") {
        head.put("status", "ok".into());
        return;
    }
    head.put("status", "error".into());
    let exception = span.events.iter().rev().find(|event| event.name == "exception");
    let exception = exception.map(|event| Bag::of(&event.attributes)).unwrap_or_default();
    let message = failed.map(|status| status.message.clone()).filter(|message| !message.is_empty());
    let message = message
        .or_else(|| exception.text(&["exception.message"]))
        .or_else(|| bag.text(&["langfuse.observation.status_message"]));
    let kind = bag.text(&["error.type"]).or_else(|| exception.text(&["exception.type"]));
    let mut error = Head(Map::new());
    error.put("type", json!(kind));
    error.put("message", json!(message));
    head.put("error", Value::Object(error.0));
}

/// Providers as others name them, and as we do.
const PROVIDERS: &[(&str, &str)] = &[
    ("aws.bedrock", "bedrock"),
    ("aws", "bedrock"),
    ("azure.ai.openai", "azure"),
    ("az.ai.openai", "azure"),
    ("azure.ai.inference", "azure"),
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("google", "gemini"),
    ("gcp.vertex_ai", "vertex"),
    ("vertexai", "vertex"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("x_ai", "xai"),
    ("moonshot_ai", "moonshot"),
];

fn called(bag: &Bag, head: &mut Head) {
    let provider = bag.text(&[
        "gen_ai.provider.name",
        "gen_ai.system",
        "llm.provider",
        "llm.system",
        "ai.model.provider",
    ]);
    let provider = provider.map(|own| {
        let own = own.to_ascii_lowercase();
        PROVIDERS.iter().find(|(theirs, _)| *theirs == own).map_or(own, |(_, ours)| (*ours).to_owned())
    });
    head.put("provider", json!(provider));
    head.put("operation", json!(bag.text(&["gen_ai.operation.name"])));
    let asked = [
        "gen_ai.request.model",
        "llm.request.model_name",
        "langfuse.observation.model.name",
        "llm.model_name",
        "embedding.model_name",
        "ai.model.id",
        "model",
    ];
    head.put("request_model", json!(bag.text(&asked)));
    head.put(
        "response_model",
        json!(bag.text(&["gen_ai.response.model", "llm.response.model_name", "ai.response.model"])),
    );
    head.put("response_id", json!(bag.text(&["gen_ai.response.id", "ai.response.id"])));
    head.put(
        "streamed",
        json!(
            bag.get("gen_ai.request.stream").or_else(|| bag.get("llm.is_streaming")).and_then(Value::as_bool)
        ),
    );
    head.put("parameters", parameters(bag));
    let reasons =
        bag.texts(&["gen_ai.response.finish_reasons", "llm.finish_reason", "ai.response.finishReason"]);
    head.put("finish_reason", json!(reasons.first()));
    head.put("usage", usage(bag));
    head.put("cost", cost(bag));
}

fn parameters(bag: &Bag) -> Value {
    if let Some(Value::Object(own)) =
        bag.json(&["llm.invocation_parameters", "langfuse.observation.model.parameters"])
    {
        return Value::Object(own);
    }
    const APART: &[&str] = &["model", "stream"];
    let own = bag.0.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix("gen_ai.request.").filter(|key| !APART.contains(key))?;
        Some((key.to_owned(), value.clone()))
    });
    let own: Map<String, Value> = own.collect();
    if own.is_empty() { Value::Null } else { Value::Object(own) }
}

fn usage(bag: &Bag) -> Value {
    let mut usage = Map::new();
    let details = bag.json(&["langfuse.observation.usage_details"]);
    let inner = |path: &str| details.as_ref()?.pointer(path)?.as_u64();
    let of_langfuse = |begin: &str| {
        // A provider's own object is handed on as it is.
        let plain = match begin {
            "input" => inner("/prompt_tokens"),
            "output" => inner("/completion_tokens"),
            "input_cached" => inner("/prompt_tokens_details/cached_tokens"),
            "output_reasoning" => inner("/completion_tokens_details/reasoning_tokens"),
            _ => None,
        };
        if plain.is_some() {
            return plain;
        }
        let own = details.as_ref()?.as_object()?.iter();
        let counts: Vec<u64> =
            own.filter(|(key, _)| key.starts_with(begin)).filter_map(|(_, count)| count.as_u64()).collect();
        (!counts.is_empty()).then(|| counts.iter().sum::<u64>())
    };
    let counts = [
        (
            "input",
            of_langfuse("input").or_else(|| {
                bag.count(&[
                    "gen_ai.usage.input_tokens",
                    "gen_ai.usage.prompt_tokens",
                    "llm.token_count.prompt",
                    "llm.usage.prompt_tokens",
                ])
            }),
        ),
        (
            "output",
            of_langfuse("output").or_else(|| {
                bag.count(&[
                    "gen_ai.usage.output_tokens",
                    "gen_ai.usage.completion_tokens",
                    "llm.token_count.completion",
                    "llm.usage.completion_tokens",
                ])
            }),
        ),
        (
            "total",
            bag.count(&["llm.usage.total_tokens", "llm.token_count.total", "gen_ai.usage.total_tokens"]),
        ),
        (
            "cache_read",
            of_langfuse("input_cached").or_else(|| {
                bag.count(&[
                    "gen_ai.usage.cache_read.input_tokens",
                    "gen_ai.usage.cache_read_input_tokens",
                    "llm.token_count.prompt_details.cache_read",
                ])
            }),
        ),
        (
            "cache_write",
            of_langfuse("input_cache_creation").or_else(|| {
                bag.count(&[
                    "gen_ai.usage.cache_write.input_tokens",
                    "gen_ai.usage.cache_creation.input_tokens",
                    "gen_ai.usage.cache_creation_input_tokens",
                    "llm.token_count.prompt_details.cache_write",
                ])
            }),
        ),
        (
            "reasoning",
            of_langfuse("output_reasoning").or_else(|| {
                bag.count(&[
                    "gen_ai.usage.reasoning.output_tokens",
                    "gen_ai.usage.reasoning_tokens",
                    "llm.token_count.completion_details.reasoning",
                ])
            }),
        ),
    ];
    for (key, count) in counts {
        if let Some(count) = count {
            usage.insert(key.to_owned(), count.into());
        }
    }
    if usage.is_empty() {
        return Value::Null;
    }
    usage.insert("source".to_owned(), "reported".into());
    Value::Object(usage)
}

fn cost(bag: &Bag) -> Value {
    let details = bag.json(&["langfuse.observation.cost_details", "mlflow.llm.cost"]);
    let inner = |keys: &[&str]| keys.iter().find_map(|key| details.as_ref()?.get(*key)?.as_f64());
    let total =
        inner(&["total", "total_cost"]).or_else(|| bag.number(&["gen_ai.usage.cost", "llm.cost.total"]));
    let Some(total) = total else { return Value::Null };
    let mut cost = Head(Map::new());
    cost.put("input", json!(inner(&["input", "input_cost"]).or_else(|| bag.number(&["llm.cost.prompt"]))));
    cost.put(
        "output",
        json!(inner(&["output", "output_cost"]).or_else(|| bag.number(&["llm.cost.completion"]))),
    );
    cost.put("total", json!(total));
    cost.put("currency", "USD".into());
    cost.put("source", "sdk".into());
    Value::Object(cost.0)
}

const SESSION: &[&str] = &[
    "session.id",
    "langfuse.session.id",
    "gen_ai.conversation.id",
    "traceloop.association.properties.session_id",
    "langsmith.metadata.session_id",
    "langsmith.metadata.thread_id",
    "ai.telemetry.metadata.sessionId",
];
const USER: &[&str] = &[
    "user.id",
    "langfuse.user.id",
    "enduser.id",
    "traceloop.association.properties.user_id",
    "langsmith.metadata.user_id",
    "ai.telemetry.metadata.userId",
];
/// What SDKs let their users say of their own.
const LABELS: &[&str] = &[
    "traceloop.association.properties.",
    "langfuse.trace.metadata.",
    "langsmith.metadata.",
    "ai.telemetry.metadata.",
];

fn whose(bag: &Bag, resource: &Bag, head: &mut Head) {
    head.put("user", json!(bag.text(USER)));
    let tags = bag.texts(&["langfuse.trace.tags", "langfuse.tags", "tag.tags", "langsmith.span.tags"]);
    if !tags.is_empty() {
        head.put("tags", json!(tags));
    }
    let mut labels = Map::new();
    for prefix in LABELS {
        labels.extend(bag.below(prefix).into_iter().map(|(key, value)| (key, value.into())));
    }
    if let Some(agent) = bag.text(&["gen_ai.agent.name", "agent.name"]) {
        labels.insert("agent".to_owned(), agent.into());
    }
    if !labels.is_empty() {
        head.put("labels", Value::Object(labels));
    }
    if let Some(name) = resource.text(&["service.name"]) {
        let mut client = Head(Map::new());
        client.put("name", name.into());
        client.put("version", json!(resource.text(&["service.version"])));
        head.put("client", Value::Object(client.0));
    }
}

/// The calls of tools that an answer asks for.
pub fn put_calls(head: &mut Map<String, Value>, output: &[Value]) {
    let parts = output.iter().filter_map(|message| message.get("parts")?.as_array()).flatten();
    let calls = parts.filter(|part| part.get("type").is_some_and(|kind| kind == "tool_call"));
    let calls: Vec<Value> = calls
        .map(|part| json!({"id": part.get("id"), "name": part.get("name"), "arguments": part.get("arguments")}))
        .collect();
    if !calls.is_empty() {
        head.insert("tool_calls".to_owned(), calls.into());
    }
}
