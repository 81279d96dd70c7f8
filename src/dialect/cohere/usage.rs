//! Usage as Cohere counts it: what the model read and wrote, and beside it what is billed.

use serde_json::Value;

use crate::dialect::json::{Look, check, sum};
use crate::model::Usage;

/// The second version's `usage`, or the first version's `meta`.
pub fn of_meta(meta: &Value) -> Option<Usage> {
    let billed = meta.some("billed_units");
    let tokens = meta.some("tokens");
    if billed.is_none() && tokens.is_none() {
        return None;
    }
    let of = |place: Option<&Value>, key: &str| place.and_then(|place| place.count(key));
    let images = of(billed, "image_tokens").or_else(|| of(tokens, "image_tokens"));
    let billed_input = match of(billed, "image_tokens") {
        Some(images) => sum(&[of(billed, "input_tokens"), Some(images)]),
        None => of(billed, "input_tokens"),
    };
    let billed_output = of(billed, "output_tokens");
    let mut usage = Usage {
        input: of(tokens, "input_tokens").or(billed_input),
        output: of(tokens, "output_tokens").or(billed_output),
        cache_read: meta.count("cached_tokens").or_else(|| of(tokens, "cached_tokens")),
        reasoning: of(tokens, "reasoning_tokens"),
        image_input: images.filter(|images| *images > 0),
        billed_input,
        billed_output,
        raw: Some(meta.clone()),
        ..Usage::default()
    };
    if let Some(searches) = of(billed, "search_units") {
        usage.requests.push(("rerank_search".to_owned(), searches));
    }
    if let Some(verdicts) = of(billed, "classifications").filter(|verdicts| *verdicts > 0) {
        usage.requests.push(("classification".to_owned(), verdicts));
    }
    // With images, the whole is not the text's price: its parts are counted apart.
    if usage.image_input.is_some() {
        usage.billed_input = None;
    }
    check(&mut usage);
    Some(usage)
}
