//! `wiretape prune`: removes what is old, or not wanted, and gives its space back.

use std::process::ExitCode;

use clap::Args;

use super::filters::Filters;
use super::opened::{failed, open};
use super::{Common, say};
use crate::model::Micros;
use crate::model::setting::ByteSize;
use crate::store::query::age;
use crate::store::{Mode, Prune, Pruned};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    filters: Filters,
    /// What is older than this: 30d, 12h
    #[arg(long, value_name = "AGE", value_parser = older)]
    older_than: Option<u64>,
    /// The oldest, until the store is no larger than this: 10GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    down_to: Option<u64>,
    /// Everything, where nothing else says what
    #[arg(long)]
    all: bool,
    /// Says what would go, and changes nothing
    #[arg(long)]
    dry_run: bool,
}

fn older(text: &str) -> Result<u64, String> {
    age(text).ok_or_else(|| "expected 30m, 12h, 30d".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    use crate::model::setting::{Raw, Value};
    ByteSize::read(&Raw::Text(text.to_owned())).map(|size| size.0)
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    prune(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn prune(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, filters, older_than, down_to, all, dry_run } = own;
    if filters.is_empty() && older_than.is_none() && down_to.is_none() && !all {
        say("wiretape: say what is to go: --older-than, --down-to, a filter, or --all");
        return Err(ExitCode::from(2));
    }
    let mut filter = filters.filter();
    if let Some(age) = older_than {
        let before = Micros(Micros::now().0.saturating_sub(age));
        filter.until = Some(filter.until.map_or(before, |until| until.min(before)));
    }
    let opened = open(common.and(behind), Mode::ReadWrite)?;
    let prune = Prune { filter, down_to_bytes: down_to, dry_run };
    let mut sum = Pruned::default();
    loop {
        let step = opened.wait(opened.store.prune(prune.clone()))?;
        sum.observations += step.observations;
        sum.exchanges += step.exchanges;
        sum.pieces += step.pieces;
        sum.bytes += step.bytes;
        if step.done {
            break;
        }
    }
    let Pruned { observations, exchanges, pieces, bytes, done: _ } = sum;
    let what = if dry_run { "would go" } else { "gone" };
    say(&format!(
        "{observations} observations, {exchanges} exchanges, {pieces} pieces {what}, {bytes} bytes given back"
    ));
    if dry_run && observations == 0 && down_to.is_some() {
        return Err(failed("how much goes for --down-to is known only by doing it"));
    }
    Ok(())
}
