//! Numbers, times and names as people read them.

use serde_json::{Map, Value};

use crate::trace::changes::Changes;

/// A step's name, with what sets it apart: `[title] chat m`, `chat m #2`.
pub fn called(head: &Map<String, Value>) -> String {
    let name = head.get("name").and_then(Value::as_str).unwrap_or_default();
    let side = head.get("side").and_then(Value::as_str).map(|side| format!("[{side}] "));
    let attempt = head.get("attempt").and_then(Value::as_u64).filter(|attempt| *attempt > 1);
    let attempt = attempt.map(|attempt| format!(" #{attempt}"));
    format!("{}{name}{}", side.unwrap_or_default(), attempt.unwrap_or_default())
}

/// `2026-11-21 12:00:00`, of a time as records write it.
pub fn shown_time(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// Enough digits to tell small costs apart.
pub fn dollars(amount: f64) -> String {
    if amount == 0.0 {
        "$0".to_owned()
    } else if amount < 0.01 {
        format!("${amount:.6}")
    } else {
        format!("${amount:.4}")
    }
}

/// `210ms`, `1.2s`, `3.4m`.
pub fn duration(millis: Option<&Value>) -> String {
    match millis.and_then(Value::as_f64) {
        Some(millis) if millis < 1000.0 => format!("{millis:.0}ms"),
        Some(millis) if millis < 60_000.0 => format!("{:.1}s", millis / 1000.0),
        Some(millis) => format!("{:.1}m", millis / 60_000.0),
        None => String::new(),
    }
}

/// The beginning of a tool's arguments, with less around them.
pub fn arguments(preview: &str) -> String {
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match serde_json::from_str::<Value>(preview) {
        Ok(Value::Object(object)) if object.len() == 1 => object.values().map(value).collect(),
        Ok(Value::Object(object)) => {
            let pairs = object.iter().map(|(key, own)| format!("{key}: {}", value(own)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        // Of long ones only the beginning is there, which is no JSON.
        _ => preview
            .trim_start_matches('{')
            .trim_start_matches('"')
            .replace("\":\"", ": ")
            .replace("\",\"", ", ")
            .replace("\":", ": "),
    }
}

/// `9999`, `12.3k`, `1.2M`.
pub fn short(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point")]
    let parts = |of: f64| count as f64 / of;
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{:.1}k", parts(1e3)),
        _ => format!("{:.1}M", parts(1e6)),
    }
}

/// Changes in a line.
pub fn news(changes: &Changes) -> String {
    let Changes { tools, system, kept_messages, first_difference, new_input, removed, edited, inserted } =
        changes;
    let mut told = vec![format!("{} of {} messages", new_input.len(), new_input.end)];
    if *kept_messages > 0 {
        told.push(format!("{kept_messages} as before"));
    }
    let counts = [("edited", edited.len()), ("inserted", inserted.len()), ("removed", *removed)];
    told.extend(counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")));
    if *system {
        told.push("another system prompt".to_owned());
    }
    for (what, names) in [("added", &tools.added), ("removed", &tools.removed), ("changed", &tools.changed)] {
        if !names.is_empty() {
            told.push(format!("tools {what}: {}", names.join(" ")));
        }
    }
    if let Some(place) = first_difference {
        told.push(format!("parts from it at {place}"));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_arguments_are_short() {
        assert_eq!([9_999, 12_345, 1_250_000].map(short), ["9999", "12.3k", "1.2M"]);
        assert_eq!(arguments(r#"{"command":"ls"}"#), "ls");
        assert_eq!(arguments(r#"{"path":"a","lines":3}"#), "path: a, lines: 3");
        assert_eq!(arguments(r#"{"path":"a lon"#), "path: a lon");
        assert_eq!(arguments(""), "");
    }
}
