//! Recorded exchanges of which it is known what goes on from what:
//! `WIRETAPE_CORPUS=FOLDER cargo test --test trace corpus -- --ignored --nocapture`.
//!
//! Nothing that a caller says about itself is looked at. Printed is how many of the exchanges that continue another are
//! in its session, and how many of all are in a session with an exchange of another recording.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use wiretape::dialect;
use wiretape::model::{ExchangeId, Micros, Observation, ObservationId, Status};
use wiretape::trace::{Facts, Said, facts, scope};

use crate::agent::observed;
use crate::memory::Memory;
use crate::record::exchange;

/// How many of those that continue another must be found, and how many may be put where they do not belong.
const FOUND: f64 = 0.97;
const MISPLACED: f64 = 0.01;

struct Recorded {
    id: String,
    recording: String,
    continues: Option<String>,
    place: u64,
    facts: Facts,
}

fn recorded(record: &Value, number: u64) -> Option<Recorded> {
    let mut exchange = exchange(record);
    let start = Micros(number * 1_000_000);
    (exchange.id, exchange.began) = (ExchangeId::new(start, number), start);
    let reading = dialect::read(&exchange).ok()?.into_iter().next()?;
    let failed = reading.answered.error.is_some();
    let said = Said::default();
    let scope = scope(&exchange.headers, &said);
    let observation = Observation {
        status: if failed { Status::Error } else { Status::Ok },
        http_status: exchange.head.as_ref().map(|head| head.status),
        ..observed(ObservationId(number), exchange.id, reading, start, 500_000)
    };
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    Some(Recorded {
        id: text("id").to_owned(),
        recording: format!("{} {}", text("source_repo"), text("source_path")),
        continues: record["expected"]["continues"]["id"].as_str().map(str::to_owned),
        place: record["source_index"].as_u64().unwrap_or(0),
        facts: facts(&observation, &said, scope),
    })
}

/// The records of the corpus, packed or not.
fn records(folder: &Path) -> Vec<Value> {
    let plain = folder.join("generations.jsonl");
    let file: Box<dyn Read> = if plain.exists() {
        Box::new(File::open(plain).unwrap())
    } else {
        Box::new(MultiGzDecoder::new(File::open(folder.join("generations.jsonl.gz")).unwrap()))
    };
    BufReader::new(file).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

#[test]
#[ignore = "needs a corpus"]
fn corpus() {
    let folder = std::env::var_os("WIRETAPE_CORPUS").expect("WIRETAPE_CORPUS names the corpus' folder");
    let mut records = records(Path::new(&folder));
    let key = |record: &Value| {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        (text("source_repo"), text("source_path"), record["source_index"].as_u64().unwrap_or(0))
    };
    records.sort_by_cached_key(key);
    let all: Vec<Recorded> =
        (1..).zip(&records).filter_map(|(number, record)| recorded(record, number)).collect();
    let mut book = Memory::default();
    all.iter().for_each(|one| book.add(one.facts.clone()));

    let sessions: BTreeMap<&str, &str> = all
        .iter()
        .map(|one| (one.id.as_str(), book.placed[&one.facts.id].session.as_deref().unwrap_or_default()))
        .collect();
    let (mut of, mut found) = (0_u32, 0_u32);
    for one in &all {
        let Some(before) = &one.continues else { continue };
        of += 1;
        if sessions.get(before.as_str()) == sessions.get(one.id.as_str()) {
            found += 1;
        } else {
            println!("apart: {} and {before} ({}, {})", one.id, one.recording, one.place);
        }
    }
    let mut first: BTreeMap<&str, &Recorded> = BTreeMap::new();
    let mut misplaced = 0_u32;
    for one in &all {
        let owner = first.entry(sessions[one.id.as_str()]).or_insert(one);
        if owner.recording != one.recording {
            misplaced += 1;
            let links = &book.placed[&one.facts.id].links;
            let why: Vec<&str> = links.iter().map(|link| link.reason.as_str()).collect();
            println!("together {why:?}: {} {} and {} {}", one.id, one.recording, owner.id, owner.recording);
        }
    }
    let found = f64::from(found) / f64::from(of);
    let misplaced = f64::from(misplaced) / f64::from(u32::try_from(all.len()).unwrap());
    println!("PLACED {of} continue another: {:.2} % are in its session", found * 100.0);
    println!("PLACED {} in all: {:.2} % are in a session of another recording", all.len(), misplaced * 100.0);
    println!("{} look-ups, {} read again", book.looked_up, book.read_again);
    assert!(found >= FOUND && misplaced <= MISPLACED);
}
