//! What calls took and used, in Prometheus' text form and under OpenTelemetry's names.

use std::fmt::Write as _;

use crate::export::otlp::provider_name;
use crate::recorder::{Histogram, Meter, SECONDS, TOKENS, Words};

/// What is counted, in one place.
type Values = [(Words, Meter)];

/// A label of its own, and which histogram bears it.
type Part = (&'static str, fn(&Meter) -> &Histogram);

/// A histogram: its name, what it says, its bounds, and its parts.
struct Shown(&'static str, &'static str, &'static [f64; 14], &'static [Part]);

const HISTOGRAMS: &[Shown] = &[
    Shown(
        "gen_ai_client_operation_duration_seconds",
        "How long calls took, from the request's first byte to the answer's last.",
        &SECONDS,
        &[("", |meter| &meter.duration)],
    ),
    Shown(
        "gen_ai_client_operation_time_to_first_chunk_seconds",
        "How long streamed answers took to say something.",
        &SECONDS,
        &[("", |meter| &meter.first_chunk)],
    ),
    Shown(
        "gen_ai_client_token_usage",
        "Tokens of a call: sent in, cached or not; brought out, reasoning included.",
        &TOKENS,
        &[
            (",gen_ai_token_type=\"input\"", |meter| &meter.input),
            (",gen_ai_token_type=\"output\"", |meter| &meter.output),
        ],
    ),
];

/// A counter: its name, what it says, and its value.
struct Counted(&'static str, &'static str, fn(&Meter) -> String);

const COUNTERS: &[Counted] = &[
    Counted("cost_usd_total", "What calls cost, in US dollars, where there is a price.", |meter| {
        meter.cost.to_json().to_string()
    }),
    Counted("calls_without_cost_total", "Calls of which nobody knows what they cost.", |meter| {
        meter.without_cost.to_string()
    }),
    Counted("cache_read_tokens_total", "Tokens sent in that a provider's cache had.", |meter| {
        meter.cache_read.to_string()
    }),
    Counted("cache_write_tokens_total", "Tokens sent in that were put into a provider's cache.", |meter| {
        meter.cache_write.to_string()
    }),
    Counted("reasoning_tokens_total", "Tokens brought out that were reasoning.", |meter| {
        meter.reasoning.to_string()
    }),
];

/// All of them, for each set of words.
pub fn text(values: &Values) -> String {
    let mut text = String::new();
    for shown in HISTOGRAMS {
        histogram(shown, values, &mut text);
    }
    for Counted(name, help, value) in COUNTERS {
        // Writing to a text does not fail.
        let _ = writeln!(text, "# HELP wiretape_{name} {help}\n# TYPE wiretape_{name} counter");
        for (words, meter) in values {
            let _ = writeln!(text, "wiretape_{name}{{{}}} {}", labels(words), value(meter));
        }
    }
    text
}

fn histogram(Shown(name, help, bounds, parts): &Shown, values: &Values, text: &mut String) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
    for (words, meter) in values {
        for (label, part) in *parts {
            let histogram = part(meter);
            if histogram.count() == 0 {
                continue;
            }
            let labels = format!("{}{label}", labels(words));
            let mut below = 0;
            for (count, bound) in histogram.counts.iter().zip(*bounds) {
                below += count;
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {below}");
            }
            let count = histogram.count();
            let _ = writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{name}_sum{{{labels}}} {}", histogram.sum);
            let _ = writeln!(text, "{name}_count{{{labels}}} {count}");
        }
    }
}

fn labels(words: &Words) -> String {
    let Words { operation, provider, model, error } = words;
    let mut labels = format!(
        "gen_ai_operation_name=\"{}\",gen_ai_provider_name=\"{}\",gen_ai_request_model=\"{}\"",
        escaped(operation),
        escaped(provider_name(provider)),
        escaped(model)
    );
    if !error.is_empty() {
        let _ = write!(labels, ",error_type=\"{}\"", escaped(error));
    }
    labels
}

/// A value as it stands between quotes. Control characters are taken out where it is counted.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_and_names_are_safe() {
        let words = Words {
            operation: "chat".to_owned(),
            provider: "gemini".to_owned(),
            model: "a\"b\\c".to_owned(),
            error: String::new(),
        };
        let mut meter = Meter { cache_read: 7, ..Meter::default() };
        (meter.input.counts[0], meter.input.counts[2], meter.input.counts[14]) = (1, 2, 1);
        meter.input.sum = 1e8;
        let text = text(&[(words, meter)]);
        let labels = "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"gcp.gemini\",gen_ai_request_model=\"a\\\"b\\\\c\"";
        for line in [
            format!("gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type=\"input\",le=\"1\"}} 1"),
            format!("gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type=\"input\",le=\"16\"}} 3"),
            format!(
                "gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type=\"input\",le=\"67108864\"}} 3"
            ),
            format!("gen_ai_client_token_usage_bucket{{{labels},gen_ai_token_type=\"input\",le=\"+Inf\"}} 4"),
            format!("gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type=\"input\"}} 100000000"),
            format!("wiretape_cache_read_tokens_total{{{labels}}} 7"),
            "# TYPE gen_ai_client_token_usage histogram".to_owned(),
        ] {
            assert!(text.lines().any(|own| own == line), "{line} in\n{text}");
        }
        assert!(!text.contains("time_to_first_chunk_seconds_count"), "{text}");
    }
}
