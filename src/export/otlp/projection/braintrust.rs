//! Braintrust's own attributes.

use serde_json::{Value, json};

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};
use super::words::{provider, with_system};
use super::{Semconv, chatml, genai};

pub fn project(step: &Step, _: Semconv) -> Attributes {
    let mut a = genai::identity(step, Semconv::V41);
    let attributes = json!({"type": kind(step), "name": super::span_name(step)});
    a.json("braintrust.span_attributes", &attributes);
    a.text("braintrust.metadata.model", step.model());
    a.text("braintrust.metadata.provider", provider(step));
    a.text("braintrust.metadata.session_id", &step.session);
    a.text("braintrust.metadata.user_id", &step.user);
    for (key, value) in step.parameters.iter().filter(|(_, value)| !value.is_object()) {
        a.value(&format!("braintrust.metadata.{key}"), value);
    }
    for (key, value) in &step.labels {
        a.text(&format!("braintrust.metadata.{key}"), value);
    }
    a.texts("braintrust.tags", step.tags.iter().map(String::as_str));
    metrics(step, &mut a);
    if step.shape == Shape::Generation {
        a.json("braintrust.input_json", &json!(chatml::messages(&with_system(step))));
        a.json("braintrust.output_json", &json!(chatml::messages(&step.content.output)));
        a.json("braintrust.metadata.tools", &json!(chatml::tools(&step.content.tools)));
    } else {
        let (input, output) = super::words::shown(step);
        let json = |text: Option<String>| text.map_or(Value::Null, Value::from);
        a.json("braintrust.input_json", &step.content.given.clone().unwrap_or_else(|| json(input)));
        a.json("braintrust.output_json", &step.content.gave.clone().unwrap_or_else(|| json(output)));
    }
    a
}

fn kind(step: &Step) -> &'static str {
    match step.shape {
        Shape::Generation | Shape::Embedding => "llm",
        Shape::Tool | Shape::Retriever => "tool",
        Shape::Agent | Shape::Span | Shape::Event => "task",
    }
}

fn metrics(step: &Step, a: &mut Attributes) {
    let usage = &step.usage;
    a.int("braintrust.metrics.prompt_tokens", usage.input);
    a.int("braintrust.metrics.completion_tokens", usage.output);
    let total = usage.input.zip(usage.output).map(|(input, output)| input + output);
    a.int("braintrust.metrics.tokens", total);
    a.int("braintrust.metrics.prompt_cached_tokens", usage.cache_read);
    a.int("braintrust.metrics.prompt_cache_creation_tokens", usage.cache_write);
    a.int("braintrust.metrics.completion_reasoning_tokens", usage.reasoning);
    a.double("braintrust.metrics.time_to_first_token", step.first_token_after());
    a.double("braintrust.metrics.estimated_cost", step.cost.total);
}
