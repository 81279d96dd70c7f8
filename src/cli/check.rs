//! `wiretape check`: says what is wrong with a configuration, what is in effect, or whether its recorder is running.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::running;
use super::{Common, data, say};
use crate::config::{self, Loaded, Mistakes};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Prints the configuration in effect as TOML, secrets hidden
    #[arg(long)]
    print: bool,
    /// Prints the mistakes, or the configuration in effect, as JSON
    #[arg(long)]
    json: bool,
    /// Prints an example file with every setting, its meaning and its default
    #[arg(long, conflicts_with_all = ["print", "json"])]
    example: bool,
    /// Asks the recorder at web.listen whether it takes calls: exits 0 if it does, 1 if not
    #[arg(long, conflicts_with_all = ["print", "json", "example"])]
    running: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    let done = if own.example {
        data(&config::example())
    } else {
        let loaded = config::load(&common.and(own.common).sources(Vec::new()));
        match loaded {
            Ok(loaded) if own.running => runs(&loaded),
            Ok(loaded) => right(&loaded, own.print, own.json),
            Err(mistakes) => wrong(&mistakes, own.json),
        }
    };
    done.err().unwrap_or(ExitCode::SUCCESS)
}

fn right(loaded: &Loaded, print: bool, json: bool) -> Result<(), ExitCode> {
    let file = loaded.file.as_ref().map(|path| path.display().to_string());
    if json {
        let config = loaded.config.to_json();
        return data(&line(&json!({"ok": true, "file": file, "config": config})));
    }
    if print {
        data(&loaded.config.to_toml())?;
    }
    say(&match file {
        Some(file) => format!("ok: {file}"),
        None => "ok: no configuration file, defaults hold".to_owned(),
    });
    Ok(())
}

fn runs(loaded: &Loaded) -> Result<(), ExitCode> {
    let (answer, found) = match running::ask(loaded.config.web.listen) {
        Ok(answer) => (answer, Ok(())),
        Err(why) => (why, Err(ExitCode::FAILURE)),
    };
    say(&answer);
    found
}

fn wrong(mistakes: &Mistakes, json: bool) -> Result<(), ExitCode> {
    if json {
        let mistakes: Vec<Value> = mistakes.0.iter().map(config::Mistake::to_json).collect();
        data(&line(&json!({"ok": false, "mistakes": mistakes})))?;
    } else {
        say(&mistakes.to_string());
    }
    Err(ExitCode::FAILURE)
}

fn line(value: &Value) -> String {
    format!("{value:#}\n")
}
