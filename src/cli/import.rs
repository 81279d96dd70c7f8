//! `wiretape import FILE…`: takes in what was exported, here or by other programs.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use super::opened::{Opened, failed, open_or_make};
use super::{Common, say};
use crate::app;
use crate::export::{HarEntries, Origin, har_exchange, har_upstream, import_line};
use crate::model::{Annotation, ObservationId};
use crate::recorder::Intake;
use crate::store::Entry;

/// Entries are written so many at once.
const BATCH: usize = 200;
const BATCH_BYTES: usize = 16 << 20;
/// How many bad lines are told of, each.
const MOST_TOLD: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Files of wiretape's JSON lines, or HTTP Archives (HAR) of any program; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    import(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn import(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, files } = own;
    let opened = open_or_make(common.and(behind))?;
    let mut taking = Taking::new(&opened)?;
    for path in &files {
        let mut reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|why| failed(&format!("{}: {why}", path.display())))?;
            Box::new(BufReader::new(file))
        };
        let is_archive = is_archive(&mut reader);
        let done = is_archive.and_then(|is| match is {
            true => taking.archive(path, reader),
            false => taking.lines(path, reader),
        });
        done.map_err(|why| failed(&format!("{}: {why}", path.display())))?;
        taking.write()?;
    }
    let Taking { taken, wrong, others, .. } = taking;
    let others = if others > 0 { format!(", {others} of other sites left out") } else { String::new() };
    say(&format!("{taken} taken in, {wrong} lines left out{others}"));
    if wrong > 0 { Err(ExitCode::FAILURE) } else { Ok(()) }
}

/// Whether this is an archive: one object with a `log`. Records have no such key.
fn is_archive(reader: &mut dyn BufRead) -> io::Result<bool> {
    let begin = reader.fill_buf()?;
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).trim_ascii_start();
    let inside = begin.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    Ok(inside.is_some_and(|inside| inside.starts_with(b"\"log\"")))
}

/// What is taken in, and what could not be.
struct Taking<'a> {
    opened: &'a Opened,
    intake: Intake,
    origins: Vec<Origin>,
    batch: Batch,
    taken: u64,
    wrong: u64,
    /// Entries of archives that are no calls of a model's provider.
    others: u64,
    /// What the store failed with.
    stopped: Option<ExitCode>,
}

impl<'a> Taking<'a> {
    fn new(opened: &'a Opened) -> Result<Self, ExitCode> {
        let intake = app::intake(&opened.config, Arc::clone(&opened.reader));
        let intake = intake.map_err(|why| failed(&why.to_string()))?;
        let origins = crate::app::origins(&opened.config).map_err(|why| failed(&why.to_string()))?;
        let batch = Batch::default();
        Ok(Self { opened, intake, origins, batch, taken: 0, wrong: 0, others: 0, stopped: None })
    }

    /// Records, one a line.
    fn lines(&mut self, path: &Path, reader: impl BufRead) -> io::Result<()> {
        for (number, line) in (1..).zip(reader.lines()) {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            match import_line(&line) {
                Ok((entry, annotations)) => {
                    self.batch.annotations.extend(annotations);
                    self.put(entry, line.len());
                }
                Err(why) => self.wrong(path, number, &why),
            }
            if self.stopped.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// An archive's entries that are calls of a provider, or that a dialect knows.
    fn archive(&mut self, path: &Path, reader: impl BufRead) -> io::Result<()> {
        for (number, bytes) in (1..).zip(HarEntries::new(reader)) {
            let bytes = bytes?;
            match self.entry(&bytes) {
                Ok(Some(entry)) => self.put(entry, bytes.len()),
                Ok(None) => self.others += 1,
                Err(why) => self.wrong(path, number, &why),
            }
            if self.stopped.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn entry(&self, bytes: &[u8]) -> Result<Option<Entry>, String> {
        let entry: Value = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
        let is_ours = entry.get("_wiretape").is_some();
        let id = |began| Intake::id(began, bytes);
        let exchange = har_exchange(&entry, id, |url| har_upstream(url, &self.origins))?;
        let is_known = self.origins.iter().any(|origin| origin.upstream == exchange.upstream);
        if !is_ours && !is_known && !Intake::knows(&exchange) {
            return Ok(None);
        }
        Ok(Some(self.intake.entry(exchange, is_ours)))
    }

    fn put(&mut self, entry: Entry, bytes: usize) {
        self.batch.put(entry, bytes);
        self.taken += 1;
        if self.batch.is_full() {
            self.stopped = self.batch.write(self.opened).err();
        }
    }

    fn wrong(&mut self, path: &Path, number: u64, why: &str) {
        self.wrong += 1;
        if self.wrong <= MOST_TOLD as u64 {
            say(&format!("{}:{number}: {why}", path.display()));
        }
    }

    /// What is still to be written of a file.
    fn write(&mut self) -> Result<(), ExitCode> {
        match self.stopped.take() {
            Some(stopped) => Err(stopped),
            None => self.batch.write(self.opened),
        }
    }
}

/// Entries on their way. Observations of one exchange that follow one another are one entry.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    /// What people added to them. What was added to a trace comes with each of its steps, and is one thing by its id.
    annotations: Vec<Annotation>,
    bytes: usize,
}

impl Batch {
    fn put(&mut self, mut entry: Entry, bytes: usize) {
        self.bytes += bytes;
        let id = entry.exchange.as_ref().map(|exchange| exchange.id);
        if let (Some(id), Some(last)) = (id, self.entries.last_mut())
            && last.exchange.as_ref().is_some_and(|exchange| exchange.id == id)
        {
            last.observations.append(&mut entry.observations);
        } else {
            self.entries.push(entry);
        }
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= BATCH || self.bytes >= BATCH_BYTES
    }

    fn write(&mut self, opened: &Opened) -> Result<(), ExitCode> {
        self.bytes = 0;
        let entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            return Ok(());
        }
        let mut new = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.exchange.is_some() || !is_read_from_the_wire(opened, &entry)? {
                new.push(entry);
            }
        }
        opened.wait(opened.store.write(new.into()))?;
        for annotation in std::mem::take(&mut self.annotations) {
            opened.wait(opened.store.annotate(annotation))?;
        }
        Ok(())
    }
}

/// Whether the store has this with what was on the wire, which a record without that must not take the place of.
fn is_read_from_the_wire(opened: &Opened, entry: &Entry) -> Result<bool, ExitCode> {
    let ids = entry.observations.iter().filter_map(|one| one.head.get("id")?.as_str());
    for id in ids.filter_map(ObservationId::parse) {
        let known = opened.wait(opened.store.observation(id))?;
        if known.is_some_and(|known| known.exchange.is_some()) {
            return Ok(true);
        }
    }
    Ok(false)
}
