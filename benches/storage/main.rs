//! What the store costs: an agent's loop that sends its whole history again on every turn, written and read back.
//!
//! ```text
//! cargo bench --bench storage                     ten sessions of a hundred turns
//! cargo bench --bench storage -- --million        a million observations without bodies, and each kind of question
//! cargo bench --bench storage -- --long           sessions of ten thousand turns: what a call costs as they grow
//! cargo bench --bench storage -- --keep FOLDER    leave the file there
//! cargo bench --bench storage -- --million --keep FOLDER --again    ask a million that were left there before
//! cargo bench --bench storage -- --prune --keep FOLDER    take half of these out while another process writes
//! ```
//!
//! Everything is drawn from one seed, so that two runs write the same bytes.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "the table is the product, progress goes to stderr, and what fails ends the run"
)]

mod agent;
mod long;
mod million;
mod prune;
mod words;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use wiretape::model::Exchange;
use wiretape::price::Pricer;
use wiretape::recorder::Reader;
use wiretape::store::{Config, Entry, Mode, SqliteStore, Store};
use wiretape::trace;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    if let [role, file] = &arguments[..]
        && role == "role:write"
    {
        return runtime.block_on(prune::write(PathBuf::from(file)));
    }
    let kept = arguments.iter().position(|one| one == "--keep").and_then(|at| arguments.get(at + 1));
    let folder = kept.map_or_else(
        || std::env::temp_dir().join(format!("wiretape-storage-{}", std::process::id())),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("store.db");
    let again = arguments.iter().any(|one| one == "--again" || one == "--prune");
    if !again {
        let _ = std::fs::remove_file(&file);
    }
    if arguments.iter().any(|one| one == "--prune") {
        runtime.block_on(prune::run(&file));
    } else if arguments.iter().any(|one| one == "--million") {
        runtime.block_on(million::run(&file, again));
    } else if arguments.iter().any(|one| one == "--long") {
        runtime.block_on(long::run(&folder));
    } else {
        runtime.block_on(agent_loop(&file));
    }
    if kept.is_none() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

/// An exchange as the recorder hands it over.
fn entry(reader: &Reader, exchange: Exchange) -> Entry {
    let observations = reader.read(&exchange).observed;
    Entry { exchange: Some(exchange), more: false, observations }
}

async fn agent_loop(file: &PathBuf) {
    let config = Config::default();
    let reader = Reader::new(Pricer::default(), &trace::Config::default());
    let store = SqliteStore::open_with(file, Mode::ReadWrite, &config, reader.reread()).await.unwrap();
    let (mut raw, mut wire) = (0, Duration::ZERO);
    let begun = Instant::now();
    let (mut made, mut looked) = (Duration::ZERO, Duration::ZERO);
    for session in 0..agent::SESSIONS {
        let mut talk = agent::Talk::new(session);
        for _ in 0..agent::TURNS {
            let at = Instant::now();
            let exchange = talk.turn();
            made += at.elapsed();
            raw += exchange.request.bytes.len() + exchange.response.bytes.len();
            let at = Instant::now();
            let entry = entry(&reader, exchange);
            looked += at.elapsed();
            let at = Instant::now();
            store.write(vec![entry].into()).await.unwrap();
            wire += at.elapsed();
        }
        eprintln!("session {session}: {:.1} s", begun.elapsed().as_secs_f64());
    }
    let stats = store.stats().await.unwrap();
    store.close().await.unwrap();
    let disk = std::fs::metadata(file).unwrap().len();
    let store = SqliteStore::open(file, Mode::ReadOnly, &config).await.unwrap();
    let at = Instant::now();
    for session in 0..agent::SESSIONS {
        let mut talk = agent::Talk::new(session);
        for _ in 0..agent::TURNS {
            let expected = talk.turn();
            let found = store.exchange(expected.id).await.unwrap().unwrap();
            assert!(found == expected, "exchange {} is not what it was", expected.id);
        }
    }
    let read = at.elapsed().saturating_sub(made);
    let calls = agent::SESSIONS * agent::TURNS;
    #[expect(clippy::cast_precision_loss, reason = "sizes for people")]
    let (raw, disk) = (raw as f64, disk as f64);
    println!(
        "agent loop: {} sessions of {} turns, every body back byte for byte",
        agent::SESSIONS,
        agent::TURNS
    );
    println!("text             {:>10.1} x smaller with zstd alone", words::compressibility());
    println!("raw bodies       {:>10.1} MB", raw / 1e6);
    println!("unique in pieces {:>10.1} MB in {} pieces", stats.unique_bytes as f64 / 1e6, stats.pieces);
    println!("on disk          {:>10.2} MB", disk / 1e6);
    println!("ratio            {:>10.2} % of raw", 100.0 * disk / raw);
    println!("observations     {:>10}", stats.observations);
    println!("look             {:>10.2} ms a call", looked.as_secs_f64() * 1e3 / calls as f64);
    println!(
        "write            {:>10.2} ms a call, {:.0} MB/s",
        wire.as_secs_f64() * 1e3 / calls as f64,
        raw / 1e6 / wire.as_secs_f64()
    );
    println!("read             {:>10.2} ms a call", read.as_secs_f64() * 1e3 / calls as f64);
}
