//! The table we come with: that it is in order, that its figures are those of the public price lists, and that the names
//! models have on the wire lead to them.

use super::table::Entry;
use super::*;

const TEXT: &str = include_str!("table.txt");
/// 2026-11-21 at noon.
const NOON: Micros = Micros(1_795_262_400_000_000);

fn price_of(provider: &str, model: &str, unit: &str, tier: Option<&str>, input: u64) -> Option<String> {
    let Found::Prices(prices) = Table::built_in().find(provider, model)? else { return None };
    let rates = Rates::select(prices, NOON, tier, input).ok()?;
    Some(rates.price(&Unit::parse(unit)?)?.to_string())
}

#[test]
fn the_table_is_in_order() {
    let table = Table::parse(TEXT).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    assert_eq!(&table, Table::built_in());
    assert!(table.models() > 2000 && TEXT.len() < 400_000);
    assert!(table.date.is_some() && table.source.is_some());
    assert_eq!(Table::parse(&table.to_string()), Ok(table.clone()));
    // Written as it would be written by us: sorted, each thing once, each number in its shortest form.
    let plain = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split(' ').collect::<std::collections::BTreeSet<_>>())
            .map(|words| format!("{words:?}"))
            .collect()
    };
    assert_eq!(plain(TEXT), plain(&table.to_string()));
}

#[test]
fn each_model_has_plain_prices_in_each_of_its_times() {
    for (provider, models) in &Table::built_in().providers {
        for (model, entry) in models {
            match entry {
                Entry::Same(same) => {
                    assert!(matches!(models.get(same), Some(Entry::Prices(_))), "{provider} {model}: {same}");
                }
                Entry::Prices(prices) => {
                    for when in prices.keys() {
                        let plain = When { from: when.from, ..When::default() };
                        assert!(prices.contains_key(&plain), "{provider} {model}: {when:?}");
                    }
                    // A dollar a token is no price, but a figure in the wrong unit.
                    let highest =
                        prices.values().flat_map(|row| row.values()).max().copied().unwrap_or_default();
                    assert!(
                        highest < Usd::from_picos(1_000_000_000_000_000),
                        "{provider} {model}: {highest}"
                    );
                }
            }
        }
    }
}

/// Provider, model, and of its plain prices: input, output, cache_read, cache_write; `-` where there is none.
///
/// Looked up in both lists with `tools/prices.py --show`. They agree but where a comment says which one was followed.
#[rustfmt::skip]
const SAMPLE: &[(&str, &str, [&str; 4])] = &[
    ("openai", "gpt-4.1", ["2", "8", "0.5", "-"]),
    ("openai", "gpt-4o", ["2.5", "10", "1.25", "-"]),
    ("openai", "gpt-4o-2024-05-13", ["5", "15", "-", "-"]),
    ("openai", "gpt-5", ["1.25", "10", "0.125", "-"]),
    ("openai", "gpt-5-mini", ["0.25", "2", "0.025", "-"]),
    ("openai", "o3", ["2", "8", "0.5", "-"]),
    ("openai", "o4-mini", ["1.1", "4.4", "0.275", "-"]),
    ("openai", "gpt-5.6-sol", ["4", "20", "0.4", "5"]),
    ("openai", "gpt-5.6-luna", ["0.2", "1.2", "0.02", "0.25"]),
    ("openai", "text-embedding-3-small", ["0.02", "-", "-", "-"]),
    ("anthropic", "claude-sonnet-4-5", ["3", "15", "0.3", "3.75"]),
    ("anthropic", "claude-haiku-4-5", ["1", "5", "0.1", "1.25"]),
    // Withdrawn: only genai-prices still has it.
    ("anthropic", "claude-opus-4-1", ["15", "75", "1.5", "18.75"]),
    ("anthropic", "claude-opus-5-5", ["4", "20", "0.2", "5"]),
    ("gemini", "gemini-2.5-flash", ["0.3", "2.5", "0.03", "-"]),
    ("gemini", "gemini-2.5-pro", ["1.25", "10", "0.125", "-"]),
    ("gemini", "gemini-3.1-flash-lite", ["0.25", "1.5", "0.025", "-"]),
    // An introductory price until the end of 2026.
    ("gemini", "gemini-3.6-flash", ["0.75", "3.75", "0.075", "-"]),
    ("mistral", "codestral-2508", ["0.3", "0.9", "0.03", "-"]),
    // genai-prices has Large 2 under this name, litellm Large 3, which it moved to.
    ("mistral", "mistral-large-latest", ["0.5", "1.5", "0.05", "-"]),
    ("mistral", "mistral-small-latest", ["0.15", "0.6", "0.015", "-"]),
    ("cohere", "command-a-03-2025", ["2.5", "10", "-", "-"]),
    ("groq", "openai/gpt-oss-120b", ["0.15", "0.6", "0.075", "-"]),
    ("xai", "grok-4.5", ["2", "6", "0.3", "-"]),
    // genai-prices ends in 2025, with a discount by the hour; litellm has today's.
    ("deepseek", "deepseek-chat", ["0.28", "0.42", "0.028", "-"]),
    // litellm has the price of the peak hours.
    ("deepseek", "deepseek-v4-pro", ["0.66", "1.98", "0.022", "-"]),
    ("moonshot", "kimi-k3", ["3", "15", "0.3", "3"]),
    ("zai", "glm-5.3", ["1.4", "4.4", "0.26", "-"]),
    ("cerebras", "gpt-oss-120b", ["0.35", "0.75", "-", "-"]),
    ("perplexity", "sonar-pro", ["3", "15", "-", "-"]),
    ("qwen", "qwen3-max", ["1.2", "6", "-", "-"]),
    ("bedrock", "amazon.nova-pro-v1:0", ["0.8", "3.2", "0.2", "-"]),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", ["3.3", "16.5", "0.33", "4.125"]),
    ("bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", ["3", "15", "0.3", "3.75"]),
    // Without a region it runs in one, and costs a tenth more: so genai-prices; litellm has the global price.
    ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", ["3.3", "16.5", "0.33", "4.125"]),
    ("azure", "gpt-4.1", ["2", "8", "0.5", "-"]),
    // genai-prices has the price until October 2026.
    ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", ["1.04", "1.04", "-", "-"]),
];

