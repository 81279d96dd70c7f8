//! What commands that look at records share: the configuration, the store, and something to wait on it with.

use std::process::ExitCode;
use std::sync::Arc;

use super::{Common, log, say};
use crate::app;
use crate::config::{self, Config};
use crate::recorder::{self, Reader};
use crate::store::{self, Mode, Store, StoreError};

/// An open store.
pub(super) struct Opened {
    pub(super) store: Arc<dyn Store>,
    pub(super) reader: Arc<Reader>,
    pub(super) config: Config,
    runtime: tokio::runtime::Runtime,
}

/// Opens the store that configuration and flags name. What goes wrong is said.
pub(super) fn open(common: Common, mode: Mode) -> Result<Opened, ExitCode> {
    opened(configured(common)?, mode)
}

/// The same for a command that may be the first: the data folder is made where there is none.
pub(super) fn open_or_make(common: Common) -> Result<Opened, ExitCode> {
    let config = configured(common)?;
    app::make_home(&config).map_err(|why| failed(&format!("{}: {why}", config.home.display())))?;
    opened(config, Mode::ReadWrite)
}

fn configured(common: Common) -> Result<Config, ExitCode> {
    let loaded = config::load(&common.sources(Vec::new())).map_err(|mistakes| {
        say(&mistakes.to_string());
        ExitCode::FAILURE
    })?;
    log::start(&loaded.config.log);
    Ok(loaded.config)
}

fn opened(config: Config, mode: Mode) -> Result<Opened, ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| failed(&format!("no runtime: {why}")))?;
    let pricer = recorder::pricer(&config.prices, &config.home).map_err(|why| failed(&why))?;
    let reader = Reader::new(pricer, &config.trace);
    let opening = store::open_with(&config.store.url, &config.home, mode, &config.store, reader.reread());
    let store = runtime.block_on(opening);
    let store = store.map_err(|why| failed(&format!("{}: {why}", config.store.url)))?;
    Ok(Opened { store, reader, config, runtime })
}

impl Opened {
    /// Waits for something of the store's.
    pub(super) fn wait<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, ExitCode> {
        self.runtime.block_on(work).map_err(|why| failed(&why.to_string()))
    }

    /// Waits for anything.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// Says what failed.
pub(super) fn failed(why: &str) -> ExitCode {
    say(&format!("wiretape: {why}"));
    ExitCode::FAILURE
}
