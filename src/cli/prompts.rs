//! `wiretape prompts`: versions of prompts and tools, what each came to, and what two of them differ in.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::filters::Filters;
use super::opened::{Opened, failed, open};
use super::paint::Paint;
use super::table::{Table, cut, plain, plain_lines, terminal_width};
use super::{Common, data, say};
use crate::export::summary::millis;
use crate::export::words::{dollars, duration, short, shown_time};
use crate::export::{Records, Source};
use crate::store::{Filter, Mode, PromptVersion, Sketch};
use crate::trace::changes::{ToolChanges, changes};
use crate::trace::diff::{DiffLine, diff};
use crate::trace::prompt::{normalised, system_text};

/// So many lines around each difference are shown.
const AROUND: usize = 3;
/// As much of a prompt as a list shows.
const BEGINNING: usize = 200;
/// The same in a table on a terminal.
const SAYS: usize = 40;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// A version, to show its prompt, or two, to show what they differ in; VERSION/TOOLS where only the tools do
    #[arg(num_args = 0..=2, value_name = "VERSION")]
    versions: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// At most so many, those seen last
    #[arg(long, value_name = "N", default_value = "50")]
    limit: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    prompts(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn prompts(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, versions, filters, limit, json } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let all = opened.wait(opened.store.prompts(filters.filter()))?;
    let mut records = Records::new(Arc::clone(&opened.store));
    match versions.as_slice() {
        [] => {
            let shown: Vec<(&PromptVersion, String)> = all
                .iter()
                .take(limit)
                .map(|one| Ok((one, prompt(&opened, &mut records, one)?)))
                .collect::<Result<_, ExitCode>>()?;
            if json { data(&lines(&shown)) } else { table(&shown, all.len()) }
        }
        [one] => {
            let version = pick(&opened, &all, one)?;
            let text = prompt(&opened, &mut records, &version)?;
            if json {
                let mut line = line(&version);
                line["prompt"] = text.into();
                return data(&format!("{line}\n"));
            }
            data(&format!("{}\n", plain_lines(&text)))
        }
        [from, to, ..] => {
            let (from, to) = (pick(&opened, &all, from)?, pick(&opened, &all, to)?);
            compare(&opened, &mut records, &from, &to, json)
        }
    }
}

/// The version that is named so, or begins so; of several with other tools the one seen last.
fn pick(opened: &Opened, all: &[PromptVersion], name: &str) -> Result<PromptVersion, ExitCode> {
    let (version, tools) =
        name.split_once('/').map_or((name, None), |(version, tools)| (version, Some(tools)));
    let begins = |own: &Option<String>, wanted: &str| {
        own.as_deref().map_or(wanted == "-", |own| own.starts_with(wanted)) || wanted.is_empty()
    };
    let fits = |one: &&PromptVersion| {
        begins(&one.version, version) && tools.is_none_or(|tools| begins(&one.tools, tools))
    };
    if let Some(found) = all.iter().find(fits) {
        return Ok(found.clone());
    }
    // A filter may have left it out.
    let all = opened.wait(opened.store.prompts(Filter::default()))?;
    all.iter().find(fits).cloned().ok_or_else(|| failed(&format!("no prompt has the version {name}")))
}

/// The call that shows what a version says.
fn example(
    opened: &Opened,
    records: &mut Records,
    version: &PromptVersion,
) -> Result<Option<Source>, ExitCode> {
    match opened.wait(opened.store.observation(version.example))? {
        Some(stored) => opened.wait(records.source(&stored)),
        None => Ok(None),
    }
}

fn prompt(opened: &Opened, records: &mut Records, version: &PromptVersion) -> Result<String, ExitCode> {
    let source = example(opened, records, version)?;
    Ok(source.as_ref().and_then(Source::reading).map(system_text).unwrap_or_default())
}

/// A percentile in milliseconds.
fn quantile(sketch: &Sketch, part: f64) -> Value {
    json!(sketch.quantile(part).map(|micros| micros / 1000.0))
}

fn line(one: &PromptVersion) -> Value {
    let PromptVersion { version, tools, first, last, example, totals, duration, first_token } = one;
    json!({
        "prompt_version": version, "tools_version": tools, "first_time": first.rfc3339(), "last_time": last.rfc3339(),
        "example_id": example.to_string(), "calls": totals.generations, "errors": totals.errors,
        "cancelled": totals.cancelled, "interrupted": totals.interrupted, "retries": totals.retries,
        "input": totals.input, "output": totals.output, "cache_read": totals.cache_read,
        "cache_write": totals.cache_write, "reasoning": totals.reasoning, "cost": totals.cost.to_json(),
        "unknown_usage": totals.unknown_usage, "unknown_cost": totals.unknown_cost,
        "model_ms": millis(totals.model_time), "wasted_ms": millis(totals.wasted_time),
        "wasted_tokens": totals.wasted_tokens, "duration_p50_ms": quantile(duration, 0.5),
        "duration_p95_ms": quantile(duration, 0.95), "ttft_p50_ms": quantile(first_token, 0.5),
    })
}

