//! What was measured, as a Markdown table for people and as JSON for programs.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

use crate::options::{Kind, Options};
use crate::rounds::Results;

/// A table's row: the name of the number, what it says, and decimals worth printing.
struct Row(&'static str, &'static str, usize);

const ROWS: [Row; 29] = [
    Row("light.p50_us", "light load: call p50, µs", 0),
    Row("light.p99_us", "light load: call p99, µs", 0),
    Row("light.added_p50_us", "light load: **added p50**, µs", 0),
    Row("light.added_p99_us", "light load: added p99, µs", 0),
    Row("light.cpu_us", "light load: CPU per call, µs", 1),
    Row("full.per_second", "saturation: calls per second", 0),
    Row("full.p50_us", "saturation: call p50, µs", 0),
    Row("full.p99_us", "saturation: call p99, µs", 0),
    Row("full.added_p50_us", "saturation: added p50, µs", 0),
    Row("full.added_p99_us", "saturation: added p99, µs", 0),
    Row("full.cpu_us", "saturation: **CPU per call**, µs", 1),
    Row("paced.p50_us", "paced streams: delay per event p50, µs", 0),
    Row("paced.p99_us", "paced streams: delay per event p99, µs", 0),
    Row("paced.added_p50_us", "paced streams: added p50, µs", 0),
    Row("paced.added_p99_us", "paced streams: added p99, µs", 0),
    Row("paced.cpu_us", "paced streams: **CPU per event**, µs", 2),
    Row("paced.whole_cpu_us", "paced streams: CPU per event, opening and aftermath included, µs", 2),
    Row("burst.p50_us", "bursts: delay per event p50, µs", 0),
    Row("burst.added_p50_us", "bursts: added p50, µs", 0),
    Row("burst.added_p99_us", "bursts: added p99, µs", 0),
    Row("burst.cpu_us", "bursts: **CPU per event**, µs", 3),
    Row("burst.whole_cpu_us", "bursts: CPU per event, opening and aftermath included, µs", 3),
    Row("held.total_mb", "open streams: **memory in all**, MB", 1),
    Row("held.before_mb", "open streams: memory before them, MB", 1),
    Row("held.stream_kb", "open streams: memory per stream, kB", 2),
    Row("upload.mb_per_second", "upload: MB/s", 0),
    Row("upload.cpu_us", "upload: CPU per MB, µs", 0),
    Row("download.mb_per_second", "download: MB/s", 0),
    Row("download.cpu_us", "download: CPU per MB, µs", 0),
];

struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

fn spread(results: &Results, kind: Kind, name: &str) -> Option<Spread> {
    let mut samples = results.samples.get(&(kind, name.to_owned()))?.clone();
    samples.retain(|sample| sample.is_finite());
    samples.sort_by(f64::total_cmp);
    let (least, most) = (*samples.first()?, *samples.last()?);
    let middle = samples.len() / 2;
    let median =
        if samples.len() % 2 == 1 { samples[middle] } else { (samples[middle - 1] + samples[middle]) / 2.0 };
    Some(Spread { median, least, most })
}

/// CPU and memory are a proxy's; the direct way has none.
fn applies(kind: Kind, name: &str) -> bool {
    kind != Kind::Direct || !(name.contains("cpu") || name.starts_with("held"))
}

pub fn text(options: &Options, results: &Results) -> String {
    let mut out = String::new();
    for (name, value) in machine(options) {
        let _ = writeln!(out, "{name}: {value}  ");
    }
    let plan = &options.plan;
    let _ = writeln!(
        out,
        "load: {} rounds of {} ms; {} paced streams (20 ms), {} bursting ones (200 events every 200 ms), {} held open; \
         {} MB each way\n",
        plan.rounds,
        plan.window.as_millis(),
        plan.paced_streams,
        plan.burst_streams,
        plan.held_streams,
        plan.megabytes
    );
    table(&mut out, options, results);
    aims(&mut out, results);
    if results.faults.is_empty() {
        out.push_str("\nEvery byte arrived as it was sent.\n");
    }
    for fault in &results.faults {
        let _ = writeln!(out, "\nDIFFERS: {fault}");
    }
    out
}

