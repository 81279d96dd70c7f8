//! `wiretape verify`: proof that what is stored is whole.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::opened::open;
use super::{Common, data, say};
use crate::store::{Mode, VerifyAt};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    verify(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn verify(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, json } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let mut at = Some(VerifyAt::default());
    let (mut pieces, mut exchanges, mut observations, mut wrong) = (0, 0, 0, Vec::new());
    while let Some(here) = at {
        let mut step = opened.wait(opened.store.verify(here))?;
        pieces += step.pieces;
        exchanges += step.exchanges;
        observations += step.observations;
        if !json {
            step.wrong.iter().for_each(|line| say(line));
        }
        wrong.append(&mut step.wrong);
        at = step.next;
    }
    if json {
        let result = json!({
            "ok": wrong.is_empty(), "pieces": pieces, "exchanges": exchanges, "observations": observations,
            "wrong": wrong,
        });
        data(&format!("{result}\n"))?;
    } else {
        let verdict = if wrong.is_empty() {
            "all is well".to_owned()
        } else {
            format!("{} things are wrong", wrong.len())
        };
        say(&format!("{pieces} pieces, {exchanges} exchanges, {observations} observations: {verdict}"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(ExitCode::FAILURE) }
}
