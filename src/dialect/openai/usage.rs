//! Usage as OpenAI counts it, and as those who copied the form count otherwise.

use std::time::Duration;

use serde_json::Value;

use crate::dialect::json::{Look, at, check, sum};
use crate::model::{Usage, Usd};

/// The usage object of chat completions, completions, embeddings and responses.
pub fn usage(json: &Value, provider: &str) -> Option<Usage> {
    if !json.is_object() || json.as_object().is_some_and(serde_json::Map::is_empty) {
        return None;
    }
    let of_input =
        ["prompt_tokens_details", "input_tokens_details", "input_token_details", "prompt_token_details"];
    let of_output = [
        "completion_tokens_details",
        "output_tokens_details",
        "output_token_details",
        "completion_token_details",
    ];
    let detail = |places: &[&str], key: &str| places.iter().find_map(|place| at(json, place)?.count(key));
    let input = json.count("prompt_tokens").or_else(|| json.count("input_tokens"));
    let output = json.count("completion_tokens").or_else(|| json.count("output_tokens"));
    let reasoning = detail(&of_output, "reasoning_tokens").or_else(|| json.count("reasoning_tokens"));
    let cached =
        |key| of_input.iter().find_map(|place| at(json, place)?.some("cached_tokens_details")?.count(key));
    let write = |key| json.some("input_tokens_details")?.some("cache_write_tokens_details")?.count(key);
    let kept = |key| {
        let places = of_input.iter().filter_map(|place| json.some(place)).chain([json]);
        places.flat_map(|place| KEPT.iter().filter_map(|by| place.some(by))).find_map(|by| by.count(key))
    };
    let mut usage = Usage {
        input,
        output,
        total: json.count("total_tokens"),
        cache_read: detail(&of_input, "cached_tokens")
            .or_else(|| json.count("prompt_cache_hit_tokens"))
            .or_else(|| json.count("num_cached_tokens"))
            .or_else(|| json.count("cached_tokens"))
            .or_else(|| json.count("cache_read_input_tokens")),
        cache_write: detail(&of_input, "cache_write_tokens")
            .or_else(|| detail(&of_input, "cache_creation_tokens"))
            .or_else(|| detail(&of_input, "cache_creation_input_tokens"))
            .or_else(|| json.count("cache_creation_input_tokens")),
        cache_write_5m: kept("ephemeral_5m_input_tokens"),
        cache_write_1h: kept("ephemeral_1h_input_tokens"),
        cache_write_12h: write("ttl_12h_tokens"),
        reasoning,
        audio_input: detail(&of_input, "audio_tokens"),
        audio_output: detail(&of_output, "audio_tokens"),
        audio_cache_read: cached("audio_tokens"),
        image_input: detail(&of_input, "image_tokens"),
        image_output: detail(&of_output, "image_tokens"),
        audio: json.count("prompt_audio_seconds").map(Duration::from_secs),
        requests: requests(json),
        raw: Some(json.clone()),
        ..Usage::default()
    };
    settle(&mut usage, provider);
    check(&mut usage);
    Some(usage)
}

/// Where those who pass Anthropic's or Alibaba's models on say how long what was written to a cache is kept.
const KEPT: &[&str] = &["cache_creation", "cache_creation_token_details"];

/// Brings figures that follow other rules into the common meaning. The figures themselves tell which rules they follow:
/// what answers to a name may be a gateway to something else.
fn settle(usage: &mut Usage, provider: &str) {
    let (Some(input), Some(output)) = (usage.input, usage.output) else {
        // Some embeddings have a sum alone.
        if usage.output.is_none() && usage.input.is_none() {
            usage.input = usage.total;
        }
        return;
    };
    let reasoning = usage.reasoning.unwrap_or_default();
    let heard = usage.audio_input.unwrap_or_default();
    let cached = sum(&[usage.cache_read, usage.cache_write]).unwrap_or_default();
    match usage.total {
        _ if input.saturating_add(output) == usage.total.unwrap_or(u64::MAX) => {}
        // xAI's chat leaves reasoning out of the completion.
        Some(total) if reasoning > 0 && sum(&[Some(input), Some(output), Some(reasoning)]) == Some(total) => {
            usage.output = Some(output.saturating_add(reasoning));
        }
        // Mistral leaves sound out of the prompt.
        Some(total) if heard > 0 && sum(&[Some(input), Some(output), Some(heard)]) == Some(total) => {
            usage.input = Some(input.saturating_add(heard));
        }
        // Who passes Anthropic's figures on may leave what was cached out of the prompt.
        Some(total) if cached > 0 && sum(&[Some(input), Some(output), Some(cached)]) == Some(total) => {
            usage.input = Some(input.saturating_add(cached));
        }
        Some(total) => {
            usage.anomalies.push(format!("total {total} is not input {input} and output {output} together"));
        }
        None => {}
    }
    // Vercel's gateway passes Google's completion on without the reasoning, and bills both.
    if provider.starts_with("vercel") && reasoning > usage.output.unwrap_or_default() {
        usage.anomalies.push(format!("reasoning {reasoning} is not in output {output}"));
        usage.output = Some(output.saturating_add(reasoning));
    }
}

