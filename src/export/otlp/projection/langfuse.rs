//! Langfuse's own attributes, beside those of OpenTelemetry that it reads.

use serde_json::{Map, Value, json};

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};
use super::words::{shown, with_system};
use super::{Semconv, chatml, genai};

pub fn project(step: &Step, _: Semconv) -> Attributes {
    // It adds up what the newer names say to what the older do.
    let mut a = genai::identity(step, Semconv::V41);
    a.text("langfuse.observation.type", kind(step));
    if step.shape == Shape::Generation || step.shape == Shape::Embedding {
        a.text("langfuse.observation.model.name", step.model());
        a.json("langfuse.observation.model.parameters", &Value::Object(step.parameters.clone()));
        a.json("langfuse.observation.usage_details", &usage(step));
        let cost = [("input", step.cost.input), ("output", step.cost.output), ("total", step.cost.total)];
        let cost: Map<String, Value> =
            cost.into_iter().filter_map(|(key, dollars)| Some((key.to_owned(), dollars?.into()))).collect();
        a.json("langfuse.observation.cost_details", &Value::Object(cost));
        let first = step.first_token.map(crate::model::Micros::rfc3339);
        a.text("langfuse.observation.completion_start_time", &first);
    }
    if step.is_failed() {
        a.text("langfuse.observation.level", "ERROR");
        let message = step.error_message.clone().or_else(|| step.error());
        a.text("langfuse.observation.status_message", &message);
    }
    content(step, &mut a);
    if step.shape == Shape::Agent {
        a.text("langfuse.trace.name", Some(step.name.as_str()));
    }
    a.text("langfuse.session.id", &step.session);
    a.text("langfuse.user.id", &step.user);
    a.texts("langfuse.trace.tags", step.tags.iter().map(String::as_str));
    for (key, value) in &step.labels {
        a.text(&format!("langfuse.trace.metadata.{key}"), value);
    }
    a
}

fn kind(step: &Step) -> &'static str {
    match step.shape {
        Shape::Agent => "agent",
        Shape::Generation => "generation",
        Shape::Embedding => "embedding",
        Shape::Retriever => "retriever",
        Shape::Tool => "tool",
        Shape::Span => "span",
        Shape::Event => "event",
    }
}

/// Tokens in parts that do not overlap.
fn usage(step: &Step) -> Value {
    let usage = &step.usage;
    let mut parts = Map::new();
    let mut put = |key: &str, count: Option<u64>| {
        if let Some(count) = count {
            parts.insert(key.to_owned(), count.into());
        }
    };
    let cached = usage.cache_read.unwrap_or(0) + usage.cache_write.unwrap_or(0);
    put("input", usage.input.map(|input| input.saturating_sub(cached)));
    put("input_cached_tokens", usage.cache_read.filter(|count| *count > 0));
    put("input_cache_creation", usage.cache_write.filter(|count| *count > 0));
    put("output", usage.output.map(|output| output.saturating_sub(usage.reasoning.unwrap_or(0))));
    put("output_reasoning_tokens", usage.reasoning.filter(|count| *count > 0));
    put("total", usage.input.zip(usage.output).map(|(input, output)| input + output));
    Value::Object(parts)
}

fn content(step: &Step, a: &mut Attributes) {
    if step.shape != Shape::Generation {
        let (input, output) = shown(step);
        a.text("langfuse.observation.input", &input);
        a.text("langfuse.observation.output", &output);
        return;
    }
    let messages = chatml::messages(&with_system(step));
    let tools = chatml::tools(&step.content.tools);
    if !messages.is_empty() {
        let input = if tools.is_empty() {
            json!({"messages": messages})
        } else {
            json!({"messages": messages, "tools": tools})
        };
        a.json("langfuse.observation.input", &input);
    }
    match chatml::messages(&step.content.output).as_slice() {
        [] => {}
        [one] => a.json("langfuse.observation.output", one),
        several => a.json("langfuse.observation.output", &json!(several)),
    }
}
