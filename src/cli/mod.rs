//! The command line: one file a subcommand. Data goes to stdout, what is said about it to stderr; the exit code is 0,
//! 1 where something failed, 2 where the command line itself is wrong.

mod check;
mod demo;
mod draw;
mod export;
mod filters;
mod heading;
mod import;
mod log;
mod ls;
mod opened;
mod outline;
mod paint;
mod prices;
mod progress;
mod prompts;
mod prune;
mod push;
mod record;
mod reread;
mod run;
mod running;
mod serve;
mod show;
mod stats;
mod table;
mod tail;
mod talk;
mod verify;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use outline::{Outlined, outline};
pub use run::names as variables;

use crate::config::{Override, Sources};

#[derive(Debug, Parser)]
#[command(name = "wiretape", version, about)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the recorder (the default)
    Serve(serve::Arguments),
    /// Runs a command with every base URL pointed at a recorder, and says what it did
    Run(run::Arguments),
    /// Lists what was recorded
    Ls(ls::Arguments),
    /// Shows one step, or a trace or session as a tree
    Show(show::Arguments),
    /// Lists versions of prompts and tools, or shows what two of them differ in
    Prompts(prompts::Arguments),
    /// Follows what is being recorded
    Tail(tail::Arguments),
    /// Writes what was captured
    Export(export::Arguments),
    /// Sends what was recorded to another system, as spans
    Push(push::Arguments),
    /// Takes in what was exported
    Import(import::Arguments),
    /// Reads what is stored again, by today's dialects and prices
    Reread(reread::Arguments),
    /// Removes what is old, or not wanted
    Prune(prune::Arguments),
    /// Checks that what is stored is whole
    Verify(verify::Arguments),
    /// Tells of the store, and of losses, in numbers
    Stats(stats::Arguments),
    /// Shows, checks and updates the price table
    Prices(prices::Arguments),
    /// Checks a configuration and says what is wrong
    Check(check::Arguments),
    /// Shows everything without a key: sample agents, a provider of its own, real recordings
    Demo(demo::Arguments),
}

// What every command takes. Not a doc comment, which clap would make the command's help.
//
// Each command has its own, and the program has one: of clap's global arguments, those before the command's name would
// be lost where there are some behind it.
#[derive(Clone, Debug, Default, Args)]
struct Common {
    /// The configuration file; without it $WIRETAPE_CONFIG, ./wiretape.toml, then the user's configuration folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store: --set store.url=URL
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Sets one key, as in --set proxy.listen=127.0.0.1:5000; may be repeated, and overrides file and environment
    #[arg(long, value_name = "SECTION.KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

/// Runs what the process's arguments ask for.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(why) => {
            // Help and version come this way too, with their own code. That nobody reads it is no failure.
            let _ = why.print();
            return ExitCode::from(u8::try_from(why.exit_code()).unwrap_or(2));
        }
    };
    let common = arguments.common;
    match arguments.command.unwrap_or_else(|| Command::Serve(serve::Arguments::default())) {
        Command::Serve(own) => serve::run(common, own),
        Command::Run(own) => run::run(common, own),
        Command::Ls(own) => ls::run(common, own),
        Command::Show(own) => show::run(common, own),
        Command::Prompts(own) => prompts::run(common, own),
        Command::Tail(own) => tail::run(common, own),
        Command::Export(own) => export::run(common, own),
        Command::Push(own) => push::run(common, own),
        Command::Import(own) => import::run(common, own),
        Command::Reread(own) => reread::run(common, own),
        Command::Prune(own) => prune::run(common, own),
        Command::Verify(own) => verify::run(common, own),
        Command::Stats(own) => stats::run(common, own),
        Command::Prices(own) => prices::run(common, own),
        Command::Check(own) => check::run(common, own),
        Command::Demo(own) => demo::run(common, &own),
    }
}

impl Common {
    /// What was said before the command's name, then what was said behind it.
    fn and(mut self, later: Common) -> Self {
        self.config = later.config.or(self.config);
        self.store = later.store.or(self.store);
        self.set.extend(later.set);
        self
    }

    fn sources(self, shorthands: Vec<Override>) -> Sources {
        let set = self.set.into_iter().map(|(key, value)| Override { flag: "--set".to_owned(), key, value });
        let store = self.store.map(|value| Override {
            flag: "--store".to_owned(),
            key: "store.url".to_owned(),
            value,
        });
        Sources::of_process(self.config, set.chain(store).chain(shorthands).collect())
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected SECTION.KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

/// Writes data. A reader that has seen enough, as `head` has, is no failure.
fn data(text: &str) -> Result<(), ExitCode> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("stdout: {why}"));
            Err(ExitCode::FAILURE)
        }
        _ => Ok(()),
    }
}

/// Says something about the command itself. Where stderr is gone there is nobody left to tell.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sets_on_both_sides_of_the_command_count() {
        let line = [
            "wiretape", "--set", "a.b=1", "--config", "x", "serve", "--set", "c.d=e=f", "--listen", "[::1]:1",
        ];
        let arguments = Arguments::try_parse_from(line).unwrap();
        let Some(Command::Serve(serve)) = arguments.command else { panic!("serve") };
        let overrides = serve::sources(arguments.common, serve).overrides;
        let seen: Vec<_> =
            overrides.iter().map(|o| [&o.flag, &o.key, &o.value].map(String::as_str)).collect();
        assert_eq!(
            seen,
            [["--set", "a.b", "1"], ["--set", "c.d", "e=f"], ["--listen", "proxy.listen", "[::1]:1"]]
        );
    }
}
