//! Half of a million observations taken out, while another process writes new ones.

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wiretape::model::Micros;
use wiretape::store::{Config, Filter, Mode, Prune, SqliteStore, Store};

use super::million::{APART, BEGIN, COUNT, entry};

/// What a recorder writes at once when it is not very busy.
const BATCH: u64 = 20;
const PAUSE: Duration = Duration::from_millis(20);
/// A step that takes longer is told of.
const SLOW: Duration = Duration::from_millis(300);

pub async fn run(file: &Path) {
    let store = SqliteStore::open(file, Mode::ReadWrite, &Config::default()).await.unwrap();
    let before = store.stats().await.unwrap().observations;
    let mut writer = Command::new(std::env::current_exe().unwrap());
    writer.arg("role:write").arg(file).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut writer = writer.spawn().unwrap();
    let filter = Filter { until: Some(Micros(BEGIN + COUNT / 2 * APART)), ..Filter::default() };
    let task = Prune { filter, ..Prune::default() };
    let (begun, mut gone, mut longest) = (Instant::now(), 0, Duration::ZERO);
    loop {
        let at = Instant::now();
        let step = store.prune(task.clone()).await.unwrap();
        longest = longest.max(at.elapsed());
        if at.elapsed() > SLOW {
            eprintln!(
                "{:.1} s in, a step took {:.0} ms: {step:?}",
                begun.elapsed().as_secs_f64(),
                at.elapsed().as_secs_f64() * 1e3
            );
        }
        gone += step.observations;
        if step.done {
            break;
        }
    }
    let took = begun.elapsed();
    writer.stdin.take().unwrap().write_all(b"enough\n").unwrap();
    let said = writer.wait_with_output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let written: u64 = said.split_whitespace().next().unwrap().parse().unwrap();
    let after = store.stats().await.unwrap().observations;
    println!("pruned           {gone:>9} observations in {:.1} s", took.as_secs_f64());
    println!("longest step     {:>9.1} ms", longest.as_secs_f64() * 1e3);
    println!("written beside   {said}");
    assert_eq!(after, before - gone + written, "what was written is there, and nothing else");
}

/// The other process: writes until it is told to stop, and says how many, how fast, and what the slowest took.
pub async fn write(file: PathBuf) {
    let store = SqliteStore::open(&file, Mode::ReadWrite, &Config::default()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let _ = std::io::stdin().lock().read_line(&mut String::new());
        told.store(true, Ordering::Relaxed);
    });
    let (mut written, mut times, begun) = (0, Vec::new(), Instant::now());
    // Not those that an earlier run wrote.
    let first = COUNT * (1 + u64::from(std::process::id() % 60));
    while !stop.load(Ordering::Relaxed) {
        let at = Instant::now();
        store.write((0..BATCH).map(|one| entry(first + written + one)).collect()).await.unwrap();
        times.push(at.elapsed());
        written += BATCH;
        std::thread::sleep(PAUSE);
    }
    times.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (times.len() as f64 * share) as usize;
        times[rank.min(times.len() - 1)].as_secs_f64() * 1e3
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = written as f64 / begun.elapsed().as_secs_f64();
    println!(
        "{written} observations, {rate:.0} a second; a write of {BATCH}: p50 {:.1}, p99 {:.1}, worst {:.1} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
