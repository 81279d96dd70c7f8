//! `wiretape export`: writes what was captured.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::filters::Filters;
use super::opened::{Opened, failed, open};
use super::progress::Progress;
use super::{Common, say};
use crate::app;
use crate::config::Config;
use crate::export::{Export, FORMATS, Failed, Format, Leave, Sample, Wanted, format, share};
use crate::model::Micros;
use crate::store::{Filter, Mode, Order, Page};

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
    /// A part of all traces, as 5%: whole ones, and the same ones each time
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sample: Option<f64>,
    /// Draws another sample
    #[arg(long, value_name = "N", default_value = "0", requires = "sample")]
    seed: u64,
    /// Without what was said
    #[arg(long)]
    no_content: bool,
    /// Redacted again on the way out, by every rule there is
    #[arg(long)]
    redact: bool,
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
    let Arguments { common: behind, format: name, output, .. } = &own;
    let form = format(name).ok_or_else(|| failed(&format!("no form is called {name}")))?;
    if form.is_binary && output.is_none() && io::stdout().is_terminal() {
        return Err(failed(&format!("{name} is no text: say -o FILE, or send stdout elsewhere")));
    }
    let opened = open(common.and(behind.clone()), Mode::ReadOnly)?;
    let wanted = own.wanted(&opened.config)?;
    let output = own.output;
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

impl Arguments {
    fn wanted(&self, config: &Config) -> Result<Wanted, ExitCode> {
        let Self { filters, limit, raw, sample, seed, no_content, redact, .. } = self;
        let redactor = redact.then(|| app::leaving(config)).transpose();
        let redactor = redactor.map_err(|why| failed(&why.to_string()))?;
        Ok(Wanted {
            filter: filters.clone().filter(),
            limit: *limit,
            sample: sample.map(|share| Sample { share, seed: *seed }),
            raw: *raw,
            origins: Arc::new(app::origins(config).map_err(|why| failed(&why.to_string()))?),
            leave: Arc::new(Leave { no_content: *no_content, redactor: redactor.map(Arc::new) }),
        })
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
    let is_backwards = wanted.limit.is_some();
    // With a limit nobody knows where it ends.
    let span = Progress::is_wanted() && !is_backwards;
    let span = span.then(|| opened.block_on(span_of(opened, &wanted.filter))).flatten();
    let mut progress = Progress::new(span);
    let mut export = Export::new(&opened.store, form, wanted);
    let mut bytes = 0;
    while let Some(piece) = opened.block_on(export.next()).map_err(Stopped::Export)? {
        out.write_all(&piece)?;
        bytes += piece.len() as u64;
        progress.at(export.written(), bytes, export.at());
    }
    out.flush()?;
    progress.done();
    Ok(export.written())
}

/// When the first step that passes began, and the last.
async fn span_of(opened: &Opened, filter: &Filter) -> Option<(Micros, Micros)> {
    let mut ends = [Micros(0); 2];
    for (end, order) in ends.iter_mut().zip([Order::OldestFirst, Order::NewestFirst]) {
        let page = Page { order, limit: 1, after: None };
        let rows = opened.store.list(filter.clone(), page).await.ok()?;
        let start = rows.first()?.head.get("start_time")?.as_str()?;
        *end = Micros::parse_rfc3339(start)?;
    }
    Some(ends.into())
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
