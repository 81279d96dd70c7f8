//! `wiretape stats`: the store, and what the tape holds, in numbers.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::opened::{Opened, open};
use super::{Common, data, running};
use crate::model::Micros;
use crate::store::{Mode, Stats};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    stats(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn stats(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, json } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let stats = opened.wait(opened.store.stats())?;
    let value = value(&opened, &stats);
    if json {
        return data(&format!("{value:#}\n"));
    }
    let mut text = String::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let shown = match value {
            Value::String(text) => text.clone(),
            Value::Object(inner) => {
                let pairs = inner.iter().filter(|(_, value)| !value.is_null());
                pairs.map(|(key, value)| format!("{key} {value}")).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        text.push_str(&format!("{:<16} {shown}\n", key.replace('_', " ")));
    }
    data(&text)
}

fn value(opened: &Opened, stats: &Stats) -> Value {
    let Stats {
        exchanges,
        observations,
        sessions,
        traces,
        pieces,
        raw_bytes,
        unique_bytes,
        disk_bytes,
        free_bytes,
        oldest,
        newest,
        totals,
        with_losses,
    } = stats;
    let tape = opened.config.home.join(&opened.config.tape.dir);
    json!({
        "store": opened.config.store.url,
        "data_folder": opened.config.home.display().to_string(),
        "exchanges": exchanges, "observations": observations, "sessions": sessions, "traces": traces,
        "oldest": oldest.map(Micros::rfc3339), "newest": newest.map(Micros::rfc3339),
        "errors": totals.errors, "cancelled": totals.cancelled, "interrupted": totals.interrupted,
        "input": totals.input, "output": totals.output, "cache_read": totals.cache_read,
        "cost": totals.cost.to_json(), "unknown_usage": totals.unknown_usage, "unknown_cost": totals.unknown_cost,
        "raw_bytes": raw_bytes, "unique_bytes": unique_bytes, "pieces": pieces, "disk_bytes": disk_bytes,
        "free_bytes": free_bytes, "with_losses": with_losses, "tape_bytes": folder_bytes(&tape),
        // What is only known while it runs: every loss has a number here.
        "running": running::status(opened.config.web.listen),
    })
}

/// Bytes of the files in a folder; none where there is none.
fn folder_bytes(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}