#[test]
fn figures_are_those_of_the_lists() {
    for (provider, model, expected) in SAMPLE {
        let units = ["input", "output", "cache_read", "cache_write"];
        let found =
            units.map(|unit| price_of(provider, model, unit, None, 0).unwrap_or_else(|| "-".to_owned()));
        assert_eq!(found, expected.map(str::to_owned), "{provider} {model}");
    }
}

#[test]
fn figures_with_conditions() {
    for (provider, model, unit, tier, input, expected) in [
        ("openai", "gpt-5.4", "input", None, 272_000, "2.5"),
        ("openai", "gpt-5.4", "input", None, 272_001, "5"),
        ("openai", "gpt-5.4", "input", Some("batch"), 0, "1.25"),
        ("openai", "gpt-5.4", "output", Some("batch"), 300_000, "11.25"),
        ("openai", "gpt-5", "output", Some("flex"), 0, "5"),
        ("openai", "gpt-5", "output", Some("priority"), 0, "20"),
        ("openai", "gpt-4.1", "web_search/k", None, 0, "10"),
        ("openai", "gpt-5.6-luna", "cache_write_12h", None, 0, "0.5"),
        ("openai", "gpt-audio", "audio_output", None, 0, "64"),
        ("openai", "gpt-realtime", "audio_cache_read", None, 0, "0.4"),
        ("openai", "whisper-1", "audio_hour", None, 0, "0.36"),
        ("openai", "tts-1", "characters", None, 0, "15"),
        ("anthropic", "claude-sonnet-4-5", "cache_write_1h", None, 0, "6"),
        ("anthropic", "claude-sonnet-4-5", "input", None, 200_001, "6"),
        ("anthropic", "claude-sonnet-4-6", "input", None, 200_001, "3"),
        ("anthropic", "claude-opus-5", "output", Some("fast"), 0, "50"),
        ("anthropic", "claude-haiku-4-5", "input", Some("batch"), 0, "0.5"),
        ("anthropic", "claude-sonnet-4-5", "web_search/k", None, 0, "10"),
        ("gemini", "gemini-2.5-pro", "output", None, 200_001, "15"),
        ("gemini", "gemini-2.5-flash", "audio_input", None, 0, "1"),
        ("cohere", "rerank-v3.5", "rerank_search/k", None, 0, "2"),
        ("qwen", "qwen3-max", "output", None, 130_000, "15"),
    ] {
        assert_eq!(price_of(provider, model, unit, tier, input).as_deref(), Some(expected), "{model} {unit}");
    }
}

#[test]
fn prices_that_changed() {
    let usage = Usage { input: Some(1_000_000), output: Some(0), ..Usage::default() };
    let day = 86_400_000_000;
    for (provider, model, days_ago, total) in [
        ("openai", "o3", 530, "10"),
        ("openai", "o3", 520, "2"),
        ("openai", "gpt-5.6-sol", 100, "10"),
        ("openai", "gpt-5.6-sol", 90, "8"),
        ("mistral", "mistral-large-latest", 400, "2"),
    ] {
        let call = Call {
            provider,
            model,
            usage: &usage,
            service_tier: None,
            region: None,
            at: Micros(NOON.0 - days_ago * day),
        };
        let cost = cost(Table::built_in(), &call).unwrap();
        assert_eq!(cost.total.map(|total| total.to_string()).as_deref(), Some(total), "{model} {days_ago}");
    }
    let peak = Call {
        provider: "deepseek",
        model: "deepseek-v4-pro",
        usage: &usage,
        service_tier: None,
        region: None,
        at: Micros(NOON.0 - 5 * 3_600_000_000),
    };
    assert_eq!(cost(Table::built_in(), &peak).unwrap().total, Usd::parse("1.32"));
}

