//! Counts the tokens of texts, in bounded time.

use std::borrow::Cow;
use std::collections::HashSet;

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

/// A vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Cl100k,
    O200k,
}

/// Of more text than this only a sample is counted.
const MOST: usize = 4 << 20;
/// What is counted at once. A word that is longer is cut, which costs a token or two; without that the time would grow
/// faster than its length.
const WINDOW: usize = 8 << 10;

/// What a text is taken for that cannot be cut into words.
const BYTES_A_TOKEN: usize = 4;

/// Models of OpenAI's before its newer vocabulary.
const OLDER: &[&str] = &["gpt-4", "gpt-3.5", "gpt-35-turbo", "text-embedding-", "davinci-002", "babbage-002"];
/// Those that begin alike and have the newer one.
const NEWER: &[&str] = &["gpt-4o", "gpt-4.1", "gpt-4.5"];
/// What names of its other models begin with.
const OWN: &[&str] = &["gpt-", "chatgpt-", "o1", "o3", "o4-", "codex-", "computer-use-"];

impl Encoding {
    /// The model's own where it is one of OpenAI's; of others none is known, and the newer one is as good as any.
    pub(super) fn of(model: &str) -> Self {
        let model = bare(model);
        let begins = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
        if begins(OLDER) && !begins(NEWER) { Self::Cl100k } else { Self::O200k }
    }

    /// Whether this is known to be the model's own.
    pub(super) fn is_exact_for(model: &str) -> bool {
        let model = bare(model);
        OLDER.iter().chain(OWN).any(|name| model.starts_with(name))
    }
}

/// The name behind that of a provider: `openai/gpt-4o`.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

pub(super) struct Counter {
    encoding: Encoding,
}

pub(super) struct Counted {
    pub(super) tokens: u64,
    /// Only a part was counted, and the rest taken to be like it.
    pub(super) sampled: bool,
}

impl Counter {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.encoding {
            Encoding::Cl100k => "cl100k_base",
            Encoding::O200k => "o200k_base",
        }
    }

    fn vocabulary(&self) -> &'static CoreBPE {
        match self.encoding {
            Encoding::Cl100k => cl100k_base_singleton(),
            Encoding::O200k => o200k_base_singleton(),
        }
    }

    fn window(&self, window: &str) -> u64 {
        // Unlike its simpler sibling this one does not panic where the expression that finds words gives up.
        let counted = self.vocabulary().count(window, &HashSet::new());
        counted.map_or((window.len() / BYTES_A_TOKEN) as u64, |tokens| tokens as u64)
    }

    /// The tokens of all these texts together.
    pub(super) fn count(&self, texts: &[Cow<'_, str>]) -> Counted {
        let total: usize = texts.iter().map(|text| text.len()).sum();
        let every = total.div_ceil(MOST).max(1);
        let (mut tokens, mut seen) = (0, 0);
        for window in texts.iter().flat_map(|text| Windows(text)).step_by(every) {
            tokens += self.window(window);
            seen += window.len() as u64;
        }
        if every > 1 {
            let scaled = u128::from(tokens) * total as u128 / u128::from(seen.max(1));
            tokens = u64::try_from(scaled).unwrap_or(u64::MAX);
        }
        Counted { tokens, sampled: every > 1 }
    }
}

/// A text in pieces that are counted apart: cut where no token goes across, as far as there is such a place.
struct Windows<'a>(&'a str);

impl<'a> Iterator for Windows<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let (window, rest) = self.0.split_at(cut(self.0));
        self.0 = rest;
        Some(window)
    }
}

/// Where the first window ends: before a space that follows a word, as it belongs to the next; else anywhere.
fn cut(text: &str) -> usize {
    if text.len() <= WINDOW {
        return text.len();
    }
    let bytes = text.as_bytes();
    let between = |at: &usize| {
        let around = at.checked_sub(1).and_then(|before| bytes.get(before..at + 2));
        matches!(around, Some([before, b' ', behind]) if before.is_ascii_alphanumeric() && behind.is_ascii_alphanumeric())
    };
    let word = (WINDOW / 2..WINDOW).rev().find(between);
    word.or_else(|| (1..=WINDOW).rev().find(|at| text.is_char_boundary(*at))).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    fn count(encoding: Encoding, text: &str) -> u64 {
        Counter::new(encoding).count(&[Cow::Borrowed(text)]).tokens
    }

    #[test]
    fn known_texts_have_their_counts() {
        // As OpenAI's cookbook has them.
        for (text, older, newer) in
            [("antidisestablishmentarianism", 6, 6), ("2 + 2 = 4", 7, 7), ("お誕生日おめでとう", 9, 8)]
        {
            assert_eq!(
                (count(Encoding::Cl100k, text), count(Encoding::O200k, text)),
                (older, newer),
                "{text}"
            );
        }
        assert_eq!(count(Encoding::O200k, ""), 0);
    }

    #[test]
    fn models_have_their_vocabulary() {
        for (model, encoding, exact) in [
            ("gpt-4o-2024-05-13", Encoding::O200k, true),
            ("openai/gpt-4.1-mini", Encoding::O200k, true),
            ("gpt-4-turbo", Encoding::Cl100k, true),
            ("gpt-3.5-turbo-0125", Encoding::Cl100k, true),
            ("text-embedding-3-large", Encoding::Cl100k, true),
            ("o3", Encoding::O200k, true),
            ("claude-opus-4", Encoding::O200k, false),
            ("", Encoding::O200k, false),
        ] {
            assert_eq!((Encoding::of(model), Encoding::is_exact_for(model)), (encoding, exact), "{model}");
        }
    }

    #[test]
    fn a_long_text_counts_like_the_sum_of_its_parts() {
        let line = "The quick brown fox, so they say, jumps over 12 lazy dogs. ";
        let one = count(Encoding::O200k, &line.repeat(100)) as f64 / 100.0;
        for lines in [1_000, 100_000] {
            let all = count(Encoding::O200k, &line.repeat(lines)) as f64;
            assert!((all / (one * lines as f64) - 1.0).abs() < 0.001, "{all} for {lines} lines");
        }
    }

    #[test]
    fn no_text_takes_long() {
        count(Encoding::O200k, "warm");
        for text in ["a", " ", "é", "\n", "A", "'", "1", "👋", " a", "字"] {
            let text = text.repeat(10_000_000 / text.len());
            let before = Instant::now();
            let tokens = count(Encoding::O200k, &text);
            // Without optimisation, on a machine with other things to do.
            assert!(before.elapsed() < Duration::from_secs(20), "{:?}", before.elapsed());
            assert!(tokens > 10_000);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn windows_are_the_text(words in proptest::collection::vec("\\PC{0,30}|[a-z ]{0,3000}", 0..20)) {
            let text = words.concat();
            let windows: Vec<&str> = Windows(&text).collect();
            prop_assert!(windows.iter().all(|window| !window.is_empty() && window.len() <= WINDOW));
            prop_assert_eq!(windows.concat(), text);
        }
    }
}
