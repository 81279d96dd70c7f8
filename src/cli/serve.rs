//! `wiretape serve`: runs the recorder.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::{Common, say};
use crate::config::{Override, Sources};
use crate::{app, config};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Where agents' calls come to: --set proxy.listen=ADDR
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where pages and API are: --set web.listen=ADDR
    #[arg(long, value_name = "ADDR")]
    web_listen: Option<SocketAddr>,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    match config::load(&sources(common, own)) {
        Ok(loaded) => app::run(loaded),
        Err(mistakes) => {
            say(&mistakes.to_string());
            ExitCode::FAILURE
        }
    }
}

pub(super) fn sources(common: Common, own: Arguments) -> Sources {
    let shorthand = |flag: &str, key: &str, address: Option<SocketAddr>| {
        let value = address?.to_string();
        Some(Override { flag: flag.to_owned(), key: key.to_owned(), value })
    };
    let shorthands = [
        shorthand("--listen", "proxy.listen", own.listen),
        shorthand("--web-listen", "web.listen", own.web_listen),
    ];
    common.and(own.common).sources(shorthands.into_iter().flatten().collect())
}