/// Names as they stood on the wire, and the price of input they lead to; `-` where they lead nowhere, as they should.
#[rustfmt::skip]
const NAMES: &[(&str, &[(&str, &str)])] = &[
    ("anthropic", &[
        ("claude-2.1", "8"),
        ("claude-3-5-haiku-latest", "0.8"),
        ("claude-3-5-sonnet-20241022", "3"),
        ("claude-3-7-sonnet-20250219", "3"),
        ("claude-3-opus-20240229", "15"),
        ("claude-fable-5", "10"),
        ("claude-haiku-4-5-20251001", "1"),
        ("claude-opus-4-1-20250805", "15"),
        ("claude-opus-4-5-20251101", "5"),
        ("claude-opus-4-8", "5"),
        ("claude-opus-5", "5"),
        ("claude-sonnet-4-0", "3"),
        ("claude-sonnet-4-20250514", "3"),
        ("claude-sonnet-4-6", "3"),
        ("claude-sonnet-5", "2"),
        ("claude-sonet-4-5", "-"),
    ]),
    ("azure", &[
        ("gpt-35-turbo", "0.5"),
        ("gpt-4.1-mini-2025-04-14", "0.4"),
        ("gpt-4o-2024-11-20", "2.5"),
        ("gpt-5-nano-2025-08-07", "0.05"),
        ("gpt-5.5", "5"),
        ("grok-4-1-fast-non-reasoning", "0.2"),
        ("o4-mini-2025-04-16", "1.1"),
        ("deepseek-v4-pro", "1.74"),
        ("text-embedding-ada-002", "0.1"),
        ("openllmetry-testing", "-"),
    ]),
    ("bedrock", &[
        ("amazon.nova-micro-v1:0", "0.035"),
        ("amazon.titan-embed-text-v1", "0.1"),
        ("amazon.titan-embed-text-v2:0", "0.02"),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", "3"),
        ("anthropic.claude-v2:1", "8"),
        ("anthropic.claude-v2", "8"),
        ("claude-3-haiku-48k-20240307", "-"),
        ("claude-opus-4-6", "5.5"),
        ("meta.llama3-8b-instruct-v1:0", "0.3"),
        ("mistral.mistral-7b-instruct-v0:2", "0.15"),
        ("openai.gpt-5.6-luna", "0.22"),
        ("openai.gpt-oss-120b-1:0", "0.15"),
        ("openai.gpt-oss-20b", "0.07"),
        ("us.amazon.nova-lite-v1:0", "0.06"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "1.1"),
        ("us.anthropic.claude-opus-4-6-v1", "5.5"),
        ("us.anthropic.claude-opus-4-8", "5.5"),
        ("us.deepseek.r1-v1:0", "1.35"),
        ("us.does-not-exist-model-v1:0", "-"),
        ("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/1arbu5hu2sjr", "-"),
    ]),
    ("cerebras", &[
        ("llama3.3-70b", "0.85"),
        ("zai-glm-4.7", "2.25"),
    ]),
    ("cohere", &[
        ("command-r-08-2024", "0.15"),
        ("command-r7b-12-2024", "0.0375"),
        ("embed-english-v3.0", "0.1"),
        ("nonexistent", "-"),
    ]),
    ("deepseek", &[
        ("deepseek-reasoner", "0.28"),
        ("deepseek-v4-flash", "0.15"),
    ]),
    ("gemini", &[
        ("gemini-1.5-flash-002", "0.075"),
        ("gemini-2.0-flash-001", "0.1"),
        ("gemini-2.0-flash-exp", "0.1"),
        ("gemini-2.5-pro-preview-05-06", "1.25"),
        ("gemini-3-pro-image", "2"),
        ("gemini-3.5-flash", "1.5"),
        ("gemini-embedding-001", "0.15"),
        ("gemini-flash-latest", "0.75"),
        ("models/gemini-2.5-flash", "0.3"),
        ("gemini-3.6-flahs", "-"),
    ]),
    ("groq", &[
        ("llama-3.3-70b-versatile", "0.59"),
        ("meta-llama/llama-4-scout-17b-16e-instruct", "0.11"),
        ("moonshotai/kimi-k2-instruct-0905", "1"),
        ("qwen/qwen3-32b", "0.29"),
        ("groq/compound", "-"),
        ("llama-3.3-70b-versatlie", "-"),
    ]),
    ("mistral", &[
        ("magistral-medium-latest", "1.5"),
        ("ministral-8b-latest", "0.15"),
        ("mistral-medium-latest", "1.5"),
        ("mistral-small-2506", "0.1"),
        ("mistral-small-2402", "-"),
    ]),
    ("openai", &[
        ("babbage-002-wrong", "-"),
        ("computer-use-preview-2025-03-11", "3"),
        ("davinci:2023-07-21-v2", "2"),
        ("ft:gpt-4.1-mini-2025-04-14:acme:", "0.8"),
        ("gpt-3.5-turbo-0125", "0.5"),
        ("gpt-3.5-turbo-0613", "1.5"),
        ("gpt-3.5-turbo-instruct:20230824-v2", "1.5"),
        ("gpt-4-0125-preview", "10"),
        ("gpt-4-0613", "30"),
        ("gpt-4.1-nano-2025-04-14", "0.1"),
        ("gpt-4o-2024-08-06", "2.5"),
        ("gpt-4o-mini-2024-07-18", "0.15"),
        ("gpt-4o-audio-preview-2024-12-17", "2.5"),
        ("gpt-4o-realtime-preview-2024-12-17", "5"),
        ("gpt-5-2026-01-01", "1.25"),
        ("gpt-5-codex", "1.25"),
        ("gpt-5-pro-2025-10-06", "15"),
        ("gpt-5.1-codex-max", "1.25"),
        ("gpt-5.2-2025-12-11", "1.75"),
        ("gpt-5.4-nano-2026-03-17", "0.2"),
        ("gpt-5.6", "4"),
        ("gpt-6-astra", "10"),
        ("gpt-audio-mini-2025-12-15", "0.6"),
        ("o1-mini-2024-09-12", "1.1"),
        ("o3-2025-04-16", "2"),
        ("text-embedding-ada-002-v2", "0.1"),
        ("gpt-5.2-proo", "-"),
        ("moonshotai/kimi-k2", "-"),
    ]),
    ("openrouter", &[
        ("anthropic/claude-3.7-sonnet:thinking", "3"),
        ("anthropic/claude-4.5-haiku-20251001", "1"),
        ("anthropic/claude-4.6-sonnet-20260217", "3"),
        ("anthropic/claude-sonnet-4-5", "3"),
        ("google/gemini-3.1-flash-lite-preview-20260303", "0.25"),
        ("moonshotai/kimi-k2.5-0127", "0.532"),
        ("openai/gpt-5.4-nano-20260317", "0.2"),
        ("z-ai/glm-5-turbo-20260315", "1.2"),
        ("google/gemini-2.0-flash-exp:free", "-"),
    ]),
    ("perplexity", &[
        ("sonar", "1"),
        ("sonar-reasoning-pro", "2"),
    ]),
    ("together", &[
        ("Qwen/Qwen2.5-72B-Instruct-Turbo", "1.2"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "0.6"),
    ]),
    ("vertex", &[
        ("claude-3-7-sonnet@20250219", "3"),
        ("claude-3-7-sonnet-20250219", "3"),
        ("gemini-2.5-flash", "0.3"),
        ("text-embedding-004", "0.1"),
        ("gemini-does-not-exist", "-"),
    ]),
    ("xai", &[
        ("grok-3-mini", "0.3"),
        ("grok-4", "3"),
        ("grok-4-fast-reasoning", "0.2"),
        ("grok-code-fast-1", "1"),
        ("grok-beta", "-"),
    ]),
    ("zai", &[
        ("glm-4.7", "0.6"),
        ("glm-4.7-flash", "0"),
        ("z-model", "-"),
    ]),
];

#[test]
fn names_on_the_wire_lead_to_their_models() {
    assert!(NAMES.iter().map(|(_, names)| names.len()).sum::<usize>() >= 60);
    for (provider, names) in NAMES {
        for (model, expected) in *names {
            let found = price_of(provider, model, "input", None, 0);
            assert_eq!(found.as_deref().unwrap_or("-"), *expected, "{provider} {model}");
        }
    }
}

#[test]
fn local_models_and_unknown_providers_have_no_price() {
    for (provider, model) in [
        ("ollama", "gpt-oss:20b"),
        ("vllm", "gpt-4o"),
        ("lmstudio", ""),
        ("someone", "gpt-4o"),
        ("chatgpt", "gpt-5.5"),
    ] {
        assert!(Table::built_in().find(provider, model).is_none(), "{provider} {model}");
    }
}
