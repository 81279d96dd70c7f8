//! A line of JSON back into the store.

use serde_json::{Map, Value};

use super::{notes, raw};
use crate::model::{Annotation, CONTENT_KEYS, Exchange, ExchangeId, ObservationId, PREVIEW, shortened};
use crate::store::{Entry, Observed};

/// Reads a record as it was exported, and what people added to it. The error says what is wrong with it.
pub fn entry(line: &str) -> Result<(Entry, Vec<Annotation>), String> {
    let value: Value = serde_json::from_str(line).map_err(|why| why.to_string())?;
    let Value::Object(mut record) = value else { return Err("expected an object".to_owned()) };
    let text =
        |record: &Map<String, Value>, key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
    if text(&record, "id").and_then(|id| ObservationId::parse(&id)).is_none() {
        return Err("`id` is no 16 hexadecimal digits".to_owned());
    }
    for key in ["start_time", "type", "trace_id"] {
        if text(&record, key).is_none() {
            return Err(format!("`{key}` is missing"));
        }
    }
    let annotations = notes::taken(&mut record);
    let exchange = exchange(&mut record)?;
    let mut content = Map::new();
    for key in CONTENT_KEYS.iter().chain(&["input_from_history"]) {
        if let Some(value) = record.shift_remove(*key) {
            content.insert((*key).to_owned(), value);
        }
    }
    let shown = |key: &str, last: bool| {
        let messages = content.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let message = if last { messages.last() } else { messages.first() };
        message.map(preview).unwrap_or_default()
    };
    let text = ["output_text", "reasoning_text"].iter().filter_map(|key| content.get(*key)?.as_str());
    let observed = Observed {
        input_preview: shown("input", true),
        output_preview: shown("output", false),
        text: text.collect::<Vec<_>>().join("\n"),
        content: (exchange.is_none() && !content.is_empty()).then_some(content),
        head: record,
        // It says where it belongs.
        facts: None,
    };
    Ok((Entry { exchange, more: false, observations: vec![observed] }, annotations))
}

/// What was on the wire, where the record has it.
fn exchange(record: &mut Map<String, Value>) -> Result<Option<Exchange>, String> {
    let Some(json) = record.shift_remove("raw") else { return Ok(None) };
    let id =
        record.get("exchange_id").and_then(Value::as_str).and_then(|id| u128::from_str_radix(id, 16).ok());
    let id = id.ok_or("`raw` without an `exchange_id`")?;
    let exchange = raw::from_json(ExchangeId::from_bytes(id.to_be_bytes()), &json);
    exchange.map(Some).ok_or_else(|| "`raw` is not of the form that is exported".to_owned())
}

/// A message in a line.
fn preview(message: &Value) -> String {
    let parts = message.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts = parts.iter().filter_map(|part| {
        let text = part.get("content").or_else(|| part.get("response")).or_else(|| part.get("name"))?;
        text.as_str().map(str::to_owned)
    });
    let line = texts.collect::<Vec<_>>().join(" ");
    shortened(&line, PREVIEW)
}
