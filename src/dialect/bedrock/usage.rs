//! Usage as Bedrock counts it: what was read from a cache or written to it stands beside the input, not in it.

use serde_json::{Map, Value};

use crate::dialect::json::{Look, check, sum};
use crate::model::{Headers, Usage};

/// The usage object of a conversation, and of Nova's own answers. Newer and older names of the same stand side by side.
pub fn usage(raw: &Value) -> Option<Usage> {
    if raw.as_object().is_none_or(Map::is_empty) {
        return None;
    }
    let either = |one: &str, other: &str| raw.count(one).or_else(|| raw.count(other));
    let cache_read = either("cacheReadInputTokens", "cacheReadInputTokenCount");
    let cache_write = either("cacheWriteInputTokens", "cacheWriteInputTokenCount");
    let (fresh, output) = (raw.count("inputTokens"), raw.count("outputTokens"));
    let input = fresh.and_then(|fresh| sum(&[Some(fresh), cache_read, cache_write]));
    let kept = |ttl: &str| {
        let details = raw.list("cacheDetails").iter().filter(|detail| detail.text("ttl") == Some(ttl));
        sum(&details.map(|detail| detail.count("inputTokens")).collect::<Vec<_>>())
    };
    let mut usage = Usage {
        input,
        output,
        total: raw.count("totalTokens"),
        cache_read,
        cache_write,
        cache_write_5m: kept("5m"),
        cache_write_1h: kept("1h"),
        raw: Some(raw.clone()),
        ..Usage::default()
    };
    if let (Some(input), Some(output), Some(total)) = (input, output, usage.total)
        && input.saturating_add(output) != total
    {
        usage.anomalies.push(format!("total {total} is not input {input} and output {output} together"));
    }
    check(&mut usage);
    Some(usage)
}

/// What the last chunk of any model's stream says, under `amazon-bedrock-invocationMetrics`.
pub fn of_metrics(metrics: &Value) -> Option<Usage> {
    counted(
        metrics,
        ["inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"],
    )
}

/// What the head of any model's whole answer says.
pub fn of_headers(headers: &Headers) -> Option<Usage> {
    const NAMES: [&str; 4] = [
        "x-amzn-bedrock-input-token-count",
        "x-amzn-bedrock-output-token-count",
        "x-amzn-bedrock-cache-read-input-token-count",
        "x-amzn-bedrock-cache-write-input-token-count",
    ];
    let counts = NAMES.iter().filter_map(|name| {
        let count: u64 = headers.text(name)?.trim().parse().ok()?;
        Some(((*name).to_owned(), count.into()))
    });
    counted(&Value::Object(counts.collect()), NAMES)
}

/// Input, output, cache read and cache write under these names.
fn counted(raw: &Value, names: [&str; 4]) -> Option<Usage> {
    let [fresh, output, cache_read, cache_write] = names.map(|name| raw.count(name));
    let input = fresh.and_then(|fresh| sum(&[Some(fresh), cache_read, cache_write]));
    let mut usage =
        Usage { input, output, cache_read, cache_write, raw: Some(raw.clone()), ..Usage::default() };
    check(&mut usage);
    (!usage.is_empty()).then_some(usage)
}

/// Fills in what an answer itself does not say by what Bedrock counted around it.
pub fn filled(own: Option<Usage>, around: Option<Usage>) -> Option<Usage> {
    let (mut own, around) = match (own, around) {
        (Some(own), Some(around)) => (own, around),
        (own, around) => return own.or(around),
    };
    // Input and what of it was cached belong together.
    if own.input.is_none() {
        own.input = around.input;
        own.cache_read = own.cache_read.or(around.cache_read);
        own.cache_write = own.cache_write.or(around.cache_write);
    }
    if own.output.is_none() {
        own.output = around.output;
        own.source = around.source;
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_cached_is_put_into_the_input() {
        let raw = json!({"inputTokens": 6, "outputTokens": 3, "totalTokens": 39, "cacheReadInputTokenCount": 20,
            "cacheWriteInputTokens": 10, "cacheDetails": [{"ttl": "1h", "inputTokens": 10}]});
        let usage = usage(&raw).unwrap();
        assert_eq!((usage.input, usage.cache_write_1h, usage.cache_write_5m), (Some(36), Some(10), None));
        assert!(usage.anomalies.is_empty());
    }

    #[test]
    fn headers_count_what_the_body_does_not() {
        let headers = Headers::from_lines(
            b"x-amzn-bedrock-input-token-count: 6\r\nx-amzn-bedrock-output-token-count: 3\r\n".to_vec(),
        );
        let around = of_headers(&headers);
        assert_eq!(around.as_ref().map(|usage| (usage.input, usage.output)), Some((Some(6), Some(3))));
        let own = Usage { input: Some(7), ..Usage::default() };
        let filled = filled(Some(own), around).unwrap();
        assert_eq!((filled.input, filled.output), (Some(7), Some(3)));
        assert_eq!(of_headers(&Headers::default()), None);
    }
}
