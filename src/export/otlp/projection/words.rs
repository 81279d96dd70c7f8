//! What several projections say of a step, and providers by the names that others have for them.

use serde_json::{Map, Value, json};

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};

/// A provider as we, OpenTelemetry, OpenTelemetry before 1.37, and OpenInference (system, provider) name it.
struct Names(&'static str, &'static str, &'static str, &'static str, &'static str);

/// Those of which the names differ from ours.
const PROVIDERS: &[Names] = &[
    Names("bedrock", "aws.bedrock", "aws.bedrock", "", "aws"),
    Names("azure", "azure.ai.openai", "az.ai.openai", "openai", "azure"),
    Names("gemini", "gcp.gemini", "gcp.gemini", "vertexai", "google"),
    Names("vertex", "gcp.vertex_ai", "gcp.vertex_ai", "vertexai", "google"),
    Names("mistral", "mistral_ai", "mistral_ai", "mistralai", "mistralai"),
    Names("xai", "x_ai", "xai", "xai", "xai"),
    Names("moonshot", "moonshot_ai", "moonshot_ai", "openai", "moonshot"),
    Names("chatgpt", "openai", "openai", "openai", "openai"),
];

fn names(step: &Step) -> Option<&'static Names> {
    let own = step.provider.as_deref()?;
    PROVIDERS.iter().find(|names| names.0 == own)
}

/// A provider's name as OpenTelemetry has it.
pub fn provider_name(own: &str) -> &str {
    PROVIDERS.iter().find(|names| names.0 == own).map_or(own, |names| names.1)
}

/// `gen_ai.provider.name`
pub fn provider(step: &Step) -> Option<&str> {
    names(step).map(|names| names.1).or(step.provider.as_deref())
}

/// `gen_ai.system`, its predecessor.
pub fn system(step: &Step) -> Option<&str> {
    names(step).map(|names| names.2).or(step.provider.as_deref())
}

/// `llm.system`: whose interface was spoken.
pub fn llm_system(step: &Step) -> Option<&str> {
    let spoken = step.dialect.as_deref().and_then(|dialect| dialect.split('.').next());
    match (names(step), spoken) {
        (_, Some(spoken @ ("openai" | "anthropic" | "cohere"))) => Some(spoken),
        (Some(names), _) if !names.3.is_empty() => Some(names.3),
        _ => step.provider.as_deref(),
    }
}

/// `llm.provider`: who hosts the model.
pub fn llm_provider(step: &Step) -> Option<&str> {
    names(step).map(|names| names.4).or(step.provider.as_deref())
}

/// Where providers put settings one level further in.
const NESTED: &[&str] = &["generationConfig", "inferenceConfig", "options", "config"];

/// A setting of the call under any of the names that providers have for it.
pub fn parameter<'a>(step: &'a Step, names: &[&str]) -> Option<&'a Value> {
    let parameters = &step.parameters;
    let own = names.iter().find_map(|name| parameters.get(*name));
    own.or_else(|| {
        let nested = NESTED.iter().filter_map(|key| parameters.get(*key)?.as_object());
        nested.flat_map(|inner| names.iter().filter_map(|name| inner.get(*name))).next()
    })
}

/// What we know of a step that no convention has a name for. Under names of our own.
pub fn own(step: &Step, to: &mut Attributes) {
    for (key, value) in own_pairs(step) {
        to.value(&format!("wiretape.{key}"), &value);
    }
}

/// The same, by itself.
pub fn own_pairs(step: &Step) -> Map<String, Value> {
    let mut pairs = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            pairs.insert(key.to_owned(), value);
        }
    };
    if !matches!(step.status.as_str(), "ok" | "error" | "") {
        put("status", step.status.as_str().into());
    }
    if step.usage.is_estimated && step.usage.input.or(step.usage.output).is_some() {
        put("usage_estimated", true.into());
    }
    put("content", json!(step.content.mode));
    put("side", json!(step.side));
    put("attempt", json!(step.attempt));
    put("prompt_version", json!(step.prompt_version));
    put("client", json!(step.client));
    if !step.losses.is_empty() {
        put("losses", json!(step.losses));
    }
    pairs
}

/// What a list shows of a step: what the user said last, and what the model answered; of a tool what it was given.
pub fn shown(step: &Step) -> (Option<String>, Option<String>) {
    let text = |value: &Option<Value>| {
        value.as_ref().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let content = &step.content;
    if matches!(step.shape, Shape::Tool | Shape::Retriever | Shape::Span | Shape::Event)
        && (content.given.is_some() || content.gave.is_some())
    {
        return (text(&content.given), text(&content.gave));
    }
    let input = content.input.iter().rev().find_map(message_text);
    let output = content.output.iter().find_map(|message| message_text(message).or_else(|| calls(message)));
    (input.or_else(|| text(&content.given)), output.or_else(|| text(&content.gave)))
}

fn message_text(message: &Value) -> Option<String> {
    let texts = parts(message).filter(|part| part.get("type").is_some_and(|own| own == "text"));
    let texts: Vec<&str> = texts.filter_map(|part| part.get("content")?.as_str()).collect();
    let text = texts.join("\n");
    if !text.is_empty() {
        return Some(text);
    }
    let response = parts(message).find_map(|part| part.get("response"))?;
    Some(response.as_str().map_or_else(|| response.to_string(), str::to_owned))
}

fn calls(message: &Value) -> Option<String> {
    let calls = parts(message).filter(|part| part.get("type").is_some_and(|own| own == "tool_call"));
    let calls: Vec<String> = calls
        .filter_map(|part| {
            let arguments = part.get("arguments").map(Value::to_string).unwrap_or_default();
            Some(format!("{}({arguments})", part.get("name")?.as_str()?))
        })
        .collect();
    (!calls.is_empty()).then(|| calls.join("\n"))
}

pub fn parts(message: &Value) -> impl Iterator<Item = &Value> {
    message.get("parts").and_then(Value::as_array).into_iter().flatten()
}

/// The input with the system prompt before it, for those who look for it nowhere else.
pub fn with_system(step: &Step) -> Vec<Value> {
    let mut messages = Vec::with_capacity(step.content.input.len() + 1);
    if !step.content.system.is_empty() {
        messages.push(json!({"role": "system", "parts": step.content.system}));
    }
    messages.extend(step.content.input.iter().cloned());
    messages
}