fn table(out: &mut String, options: &Options, results: &Results) {
    let kinds = &options.kinds;
    // Without wiretape in the run, the floor is what is compared.
    let subject = if kinds.contains(&Kind::Wiretape) { Kind::Wiretape } else { Kind::Bare };
    out.push_str("| median of rounds (least–most) |");
    for kind in kinds {
        let _ = write!(out, " {} |", if *kind == Kind::Bare { "bare hyper" } else { kind.name() });
    }
    let _ = writeln!(out, " {} ÷ nginx |\n|---|{}", subject.name(), "---:|".repeat(kinds.len() + 1));
    for Row(name, title, decimals) in ROWS {
        let _ = write!(out, "| {title} |");
        for &kind in kinds {
            match spread(results, kind, name).filter(|_| applies(kind, name)) {
                Some(Spread { median, least, most }) => {
                    let _ = write!(out, " {median:.decimals$} ({least:.decimals$}–{most:.decimals$}) |");
                }
                None => out.push_str(" – |"),
            }
        }
        match ratio(results, subject, name) {
            Some(ratio) => {
                let _ = writeln!(out, " {ratio:.2} |");
            }
            None => out.push_str(" – |\n"),
        }
    }
}

/// None where nginx's own number is too small to divide by.
fn ratio(results: &Results, subject: Kind, name: &str) -> Option<f64> {
    let nginx = spread(results, Kind::Nginx, name)?.median;
    let ratio = spread(results, subject, name)?.median / nginx;
    (nginx > 0.0 && ratio.is_finite()).then_some(ratio)
}

/// What the relay aims for; missing one is said and does not fail the run, because machines differ.
fn aims(out: &mut String, results: &Results) {
    let of = |kind, name| spread(results, kind, name).map(|spread| spread.median);
    let times = |name| ratio(results, Kind::Wiretape, name);
    let added = "light.added_p50_us";
    let behind = of(Kind::Wiretape, added).zip(of(Kind::Nginx, added)).map(|(ours, nginx)| ours - nginx);
    let aims = [
        ("CPU per small call, × nginx", times("full.cpu_us"), 1.5),
        ("CPU per event of paced streams, × nginx", times("paced.cpu_us"), 1.5),
        ("CPU per event in bursts, × nginx", times("burst.cpu_us"), 3.0),
        ("added p50 beyond nginx's, µs", behind, 50.0),
        ("memory with the held streams open, MB", of(Kind::Wiretape, "held.total_mb"), 150.0),
    ];
    for (aim, value, most) in aims {
        if let Some(value) = value {
            let verdict = if value <= most { "met" } else { "missed" };
            let _ = writeln!(out, "\n- {aim}: {value:.2}, aim at most {most}: {verdict}");
        }
    }
}

pub fn json(options: &Options, results: &Results) -> String {
    let mut targets = Map::new();
    for ((kind, name), samples) in &results.samples {
        if applies(*kind, name) {
            targets.entry(kind.name()).or_insert_with(|| json!({}))[name] = json!(samples);
        }
    }
    let machine: Map<String, Value> =
        machine(options).into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let plan = &options.plan;
    format!(
        "{:#}\n",
        json!({
            "machine": machine,
            "plan": {
                "rounds": plan.rounds, "memory_rounds": plan.memory_rounds, "window_ms": plan.window.as_millis() as u64,
                "paced_streams": plan.paced_streams, "burst_streams": plan.burst_streams,
                "held_streams": plan.held_streams, "megabytes": plan.megabytes,
            },
            "rounds": targets,
            "faults": results.faults,
        })
    )
}

fn machine(options: &Options) -> Vec<(&'static str, String)> {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut lines = vec![
        ("machine", format!("{cores} cores, {}", model.trim_start_matches(['\t', ' ', ':']))),
        ("kernel", kernel.trim().to_owned()),
    ];
    if options.kinds.contains(&Kind::Nginx) {
        lines.push(("nginx", version(&options.nginx, "-v")));
    }
    if options.kinds.contains(&Kind::Wiretape) {
        lines.push(("wiretape", version(&options.wiretape, "--version")));
    }
    lines
}

/// nginx says its version on stderr, the others on stdout.
fn version(program: &Path, argument: &str) -> String {
    let Ok(output) = Command::new(program).arg(argument).output() else { return "unknown".to_owned() };
    let said = [output.stdout, output.stderr].concat();
    let said = said.trim_ascii().escape_ascii().to_string();
    said.rsplit_once([' ', '/']).map_or(said.clone(), |(_, version)| version.to_owned())
}
