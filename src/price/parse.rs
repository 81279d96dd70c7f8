//! The table's form, read and written: a line for each set of prices, which begins with provider and model.
//!
//! ```text
//! @date 2026-11-21
//! openai gpt-5.4 input=2.5 output=15 cache_read=0.25 web_search/k=10
//! openai gpt-5.4 above=272000 input=5 output=22.5
//! openai gpt-5.4 tier=batch input=1.25 output=7.5
//! deepseek deepseek-flash hours=01:00-04:00 input=0.3 output=1.2
//! mistral mistral-large-latest from=2025-12-02 input=0.5 output=1.5
//! azure my-deployment same=gpt-5.4
//! ```
//!
//! A line with conditions says only what differs from the plain line of the same day. A user's own prices have the same
//! form, and may name `*` for every provider.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;

use super::table::{Entry, Table};
use super::unit::Unit;
use super::when::{Date, Hours, When, tier};
use crate::model::Usd;

/// What is wrong with a table, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

/// What follows a name on its line.
enum Said {
    Same(String),
    Prices(When, BTreeMap<Unit, Usd>),
}

/// Decimals of a price: with more, a token's would not come out whole.
const DECIMALS: usize = 6;

impl Table {
    /// Reads a table. Every mistake is reported, not only the first.
    pub fn parse(text: &str) -> Result<Self, Vec<Mistake>> {
        let mut table = Self::default();
        let mut mistakes = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(wrong) = table.line(line) {
                mistakes.extend(wrong.into_iter().map(|what| Mistake { line: at + 1, what }));
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        table.index();
        Ok(table)
    }

    fn line(&mut self, line: &str) -> Result<(), Vec<String>> {
        if let Some(about) = line.strip_prefix('@') {
            return self.about(about).map_err(|what| vec![what]);
        }
        let mut words = line.split_whitespace();
        let (Some(provider), Some(model)) = (words.next(), words.next()) else {
            return Err(vec!["expected a provider, a model and its prices".to_owned()]);
        };
        if provider.contains('=') || model.contains('=') {
            return Err(vec!["expected a provider and a model before the prices".to_owned()]);
        }
        let said = said(words)?;
        let (provider, model) = (provider.to_ascii_lowercase(), model.to_ascii_lowercase());
        self.add(&provider, &model, said).map_err(|what| vec![what])
    }

    fn about(&mut self, about: &str) -> Result<(), String> {
        let (key, value) = about.split_once(' ').unwrap_or((about, ""));
        match key {
            "date" => {
                let date = Date::parse(value)
                    .ok_or_else(|| format!("expected a day as 2026-01-31, got {value:?}"))?;
                self.date = Some(date);
            }
            "source" => self.source = Some(value.trim().to_owned()),
            _ => return Err(format!("@{key} is not known: there are @date and @source")),
        }
        Ok(())
    }

    fn add(&mut self, provider: &str, model: &str, said: Said) -> Result<(), String> {
        let twice = || Err(format!("{provider} {model} stands here twice"));
        match (self.providers.entry(provider.to_owned()).or_default().entry(model.to_owned()), said) {
            (_, Said::Same(same)) if same == model => Err(format!("{model} is the same as itself")),
            (btree_map::Entry::Vacant(place), Said::Same(same)) => {
                place.insert(Entry::Same(same));
                Ok(())
            }
            (btree_map::Entry::Vacant(place), Said::Prices(when, row)) => {
                place.insert(Entry::Prices([(when, row)].into()));
                Ok(())
            }
            (btree_map::Entry::Occupied(mut place), Said::Prices(when, row)) => match place.get_mut() {
                Entry::Prices(prices) if !prices.contains_key(&when) => {
                    prices.insert(when, row);
                    Ok(())
                }
                _ => twice(),
            },
            (btree_map::Entry::Occupied(_), Said::Same(_)) => twice(),
        }
    }
}

/// Everything behind the model's name.
fn said<'a>(words: impl Iterator<Item = &'a str>) -> Result<Said, Vec<String>> {
    let (mut when, mut row, mut same, mut seen) = (When::default(), BTreeMap::new(), None, Vec::new());
    let mut mistakes = Vec::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            mistakes.push(format!("expected name=value, got {word:?}"));
            continue;
        };
        if seen.contains(&key) {
            mistakes.push(format!("{key} stands here twice"));
        }
        seen.push(key);
        let result = match key {
            "same" if value.is_empty() => Err("expected a model behind same=".to_owned()),
            "same" => {
                same = Some(value.to_ascii_lowercase());
                Ok(())
            }
            _ => condition(&mut when, key, value).unwrap_or_else(|| price(&mut row, key, value)),
        };
        mistakes.extend(result.err());
    }
    match same {
        Some(_) if seen.len() > 1 => mistakes.push("same= stands alone".to_owned()),
        None if row.is_empty() && mistakes.is_empty() => mistakes.push("expected a price".to_owned()),
        _ => {}
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(same.map_or(Said::Prices(when, row), Said::Same))
}

