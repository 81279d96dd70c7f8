//! Rows and sums as values, the same wherever they are shown.

use serde_json::{Value, json};

use crate::model::Micros;
use crate::store::{Row, Summary};

/// A row as JSON: the record's head and what the list shows beside it.
pub fn line(row: &Row) -> Value {
    let mut head = row.head.clone();
    let shown = [("input_preview", &row.input_preview), ("output_preview", &row.output_preview)];
    for (key, text) in shown {
        if !text.is_empty() {
            head.insert(key.to_owned(), text.as_str().into());
        }
    }
    if let Some(snippet) = &row.snippet {
        head.insert("snippet".to_owned(), snippet.as_str().into());
    }
    Value::Object(head)
}

/// What a trace or session is called: its title, else what was said first.
pub fn name(summary: &Summary) -> &str {
    summary.title.as_deref().unwrap_or(&summary.input_preview).trim()
}

/// From its begin to its end, in milliseconds.
pub fn wall(summary: &Summary) -> f64 {
    millis(summary.last.0.saturating_sub(summary.first.0))
}

/// Milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a session does not take centuries")]
pub fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// A trace or session with all that it came to.
pub fn summary(summary: &Summary) -> Value {
    let Summary {
        id,
        session,
        cursor: _,
        first,
        last,
        traces,
        totals,
        input_preview,
        output_preview,
        models,
        providers,
        users,
        tags,
        tools,
        title,
        status,
    } = summary;
    json!({
        "id": id, "name": name(summary), "session_id": session, "first_time": Micros::rfc3339(*first), "last_time": Micros::rfc3339(*last),
        "duration_ms": wall(summary),
        "traces": traces, "observations": totals.observations, "generations": totals.generations,
        "tools": totals.tools, "errors": totals.errors, "cancelled": totals.cancelled,
        "interrupted": totals.interrupted, "input": totals.input, "output": totals.output,
        "cache_read": totals.cache_read, "cache_write": totals.cache_write, "reasoning": totals.reasoning,
        "cost": totals.cost.to_json(), "unknown_usage": totals.unknown_usage, "unknown_cost": totals.unknown_cost,
        "input_preview": input_preview, "output_preview": output_preview, "models": models,
        "providers": providers, "users": users, "tags": tags, "tools_used": tools, "title": title, "status": status,
        "retries": totals.retries, "model_ms": millis(totals.model_time), "tool_ms": millis(totals.tool_time),
        "wasted_ms": millis(totals.wasted_time), "wasted_tokens": totals.wasted_tokens,
    })
}
