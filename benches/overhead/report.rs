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

const ROWS: [Row; 44] = [
    Row("light.p50_us", "light load: call p50, µs", 0),
    Row("light.p99_us", "light load: call p99, µs", 0),
    Row("light.added_p50_us", "light load: **added p50**, µs", 0),
    Row("light.added_p99_us", "light load: added p99, µs", 0),
    Row("light.cpu_us", "light load: CPU per call, µs", 1),
    Row("light.recording_p50_us", "light load: p50 beyond recording off, µs", 0),
    Row("rate.p50_us", "1,000 calls a second: call p50, µs", 0),
    Row("rate.p99_us", "1,000 calls a second: call p99, µs", 0),
    Row("rate.added_p50_us", "1,000 calls a second: **added p50**, µs", 0),
    Row("rate.added_p99_us", "1,000 calls a second: added p99, µs", 0),
    Row("rate.recording_p50_us", "1,000 calls a second: **p50 beyond recording off**, µs", 0),
    Row("rate.recording_p99_us", "1,000 calls a second: p99 beyond recording off, µs", 0),
    Row("rate.cpu_us", "1,000 calls a second: CPU per call, µs", 1),
    Row("rate.behind_ms", "1,000 calls a second: all recorded after, ms", 0),
    Row("full.per_second", "saturation: calls per second", 0),
    Row("full.p50_us", "saturation: call p50, µs", 0),
    Row("full.p99_us", "saturation: call p99, µs", 0),
    Row("full.added_p50_us", "saturation: added p50, µs", 0),
    Row("full.added_p99_us", "saturation: added p99, µs", 0),
    Row("full.cpu_us", "saturation: **CPU per call**, µs", 1),
    Row("full.behind_ms", "saturation: all recorded after, ms", 0),
    Row("paced.p50_us", "paced streams: delay per event p50, µs", 0),
    Row("paced.p99_us", "paced streams: delay per event p99, µs", 0),
    Row("paced.added_p50_us", "paced streams: added p50, µs", 0),
    Row("paced.added_p99_us", "paced streams: added p99, µs", 0),
    Row("paced.recording_p50_us", "paced streams: **p50 beyond recording off**, µs", 0),
    Row("paced.recording_p99_us", "paced streams: p99 beyond recording off, µs", 0),
    Row("paced.cpu_us", "paced streams: CPU per event while they flow, µs", 2),
    Row("paced.whole_cpu_us", "paced streams: **CPU per event**, opening and aftermath included, µs", 2),
    Row("paced.behind_ms", "paced streams: all recorded after, ms", 0),
    Row("burst.p50_us", "bursts: delay per event p50, µs", 0),
    Row("burst.added_p50_us", "bursts: added p50, µs", 0),
    Row("burst.added_p99_us", "bursts: added p99, µs", 0),
    Row("burst.cpu_us", "bursts: CPU per event while they flow, µs", 3),
    Row("burst.whole_cpu_us", "bursts: **CPU per event**, opening and aftermath included, µs", 3),
    Row("held.total_mb", "open streams: **memory in all**, MB", 1),
    Row("held.before_mb", "open streams: memory before them, MB", 1),
    Row("held.stream_kb", "open streams: memory per stream, kB", 2),
    Row("upload.mb_per_second", "upload: MB/s", 0),
    Row("upload.cpu_us", "upload: CPU per MB, µs", 0),
    Row("download.mb_per_second", "download: MB/s", 0),
    Row("download.cpu_us", "download: CPU per MB, µs", 0),
    Row("bulk.lost", "large bodies of which the end is not recorded, of two", 0),
    Row("records.lost", "records lost or cut in any other load", 0),
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
    let ours = [Kind::Relay, Kind::Wiretape].into_iter().filter(|kind| kinds.contains(kind));
    let mut subjects: Vec<Kind> = ours.collect();
    if subjects.is_empty() {
        // Without wiretape in the run, the floor is what is compared.
        subjects.push(Kind::Bare);
    }
    out.push_str("| median of rounds (least–most) |");
    for kind in kinds {
        let _ = write!(out, " {} |", kind.title());
    }
    for subject in &subjects {
        let _ = write!(out, " {} ÷ nginx |", subject.title());
    }
    let _ = writeln!(out, "\n|---|{}", "---:|".repeat(kinds.len() + subjects.len()));
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
        for &subject in &subjects {
            match ratio(results, subject, name) {
                Some(ratio) => {
                    let _ = write!(out, " {ratio:.2} |");
                }
                None => out.push_str(" – |"),
            }
        }
        out.push('\n');
    }
}

/// None where nginx's own number is too small to divide by.
fn ratio(results: &Results, subject: Kind, name: &str) -> Option<f64> {
    let nginx = spread(results, Kind::Nginx, name)?.median;
    let ratio = spread(results, subject, name)?.median / nginx;
    (nginx > 0.0 && ratio.is_finite()).then_some(ratio)
}

/// What the relay and the recorder aim for; missing one is said and does not fail the run, because machines differ.
fn aims(out: &mut String, results: &Results) {
    use Kind::{Nginx, Relay, Wiretape};
    let of = |kind, name| spread(results, kind, name).map(|spread| spread.median);
    let times = |kind, name| ratio(results, kind, name);
    let added = "light.added_p50_us";
    let behind = of(Relay, added).zip(of(Nginx, added)).map(|(ours, nginx)| ours - nginx);
    let slower = |name| of(Wiretape, name).zip(of(Relay, name)).map(|(on, off)| on / off);
    let lost = results.samples.get(&(Wiretape, "records.lost".to_owned())).map(|lost| lost.iter().sum());
    let aims = [
        ("recording off: CPU per small call, × nginx", times(Relay, "full.cpu_us"), 1.5),
        ("recording off: CPU per event of paced streams, × nginx", times(Relay, "paced.cpu_us"), 1.5),
        ("recording off: CPU per event in bursts, × nginx", times(Relay, "burst.cpu_us"), 3.0),
        ("recording off: added p50 beyond nginx's, µs", behind, 50.0),
        ("recording off: memory with the held streams open, MB", of(Relay, "held.total_mb"), 150.0),
        ("CPU per small call, recording included, × nginx", times(Wiretape, "full.cpu_us"), 4.0),
        (
            "CPU per event of paced streams, recording included, × nginx",
            times(Wiretape, "paced.whole_cpu_us"),
            2.0,
        ),
        ("p50 beyond recording off at 1,000 calls a second, µs", of(Wiretape, "rate.recording_p50_us"), 20.0),
        ("p99 ÷ that of recording off at 1,000 calls a second", slower("rate.p99_us"), 1.1),
        (
            "p50 per event beyond recording off, paced streams, µs",
            of(Wiretape, "paced.recording_p50_us"),
            20.0,
        ),
        ("p99 per event ÷ that of recording off, paced streams", slower("paced.p99_us"), 1.1),
        ("records lost or cut, large bodies apart", lost, 0.0),
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