/// Without what changes by itself: that is no part of a version.
fn beginning(prompt: &str) -> String {
    let prompt = normalised(prompt);
    let words: Vec<&str> = prompt.split_whitespace().take(BEGINNING / 2).collect();
    words.join(" ").chars().take(BEGINNING).collect()
}

fn lines(shown: &[(&PromptVersion, String)]) -> String {
    let line = |(one, prompt): &(&PromptVersion, String)| {
        let mut line = line(one);
        line["prompt_preview"] = beginning(prompt).into();
        format!("{line}\n")
    };
    shown.iter().map(line).collect()
}

fn table(shown: &[(&PromptVersion, String)], all: usize) -> Result<(), ExitCode> {
    if shown.is_empty() {
        say("no call that passes has a prompt or tools");
        return Ok(());
    }
    let width = terminal_width();
    let mut table = Table::new(&[
        "prompt",
        "tools",
        "first",
        "last",
        ">calls",
        ">errors",
        ">in",
        ">out",
        ">cost",
        ">p50",
        ">p95",
        ">ttft p50",
        "says",
    ]);
    for (one, prompt) in shown {
        let PromptVersion { version, tools, first, last, totals, duration: took, first_token, .. } = one;
        let name = |version: &Option<String>| version.as_deref().map_or("-".to_owned(), plain);
        table.row(vec![
            name(version),
            name(tools),
            shown_time(&first.rfc3339()),
            shown_time(&last.rfc3339()),
            totals.generations.to_string(),
            totals.errors.to_string(),
            short(totals.input),
            short(totals.output),
            dollars(totals.cost.to_json().as_f64().unwrap_or_default()),
            duration(Some(&quantile(took, 0.5))),
            duration(Some(&quantile(took, 0.95))),
            duration(Some(&quantile(first_token, 0.5))),
            cut(&plain(&beginning(prompt)), width.map(|_| SAYS)),
        ]);
    }
    if all > shown.len() {
        say(&format!("{} of {all} are shown; --limit N shows more", shown.len()));
    }
    table.drop_until_fits(width, &["first", "ttft p50", "p95", "errors", "out", "last"]);
    data(&table.show(width))
}

fn compare(
    opened: &Opened,
    records: &mut Records,
    from: &PromptVersion,
    to: &PromptVersion,
    json: bool,
) -> Result<(), ExitCode> {
    let sources = (example(opened, records, from)?, example(opened, records, to)?);
    let (Some(before), Some(after)) =
        (sources.0.as_ref().and_then(Source::reading), sources.1.as_ref().and_then(Source::reading))
    else {
        return Err(failed("of one of the two no call with its content is left"));
    };
    let (was, is) = (system_text(before), system_text(after));
    let difference = diff(&was, &is);
    let tools = changes(before, after).tools;
    if json {
        let line = |each: &DiffLine| match each {
            DiffLine::Same(text) => json!({"is": "same", "text": text}),
            DiffLine::Removed(text) => json!({"is": "removed", "text": text}),
            DiffLine::Added(text) => json!({"is": "added", "text": text}),
        };
        let ToolChanges { added, removed, changed } = &tools;
        let compared = json!({
            "from": self::line(from), "to": self::line(to), "system": difference.iter().map(line).collect::<Vec<_>>(),
            "tools": {"added": added, "removed": removed, "changed": changed},
        });
        return data(&format!("{compared}\n"));
    }
    data(&told(&difference, &tools, Paint::of_stdout()))
}

fn told(difference: &[DiffLine], tools: &ToolChanges, paint: Paint) -> String {
    let mut text = String::new();
    let ToolChanges { added, removed, changed } = tools;
    for (what, names) in [("added", added), ("removed", removed), ("changed", changed)] {
        if !names.is_empty() {
            text.push_str(&format!("tools {what}: {}\n", plain(&names.join(", "))));
        }
    }
    let is_near = |at: usize| {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(difference.len());
        difference[around].iter().any(|line| !matches!(line, DiffLine::Same(_)))
    };
    if difference.iter().all(|line| matches!(line, DiffLine::Same(_))) {
        text.push_str("the system prompts are the same\n");
        return text;
    }
    let mut is_left_out = false;
    for (at, line) in difference.iter().enumerate() {
        if !is_near(at) {
            is_left_out = true;
            continue;
        }
        if std::mem::take(&mut is_left_out) {
            text.push_str(&paint.dim("…"));
            text.push('\n');
        }
        text.push_str(&match line {
            DiffLine::Same(line) => format!("  {}", plain(line)),
            DiffLine::Removed(line) => paint.red(&format!("- {}", plain(line))),
            DiffLine::Added(line) => paint.green(&format!("+ {}", plain(line))),
        });
        text.push('\n');
    }
    text
}
