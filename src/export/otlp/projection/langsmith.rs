//! LangSmith: messages as role and content, its own kinds and metadata.

use serde_json::json;

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};
use super::words::{shown, with_system};
use super::{Semconv, chatml, genai};

pub fn project(step: &Step, _: Semconv) -> Attributes {
    let mut a = genai::identity(step, Semconv::V41);
    genai::usage(step, Semconv::V41, &mut a);
    a.text("langsmith.span.kind", kind(step));
    if step.shape == Shape::Agent {
        a.text("langsmith.trace.name", Some(step.name.as_str()));
    }
    if step.shape == Shape::Generation {
        a.json("gen_ai.input.messages", &json!(chatml::messages(&with_system(step))));
        a.json("gen_ai.output.messages", &json!(chatml::messages(&step.content.output)));
        a.json("tools", &json!(chatml::tools(&step.content.tools)));
    } else {
        let (input, output) = shown(step);
        a.text("input.value", &input);
        a.text("output.value", &output);
    }
    a.text("langsmith.metadata.session_id", &step.session);
    a.text("langsmith.metadata.user_id", &step.user);
    for (key, value) in &step.labels {
        a.text(&format!("langsmith.metadata.{key}"), value);
    }
    a.text("langsmith.span.tags", Some(step.tags.join(", ").as_str()));
    a
}

fn kind(step: &Step) -> &'static str {
    match step.shape {
        Shape::Generation => "llm",
        Shape::Embedding => "embedding",
        Shape::Retriever => "retriever",
        Shape::Tool => "tool",
        Shape::Agent | Shape::Span | Shape::Event => "chain",
    }
}
