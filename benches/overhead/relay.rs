//! wiretape with nothing behind its tape: all that is done on the wire, and no recording.

use std::path::PathBuf;

use wiretape::app::App;
use wiretape::config::{self, Sources};
use wiretape::tape::{Record, Sink};

use crate::Result;

struct Nothing;

impl Sink for Nothing {
    fn take(&mut self, records: &mut Vec<Record>) {
        records.clear();
    }
}

pub fn run(arguments: &[String]) -> Result<()> {
    let [file] = arguments else { return Err("role:relay FILE".into()) };
    let sources = Sources { file: Some(PathBuf::from(file)), ..Sources::default() };
    let loaded = config::load(&sources).map_err(|mistakes| mistakes.to_string())?;
    // As the binary has it: the relays have threads of their own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _running = App::start_into(&loaded.config, Box::new(Nothing)).await?;
        // Ends with the process that started it.
        std::future::pending().await
    })
}
