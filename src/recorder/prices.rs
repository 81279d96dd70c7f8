//! The price lists that hold: the table that was taken in last, else the built-in one, and the user's own before it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::price::{Config, Pricer, Table};

/// Where a table that was taken in lies, in the data folder.
const TABLE: &str = "prices.txt";

/// The place of a table that goes before the built-in one.
pub fn table_file(home: &Path) -> PathBuf {
    home.join(TABLE)
}

/// Reads a price list. The error names the file, and each of its mistakes.
pub fn read_table(path: &Path) -> Result<Table, String> {
    let text = fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    Table::parse(&text).map_err(|mistakes| {
        let lines = mistakes.iter().map(|mistake| format!("{}: {mistake}", path.display()));
        lines.collect::<Vec<_>>().join("\n")
    })
}

/// The prices in effect.
pub fn pricer(config: &Config, home: &Path) -> Result<Pricer, String> {
    let path = table_file(home);
    let table = match fs::metadata(&path) {
        Ok(_) => read_table(&path)?,
        Err(why) if why.kind() == ErrorKind::NotFound => Table::built_in().clone(),
        Err(why) => return Err(format!("{}: {why}", path.display())),
    };
    let overrides = config.overrides.as_ref().map(|own| read_table(&home.join(own))).transpose()?;
    Ok(Pricer::new(table, overrides.unwrap_or_default()))
}
