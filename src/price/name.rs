//! The names that a model goes by: from what stood on the wire to what a price list calls it.
//!
//! Nothing is guessed. A name is taken out of its wrapping (a path, an ARN, a region) and shortened by what is known to
//! mark a snapshot or an edition of the same model: a date, `-latest`, a version of the endpoint. What is left either is in
//! the table or the price is unknown; a name is never cut to one that merely begins alike.

use super::when::Date;

/// Regions that Bedrock's inference profiles begin with.
const REGIONS: &[&str] = &["us", "eu", "apac", "ap", "jp", "au", "ca", "in", "sa", "us-gov", "global"];

/// Editions of a model on OpenRouter that cost what the model does.
const EDITIONS: &[&str] = &["thinking", "beta"];

const FAMILIES: &[&str] = &["fable", "haiku", "instant", "mythos", "opus", "sonnet"];

/// The names to look for, the most exact one first.
pub fn candidates(provider: &str, model: &str) -> Vec<String> {
    let model = model.trim().to_ascii_lowercase();
    let whole = unwrapped(&model);
    let mut starts = vec![whole.to_owned()];
    if let Some(tuned) = tuned(whole) {
        // A tuned model has prices of its own: the one it came from is no substitute.
        starts.push(tuned);
    } else {
        starts
            .extend(whole.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned));
        starts.extend(without_region(whole).map(str::to_owned));
        // Azure has no dots in the names of deployments.
        starts.extend(whole.starts_with("gpt-35-").then(|| whole.replacen("gpt-35-", "gpt-3.5-", 1)));
    }
    let mut found = Vec::new();
    for start in &starts {
        let mut name = Some(start.as_str());
        while let Some(this) = name {
            if !this.is_empty() && !found.iter().any(|known| known == this) {
                found.push(this.to_owned());
            }
            name = shorter(this);
        }
    }
    found
}

/// The one way to write a name that people write in several: dots for hyphens, and in Claude's names the family before the
/// version or after it.
pub fn canonical(name: &str) -> String {
    let name = name.to_ascii_lowercase().replace('.', "-");
    let Some(at) = name.find("claude-").map(|at| at + "claude-".len()) else { return name };
    let parts: Vec<&str> = name[at..].split('-').collect();
    let digits =
        parts.iter().take_while(|part| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit())).count();
    match parts.get(digits) {
        Some(family) if (1..=2).contains(&digits) && FAMILIES.contains(family) => {
            let mut turned = vec![*family];
            turned.extend(&parts[..digits]);
            turned.extend(&parts[digits + 1..]);
            format!("{}{}", &name[..at], turned.join("-"))
        }
        _ => name,
    }
}

/// Whether it is one of the Claudes that cost more in a region than anywhere: those from 4.5 on.
pub fn is_claude_since_4_5(model: &str) -> bool {
    let name = canonical(model);
    let Some((_, version)) = name.split_once("claude-") else { return false };
    let mut parts = version.split(['-', '@']);
    // The oldest have the version first.
    let family = parts.next().filter(|family| FAMILIES.contains(family));
    let mut numbers = parts.map_while(|part| part.parse::<u32>().ok());
    let (Some(_), Some(major)) = (family, numbers.next()) else { return false };
    // What follows the version is the day of a snapshot.
    let minor = numbers.next().filter(|minor| *minor < 100).unwrap_or_default();
    (major, minor) >= (4, 5)
}

/// Out of an ARN, or out of a path as in `publishers/google/models/…`.
fn unwrapped(model: &str) -> &str {
    if model.starts_with("arn:") {
        return model.rsplit('/').next().unwrap_or(model);
    }
    let inner = model.rfind("/models/").map(|at| &model[at + "/models/".len()..]);
    inner.or_else(|| model.strip_prefix("models/")).unwrap_or(model)
}

/// `ft:BASE` of a tuned model: `ft:BASE:organisation:…`, or Azure's `BASE.ft-…`.
fn tuned(model: &str) -> Option<String> {
    if let Some(rest) = model.strip_prefix("ft:") {
        return Some(format!("ft:{}", rest.split(':').next().unwrap_or(rest)));
    }
    model.split_once(".ft-").map(|(base, _)| format!("ft:{base}"))
}

fn without_region(model: &str) -> Option<&str> {
    let (region, rest) = model.split_once('.')?;
    REGIONS.contains(&region).then_some(rest)
}

/// The name without one more mark of a snapshot or an edition at its end.
fn shorter(name: &str) -> Option<&str> {
    if let Some((rest, _)) = name.rsplit_once('@') {
        return Some(rest);
    }
    without_edition(name)
        .or_else(|| name.strip_suffix("-latest"))
        .or_else(|| without_date(name))
        .or_else(|| name.strip_suffix("-v1"))
        .or_else(|| without_version(name))
        .or_else(|| without_preview_date(name))
}

/// `:0`, `:48k`, `:20230824-v2`, `:thinking`.
fn without_edition(name: &str) -> Option<&str> {
    let (rest, tail) = name.rsplit_once(':')?;
    let numbered = tail.starts_with(|c: char| c.is_ascii_digit());
    (numbered || EDITIONS.contains(&tail)).then_some(rest)
}

