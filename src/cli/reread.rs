//! `wiretape reread`: today's dialects and prices over what is stored.

use std::process::ExitCode;

use clap::Args;

use super::filters::Filters;
use super::opened::open;
use super::{Common, say};
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
    let filter = filters.filter();
    let mut after = None;
    let (mut exchanges, mut observations, mut panics) = (0_u64, 0_usize, 0_u64);
    loop {
        let ids = opened.wait(opened.store.exchanges(filter.clone(), after, AT_ONCE))?;
        let Some(last) = ids.last().copied() else { break };
        for id in ids {
            let Some(exchange) = opened.wait(opened.store.exchange(id))? else { continue };
            let read = opened.reader.read(&exchange);
            panics += u64::from(read.panicked);
            observations += read.observed.len();
            exchanges += 1;
            opened.wait(opened.store.reread(id, read.observed))?;
        }
        after = Some(last);
    }
    say(&format!("{exchanges} exchanges read again, {observations} observations"));
    if panics > 0 {
        say(&format!("{panics} could not be read: the readers failed"));
    }
    Ok(())
}
