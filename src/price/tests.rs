//! The arithmetic, checked by hand and by properties.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::CostPart;

const AT: Micros = Micros(1_795_219_200_000_000); // 2026-11-21, midnight

const TABLE: &str = "\
@date 2026-11-21
p chat input=2 output=8 cache_read=0.5 cache_write=2.5 cache_write_1h=4 web_search/k=10
p chat above=1000 input=4 output=12
p chat tier=batch input=1 output=4
p chat tier=batch above=1000 input=2
p cheap input=0.0375 output=0.15
p embed input=0.02
p free input=0 output=0
p live input=4 output=16 cache_read=0.4 audio_input=32 audio_output=64 audio_cache_read=0.3 image_input=5
p night input=1 output=2
p night hours=22:00-02:00 input=0.5 output=1
p older input=1 output=1
p older from=2026-11-21 input=2 output=2
p research input=2 output=8 reasoning=3 call/k=5
p soon from=2026-11-22 input=2 output=2
p speech characters=15
p whisper audio_hour=0.36
";

fn table() -> Table {
    Table::parse(TABLE).unwrap()
}

fn usd(text: &str) -> Usd {
    Usd::parse(text).unwrap()
}

fn tokens(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

fn cost_of(model: &str, usage: &Usage) -> Cost {
    cost_in(model, usage, None, AT)
}

fn cost_in(model: &str, usage: &Usage, service_tier: Option<&str>, at: Micros) -> Cost {
    cost(&table(), &Call { provider: "p", model, usage, service_tier, region: None, at }).unwrap()
}

#[test]
fn each_part_of_the_input_has_its_price() {
    let usage = Usage {
        cache_read: Some(300),
        cache_write: Some(200),
        cache_write_5m: Some(150),
        cache_write_1h: Some(50),
        reasoning: Some(7),
        requests: vec![("web_search".to_owned(), 2)],
        ..tokens(1000, 10)
    };
    let cost = cost_of("chat", &usage);
    // 500 × 2 + 300 × 0.5 + 150 × 2.5 + 50 × 4 = 1725 millionths
    assert_eq!(cost.input, Some(usd("0.001725")));
    // Reasoning is output, and has no price of its own here.
    assert_eq!(cost.output, Some(usd("0.00008")));
    assert_eq!(cost.extra, Some(usd("0.02")));
    assert_eq!(cost.total, Some(usd("0.021805")));
    assert_eq!((cost.source, cost.missing.len()), (CostSource::Table, 0));
    let units: Vec<&str> = cost.details.iter().map(|detail| detail.unit.as_str()).collect();
    assert_eq!(units, ["input", "cache_read", "cache_write", "cache_write_1h", "output", "web_search"]);
}

#[test]
fn a_token_is_not_rounded_away() {
    assert_eq!(cost_of("cheap", &tokens(1, 1)).total, Some(usd("0.0000001875")));
    assert_eq!(cost_of("free", &tokens(1, 1)).total, Some(Usd::ZERO));
}

#[test]
fn above_the_threshold_all_tokens_cost_more() {
    assert_eq!(cost_of("chat", &tokens(1000, 1)).total, Some(usd("0.002008")));
    assert_eq!(cost_of("chat", &tokens(1001, 1)).total, Some(usd("0.004016")));
}

#[test]
fn a_tier_says_what_differs() {
    let usage = Usage { cache_read: Some(100), ..tokens(1000, 10) };
    // What is read from the cache costs what it always does.
    assert_eq!(cost_in("chat", &usage, Some("batch"), AT).total, Some(usd("0.00099")));
    // Above the threshold: the tier's own, then the tier's plain price, then the ordinary one.
    assert_eq!(cost_in("chat", &tokens(1001, 1), Some("batch"), AT).total, Some(usd("0.002006")));
    assert_eq!(cost_in("chat", &usage, Some("on_demand"), AT), cost_of("chat", &usage));
    let unknown = cost_in("chat", &usage, Some("scale"), AT);
    assert_eq!((unknown.total, unknown.missing), (None, vec!["no price of the tier scale".to_owned()]));
}

#[test]
fn prices_change_by_day_and_hour() {
    let day = 86_400_000_000;
    assert_eq!(cost_in("older", &tokens(1, 0), None, Micros(AT.0 - 1)).total, Some(usd("0.000001")));
    assert_eq!(cost_in("older", &tokens(1, 0), None, AT).total, Some(usd("0.000002")));
    let early = cost_in("soon", &tokens(1, 0), None, AT);
    assert_eq!((early.total, early.missing), (None, vec!["no price before 2026-11-21".to_owned()]));
    assert!(cost_in("soon", &tokens(1, 0), None, Micros(AT.0 + day)).total.is_some());
    assert_eq!(cost_in("night", &tokens(2, 0), None, AT).total, Some(usd("0.000001")));
    assert_eq!(cost_in("night", &tokens(2, 0), None, Micros(AT.0 + day / 2)).total, Some(usd("0.000002")));
}

#[test]
fn sound_and_images_are_split_out() {
    let usage = Usage {
        cache_read: Some(40),
        audio_input: Some(60),
        audio_cache_read: Some(10),
        image_input: Some(5),
        audio_output: Some(3),
        image_output: Some(2),
        ..tokens(100, 10)
    };
    let cost = cost_of("live", &usage);
    // Fresh are 60: 50 of sound, 5 of images, 5 of text. Cached are 40, 10 of them sound.
    // 5 × 4 + 50 × 32 + 5 × 5 + 30 × 0.4 + 10 × 0.3 = 1660 millionths
    assert_eq!(cost.input, Some(usd("0.00166")));
    // An image has no price of its own here: it is output like any other.
    assert_eq!(cost.output, Some(usd("0.000304")));
}

#[test]
fn reasoning_with_a_price_of_its_own() {
    let cost = cost_of("research", &Usage { reasoning: Some(90), ..tokens(0, 100) });
    assert_eq!(cost.output, Some(usd("0.00035")));
    assert_eq!((cost.extra, cost.total), (Some(usd("0.005")), Some(usd("0.00535"))));
}

#[test]
fn without_tokens() {
    let whisper = Usage { audio: Some(Duration::from_millis(2500)), ..Usage::default() };
    let cost = cost_of("whisper", &whisper);
    assert_eq!((cost.input, cost.extra, cost.total), (None, Some(usd("0.00025")), Some(usd("0.00025"))));
    let speech = Usage { characters: Some(100), ..Usage::default() };
    assert_eq!(cost_of("speech", &speech).total, Some(usd("0.0015")));
    let embedding = Usage { input: Some(50), ..Usage::default() };
    assert_eq!(cost_of("embed", &embedding).total, Some(usd("0.000001")));
    assert_eq!(cost_of("embed", &tokens(50, 0)).total, Some(usd("0.000001")));
}

#[test]
fn a_missing_price_or_count_leaves_no_total() {
    let search = Usage { requests: vec![("file_search".to_owned(), 1)], ..tokens(10, 10) };
    let cost = cost_of("chat", &search);
    assert_eq!((cost.total, cost.extra), (None, None));
    assert_eq!(cost.input, Some(usd("0.00002")));
    assert_eq!(cost.missing, ["no price of file_search"]);
    for (model, usage, missing) in [
        ("cheap", Usage { cache_read: Some(1), ..tokens(10, 1) }, "no price of cache_read"),
        ("chat", Usage { audio_input: Some(1), ..tokens(10, 1) }, "no price of audio_input"),
        ("embed", tokens(1, 1), "no price of output"),
        ("chat", Usage { input: Some(1), ..Usage::default() }, "how much output there was is unknown"),
        ("chat", Usage { output: Some(1), ..Usage::default() }, "how much input there was is unknown"),
        ("chat", Usage::default(), "what was used is unknown"),
    ] {
        let cost = cost_of(model, &usage);
        assert_eq!((cost.total, cost.missing), (None, vec![missing.to_owned()]), "{model}");
    }
}

#[test]
fn what_a_provider_says_it_bills_is_what_counts() {
    let usage =
        Usage { billed_input: Some(7), billed_output: Some(3), cache_read: Some(60), ..tokens(69, 4) };
    let cost = cost_of("cheap", &usage);
    assert_eq!(cost.input, Some(usd("0.0000002625")));
    assert_eq!(cost.total, Some(usd("0.0000007125")));
}

#[test]
fn contradictions_do_not_go_below_nothing() {
    let cost = cost_of("chat", &Usage { cache_read: Some(100), reasoning: Some(99), ..tokens(10, 1) });
    assert_eq!(cost.total, Some(usd("0.000058")));
}

#[test]
fn whose_word_counts() {
    let own = Table::parse("p chat input=1 output=1\n* house same=cheap\np other same=nothing\n").unwrap();
    let pricer = Pricer::new(table(), own);
    let usage = tokens(1_000_000, 0);
    let call = |model| Call { provider: "p", model, usage: &usage, service_tier: None, region: None, at: AT };
    let billed = pricer.cost(&call("chat"), Some(usd("7"))).unwrap();
    assert_eq!((billed.total, billed.source, billed.input), (Some(usd("7")), CostSource::Provider, None));
    let own = pricer.cost(&call("chat"), None).unwrap();
    assert_eq!((own.total, own.source), (Some(usd("1")), CostSource::Override));
    let house = pricer.cost(&call("house"), None).unwrap();
    assert_eq!((house.total, house.source), (Some(usd("0.0375")), CostSource::Table));
    assert_eq!(pricer.cost(&call("other"), None), None);
    assert_eq!(pricer.cost(&call("never-heard-of"), None), None);
    // A provider that nobody lists has no prices, though the model's name be known elsewhere.
    assert_eq!(pricer.cost(&Call { provider: "q", ..call("cheap") }, None), None);
}

#[test]
fn one_place_alone_costs_more() {
    let table = Table::parse(
        "@date 2026-11-21\nanthropic claude-opus-4-6 input=5 output=25 web_search/k=10\n\
        vertex claude-opus-4-6 input=5 output=25\nvertex claude-opus-4-1 input=15 output=75\n",
    );
    let table = table.unwrap();
    let usage = Usage { requests: vec![("web_search".to_owned(), 1)], ..tokens(1_000_000, 100_000) };
    let plain = tokens(1_000_000, 100_000);
    for (provider, model, usage, region, total) in [
        ("anthropic", "claude-opus-4-6", &usage, None, "7.51"),
        ("anthropic", "claude-opus-4-6", &usage, Some("us"), "8.26"),
        ("anthropic", "claude-opus-4-6", &usage, Some("eu"), "7.51"),
        ("vertex", "claude-opus-4-6@default", &plain, Some("us-east5"), "8.25"),
        ("vertex", "claude-opus-4-6@default", &plain, Some("global"), "7.5"),
        ("vertex", "claude-opus-4-1@20250805", &plain, Some("us-east5"), "22.5"),
    ] {
        let call = Call { provider, model, usage, service_tier: None, region, at: AT };
        assert_eq!(cost(&table, &call).unwrap().total, Some(usd(total)), "{provider} {model} {region:?}");
    }
    // The user's own price is what the user pays.
    let own = Table::parse("anthropic claude-opus-4-6 input=1 output=0\n").unwrap();
    let call = Call {
        provider: "anthropic",
        model: "claude-opus-4-6",
        usage: &plain,
        service_tier: None,
        region: Some("us"),
        at: AT,
    };
    assert_eq!(Pricer::new(table, own).cost(&call, None).unwrap().total, Some(usd("1")));
}

#[test]
fn work_beside_the_answer_is_extra() {
    let answer = cost_of("chat", &tokens(100, 10));
    let whole = with_beside(answer.clone(), "compaction", Some(cost_of("chat", &tokens(500, 0))));
    assert_eq!((whole.input, whole.output), (answer.input, answer.output));
    assert_eq!((whole.extra, whole.total), (Some(usd("0.001")), Some(usd("0.00128"))));
    assert_eq!(whole.details.last().map(|detail| detail.unit.as_str()), Some("compaction input"));
    let unknown = with_beside(answer.clone(), "advice", None);
    assert_eq!((unknown.input, unknown.total), (answer.input, None));
    assert_eq!(unknown.missing, ["advice: its model has no price"]);
    let half = with_beside(answer, "advice", Some(cost_in("chat", &tokens(1, 1), Some("flex"), AT)));
    assert_eq!((half.extra, half.total), (None, None));
    assert_eq!(half.missing, ["advice: no price of the tier flex"]);
}

/// A usage by chance, its parts within their wholes or not.
fn usage() -> impl Strategy<Value = Usage> {
    let count = || prop::option::of(0..3000_u64);
    let parts = (count(), count(), count(), count(), count(), count());
    (0..3000_u64, 0..3000_u64, parts, 0..3_u64).prop_map(|(input, output, parts, searches)| Usage {
        cache_read: parts.0,
        cache_write: parts.1,
        cache_write_1h: parts.2,
        audio_input: parts.3,
        audio_output: parts.4,
        reasoning: parts.5,
        requests: vec![("web_search".to_owned(), searches)],
        ..tokens(input, output)
    })
}

proptest! {
    #[test]
    fn parts_add_up_to_the_total(usage in usage(), at in 0..3) {
        let model = ["chat", "live", "research"][usize::try_from(at).unwrap()];
        let cost = cost_of(model, &usage);
        prop_assert_eq!(cost.total.is_some(), cost.missing.is_empty());
        if let Some(total) = cost.total {
            let sides = [cost.input, cost.output, cost.extra].into_iter().flatten().sum::<Usd>();
            prop_assert_eq!(sides, total);
            prop_assert_eq!(cost.details.iter().map(|detail| detail.amount).sum::<Usd>(), total);
        }
        let of = |part| cost.details.iter().filter(|detail| detail.part == part).map(|detail| detail.count).sum::<u64>();
        let cached = usage.cache_read.unwrap_or(0) + usage.cache_write.unwrap_or(0).max(usage.cache_write_1h.unwrap_or(0));
        prop_assert!(of(CostPart::Input) <= usage.input.unwrap().max(cached));
        prop_assert!(of(CostPart::Output) <= usage.output.unwrap());
    }

    #[test]
    fn more_of_anything_costs_no_less(usage in usage(), input in 0..2000_u64, output in 0..2000_u64, searches in 0..2_u64) {
        let more = Usage {
            input: usage.input.map(|count| count + input),
            output: usage.output.map(|count| count + output),
            requests: vec![("web_search".to_owned(), usage.requests[0].1 + searches)],
            ..usage.clone()
        };
        for model in ["chat", "cheap", "night"] {
            let (less, more) = (cost_of(model, &usage), cost_of(model, &more));
            if let (Some(less), Some(more)) = (less.total, more.total) {
                prop_assert!(less <= more);
            }
        }
    }
}
