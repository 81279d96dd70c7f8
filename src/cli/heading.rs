//! What stands above the tree of a trace or session: what it is called, and what it came to.

use std::fmt::Write as _;

use serde_json::Value;

use super::paint::Paint;
use super::table::{cut, plain};
use crate::export::summary::{millis, name, wall};
use crate::export::words::{dollars, duration, short, shown_time};
use crate::store::{Row, Summary, Totals};

/// The lines of a trace or session. Its rows say how its session is known.
pub(super) fn heading(
    what: &str,
    summary: &Summary,
    rows: &[Row],
    width: Option<usize>,
    paint: Paint,
) -> String {
    let first = cut(&plain(&format!("{what} {}  {}", summary.id, name(summary))), width);
    let mut text = format!("{}\n", paint.bold(&first));
    for (name, value) in lines(what, summary, rows) {
        if !value.is_empty() {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{}", cut(&format!("  {name:<9} {}", plain(&value)), width));
        }
    }
    text
}

fn lines(what: &str, summary: &Summary, rows: &[Row]) -> Vec<(&'static str, String)> {
    let Summary { session, first, traces, status, totals, models, users, tags, tools, .. } = summary;
    let took = |micros: u64| duration(Some(&millis(micros).into()));
    let why = reason(rows, "session").map(|why| format!(" ({why})"));
    let session = match what {
        "trace" => session.as_ref().map(|session| format!("{session}{}", why.unwrap_or_default())),
        _ => Some(format!("{traces} {}{}", plural(*traces, "trace"), why.unwrap_or_default())),
    };
    let wall = duration(Some(&wall(summary).into()));
    let times = [("models", totals.model_time), ("tools", totals.tool_time)];
    let times =
        times.iter().filter(|(_, time)| *time > 0).map(|(who, time)| format!(", {who} {}", took(*time)));
    vec![
        ("session", session.unwrap_or_default()),
        ("status", (*status).to_owned()),
        ("time", format!("{}, {wall} in all{}", shown_time(&first.rfc3339()), times.collect::<String>())),
        ("calls", calls(totals)),
        ("tokens", tokens(totals)),
        ("cost", cost(totals)),
        ("wasted", wasted(totals)),
        ("models", models.join(", ")),
        ("tools", tools.join(", ")),
        ("user", users.join(", ")),
        ("tags", tags.join(", ")),
    ]
}

pub(super) fn plural(count: u64, one: &str) -> String {
    if count == 1 { one.to_owned() } else { format!("{one}s") }
}

pub(super) fn calls(totals: &Totals) -> String {
    let mut told = format!("{} {}", totals.generations, plural(totals.generations, "call"));
    let counts = [
        (totals.tools, "tool call".to_owned()),
        (totals.errors, "error".to_owned()),
        (totals.cancelled, "cancelled".to_owned()),
        (totals.interrupted, "interrupted".to_owned()),
    ];
    for (count, one) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let many = if one.ends_with("ed") { one } else { plural(count, &one) };
        let _ = write!(told, ", {count} {many}");
    }
    if totals.retries > 0 {
        let _ =
            write!(told, ", {} {}", totals.retries, if totals.retries == 1 { "retry" } else { "retries" });
    }
    told
}

pub(super) fn tokens(totals: &Totals) -> String {
    let Totals { input, output, cache_read, cache_write, reasoning, unknown_usage, .. } = totals;
    let some = |parts: &[(&str, u64)]| {
        let parts = parts.iter().filter(|(_, count)| *count > 0);
        let parts: Vec<String> = parts.map(|(name, count)| format!("{name} {}", short(*count))).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    };
    let input_parts = some(&[("cached", *cache_read), ("written to the cache", *cache_write)]);
    let output_parts = some(&[("reasoning", *reasoning)]);
    let mut told = format!("in {}{input_parts}, out {}{output_parts}", short(*input), short(*output));
    if *unknown_usage > 0 {
        let _ = write!(told, "; unknown of {unknown_usage} {}", plural(*unknown_usage, "call"));
    }
    told
}

pub(super) fn cost(totals: &Totals) -> String {
    let known = dollars(totals.cost.to_json().as_f64().unwrap_or_default());
    match totals.unknown_cost {
        0 => known,
        unknown => format!("{known}; unknown of {unknown} {}", plural(unknown, "call")),
    }
}

/// What calls took that came to nothing.
fn wasted(totals: &Totals) -> String {
    if totals.wasted_time == 0 && totals.wasted_tokens == 0 {
        return String::new();
    }
    let time = duration(Some(&millis(totals.wasted_time).into()));
    format!("{} tokens and {time} in calls that came to nothing", short(totals.wasted_tokens))
}

/// How the first step that says so came to where it is.
fn reason(rows: &[Row], to: &str) -> Option<String> {
    let links = rows.iter().filter_map(|row| row.head.get("links")?.as_array()).flatten();
    let mut links = links.filter(|link| link.get("to").and_then(Value::as_str) == Some(to));
    links.find_map(|link| Some(link.get("reason")?.as_str()?.to_owned()))
}
