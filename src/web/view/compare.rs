//! Two calls side by side: what their prompts, tools, inputs and answers differ in.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::call::pair;
use crate::export::Records;
use crate::export::parts::part_text;
use crate::export::prompts::{compared, tools};
use crate::store::Store;
use crate::trace::diff::{DiffLine, diff};
use crate::web::fault::Fault;
use crate::web::query::Query;

/// Longer texts are compared as far as this.
const LONGEST: usize = 200_000;

pub async fn compare(store: &Arc<dyn Store>, query: &Query) -> Result<Value, Fault> {
    let (one, other) = pair(store, query).await?;
    let mut records = Records::new(Arc::clone(store));
    let (before, after) = (records.source(&one).await?, records.source(&other).await?);
    let (a, b) = (records.record(&one, false).await?, records.record(&other, false).await?);
    let mut difference = Map::new();
    if let (Some(before), Some(after)) = (&before, &after)
        && let Some((was, is, changed)) = compared(before, after)
    {
        difference.insert("system".to_owned(), marked(&diff(&was, &is)));
        difference.insert("tools".to_owned(), tools(&changed));
    }
    let list = |record: &Map<String, Value>, key: &str| {
        record.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (input_a, input_b) = (list(&a, "input"), list(&b, "input"));
    let same = input_a.iter().zip(&input_b).take_while(|(one, other)| one == other).count();
    let rest = |messages: &[Value]| words(messages.get(same..).unwrap_or_default());
    difference.insert("input_same".to_owned(), same.into());
    difference.insert("input".to_owned(), marked(&diff(&rest(&input_a), &rest(&input_b))));
    let (output_a, output_b) = (words(&list(&a, "output")), words(&list(&b, "output")));
    difference.insert("output".to_owned(), marked(&diff(&output_a, &output_b)));
    Ok(json!({"a": a, "b": b, "diff": difference}))
}

/// Messages as text, a part in lines.
fn words(messages: &[Value]) -> String {
    let mut text = String::new();
    for message in messages {
        let role = message.get("role").and_then(Value::as_str).unwrap_or("?");
        let parts = message.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for part in parts {
            text.push_str(&format!("{role}: {}\n", part_text(part)));
            if text.len() > LONGEST {
                let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                text.truncate(end);
                return text;
            }
        }
    }
    text
}

/// Each line with what became of it: `=`, `-`, `+`.
pub fn marked(difference: &[DiffLine]) -> Value {
    let pair = |line: &DiffLine| match line {
        DiffLine::Same(text) => json!(["=", text]),
        DiffLine::Removed(text) => json!(["-", text]),
        DiffLine::Added(text) => json!(["+", text]),
    };
    difference.iter().map(pair).collect()
}