/// What is billed by the piece, where providers count it, and the price table's word for it.
const PIECES: &[(&str, &str, &str)] = &[
    ("server_tool_use", "web_search_requests", "web_search"),
    ("server_tool_use_details", "web_search_requests", "web_search"),
    ("server_side_tool_usage_details", "web_search_calls", "web_search"),
    ("server_side_tool_usage_details", "x_search_calls", "social_search"),
    ("server_side_tool_usage_details", "code_interpreter_calls", "code_execution"),
    ("server_side_tool_usage_details", "file_search_calls", "file_search"),
];

fn requests(json: &Value) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = Vec::new();
    for (place, key, name) in PIECES {
        let count = json.get(place).and_then(|place| place.count(key)).unwrap_or_default();
        if count > 0 && found.iter().all(|(known, _)| known != name) {
            found.push(((*name).to_owned(), count));
        }
    }
    found
}

/// What the provider says it bills, in the places where gateways say so.
pub fn billed(usage: &Value) -> Option<Usd> {
    if let Some(ticks) = usage.count("cost_in_usd_ticks") {
        // 1 USD is 10^10 ticks, and a tick 100 pico-dollars.
        return Some(Usd::from_picos(i128::from(ticks) * 100));
    }
    // Pydantic's gateway bills what it calls an estimate, and so does DeepInfra.
    let gateway = usage.get("pydantic_ai_gateway").and_then(|gateway| gateway.some("cost_estimate"));
    let cost = usage.some("cost").or(gateway).or_else(|| usage.some("estimated_cost"))?;
    let cost = match cost {
        Value::Object(parts) => parts.get("total_cost")?,
        cost => cost,
    };
    match cost {
        Value::Number(number) => Usd::from_f64(number.as_f64()?),
        Value::String(text) => Usd::parse(text).or_else(|| Usd::from_f64(text.parse().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_tell_which_rules_they_follow() {
        let read = |json: Value| {
            let usage = usage(&json, "any").unwrap();
            (usage.input, usage.output, usage.anomalies.len())
        };
        let reasoning = json!({"reasoning_tokens": 7});
        assert_eq!(
            read(json!({"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 19,
                "completion_tokens_details": reasoning})),
            (Some(10), Some(9), 0)
        );
        assert_eq!(
            read(json!({"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 26,
                "completion_tokens_details": reasoning})),
            (Some(10), Some(16), 0)
        );
        assert_eq!(read(json!({"prompt_tokens": 10, "total_tokens": 10})), (Some(10), None, 0));
        assert_eq!(read(json!({"total_tokens": 10})), (Some(10), None, 0));
        assert_eq!(
            read(json!({"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 30})),
            (Some(10), Some(9), 1)
        );
        assert_eq!(
            read(json!({"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 59,
                "cache_read_input_tokens": 30, "cache_creation_input_tokens": 10})),
            (Some(50), Some(9), 0)
        );
        assert_eq!(usage(&json!({}), "any"), None);
        assert_eq!(usage(&json!(null), "any"), None);
    }

    #[test]
    fn what_is_written_to_a_cache_is_said_in_many_places() {
        let read = |details: Value| {
            let usage =
                usage(&json!({"prompt_tokens": 100, "prompt_tokens_details": details}), "any").unwrap();
            (usage.cache_write, usage.cache_write_5m, usage.cache_write_1h)
        };
        assert_eq!(read(json!({"cache_write_tokens": 50})), (Some(50), None, None));
        assert_eq!(
            read(
                json!({"cache_creation_input_tokens": 50, "cache_creation": {"ephemeral_5m_input_tokens": 50}})
            ),
            (Some(50), Some(50), None)
        );
        assert_eq!(
            read(json!({"cache_creation_tokens": 50,
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 40}})),
            (Some(50), Some(10), Some(40))
        );
    }

    #[test]
    fn bills_come_in_dollars_and_in_ticks() {
        assert_eq!(billed(&json!({"cost": 0.0012})), Usd::parse("0.0012"));
        assert_eq!(billed(&json!({"cost": {"total_cost": 0.5}})), Usd::parse("0.5"));
        assert_eq!(billed(&json!({"cost_in_usd_ticks": 10_000_000_000_u64})), Usd::parse("1"));
        assert_eq!(billed(&json!({"cost": "3.4e-7"})), Usd::parse("0.00000034"));
        assert_eq!(billed(&json!({"pydantic_ai_gateway": {"cost_estimate": 0.25}})), Usd::parse("0.25"));
        assert_eq!(billed(&json!({"estimated_cost": 0.125})), Usd::parse("0.125"));
        assert_eq!(billed(&json!({})), None);
    }
}
