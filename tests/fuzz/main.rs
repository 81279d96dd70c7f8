//! Fuzzing on a stable compiler: every target takes its seeds and changes of them. See docs/development.md.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test says what went wrong by panicking")]

mod driver;
#[path = "../dialects/fixture.rs"]
mod fixture;
mod mutate;
mod seeds;
mod targets;

use std::collections::BTreeSet;
use std::path::Path;

use targets::Target;
use targets::framings::Cut;
use wiretape::dialect::ALL;
use wiretape::dialect::framing::Kind;

/// Every target of which `which` is true; several of these run side by side.
fn run(which: impl Fn(Target) -> bool) {
    let mut failed = Vec::new();
    for target in Target::all().into_iter().filter(|target| which(*target)) {
        match driver::run(target, &seeds::of(target)) {
            Ok(0) => {}
            Ok(count) => println!("{}: {count} inputs", target.name()),
            Err(why) => failed.push(why),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[test]
fn framings() {
    run(|target| matches!(target, Target::Framing(_)));
}

#[test]
fn encodings() {
    run(|target| matches!(target, Target::Encoding(_)));
}

#[test]
fn dialects() {
    run(|target| matches!(target, Target::Dialect(_)));
}

#[test]
fn redactor() {
    run(|target| matches!(target, Target::Redactor));
}

#[test]
fn record() {
    run(|target| matches!(target, Target::Record));
}

#[test]
fn everything_has_a_target_with_seeds() {
    let names: Vec<String> = Target::all().into_iter().map(Target::name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two targets share a name");
    for dialect in ALL {
        assert!(names.contains(&Target::Dialect(*dialect).name()), "{} has no target", dialect.name());
    }
    for kind in [Kind::Sse, Kind::Ndjson, Kind::Json, Kind::EventStream, Kind::Opaque] {
        let cut = Cut::of(kind);
        assert!(cut.is_none_or(|cut| names.contains(&Target::Framing(cut).name())), "{kind:?} has no target");
    }
    for target in Target::all() {
        assert!(!seeds::of(target).is_empty(), "{} has no seed", target.name());
    }
}

/// Every target is a program of its own for libFuzzer.
#[test]
fn libfuzzer_has_every_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/libfuzzer");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let known: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .filter(|name| *name != "wiretape-fuzz")
        .collect();
    let names: Vec<String> = Target::all().into_iter().map(Target::name).collect();
    assert_eq!(known, names);
}

/// `WIRETAPE_FUZZ_CORPUS=FOLDER`: the seeds as files, a folder for each target.
#[test]
#[ignore = "writes files"]
fn seeds_as_files() {
    let folder = std::env::var_os("WIRETAPE_FUZZ_CORPUS").expect("WIRETAPE_FUZZ_CORPUS names a folder");
    for target in Target::all() {
        let own = Path::new(&folder).join(target.name());
        std::fs::create_dir_all(&own).unwrap();
        for (at, seed) in seeds::of(target).iter().enumerate() {
            std::fs::write(own.join(format!("seed-{at}")), seed).unwrap();
        }
    }
}
