//! Records as rows: the columns of the forms that are tables.

use serde_json::Value;

use super::encode::Step;
use crate::model::Micros;

/// A column, the same in every table.
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnKind,
    from: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Whole,
    Number,
    YesNo,
    /// In microseconds, UTC.
    Time,
    /// JSON as text, of what is no single value. Tables for spreadsheets do without.
    Json,
}

/// Where in a step a column's value stands.
enum Place {
    /// In the record, behind these keys.
    At(&'static [&'static str]),
    /// A list of texts there, joined by commas.
    Joined(&'static str),
    InputPreview,
    OutputPreview,
}

/// A value. `Nothing` where it is not known.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Nothing,
    Text(String),
    Whole(i64),
    Number(f64),
    YesNo(bool),
    Time(i64),
}

const fn column(name: &'static str, kind: ColumnKind, path: &'static [&'static str]) -> Column {
    Column { name, kind, from: Place::At(path) }
}

use ColumnKind::{Json, Number, Text, Time, Whole, YesNo};

/// All columns, in their order. Those with a name of the view `observations` mean the same as there.
pub const COLUMNS: &[Column] = &[
    column("id", Text, &["id"]),
    column("trace_id", Text, &["trace_id"]),
    column("session_id", Text, &["session_id"]),
    column("parent_id", Text, &["parent_id"]),
    column("prior_id", Text, &["prior_id"]),
    column("exchange_id", Text, &["exchange_id"]),
    column("exchange_index", Whole, &["exchange_index"]),
    column("type", Text, &["type"]),
    column("name", Text, &["name"]),
    column("side", Text, &["side"]),
    column("start_time", Time, &["start_time"]),
    column("first_token_time", Time, &["first_token_time"]),
    column("end_time", Time, &["end_time"]),
    column("duration_ms", Number, &["duration_ms"]),
    column("ttft_ms", Number, &["ttft_ms"]),
    column("status", Text, &["status"]),
    column("ended_by", Text, &["ended_by"]),
    column("error_type", Text, &["error", "type"]),
    column("error_message", Text, &["error", "message"]),
    column("http_status", Whole, &["http_status"]),
    column("provider", Text, &["provider"]),
    column("upstream", Text, &["upstream"]),
    column("dialect", Text, &["dialect"]),
    column("operation", Text, &["operation"]),
    column("endpoint", Text, &["endpoint"]),
    column("request_model", Text, &["request_model"]),
    column("response_model", Text, &["response_model"]),
    column("response_id", Text, &["response_id"]),
    column("previous_response_id", Text, &["previous_response_id"]),
    column("conversation_id", Text, &["conversation_id"]),
    column("upstream_request_id", Text, &["upstream_request_id"]),
    column("service_tier", Text, &["service_tier"]),
    column("streamed", YesNo, &["streamed"]),
    column("complete", YesNo, &["complete"]),
    column("finish_reason", Text, &["finish_reason"]),
    column("input_tokens", Whole, &["usage", "input"]),
    column("output_tokens", Whole, &["usage", "output"]),
    column("total_tokens", Whole, &["usage", "total"]),
    column("cache_read_tokens", Whole, &["usage", "cache_read"]),
    column("cache_write_tokens", Whole, &["usage", "cache_write"]),
    column("reasoning_tokens", Whole, &["usage", "reasoning"]),
    column("usage_source", Text, &["usage", "source"]),
    column("input_cost", Number, &["cost", "input"]),
    column("output_cost", Number, &["cost", "output"]),
    column("cost", Number, &["cost", "total"]),
    column("cost_source", Text, &["cost", "source"]),
    column("attempt", Whole, &["attempt"]),
    column("tool_name", Text, &["tool", "name"]),
    column("tool_call_id", Text, &["tool", "call_id"]),
    column("tool_is_error", YesNo, &["tool", "is_error"]),
    column("prompt_version", Text, &["prompt_version"]),
    column("tools_version", Text, &["tools_version"]),
    column("user", Text, &["user"]),
    Column { name: "tags", kind: Text, from: Place::Joined("tags") },
    column("client", Text, &["client", "name"]),
    column("client_version", Text, &["client", "version"]),
    column("title", Text, &["title"]),
    Column { name: "input_preview", kind: Text, from: Place::InputPreview },
    Column { name: "output_preview", kind: Text, from: Place::OutputPreview },
    column("output_text", Json, &["output_text"]),
    column("reasoning_text", Json, &["reasoning_text"]),
    column("system", Json, &["system"]),
    column("input", Json, &["input"]),
    column("output", Json, &["output"]),
    column("tools", Json, &["tools"]),
    column("tool_calls", Json, &["tool_calls"]),
    column("server_tool_calls", Json, &["server_tool_calls"]),
    column("tool", Json, &["tool"]),
    column("parameters", Json, &["parameters"]),
    column("finish_reason_raw", Json, &["finish_reason_raw"]),
    column("error", Json, &["error"]),
    column("usage", Json, &["usage"]),
    column("cost_json", Json, &["cost"]),
    column("links", Json, &["links"]),
    column("labels", Json, &["labels"]),
    column("tags_json", Json, &["tags"]),
    column("losses", Json, &["losses"]),
    column("problems", Json, &["problems"]),
    column("redactions", Json, &["redactions"]),
    column("extra", Json, &["extra"]),
    column("input_from_history", Json, &["input_from_history"]),
    column("annotations", Json, &["annotations"]),
    column("raw", Json, &["raw"]),
];

impl Column {
    /// What a step has in this column.
    pub fn cell(&self, step: &Step) -> Cell {
        match &self.from {
            Place::At(path) => value(step, path).map_or(Cell::Nothing, |value| self.read(value)),
            Place::Joined(key) => {
                let texts = step.record.get(*key).and_then(Value::as_array);
                let texts = texts.map(|texts| texts.iter().filter_map(Value::as_str).collect::<Vec<_>>());
                texts.map_or(Cell::Nothing, |texts| Cell::Text(texts.join(",")))
            }
            Place::InputPreview => text(&step.input_preview),
            Place::OutputPreview => text(&step.output_preview),
        }
    }

    fn read(&self, value: &Value) -> Cell {
        let cell = match self.kind {
            Text => value.as_str().map(|text| Cell::Text(text.to_owned())),
            Whole => value.as_i64().map(Cell::Whole),
            Number => value.as_f64().map(Cell::Number),
            YesNo => value.as_bool().map(Cell::YesNo),
            Time => {
                let micros = value.as_str().and_then(Micros::parse_rfc3339);
                micros.and_then(|micros| i64::try_from(micros.0).ok()).map(Cell::Time)
            }
            // A text is itself, and everything else as JSON has it.
            Json => Some(Cell::Text(value.as_str().map_or_else(|| value.to_string(), str::to_owned))),
        };
        cell.unwrap_or(Cell::Nothing)
    }
}

fn value<'a>(step: &'a Step, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(step.record.get(*first)?, |value, key| value.get(*key))
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Nothing } else { Cell::Text(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn step(record: Value) -> Step {
        let Value::Object(record) = record else { panic!("a record is an object") };
        Step { record, ..Step::default() }
    }

    fn cell(name: &str, record: Value) -> Cell {
        COLUMNS.iter().find(|column| column.name == name).unwrap().cell(&step(record))
    }

    #[test]
    fn what_is_unknown_is_nothing_and_never_zero() {
        assert!(COLUMNS.iter().all(|column| column.cell(&step(json!({}))) == Cell::Nothing));
        assert_eq!(cell("input_tokens", json!({"usage": {"source": "reported"}})), Cell::Nothing);
        assert_eq!(cell("input_tokens", json!({"usage": {"input": 0}})), Cell::Whole(0));
        assert_eq!(cell("streamed", json!({"streamed": false})), Cell::YesNo(false));
        let time = cell("start_time", json!({"start_time": "1970-01-01T00:00:01.000002Z"}));
        assert_eq!(time, Cell::Time(1_000_002));
        assert_eq!(cell("tags", json!({"tags": ["a", "b"]})), Cell::Text("a,b".to_owned()));
        assert_eq!(cell("tool", json!({"tool": {"name": "x"}})), Cell::Text("{\"name\":\"x\"}".to_owned()));
        assert_eq!(
            cell("finish_reason_raw", json!({"finish_reason_raw": "stop"})),
            Cell::Text("stop".to_owned())
        );
    }

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<&str> = COLUMNS.iter().map(|column| column.name).collect();
        assert_eq!(names.len(), COLUMNS.len());
    }
}
