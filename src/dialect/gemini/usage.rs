//! Usage as Google counts it: thoughts beside the candidates, what tools fed back beside the prompt.

use serde_json::Value;

use super::names::{Either, word_or_number};
use crate::dialect::json::{Look, check, sum};
use crate::model::Usage;

/// Google's words for what a token was of, and the numbers that stand for them.
const AUDIO: [&str; 2] = ["AUDIO", "4"];
const IMAGE: [&str; 2] = ["IMAGE", "2"];

/// Models that are billed once for a prompt that was grounded, however often they searched. Later ones are billed by
/// the search.
const BILLED_BY_PROMPT: &[&str] = &["gemini-1", "gemini-2"];

/// A `usageMetadata` object.
pub fn usage(json: &Value) -> Option<Usage> {
    let prompt = json.either_count("promptTokenCount");
    let tool = json.either_count("toolUsePromptTokenCount");
    let thoughts = json.either_count("thoughtsTokenCount");
    let total = json.either_count("totalTokenCount");
    // On a socket the candidates have another name.
    let response = json.either_count("responseTokenCount");
    let candidates = json.either_count("candidatesTokenCount").or(response);
    let input = sum(&[prompt, tool]);
    // Some say the tier alone.
    sum(&[input, candidates, thoughts, total])?;
    let mut usage = Usage {
        input,
        // A count of zero is left out, where there are others.
        output: sum(&[candidates, thoughts]).or(total.map(|_| 0)),
        total,
        cache_read: json.either_count("cachedContentTokenCount"),
        reasoning: thoughts,
        audio_input: sum(&[
            detail(json, "promptTokensDetails", AUDIO),
            detail(json, "toolUsePromptTokensDetails", AUDIO),
        ]),
        image_input: sum(&[
            detail(json, "promptTokensDetails", IMAGE),
            detail(json, "toolUsePromptTokensDetails", IMAGE),
        ]),
        audio_cache_read: detail(json, "cacheTokensDetails", AUDIO),
        audio_output: detail(json, "candidatesTokensDetails", AUDIO)
            .or_else(|| detail(json, "responseTokensDetails", AUDIO)),
        image_output: detail(json, "candidatesTokensDetails", IMAGE)
            .or_else(|| detail(json, "responseTokensDetails", IMAGE)),
        tool_input: tool,
        raw: Some(json.clone()),
        ..Usage::default()
    };
    settle(&mut usage, candidates, response.is_some());
    check(&mut usage);
    Some(usage)
}

/// What the figures say together. `live`: they are a socket's, whose sum has no thoughts in it.
fn settle(usage: &mut Usage, candidates: Option<u64>, live: bool) {
    let (Some(total), Some(output)) = (usage.total, usage.output) else { return };
    let Some(input) = usage.input else { return };
    if total == input.saturating_add(output) {
        return;
    }
    let without = input.saturating_add(candidates.unwrap_or_default());
    match usage.reasoning {
        Some(thoughts) if total == without && thoughts > 0 => {
            usage.anomalies.push(format!("reasoning {thoughts} is not in total {total}"));
            if live {
                usage.output = candidates;
            }
        }
        _ => usage.anomalies.push(format!("total {total} is not input {input} and output {output} together")),
    }
}

/// How many tokens of a modality the details at this key list.
fn detail(json: &Value, key: &str, words: [&str; 2]) -> Option<u64> {
    let of = |entry: &&Value| {
        let word = entry.get("modality").and_then(word_or_number);
        word.is_some_and(|word| words.iter().any(|own| word.eq_ignore_ascii_case(own)))
    };
    json.either_list(key).iter().filter(of).find_map(|entry| entry.either_count("tokenCount"))
}

/// The tier that served a call: the Gemini API's word, or Vertex' kind of traffic.
pub fn tier(json: &Value) -> Option<String> {
    ["serviceTier", "trafficType"].iter().find_map(|key| word_or_number(json.either(key)?))
}

