//! Our own health in Prometheus' text form: every loss has a number here.

use std::fmt::Write as _;

use super::ingest::Counters;
use crate::push;
use crate::recorder::Recorded;
use crate::tape::Counts;

/// A metric: its name without the prefix, whether it only grows, what it says, and its value.
struct Metric(&'static str, bool, &'static str, u64);

/// All metrics there are.
pub fn text(
    in_flight: usize,
    tape: Counts,
    recorded: Option<&Recorded>,
    exports: &[push::Counts],
    ingested: &Counters,
) -> String {
    let mut metrics = vec![
        Metric("calls_in_flight", false, "Calls being relayed now.", in_flight as u64),
        Metric("tape_exchanges_total", true, "Exchanges handed to the tape.", tape.exchanges),
        Metric("tape_events_total", true, "Heads, chunks and ends handed to the tape.", tape.events),
        Metric("tape_bytes_total", true, "Body bytes handed to the tape.", tape.bytes),
        Metric(
            "tape_lost_exchanges_total",
            true,
            "Exchanges that did not fit the queue.",
            tape.lost_exchanges,
        ),
        Metric("tape_lost_bytes_total", true, "Body bytes that did not fit the queue.", tape.lost_bytes),
        Metric("tape_cut_bodies_total", true, "Bodies that end early on the tape for that.", tape.cut_bodies),
    ];
    let count = |of: &std::sync::atomic::AtomicU64| of.load(std::sync::atomic::Ordering::Relaxed);
    metrics.push(Metric(
        "ingested_spans_total",
        true,
        "Spans that applications sent.",
        count(&ingested.spans),
    ));
    metrics.push(Metric(
        "ingest_rejected_spans_total",
        true,
        "Of those: without ids that can be used.",
        count(&ingested.rejected),
    ));
    if let Some(recorded) = recorded {
        metrics.extend(recording(recorded));
    }
    let mut text = String::new();
    for Metric(name, grows, help, value) in metrics {
        let kind = if grows { "counter" } else { "gauge" };
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "# HELP wiretape_{name} {help}\n# TYPE wiretape_{name} {kind}\nwiretape_{name} {value}\n"
        );
    }
    text.push_str(&sending(exports));
    text
}

/// How large the store is, where it is a file.
pub fn store(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| {
        format!(
            "# HELP wiretape_store_bytes Bytes that the store takes on disk.\n# TYPE wiretape_store_bytes gauge\n\
             wiretape_store_bytes {bytes}\n"
        )
    })
}

fn recording(recorded: &Recorded) -> Vec<Metric> {
    let Recorded { journal, recorder, tape_bytes } = recorded;
    vec![
        Metric("journal_bytes", false, "Bytes on the tape now.", *tape_bytes),
        Metric("journal_written_bytes_total", true, "Bytes written to the tape.", journal.bytes),
        Metric("journal_syncs_total", true, "Times that the tape was made durable.", journal.syncs),
        Metric("journal_failures_total", true, "Times that the tape could not be written.", journal.failures),
        Metric(
            "journal_left_out_exchanges_total",
            true,
            "Exchanges that are not on the tape.",
            journal.left_out_exchanges,
        ),
        Metric(
            "journal_left_out_bytes_total",
            true,
            "Body bytes that are not on the tape.",
            journal.left_out_bytes,
        ),
        Metric("journal_cut_bodies_total", true, "Bodies that end early on the tape.", journal.cut_bodies),
        Metric("journal_full", false, "1: the tape has no room for bodies.", journal.full.into()),
        Metric("journal_down", false, "1: the tape cannot be written.", journal.down.into()),
        Metric("recorded_exchanges_total", true, "Exchanges written to the store.", recorder.exchanges),
        Metric(
            "recorded_observations_total",
            true,
            "Observations written to the store.",
            recorder.observations,
        ),
        Metric(
            "recovered_exchanges_total",
            true,
            "Exchanges of an earlier run, written to the store.",
            recorder.recovered,
        ),
        Metric(
            "interrupted_exchanges_total",
            true,
            "Of those: cut off by the end of that run.",
            recorder.interrupted,
        ),
        Metric(
            "recorder_to_tape_total",
            true,
            "Exchanges read back from the tape for want of memory.",
            recorder.to_tape,
        ),
        Metric("recorder_panics_total", true, "Readers that panicked; the bytes were kept.", recorder.panics),
        Metric(
            "recorder_cut_bodies_total",
            true,
            "Bodies of which the end is missing in the store.",
            recorder.cut_bodies,
        ),
        Metric(
            "recorder_lost_exchanges_total",
            true,
            "Exchanges that could not be kept.",
            recorder.lost_exchanges,
        ),
        Metric(
            "recorder_waiting",
            false,
            "Exchanges that have ended and wait for the store.",
            recorder.waiting,
        ),
        Metric(
            "store_failures_total",
            true,
            "Times that the store did not take something.",
            recorder.store_failures,
        ),
        Metric("store_down", false, "1: the store does not take records.", recorder.store_down.into()),
    ]
}

/// A destination's metric: its name without the prefix, whether it only grows, what it says, and its value.
type Sending = (&'static str, bool, &'static str, fn(&push::Counts) -> u64);

const SENDING: &[Sending] = &[
    ("export_sent_total", true, "Spans that a destination took.", |counts| counts.sent),
    ("export_failed_total", true, "Calls to a destination that failed.", |counts| counts.failed),
    ("export_parked_total", true, "Spans that a destination refused, and that are kept aside.", |counts| {
        counts.parked
    }),
    ("export_rejected_total", true, "Spans that a destination left out of what it took.", |counts| {
        counts.rejected
    }),
    ("export_waiting", false, "What waits to be sent, or to be finished.", |counts| counts.waiting),
    ("export_lag_milliseconds", false, "How long the oldest that could be sent has waited.", |counts| {
        counts.lag_ms
    }),
];

fn sending(exports: &[push::Counts]) -> String {
    let mut text = String::new();
    if exports.is_empty() {
        return text;
    }
    for (name, grows, help, value) in SENDING {
        let kind = if *grows { "counter" } else { "gauge" };
        let _ = writeln!(text, "# HELP wiretape_{name} {help}\n# TYPE wiretape_{name} {kind}");
        for counts in exports {
            let destination = counts.destination.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "wiretape_{name}{{destination=\"{destination}\"}} {}", value(counts));
        }
    }
    text
}
