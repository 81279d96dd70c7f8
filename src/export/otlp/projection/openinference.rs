//! OpenInference: flat attributes, a key for each part of each message.

use serde_json::{Map, Value, json};

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};
use super::words::{llm_provider, llm_system, own_pairs, shown, with_system};
use super::{Semconv, chatml};

pub fn project(step: &Step, _: Semconv) -> Attributes {
    let mut a = Attributes::default();
    for (key, value) in &step.attributes {
        a.value(key, value);
    }
    a.text("openinference.span.kind", kind(step));
    let (input, output) = shown(step);
    for (key, value) in [("input", &input), ("output", &output)] {
        a.text(&format!("{key}.value"), value);
    }
    match step.shape {
        Shape::Generation => generation(step, &mut a),
        Shape::Embedding => {
            a.text("embedding.model_name", step.model());
            a.text("embedding.embeddings.0.embedding.text", &input);
            a.int("llm.token_count.prompt", step.usage.input);
            a.int("llm.token_count.total", step.usage.input);
        }
        Shape::Tool => {
            a.text("tool.name", Some(step.name.as_str()));
            a.text("tool.id", &step.call_id);
            if let Some(given) = &step.content.given {
                let is_json = !given.is_string();
                a.text("tool.parameters", Some(input.as_deref().unwrap_or_default()));
                a.text("input.mime_type", Some(if is_json { "application/json" } else { "text/plain" }));
            }
        }
        Shape::Agent => a.text("agent.name", Some(step.name.as_str())),
        Shape::Retriever | Shape::Span | Shape::Event => {}
    }
    a.text("session.id", &step.session);
    a.text("user.id", &step.user);
    a.texts("tag.tags", step.tags.iter().map(String::as_str));
    a.text("error.type", step.error().as_deref());
    a.json("metadata", &Value::Object(metadata(step)));
    a
}

fn kind(step: &Step) -> &'static str {
    match step.shape {
        Shape::Agent => "AGENT",
        Shape::Generation => "LLM",
        Shape::Embedding => "EMBEDDING",
        Shape::Retriever => "RETRIEVER",
        Shape::Tool => "TOOL",
        Shape::Span | Shape::Event => "CHAIN",
    }
}

fn generation(step: &Step, a: &mut Attributes) {
    a.text("llm.system", llm_system(step));
    a.text("llm.provider", llm_provider(step));
    a.text("llm.model_name", step.model());
    a.text("llm.request.model_name", &step.request_model);
    a.text("llm.response.model_name", &step.response_model);
    a.json("llm.invocation_parameters", &Value::Object(step.parameters.clone()));
    a.text("llm.finish_reason", step.finish_reasons.first().map(String::as_str));
    let usage = &step.usage;
    a.int("llm.token_count.prompt", usage.input);
    a.int("llm.token_count.completion", usage.output);
    a.int("llm.token_count.total", usage.input.zip(usage.output).map(|(input, output)| input + output));
    a.int("llm.token_count.prompt_details.cache_read", usage.cache_read);
    a.int("llm.token_count.prompt_details.cache_write", usage.cache_write);
    a.int("llm.token_count.completion_details.reasoning", usage.reasoning);
    a.double("llm.cost.prompt", step.cost.input);
    a.double("llm.cost.completion", step.cost.output);
    a.double("llm.cost.total", step.cost.total);
    for (at, message) in chatml::messages(&with_system(step)).iter().enumerate() {
        flat(&format!("llm.input_messages.{at}.message"), message, a);
    }
    for (at, message) in chatml::messages(&step.content.output).iter().enumerate() {
        flat(&format!("llm.output_messages.{at}.message"), message, a);
    }
    for (at, tool) in chatml::tools(&step.content.tools).iter().enumerate() {
        a.json(&format!("llm.tools.{at}.tool.json_schema"), tool);
    }
}

/// A message in chat form, a key for each part of it.
fn flat(key: &str, message: &Value, a: &mut Attributes) {
    let text = |name: &str| message.get(name).and_then(Value::as_str);
    a.text(&format!("{key}.role"), text("role"));
    a.text(&format!("{key}.name"), text("name"));
    a.text(&format!("{key}.tool_call_id"), text("tool_call_id"));
    let reasoning = text("reasoning_content").map(|text| json!({"type": "reasoning", "text": text}));
    match message.get("content") {
        Some(Value::String(content)) if reasoning.is_none() => a.text(&format!("{key}.content"), content),
        content => {
            let own = match content {
                Some(Value::Array(list)) => list.clone(),
                Some(Value::String(text)) if !text.is_empty() => vec![json!({"type": "text", "text": text})],
                _ => Vec::new(),
            };
            for (at, part) in reasoning.iter().chain(&own).enumerate() {
                flat_part(&format!("{key}.contents.{at}.message_content"), part, a);
            }
        }
    }
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    for (at, call) in calls.enumerate() {
        let key = format!("{key}.tool_calls.{at}.tool_call");
        let function = |name: &str| call.get("function").and_then(|function| function.get(name)?.as_str());
        a.text(&format!("{key}.id"), call.get("id").and_then(Value::as_str));
        a.text(&format!("{key}.function.name"), function("name"));
        a.text(&format!("{key}.function.arguments"), function("arguments"));
    }
}

fn flat_part(key: &str, part: &Value, a: &mut Attributes) {
    let url = part.get("image_url").and_then(|image| image.get("url")?.as_str());
    if let Some(url) = url {
        a.text(&format!("{key}.type"), "image");
        a.text(&format!("{key}.image.image.url"), Some(url));
        return;
    }
    let text = part.get("text").and_then(Value::as_str);
    a.text(&format!("{key}.type"), part.get("type").and_then(Value::as_str));
    match text {
        Some(text) => a.text(&format!("{key}.text"), Some(text)),
        // What it has no name for is kept as it is.
        None => a.json(&format!("{key}.text"), part),
    }
}

/// What OpenInference has no names for.
fn metadata(step: &Step) -> Map<String, Value> {
    let mut metadata = own_pairs(step);
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            metadata.insert(key.to_owned(), value);
        }
    };
    put("response_id", json!(step.response_id));
    put("conversation_id", json!(step.conversation));
    put("time_to_first_token", json!(step.first_token_after()));
    if step.finish_reasons.len() > 1 {
        put("finish_reasons", json!(step.finish_reasons));
    }
    for (key, value) in &step.labels {
        put(key, value.as_str().into());
    }
    metadata
}
