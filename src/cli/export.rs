//! `wiretape export`: writes what was captured.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::filters::Filters;
use super::opened::{Opened, failed, open};
use super::{Common, say};
use crate::export::{Export, FORMATS, Failed, Format, Wanted, format};
use crate::store::Mode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// In which form
    #[arg(long, value_parser = formats(), default_value = "jsonl")]
    format: String,
    #[command(flatten)]
    filters: Filters,
    /// At most so many, the newest
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// With what was on the wire
    #[arg(long)]
    raw: bool,
    /// To this file, which appears when it is whole; without it to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The names of all forms, with what each is.
fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(
        FORMATS.iter().map(|own| clap::builder::PossibleValue::new(own.name).help(own.help)),
    )
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    export(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn export(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, format: name, filters, limit, raw, output } = own;
    let form = format(&name).ok_or_else(|| failed(&format!("no form is called {name}")))?;
    if form.is_binary && output.is_none() && io::stdout().is_terminal() {
        return Err(failed(&format!("{name} is no text: say -o FILE, or send stdout elsewhere")));
    }
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let wanted = Wanted { filter: filters.filter(), limit, raw, ..Wanted::default() };
    let written = match &output {
        Some(path) => to_file(path, |out| write(&opened, form, wanted, out)),
        None => write(&opened, form, wanted, &mut io::stdout()),
    };
    match written {
        Ok(count) => {
            if let Some(path) = output {
                say(&format!("{count} written to {}", path.display()));
            }
            Ok(())
        }
        // A reader that has seen enough, as `head` has, is no failure.
        Err(Stopped::Write(why)) if why.kind() == io::ErrorKind::BrokenPipe && output.is_none() => Ok(()),
        Err(Stopped::Write(why)) => Err(failed(&why.to_string())),
        Err(Stopped::Export(why)) => Err(failed(&why.to_string())),
    }
}

/// Why it ended early.
enum Stopped {
    Export(Failed),
    Write(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(why: io::Error) -> Self {
        Self::Write(why)
    }
}

/// Writes all there is; says how much it was.
fn write(opened: &Opened, form: &Format, wanted: Wanted, out: &mut dyn Write) -> Result<u64, Stopped> {
    let mut export = Export::new(&opened.store, form, wanted);
    while let Some(piece) = opened.block_on(export.next()).map_err(Stopped::Export)? {
        out.write_all(&piece)?;
    }
    out.flush()?;
    Ok(export.written())
}

/// Under another name until it is whole.
fn to_file<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T, Stopped>) -> Result<T, Stopped> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(name);
    let mut file = BufWriter::new(File::create(&part)?);
    let done = write(&mut file).and_then(|done| {
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&part, path)?;
        Ok(done)
    });
    if done.is_err() {
        // What is left of it is of no use.
        let _ = std::fs::remove_file(&part);
    }
    done
}