/// Takes note of when a price holds; `None` where the key says nothing about that.
fn condition(when: &mut When, key: &str, value: &str) -> Option<Result<(), String>> {
    let expected = |what: &str| Err(format!("{key}: expected {what}, got {value:?}"));
    Some(match key {
        "from" => match Date::parse(value) {
            Some(date) => {
                when.from = Some(date);
                Ok(())
            }
            None => expected("a day as 2026-01-31"),
        },
        "hours" => match Hours::parse(value) {
            Some(hours) => {
                when.hours = Some(hours);
                Ok(())
            }
            None => expected("hours as 01:00-04:00"),
        },
        "tier" => match tier(value) {
            Some(tier) => {
                when.tier = Some(tier);
                Ok(())
            }
            None => expected("a tier other than the ordinary one"),
        },
        "above" => match value.parse() {
            Ok(above) if above > 0 => {
                when.above = above;
                Ok(())
            }
            _ => expected("a number of tokens"),
        },
        _ => return None,
    })
}

fn price(row: &mut BTreeMap<Unit, Usd>, key: &str, value: &str) -> Result<(), String> {
    let unit = Unit::parse(key).ok_or_else(|| format!("{key} is nothing that has a price"))?;
    let short = value.split_once('.').is_none_or(|(_, part)| part.len() <= DECIMALS);
    let amount = Usd::parse(value).filter(|_| short);
    let amount = amount.ok_or_else(|| {
        format!("{key}: expected dollars as 0.25, with {DECIMALS} decimals at most, got {value:?}")
    })?;
    row.insert(unit, amount);
    Ok(())
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl fmt::Display for Table {
    /// The table in the form it is read in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.iter().try_for_each(|date| writeln!(f, "@date {date}"))?;
        self.source.iter().try_for_each(|source| writeln!(f, "@source {source}"))?;
        for (provider, models) in &self.providers {
            for (model, entry) in models {
                match entry {
                    Entry::Same(same) => writeln!(f, "{provider} {model} same={same}")?,
                    Entry::Prices(prices) => {
                        for (when, row) in prices {
                            write!(f, "{provider} {model}{when}")?;
                            row.iter().try_for_each(|(unit, price)| write!(f, " {unit}={price}"))?;
                            writeln!(f)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for When {
    /// With a space before each condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.from.iter().try_for_each(|from| write!(f, " from={from}"))?;
        self.tier.iter().try_for_each(|tier| write!(f, " tier={tier}"))?;
        self.hours.iter().try_for_each(|hours| write!(f, " hours={hours}"))?;
        if self.above > 0 { write!(f, " above={}", self.above) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let text = "\
# comment
openai gpt-x input=2 output=8

openai
openai gpt-y
openai gpt-y input
openai gpt-y inputs=2 output=-1
openai gpt-y input=1 input=2
openai gpt-y from=2025-1-1 hours=1-2 tier=default above=0 input=1
openai gpt-x input=3
openai gpt-x same=gpt-y
openai gpt-z same=gpt-z
openai gpt-z same=gpt-x input=1
openai input=1 output=2
openai gpt-y input=0.0000001
@dates 2025-01-01
@date yesterday
";
        let mistakes = Table::parse(text).unwrap_err();
        let said: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let price = "expected dollars as 0.25, with 6 decimals at most, got";
        assert_eq!(
            said,
            [
                "line 4: expected a provider, a model and its prices".to_owned(),
                "line 5: expected a price".to_owned(),
                "line 6: expected name=value, got \"input\"".to_owned(),
                "line 7: inputs is nothing that has a price".to_owned(),
                format!("line 7: output: {price} \"-1\""),
                "line 8: input stands here twice".to_owned(),
                "line 9: from: expected a day as 2026-01-31, got \"2025-1-1\"".to_owned(),
                "line 9: hours: expected hours as 01:00-04:00, got \"1-2\"".to_owned(),
                "line 9: tier: expected a tier other than the ordinary one, got \"default\"".to_owned(),
                "line 9: above: expected a number of tokens, got \"0\"".to_owned(),
                "line 10: openai gpt-x stands here twice".to_owned(),
                "line 11: openai gpt-x stands here twice".to_owned(),
                "line 12: gpt-z is the same as itself".to_owned(),
                "line 13: same= stands alone".to_owned(),
                "line 14: expected a provider and a model before the prices".to_owned(),
                format!("line 15: input: {price} \"0.0000001\""),
                "line 16: @dates is not known: there are @date and @source".to_owned(),
                "line 17: expected a day as 2026-01-31, got \"yesterday\"".to_owned(),
            ]
        );
    }

    /// A line of a table, by chance.
    fn line() -> impl Strategy<Value = String> {
        let unit = proptest::sample::select(vec!["output", "cache_read", "audio_hour", "web_search/k"]);
        let condition = proptest::sample::select(vec![
            "",
            " tier=batch",
            " above=200000",
            " from=2025-02-03 tier=flex hours=22:00-02:30 above=7",
            " same=model-9",
        ]);
        (0..3, 0..9, condition, 0..9_000_000_u32, unit, 0..99_u32).prop_map(
            |(provider, model, condition, input, unit, price)| {
                let prices = format!("input=0.{input:06} {unit}={price}");
                let prices = if condition.contains("same") { String::new() } else { prices };
                format!("p{provider} model-{model}{condition} {prices}")
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(lines in prop::collection::btree_map((0..3, 0..9), line(), 0..20)) {
            let lines: Vec<String> = lines.into_values().collect();
            // By chance a line may stand there twice, which is a mistake.
            if let Ok(table) = Table::parse(&format!("@date 2026-01-31\n@source here\n{}", lines.join("\n"))) {
                prop_assert_eq!(Table::parse(&table.to_string()), Ok(table));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|([a-z@=0-9. /-]{0,40}\n){0,5}") {
            let _ = Table::parse(&text);
        }
    }
}
