//! `wiretape prompts`: versions of prompts and tools, what each came to, and what two of them differ in.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::filters::Filters;
use super::opened::{Opened, failed, open};
use super::paint::Paint;
use super::table::{Table, cut, plain, plain_lines, terminal_width};
use super::{Common, data, say};
use crate::export::Records;
use crate::export::prompts::{self, beginning, compared, pick, quantile};
use crate::export::words::{dollars, duration, short, shown_time};
use crate::store::{Filter, Mode, PromptVersion};
use crate::trace::changes::ToolChanges;
use crate::trace::diff::{DiffLine, diff};

/// So many lines around each difference are shown.
const AROUND: usize = 3;
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
    list(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn list(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, versions, filters, limit, json } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let all = opened.wait(opened.store.prompts(filters.filter()))?;
    let mut records = Records::new(Arc::clone(&opened.store));
    match versions.as_slice() {
        [] => {
            let shown: Vec<(&PromptVersion, String)> = all
                .iter()
                .take(limit)
                .map(|one| Ok((one, opened.wait(records.prompt(one))?)))
                .collect::<Result<_, ExitCode>>()?;
            if json { data(&lines(&shown)) } else { table(&shown, all.len()) }
        }
        [one] => {
            let version = find(&opened, &all, one)?;
            let text = opened.wait(records.prompt(&version))?;
            if json {
                let mut line = prompts::line(&version);
                line["prompt"] = text.into();
                return data(&format!("{line}\n"));
            }
            data(&format!("{}\n", plain_lines(&text)))
        }
        [from, to, ..] => {
            let (from, to) = (find(&opened, &all, from)?, find(&opened, &all, to)?);
            compare(&opened, &mut records, &from, &to, json)
        }
    }
}

/// The version that is named so.
fn find(opened: &Opened, all: &[PromptVersion], name: &str) -> Result<PromptVersion, ExitCode> {
    if let Some(found) = pick(all, name) {
        return Ok(found.clone());
    }
    // A filter may have left it out.
    let all = opened.wait(opened.store.prompts(Filter::default()))?;
    pick(&all, name).cloned().ok_or_else(|| failed(&format!("no prompt has the version {name}")))
}

fn lines(shown: &[(&PromptVersion, String)]) -> String {
    let line = |(one, prompt): &(&PromptVersion, String)| {
        let mut line = prompts::line(one);
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
    let examples = (opened.wait(records.example(from))?, opened.wait(records.example(to))?);
    let found = match &examples {
        (Some(before), Some(after)) => compared(before, after),
        _ => None,
    };
    let Some((was, is, tools)) = found else {
        return Err(failed("of one of the two no call with its content is left"));
    };
    let difference = diff(&was, &is);
    if json {
        let compared = json!({
            "from": prompts::line(from), "to": prompts::line(to), "system": prompts::lines(&difference),
            "tools": prompts::tools(&tools),
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
