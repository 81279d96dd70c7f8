//! `wiretape export`: writes what was captured.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::filters::Filters;
use super::opened::{failed, open};
use super::{Common, say};
use crate::export::{Failed, Options, jsonl};
use crate::store::Mode;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// In which form
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Jsonl,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    export(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn export(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, format: Format::Jsonl, filters, limit, raw, output } = own;
    let opened = open(common.and(behind), Mode::ReadOnly)?;
    let options = Options { raw, limit };
    let write =
        |out: &mut (dyn Write + Send)| opened.block_on(jsonl(&opened.store, filters.filter(), options, out));
    let written = match &output {
        Some(path) => to_file(path, write),
        None => write(&mut BufWriter::new(io::stdout())),
    };
    match written {
        Ok(count) => {
            if let Some(path) = output {
                say(&format!("{count} written to {}", path.display()));
            }
            Ok(())
        }
        // A reader that has seen enough, as `head` has, is no failure.
        Err(Failed::Write(why)) if why.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Failed::Write(why)) => Err(failed(&why.to_string())),
        Err(Failed::Store(why)) => Err(failed(&why.to_string())),
    }
}

/// Under another name until it is whole.
fn to_file<T>(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, Failed>,
) -> Result<T, Failed> {
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
