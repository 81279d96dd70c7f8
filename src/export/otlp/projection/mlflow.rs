//! MLflow: OpenTelemetry's names, the system prompt among the messages, and its own word for costs.

use serde_json::{Map, Value, json};

use super::super::attributes::Attributes;
use super::super::step::{Shape, Step};
use super::words::{shown, with_system};
use super::{Semconv, genai};

pub fn project(step: &Step, semconv: Semconv) -> Attributes {
    let mut a = genai::identity(step, semconv);
    genai::usage(step, semconv, &mut a);
    match step.shape {
        Shape::Generation => {
            a.json("gen_ai.input.messages", &json!(with_system(step)));
            a.json("gen_ai.output.messages", &genai::output(step));
            a.json("gen_ai.tool.definitions", &json!(step.content.tools));
        }
        // Its list of traces shows what the root was given and gave.
        Shape::Agent => {
            let (input, output) = shown(step);
            a.json("mlflow.spanInputs", &json!(input));
            a.json("mlflow.spanOutputs", &json!(output));
        }
        _ => genai::given(step, &mut a),
    }
    let cost =
        [("input_cost", step.cost.input), ("output_cost", step.cost.output), ("total_cost", step.cost.total)];
    let cost: Map<String, Value> =
        cost.into_iter().filter_map(|(key, dollars)| Some((key.to_owned(), dollars?.into()))).collect();
    a.json("mlflow.llm.cost", &Value::Object(cost));
    genai::caller(step, &mut a);
    a
}
