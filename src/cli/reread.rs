//! `wiretape reread`: today's dialects and prices over what is stored.

use std::process::ExitCode;

use clap::Args;

use super::filters::Filters;
use super::opened::{failed, open};
use super::{Common, say};
use crate::recorder;
use crate::store::Mode;

/// Exchanges are asked for so many at once.
const AT_ONCE: usize = 200;

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    filters: Filters,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    reread(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn reread(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, filters } = own;
    let opened = open(common.and(behind), Mode::ReadWrite)?;
    let pricer = recorder::pricer(&opened.config.prices, &opened.config.home).map_err(|why| failed(&why))?;
    let filter = filters.filter();
    let mut after = None;
    let (mut exchanges, mut observations, mut panics) = (0_u64, 0_usize, 0_u64);
    loop {
        let ids = opened.wait(opened.store.exchanges(filter.clone(), after, AT_ONCE))?;
        let Some(last) = ids.last().copied() else { break };
        for id in ids {
            let Some(exchange) = opened.wait(opened.store.exchange(id))? else { continue };
            let read = recorder::observe(&exchange, &pricer);
            panics += u64::from(read.panicked);
            let entries: Vec<_> = read.observations.iter().map(recorder::observed).collect();
            observations += entries.len();
            exchanges += 1;
            opened.wait(opened.store.reread(id, entries))?;
        }
        after = Some(last);
    }
    say(&format!("{exchanges} exchanges read again, {observations} observations"));
    if panics > 0 {
        say(&format!("{panics} could not be read: the readers failed"));
    }
    Ok(())
}
