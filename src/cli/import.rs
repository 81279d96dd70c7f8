//! `wiretape import FILE…`: takes in what was exported.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::opened::{Opened, failed, open};
use super::{Common, say};
use crate::export::import_line;
use crate::model::ObservationId;
use crate::store::{Entry, Mode};

/// Entries are written so many at once.
const BATCH: usize = 200;
const BATCH_BYTES: usize = 16 << 20;
/// How many bad lines are told of, each.
const MOST_TOLD: usize = 10;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Files of wiretape's JSON lines; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(common: Common, own: Arguments) -> ExitCode {
    import(common, own).err().unwrap_or(ExitCode::SUCCESS)
}

fn import(common: Common, own: Arguments) -> Result<(), ExitCode> {
    let Arguments { common: behind, files } = own;
    let opened = open(common.and(behind), Mode::ReadWrite)?;
    let (mut taken, mut wrong) = (0, 0);
    for path in files {
        let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(&path).map_err(|why| failed(&format!("{}: {why}", path.display())))?;
            Box::new(BufReader::new(file))
        };
        let mut batch = Batch::default();
        for (number, line) in (1..).zip(reader.lines()) {
            let line = line.map_err(|why| failed(&format!("{}: {why}", path.display())))?;
            if line.trim().is_empty() {
                continue;
            }
            match import_line(&line) {
                Ok(entry) => {
                    batch.put(entry, line.len());
                    taken += 1;
                }
                Err(why) => {
                    wrong += 1;
                    if wrong <= MOST_TOLD {
                        say(&format!("{}:{number}: {why}", path.display()));
                    }
                }
            }
            if batch.is_full() {
                batch.write(&opened)?;
            }
        }
        batch.write(&opened)?;
    }
    say(&format!("{taken} taken in, {wrong} lines left out"));
    if wrong > 0 { Err(ExitCode::FAILURE) } else { Ok(()) }
}

/// Entries on their way. Observations of one exchange that follow one another are one entry.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
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
        opened.wait(opened.store.write(new.into()))
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
