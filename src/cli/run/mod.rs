//! `wiretape run`: runs a command with every base URL pointed at a recorder, and says at its end what it did.

mod agents;
mod child;
mod labels;
mod recorder;
mod summary;
mod variables;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use self::child::Ended;
use self::labels::Labels;
use self::recorder::Recorder;
pub use self::variables::names;

use self::variables::Variables;
use super::{Common, pair, say};
use crate::config::{self, Config};
use crate::model::Micros;

/// What shells say of a command that is not there, and of one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
/// And of one that a signal ended: this, and the signal's number.
const SIGNALLED: i32 = 128;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// What the run is called; without it, as its program
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Says something of all calls: session=…, user=…, tag=…, or a label of your own; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Says nothing but what goes wrong
    #[arg(long, short)]
    quiet: bool,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    let sources = common.and(own.common.clone()).sources(Vec::new());
    let config = match config::load(&sources) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => {
            say(&mistakes.to_string());
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&format!("no runtime: {why}")),
    };
    match runtime.block_on(record(config, own)) {
        Ok(code) => code,
        Err(why) => failed(&why),
    }
}

fn failed(why: &str) -> ExitCode {
    say(&format!("wiretape: {why}"));
    ExitCode::FAILURE
}

async fn record(mut config: Config, own: Arguments) -> Result<ExitCode, String> {
    let Arguments { name, label, quiet, mut command, common: _ } = own;
    let labels = Labels::new(name, label, &command)?;
    let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut recorder = Recorder::running(&config, &environment).await;
    let mut variables = Variables::new(&config, recorder.as_ref(), &environment);
    if !variables.missing.is_empty() || recorder.is_none() {
        // What the running one does not lead to, one of this run's own does.
        variables.missing.drain(..).for_each(|(name, url)| add_upstream(&mut config, name, url));
        recorder::fit(&mut config, &environment);
        recorder = Some(Recorder::start(&config).await?);
        variables = Variables::new(&config, recorder.as_ref(), &environment);
    }
    let Some(recorder) = recorder else { return Err("no recorder".to_owned()) };
    let base = labels.base(recorder.proxy(), config.proxy.token.as_ref());
    let mut set = variables.set(&base);
    let mut notes = variables.notes;
    agents::fit(&mut command, &base, &environment, &mut set, &mut notes);
    let say_unless_quiet = |text: &str| {
        if !quiet {
            say(text);
        }
    };
    notes.iter().for_each(|note| say_unless_quiet(&format!("wiretape: {note}")));
    say_unless_quiet(&format!("wiretape: recording {} through {}", labels.run, recorder.describe()));

    let since = Micros::now();
    let ended = child::run(&command, &set).await;
    let web = recorder.web();
    let store = recorder.written(&config).await;
    let code = match ended {
        Ok(Ended::Code(code)) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Ok(Ended::Signal(signal)) => ExitCode::from(u8::try_from(SIGNALLED + signal).unwrap_or(1)),
        Err(why) => {
            say(&format!("wiretape: {}: {why}", command[0].to_string_lossy()));
            let missing = why.kind() == std::io::ErrorKind::NotFound;
            return Ok(ExitCode::from(if missing { NOT_FOUND } else { NOT_RUN }));
        }
    };
    if !quiet {
        match store {
            Ok(store) => say(&summary::tell(&*store, &labels.run, since, web).await),
            Err(why) => say(&format!("wiretape: what it did cannot be told: {why}")),
        }
    }
    Ok(code)
}

fn add_upstream(config: &mut Config, name: String, url: String) {
    let own = config.upstreams.iter_mut().find(|(known, _)| *known == name);
    match own {
        Some((_, upstream)) => upstream.url = Some(url),
        None => config
            .upstreams
            .push((name, crate::proxy::upstream::Config { url: Some(url), ..Default::default() })),
    }
}