/// `-2025-04-14` or `-20250414`.
fn without_date(name: &str) -> Option<&str> {
    let at = name.len().checked_sub("-2025-04-14".len()).filter(|at| name.is_char_boundary(*at));
    let long = at.and_then(|at| name[at..].strip_prefix('-').and_then(Date::parse).map(|_| &name[..at]));
    long.or_else(|| {
        let (rest, date) = name.rsplit_once('-')?;
        let digits = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
        let number = |text: &str| text.parse().ok();
        let real =
            digits && Date::new(number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?).is_some();
        real.then_some(rest)
    })
}

/// `-v2` behind a date, and Gemini's `-001`: both count snapshots. Elsewhere `-v2` is another model.
fn without_version(name: &str) -> Option<&str> {
    let (rest, version) = name.rsplit_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let dated = version.strip_prefix('v').is_some_and(is_number) && without_date(rest).is_some();
    let counted = version.len() == 3 && version.starts_with("00") && is_number(version);
    (dated || (counted && rest.starts_with("gemini-"))).then_some(rest)
}

/// `-preview-05-06` and `-preview-09-2025`: without the date, the preview.
fn without_preview_date(name: &str) -> Option<&str> {
    let (at, mark) = name.match_indices("-preview-").last()?;
    let date = &name[at + mark.len()..];
    let (month, rest) = date.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let dated = month.len() == 2 && matches!(rest.len(), 2 | 4) && digits(month) && digits(rest);
    dated.then(|| &name[..at + mark.len() - 1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_come_out_of_their_wrapping() {
        for (provider, model, last) in [
            ("gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
            (
                "vertex",
                "projects/p/locations/l/publishers/google/models/gemini-2.0-flash-001",
                "gemini-2.0-flash",
            ),
            ("vertex", "claude-3-7-sonnet@20250219", "claude-3-7-sonnet"),
            ("fireworks", "accounts/fireworks/models/kimi-k2", "kimi-k2"),
            ("bedrock", "us.anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6"),
            ("bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet"),
            (
                "bedrock",
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-tg1-large",
                "amazon.titan-tg1-large",
            ),
            ("openai", "gpt-4.1-2025-04-14", "gpt-4.1"),
            ("openai", "OpenAI/gpt-5", "gpt-5"),
            ("openai", "ft:gpt-4.1-mini-2025-04-14:acme:name:id", "ft:gpt-4.1-mini"),
            ("azure", "gpt-4o-mini-2024-07-18.ft-0123", "ft:gpt-4o-mini"),
            ("azure", "gpt-35-turbo", "gpt-3.5-turbo"),
            ("openrouter", "anthropic/claude-3.7-sonnet:thinking", "anthropic/claude-3.7-sonnet"),
            ("gemini", "gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview"),
        ] {
            assert_eq!(candidates(provider, model).last().map(String::as_str), Some(last), "{model}");
        }
    }

    #[test]
    fn a_name_is_not_cut_to_another_model() {
        for (model, never) in [
            ("ft:gpt-4o-2024-08-06:acme::id", "gpt-4o"),
            ("gpt-4-0613", "gpt-4"),
            ("amazon.titan-embed-text-v2:0", "amazon.titan-embed-text"),
            ("text-embedding-004", "text-embedding"),
            ("babbage-002", "babbage"),
            ("google/gemini-2.0-flash-exp:free", "google/gemini-2.0-flash-exp"),
            ("gpt-5.2-proo", "gpt-5.2"),
            ("mistral-small-2402", "mistral-small"),
        ] {
            assert!(!candidates("any", model).iter().any(|name| name == never), "{model}");
        }
    }

    #[test]
    fn claudes_are_told_by_their_version() {
        for (model, expected) in [
            ("claude-sonnet-4-5@20250929", true),
            ("claude-haiku-4-5-20251001", true),
            ("claude-opus-5", true),
            ("publishers/anthropic/models/claude-fable-5-1", true),
            ("claude-opus-4-1@20250805", false),
            ("claude-sonnet-4@20250514", false),
            ("claude-opus-4-0", false),
            ("claude-3-5-haiku@20241022", false),
            ("claude-2.1", false),
            ("gemini-2.5-flash", false),
        ] {
            assert_eq!(is_claude_since_4_5(model), expected, "{model}");
        }
    }

    #[test]
    fn one_way_to_write_a_name() {
        for (one, other) in [
            ("claude-3.5-sonnet", "claude-3-5-sonnet"),
            ("anthropic/claude-4.5-sonnet", "anthropic/claude-sonnet-4-5"),
            ("gpt-4.1", "gpt-4-1"),
            ("claude-4-opus-20250514", "claude-opus-4-20250514"),
        ] {
            assert_eq!(canonical(one), canonical(other));
        }
        assert_ne!(canonical("claude-opus-4-1"), canonical("claude-opus-4"));
        assert_eq!(canonical("claude-2"), "claude-2");
    }

    proptest! {
        #[test]
        fn any_name_has_a_few_candidates(model in "\\PC{0,40}|[a-z0-9:@./-]{0,60}") {
            let found = candidates("openai", &model);
            prop_assert!(found.len() < 100);
            for name in found {
                let _ = canonical(&name);
            }
        }
    }
}
