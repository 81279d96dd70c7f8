//! What the relay and its recorder cost: the same calls and streams sent straight to a mock provider, through a plain
//! nginx, through a bare hyper relay (the floor for what our library can do), through wiretape's relay with nothing behind
//! its tape, and through wiretape as it is, recording, all interleaved in one run.
//!
//! ```text
//! cargo bench --bench overhead                    about eight minutes
//! cargo bench --bench overhead -- --quick         under a minute and a half, noisier
//! cargo bench --bench overhead -- --help          the other options
//! ```
//!
//! One executable plays every part but nginx and wiretape: it starts itself again as `role:mock` (the provider),
//! `role:load` (the clients) and the two relays, so that the CPU and memory of a proxy can be read from `/proc` alone. Every byte is
//! compared on both ends; one that differs ends the run with exit code 1.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table is the product, progress goes to stderr"
)]

mod bare;
mod books;
mod heads;
mod http1;
mod load;
mod mock;
mod options;
mod payload;
mod process;
mod relay;
mod report;
mod rounds;
mod targets;

use std::process::ExitCode;

/// The binary's own, so that the relay without a recorder is the same in all else.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("role:mock") => role(mock::run, &arguments),
        Some("role:load") => role(load::run, &arguments),
        Some("role:bare") => role(bare::run, &arguments),
        Some("role:relay") => role(relay::run, &arguments),
        Some("role:exec") => process::become_program(&arguments[1..]),
        // `cargo test --all-targets` runs benches too; numbers from an unoptimised build are worth nothing.
        _ if cfg!(debug_assertions) => {
            eprintln!("overhead: measures optimised builds only, run `cargo bench --bench overhead`");
            return ExitCode::SUCCESS;
        }
        _ => return compare(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("overhead {}: {error}", arguments.first().map_or("", String::as_str));
            ExitCode::FAILURE
        }
    }
}

/// A part played in a process of its own: ends when the process that started it does.
fn role(play: fn(&[String]) -> Result<()>, arguments: &[String]) -> Result<()> {
    process::end_with_parent()?;
    play(&arguments[1..])
}

fn compare(arguments: Vec<String>) -> ExitCode {
    let options = match options::Options::parse(arguments) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            eprintln!("overhead: {mistake}\n\n{}", options::HELP);
            return ExitCode::from(2);
        }
    };
    let measured = process::raise_file_limit(rounds::FILES_NEEDED).and_then(|()| rounds::run(&options));
    let results = match measured {
        Ok(results) => results,
        Err(error) => {
            eprintln!("overhead: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", report::text(&options, &results));
    if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, report::json(&options, &results))
    {
        eprintln!("overhead: cannot write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    if results.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
