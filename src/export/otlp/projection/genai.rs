//! OpenTelemetry's conventions for generative AI.

use serde_json::{Value, json};

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};
use super::Semconv;
use super::words::{own, parameter, provider, system};

pub fn project(step: &Step, semconv: Semconv) -> Attributes {
    let mut attributes = identity(step, semconv);
    usage(step, semconv, &mut attributes);
    attributes.double("gen_ai.usage.cost", step.cost.total);
    content(step, &mut attributes);
    caller(step, &mut attributes);
    attributes
}

/// What was done, by whom, with which settings, and how it ended.
pub fn identity(step: &Step, semconv: Semconv) -> Attributes {
    let mut a = Attributes::default();
    for (key, value) in &step.attributes {
        a.value(key, value);
    }
    match step.shape {
        Shape::Agent => {
            a.text("gen_ai.operation.name", "invoke_agent");
            a.text("gen_ai.agent.name", Some(step.name.as_str()));
        }
        Shape::Tool => {
            a.text("gen_ai.operation.name", "execute_tool");
            a.text("gen_ai.tool.name", Some(step.name.as_str()));
            a.text("gen_ai.tool.call.id", &step.call_id);
            a.text("gen_ai.tool.type", "function");
        }
        Shape::Generation | Shape::Embedding | Shape::Retriever => called(step, semconv, &mut a),
        Shape::Span | Shape::Event if step.is_wire => called(step, semconv, &mut a),
        Shape::Span | Shape::Event => {}
    }
    a.text("error.type", step.error().as_deref());
    own(step, &mut a);
    a
}

fn called(step: &Step, semconv: Semconv, a: &mut Attributes) {
    a.text("gen_ai.operation.name", &step.operation);
    a.text("gen_ai.provider.name", provider(step));
    a.text("gen_ai.system", system(step));
    if let Some((host, port)) = &step.server {
        a.text("server.address", host);
        a.int("server.port", Some(u64::from(*port)));
    }
    a.text("gen_ai.request.model", &step.request_model);
    a.text("gen_ai.response.model", &step.response_model);
    a.text("gen_ai.response.id", &step.response_id);
    a.texts("gen_ai.response.finish_reasons", step.finish_reasons.iter().map(String::as_str));
    a.double("gen_ai.response.time_to_first_chunk", step.first_token_after());
    a.text("gen_ai.agent.name", &step.agent);
    if step.streamed {
        a.flag("gen_ai.request.stream", true);
    }
    parameters(step, semconv, a);
    if step.dialect.as_deref().is_some_and(|dialect| dialect.starts_with("openai.")) {
        let kind = match step.dialect.as_deref() {
            Some("openai.chat") => Some("chat_completions"),
            Some(dialect) if dialect.starts_with("openai.responses") => Some("responses"),
            _ => None,
        };
        a.text("openai.api.type", kind);
        a.text("openai.request.service_tier", parameter(step, &["service_tier"]).and_then(Value::as_str));
        a.text("openai.response.service_tier", &step.service_tier);
    }
}

/// Settings that are numbers: OpenTelemetry's name, and those that providers have.
const DOUBLES: &[(&str, &[&str])] = &[
    ("temperature", &["temperature"]),
    ("top_p", &["top_p", "topP", "p"]),
    ("frequency_penalty", &["frequency_penalty", "frequencyPenalty"]),
    ("presence_penalty", &["presence_penalty", "presencePenalty"]),
];
const WHOLE: &[(&str, &[&str])] = &[
    (
        "max_tokens",
        &[
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "maxOutputTokens",
            "maxTokens",
            "max_tokens_to_sample",
            "num_predict",
        ],
    ),
    ("seed", &["seed", "random_seed"]),
];

