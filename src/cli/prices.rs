//! `wiretape prices`: what the price table says, and takes in another.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::opened::failed;
use super::{Common, data, say};
use crate::config;
use crate::price::Table;
use crate::recorder::{read_table, table_file};

#[derive(Debug, Default, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Only models with this in their name
    model: Option<String>,
    /// Only this provider's
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Checks a price list and says what is wrong with it
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Takes in a price list, in the place of the built-in table
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    update: Option<PathBuf>,
    /// Goes back to the built-in table
    #[arg(long, conflicts_with_all = ["check", "update"])]
    reset: bool,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    prices(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn prices(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, model, provider, check, update, reset } = own;
    let loaded = config::load(&common.and(behind).sources(Vec::new())).map_err(|mistakes| {
        say(&mistakes.to_string());
        ExitCode::FAILURE
    })?;
    let config = loaded.config;
    let place = table_file(&config.home);
    if let Some(path) = check {
        let table = read_table(&path).map_err(|why| failed(&why))?;
        say(&about(&table, &path.display().to_string()));
        return Ok(());
    }
    if let Some(path) = update {
        let table = read_table(&path).map_err(|why| failed(&why))?;
        let part = place.with_extension(format!("{}.part", std::process::id()));
        let written = fs::create_dir_all(&config.home)
            .and_then(|()| fs::write(&part, table.to_string()))
            .and_then(|()| fs::rename(&part, &place));
        written.map_err(|why| failed(&format!("{}: {why}", place.display())))?;
        say(&about(&table, &place.display().to_string()));
        say("a running recorder takes it at its next start; wiretape reread applies it to what is recorded");
        return Ok(());
    }
    if reset {
        match fs::remove_file(&place) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&format!("{}: {why}", place.display())));
            }
            _ => say(&about(Table::built_in(), "the built-in table")),
        }
        return Ok(());
    }
    let (table, name) = if place.exists() {
        (read_table(&place).map_err(|why| failed(&why))?, place.display().to_string())
    } else {
        (Table::built_in().clone(), "the built-in table".to_owned())
    };
    say(&about(&table, &name));
    let overrides = config.prices.overrides.map(|own| read_table(&config.home.join(own)));
    let overrides = overrides.transpose().map_err(|why| failed(&why))?;
    for table in overrides.iter().chain([&table]) {
        data(&chosen(table, provider.as_deref(), model.as_deref()))?;
    }
    Ok(())
}

/// The lines of a table that are asked for.
fn chosen(table: &Table, provider: Option<&str>, model: Option<&str>) -> String {
    let text = table.to_string();
    let lines = text.lines().filter(|line| {
        let mut words = line.split_whitespace();
        let (own_provider, own_model) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if own_provider.starts_with('@') {
            return provider.is_none() && model.is_none();
        }
        let is_provider = provider.is_none_or(|provider| own_provider.eq_ignore_ascii_case(provider));
        is_provider && model.is_none_or(|model| own_model.contains(&model.to_ascii_lowercase()))
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn about(table: &Table, name: &str) -> String {
    let date = table.date.map_or_else(|| "no date".to_owned(), |date| date.to_string());
    let source = table.source.clone().unwrap_or_else(|| "no source".to_owned());
    format!("{name}: {} models, {date}, {source}; US dollars for a million tokens", table.models())
}
