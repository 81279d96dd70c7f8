//! Feeds targets: their seeds, then changes of those, as many as there is time for. What fails is made smaller and kept.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Once;
use std::time::{Duration, Instant};

use crate::mutate::{Random, mutate};
use crate::targets::Target;

/// Changes that each target gets where no time is given.
const ROUNDS: u64 = 40;
/// How long a failing input is made smaller.
const SHRINKING: Duration = Duration::from_secs(10);

thread_local! {
    /// What a target said when it panicked; `None` where no target is at work.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lets the panics of targets be kept rather than printed.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let quiet = SAID.with_borrow_mut(|said| {
                said.as_mut().map(|said| {
                    if said.len() < 20_000 {
                        *said += &format!("{info}\n");
                    }
                })
            });
            if quiet.is_none() {
                usual(info);
            }
        }));
    });
}

/// What the target says against this input.
fn failure(target: Target, input: &[u8]) -> Option<String> {
    SAID.set(Some(String::new()));
    let result = catch_unwind(AssertUnwindSafe(|| target.check(input)));
    let said = SAID.take().unwrap_or_default();
    result.is_err().then_some(said)
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Whether the environment names other targets.
fn is_wanted(target: Target) -> bool {
    std::env::var("WIRETAPE_FUZZ_TARGET").map_or(true, |name| target.name().contains(&name))
}

/// Runs a target with its seeds; how many inputs it took, and where a failing one is.
pub fn run(target: Target, seeds: &[Vec<u8>]) -> Result<u64, String> {
    listen();
    if !is_wanted(target) {
        return Ok(0);
    }
    if let Ok(path) = std::env::var("WIRETAPE_FUZZ_INPUT") {
        let input = std::fs::read(&path).unwrap();
        return failure(target, &input).map_or(Ok(1), |said| Err(format!("{}: {said}", target.name())));
    }
    let until = number("WIRETAPE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let first = number("WIRETAPE_FUZZ_SEED").unwrap_or_default();
    for (at, seed) in seeds.iter().enumerate() {
        if let Some(said) = failure(target, seed) {
            return Err(keep(target, &format!("seed {at}"), seed, &said));
        }
    }
    let mut round = 0;
    while until.map_or(round < ROUNDS, |until| Instant::now() < until) {
        let mut random = Random::new(first.wrapping_mul(1 << 40).wrapping_add(round));
        let input = mutate(seeds, &mut random);
        if failure(target, &input).is_some() {
            let input = shrunk(target, input);
            let said = failure(target, &input).unwrap_or_default();
            return Err(keep(target, &format!("round {round}"), &input, &said));
        }
        round += 1;
    }
    Ok(seeds.len() as u64 + round)
}

/// Less of an input that fails, failing still.
fn shrunk(target: Target, mut input: Vec<u8>) -> Vec<u8> {
    let until = Instant::now() + SHRINKING;
    let mut length = input.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < input.len() && Instant::now() < until {
            let mut less = input.clone();
            drop(less.drain(at..(at + length).min(input.len())));
            if failure(target, &less).is_some() {
                input = less;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    input
}

/// Writes a failing input to a file; what there is to say about it.
fn keep(target: Target, which: &str, input: &[u8], said: &str) -> String {
    let name = target.name();
    let path: PathBuf =
        std::env::temp_dir().join(format!("wiretape-fuzz-{name}-{:08x}", crc32fast::hash(input)));
    let kept = match std::fs::write(&path, input) {
        Ok(()) => path.display().to_string(),
        Err(why) => format!("not kept: {why}"),
    };
    let start = &input[..input.len().min(2000)];
    format!("{name}, {which}: {kept}\n{}\n{said}", start.escape_ascii())
}