fn parameters(step: &Step, semconv: Semconv, a: &mut Attributes) {
    for (name, names) in DOUBLES {
        a.double(&format!("gen_ai.request.{name}"), parameter(step, names).and_then(Value::as_f64));
    }
    for (name, names) in WHOLE {
        a.int(&format!("gen_ai.request.{name}"), parameter(step, names).and_then(Value::as_u64));
    }
    let top_k = parameter(step, &["top_k", "topK", "k"]);
    if semconv.has_main() {
        a.int("gen_ai.request.top_k", top_k.and_then(Value::as_u64));
    } else {
        a.double("gen_ai.request.top_k", top_k.and_then(Value::as_f64));
    }
    let choices = parameter(step, &["n", "candidateCount"]).and_then(Value::as_u64);
    a.int("gen_ai.request.choice.count", choices.filter(|count| *count != 1));
    let stop = parameter(step, &["stop", "stop_sequences", "stopSequences"]);
    match stop {
        Some(Value::Array(list)) => {
            a.texts("gen_ai.request.stop_sequences", list.iter().filter_map(Value::as_str));
        }
        Some(Value::String(one)) => a.texts("gen_ai.request.stop_sequences", [one.as_str()]),
        _ => {}
    }
    let format = parameter(step, &["response_format", "text", "format"]);
    let format = format.and_then(|format| format.get("format").unwrap_or(format).get("type")?.as_str());
    let format = format.map(|kind| if kind.starts_with("json") { "json" } else { "text" });
    a.text("gen_ai.output.type", format);
    if semconv.has_main() {
        let effort = parameter(step, &["reasoning_effort"]);
        let effort = effort.or_else(|| parameter(step, &["reasoning"])?.get("effort"));
        a.text("gen_ai.request.reasoning.level", effort.and_then(Value::as_str));
        a.text("gen_ai.request.previous_response.id", &step.previous_response_id);
    }
}

pub fn usage(step: &Step, semconv: Semconv, a: &mut Attributes) {
    let usage = &step.usage;
    a.int("gen_ai.usage.input_tokens", usage.input);
    a.int("gen_ai.usage.output_tokens", usage.output);
    a.int("gen_ai.usage.cache_read.input_tokens", usage.cache_read);
    if semconv.has_v41() {
        a.int("gen_ai.usage.cache_creation.input_tokens", usage.cache_write);
    }
    if semconv.has_main() {
        a.int("gen_ai.usage.cache_write.input_tokens", usage.cache_write);
    }
    a.int("gen_ai.usage.reasoning.output_tokens", usage.reasoning);
}

fn content(step: &Step, a: &mut Attributes) {
    let content = &step.content;
    a.json("gen_ai.system_instructions", &json!(content.system));
    a.json("gen_ai.input.messages", &json!(content.input));
    a.json("gen_ai.output.messages", &output(step));
    a.json("gen_ai.tool.definitions", &json!(content.tools));
    given(step, a);
}

/// A tool's arguments and result; any other step's under names of OpenInference, where OpenTelemetry has none.
pub fn given(step: &Step, a: &mut Attributes) {
    let Some((given, gave)) = Some((&step.content.given, &step.content.gave)) else { return };
    let [input, output] = match step.shape {
        Shape::Tool => ["gen_ai.tool.call.arguments", "gen_ai.tool.call.result"],
        _ => ["input.value", "output.value"],
    };
    for (key, value) in [(input, given), (output, gave)] {
        match value {
            Some(Value::String(text)) => a.text(key, text),
            Some(value) => a.json(key, value),
            None => {}
        }
    }
}

/// Answers, each with why it ended: without that, some backends leave out all of them.
pub fn output(step: &Step) -> Value {
    let reason = if step.error().is_some() { "error" } else { "stop" };
    let messages = step.content.output.iter().map(|message| {
        let mut message = message.clone();
        if let Some(object) = message.as_object_mut() {
            object.entry("finish_reason").or_insert_with(|| reason.into());
        }
        message
    });
    messages.collect()
}

/// Whose call it is.
pub fn caller(step: &Step, a: &mut Attributes) {
    a.text("gen_ai.conversation.id", &step.conversation);
    a.text("session.id", &step.session);
    a.text("user.id", &step.user);
    a.texts("tag.tags", step.tags.iter().map(String::as_str));
    for (key, value) in &step.labels {
        a.text(&format!("wiretape.label.{key}"), value);
    }
}