/// Usage of an interaction.
pub fn of_interaction(json: &Value) -> Option<Usage> {
    let tool = json.count("total_tool_use_tokens");
    let thoughts = json.count("total_thought_tokens");
    let total = json.count("total_tokens");
    let input = sum(&[json.count("total_input_tokens"), tool]);
    let output = json.count("total_output_tokens");
    sum(&[input, output, thoughts, total])?;
    let of = |keys: &[&str], word: &str| {
        let entries = keys.iter().flat_map(|key| json.list(key));
        let counts: Vec<Option<u64>> = entries
            .filter(|entry| entry.text("modality").is_some_and(|own| own.eq_ignore_ascii_case(word)))
            .map(|entry| entry.count("tokens"))
            .collect();
        sum(&counts)
    };
    let (sent, made) =
        (["input_tokens_by_modality", "tool_use_tokens_by_modality"], ["output_tokens_by_modality"]);
    let mut usage = Usage {
        input,
        output: sum(&[output, thoughts]).or(total.map(|_| 0)),
        total,
        cache_read: json.count("total_cached_tokens"),
        reasoning: thoughts,
        audio_input: of(&sent, "audio"),
        image_input: of(&sent, "image"),
        audio_cache_read: of(&["cached_tokens_by_modality"], "audio"),
        audio_output: of(&made, "audio"),
        image_output: of(&made, "image"),
        tool_input: tool,
        requests: searches_counted(json),
        raw: Some(json.clone()),
        ..Usage::default()
    };
    settle(&mut usage, output, false);
    check(&mut usage);
    Some(usage)
}

/// How often an interaction searched, where its usage says so.
fn searches_counted(json: &Value) -> Vec<(String, u64)> {
    let entries = json.list("grounding_tool_count").iter();
    let searches = entries.filter(|entry| entry.text("type") == Some("google_search"));
    let count: u64 = searches.filter_map(|entry| entry.count("count")).sum();
    if count == 0 { Vec::new() } else { vec![("web_search".to_owned(), count)] }
}

/// Adds the searches that were made for an answer, as this model's are billed.
pub fn add_searches(usage: &mut Option<Usage>, model: Option<&str>, queries: u64) {
    let counted = usage.as_ref().is_some_and(|usage| !usage.requests.is_empty());
    if queries == 0 || counted {
        return;
    }
    let by_prompt = model.is_some_and(|model| BILLED_BY_PROMPT.iter().any(|name| model.contains(name)));
    let searches = if by_prompt { 1 } else { queries };
    usage.get_or_insert_default().requests.push(("web_search".to_owned(), searches));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value) -> (Option<u64>, Option<u64>, usize) {
        let usage = usage(json).unwrap();
        (usage.input, usage.output, usage.anomalies.len())
    }

    #[test]
    fn wholes_are_put_together() {
        let plain = json!({"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": 3,
            "toolUsePromptTokenCount": 4, "totalTokenCount": 14});
        assert_eq!(read(&plain), (Some(9), Some(5), 0));
        assert_eq!(read(&json!({"promptTokenCount": 5, "totalTokenCount": 5})), (Some(5), Some(0), 0));
        let live = json!({"promptTokenCount": 5, "responseTokenCount": 2, "thoughtsTokenCount": 1, "totalTokenCount": 7});
        assert_eq!(read(&live), (Some(5), Some(2), 1));
        assert_eq!(
            read(&json!({"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 9})).2,
            1
        );
        assert_eq!(usage(&json!({"trafficType": "ON_DEMAND"})), None);
        let numbered =
            json!({"promptTokenCount": 5, "promptTokensDetails": [{"modality": 4, "tokenCount": 3}]});
        assert_eq!(usage(&numbered).unwrap().audio_input, Some(3));
    }

    #[test]
    fn searches_are_counted_as_they_are_billed() {
        for (model, expected) in [("gemini-2.5-flash", 1), ("gemini-3-pro-preview", 3)] {
            let mut usage = None;
            add_searches(&mut usage, Some(model), 3);
            assert_eq!(usage.unwrap().requests, [("web_search".to_owned(), expected)], "{model}");
        }
    }
}
