//! One record as a person reads it: its head, how it was placed, what is new in it, and what was said.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::ls::cost;
use super::table::{plain, plain_lines};
use crate::export::Beside;
use crate::export::parts::{part_text, wire};
use crate::export::words::{duration, news, shown_time};
use crate::trace::{Seen, Spot};

/// A record in words.
pub(super) fn told(record: &Map<String, Value>, beside: &Beside) -> String {
    let mut out = String::new();
    // Writing to a text does not fail.
    let _ = head(record, &mut out);
    let _ = placed(record, &mut out);
    let _ = against(beside, &mut out);
    let _ = ids(beside, &mut out);
    if let Some(tool) = record.get("tool") {
        for key in ["arguments", "result"] {
            if let Some(said) = tool.get(key) {
                section(&mut out, key, &value_text(said));
            }
        }
    }
    for part in list(record, "system") {
        section(&mut out, "system", &part_text(part));
    }
    for message in list(record, "input").iter().chain(list(record, "output")) {
        let role = message.get("role").and_then(Value::as_str).unwrap_or("?");
        let parts = message.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let texts: Vec<String> = parts.iter().map(part_text).collect();
        section(&mut out, role, &texts.join("\n"));
    }
    if let Some(raw) = record.get("raw") {
        for side in ["request", "response"] {
            if let Some(side_json) = raw.get(side) {
                section(&mut out, side, &wire(side_json));
            }
        }
    }
    out
}

fn list<'a>(record: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    record.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn head(record: &Map<String, Value>, out: &mut String) -> std::fmt::Result {
    let text = |key: &str| record.get(key).and_then(Value::as_str).map(plain);
    writeln!(out, "{} {}", text("id").unwrap_or_default(), text("name").unwrap_or_default())?;
    let mut line = |name: &str, value: Option<String>| match value.filter(|value| !value.is_empty()) {
        Some(value) => writeln!(out, "  {name:<12} {value}"),
        None => Ok(()),
    };
    line("time", text("start_time").map(|time| shown_time(&time)))?;
    let took = duration(record.get("duration_ms"));
    let first = duration(record.get("ttft_ms"));
    line("took", Some(if first.is_empty() { took } else { format!("{took}, first token after {first}") }))?;
    let http = record.get("http_status").and_then(Value::as_u64);
    let status = text("status").unwrap_or_default();
    line("status", Some(http.map_or(status.clone(), |http| format!("{status} (HTTP {http})"))))?;
    line("error", record.get("error").map(|error| plain(&error.to_string())))?;
    line("finish", text("finish_reason"))?;
    let models = [text("request_model"), text("response_model")];
    let mut models: Vec<String> = models.into_iter().flatten().collect();
    models.dedup();
    line("model", Some(models.join(" → ")))?;
    line("provider", text("provider"))?;
    line("dialect", text("dialect"))?;
    line("tokens", record.get("usage").and_then(Value::as_object).map(usage))?;
    line("cost", Some(cost(record)).filter(|cost| !cost.is_empty()))?;
    line("parameters", record.get("parameters").map(|parameters| plain(&parameters.to_string())))?;
    line("tool", record.get("tool").map(tool))?;
    let versions = [("", text("prompt_version")), ("tools ", text("tools_version"))];
    let versions = versions.into_iter().filter_map(|(name, version)| Some(format!("{name}{}", version?)));
    line("prompt", Some(versions.collect::<Vec<_>>().join(", ")))?;
    line("side", text("side"))?;
    let attempt = record.get("attempt").and_then(Value::as_u64).filter(|attempt| *attempt > 1);
    line("attempt", attempt.map(|attempt| attempt.to_string()))?;
    line("session", text("session_id"))?;
    line("trace", text("trace_id"))?;
    line("parent", text("parent_id"))?;
    line("goes on from", text("prior_id"))?;
    line("exchange", text("exchange_id"))?;
    let losses: Vec<String> = list(record, "losses").iter().filter_map(Value::as_str).map(plain).collect();
    line("losses", Some(losses.join("; ")))?;
    let problems: Vec<String> =
        list(record, "problems").iter().filter_map(Value::as_str).map(plain).collect();
    line("problems", Some(problems.join("; ")))?;
    let tools: Vec<String> =
        list(record, "tools").iter().filter_map(|tool| tool.get("name")?.as_str()).map(plain).collect();
    line("tools", Some(tools.join(", ")))
}

fn usage(usage: &Map<String, Value>) -> String {
    let counts = usage.iter().filter(|(_, value)| value.is_u64());
    let counts: Vec<String> = counts.map(|(key, value)| format!("{key} {value}")).collect();
    let source = usage.get("source").and_then(Value::as_str).unwrap_or_default();
    format!("{} ({source})", counts.join(", "))
}

fn section(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "\n── {}", plain(name));
    let _ = writeln!(out, "{}", plain_lines(text));
}

fn value_text(value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{value:#}"), str::to_owned)
}

/// What is known of a tool's call beside its arguments and result.
fn tool(tool: &Value) -> String {
    let text = |key: &str| tool.get(key).and_then(Value::as_str).map(plain);
    let is = |key: &str| tool.get(key).and_then(Value::as_bool) == Some(true);
    let told = [
        text("call_id"),
        text("answered_by").map(|by| format!("answered by {by}")),
        is("is_error").then(|| "its result is an error".to_owned()),
        is("in_background").then(|| "in the background".to_owned()),
        is("at_provider").then(|| "at the provider".to_owned()),
        text("duration_source").map(|source| match source.as_str() {
            "client" => "its time is what the client says".to_owned(),
            _ => "its time is the gap between the calls".to_owned(),
        }),
    ];
    told.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Why it is where it is, a line for each link.
fn placed(record: &Map<String, Value>, out: &mut String) -> std::fmt::Result {
    for (at, link) in list(record, "links").iter().enumerate() {
        let text = |key: &str| link.get(key).and_then(Value::as_str).map(plain).unwrap_or_default();
        let confidence = link.get("confidence").and_then(Value::as_f64).unwrap_or_default();
        let name = if at == 0 { "placed" } else { "" };
        writeln!(out, "  {name:<12} {}: {} ({confidence:.2})", text("to"), text("reason"))?;
    }
    Ok(())
}

/// What is new against the call that it goes on from, and where the provider's cache broke.
fn against(beside: &Beside, out: &mut String) -> std::fmt::Result {
    if let Some(changes) = &beside.changes {
        writeln!(out, "  {:<12} {}", "new", plain(&news(changes)))?;
    }
    if let Some(broke) = &beside.cache_break {
        let since = broke.since.map(|since| format!(", {:.0} s after the call before", since.as_secs_f64()));
        let told = format!(
            "{}: {} tokens read anew{}",
            // Where the prompts do not part there is no place to name.
            match &broke.at {
                Spot::Nothing => broke.reason.name().to_owned(),
                at => format!("at {at} ({})", broke.reason.name()),
            },
            broke.tokens_lost,
            since.unwrap_or_default()
        );
        writeln!(out, "  {:<12} {}", "cache broke", plain(&told))?;
    }
    Ok(())
}

/// What the caller said of itself, with where.
fn ids(beside: &Beside, out: &mut String) -> std::fmt::Result {
    for (at, Seen { means, place, value }) in beside.ids.iter().enumerate() {
        let name = if at == 0 { "said" } else { "" };
        writeln!(out, "  {name:<12} {means} {} ({})", plain(value), plain(place))?;
    }
    Ok(())
}
