//! The table of prices: what each provider's models cost, since when, and for which tier.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::name;
use super::unit::Unit;
use super::when::{Date, Hours, When};
use crate::model::{Micros, Usd};

/// What we come with: figures of public price lists, brought into our form by `tools/prices.py`.
const BUILT_IN: &str = include_str!("table.txt");

/// Whose models a provider serves, at the prices of those who made them where it has none of its own.
const SERVES: &[(&str, &[&str])] =
    &[("azure", &["openai", "anthropic", "deepseek", "xai", "moonshot"]), ("vertex", &["gemini"])];

/// Stands for every provider, in a user's own prices.
pub const ANY: &str = "*";

/// Prices of models, by provider.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The day the figures were taken.
    pub date: Option<Date>,
    /// Where they are from, for people.
    pub source: Option<String>,
    pub(super) providers: BTreeMap<String, BTreeMap<String, Entry>>,
    /// By provider: the canonical form of a name to the name. Rebuilt whenever a table is read.
    canonical: HashMap<String, HashMap<String, String>>,
}

/// Tables are equal when they say the same.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        (self.date, &self.source, &self.providers) == (other.date, &other.source, &other.providers)
    }
}

/// What the table has of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Another name of a model.
    Same(String),
    Prices(Prices),
}

/// The prices of one model, by when they hold. Never empty.
pub type Prices = BTreeMap<When, BTreeMap<Unit, Usd>>;

/// What was found for a name.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    Prices(&'a Prices),
    /// Another name, which this table does not have.
    Elsewhere(&'a str),
}

impl Table {
    /// The table we come with.
    pub fn built_in() -> &'static Self {
        static TABLE: LazyLock<Table> = LazyLock::new(|| {
            // A test reads it: there are no mistakes in it. Without it, costs would be unknown and nothing worse.
            Table::parse(BUILT_IN).unwrap_or_default()
        });
        &TABLE
    }

    /// How many models have prices, other names not counted.
    pub fn models(&self) -> usize {
        self.names().filter(|(_, _, same)| same.is_none()).count()
    }

    /// Every provider, name, and for another name the one it stands for.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str, Option<&str>)> {
        self.providers.iter().flat_map(|(provider, models)| {
            models.iter().map(move |(name, entry)| {
                let same = match entry {
                    Entry::Same(same) => Some(same.as_str()),
                    Entry::Prices(_) => None,
                };
                (provider.as_str(), name.as_str(), same)
            })
        })
    }

    /// The prices of a model as it was called on the wire. `None` where it is not known.
    pub fn find(&self, provider: &str, model: &str) -> Option<Found<'_>> {
        let served = SERVES.iter().find(|(name, _)| *name == provider).map_or(&[][..], |(_, served)| served);
        self.search(provider, model, served)
    }

    /// The same for a user's own prices: those of one provider say nothing of another that serves the same model, unless
    /// they are said of all.
    pub fn find_own(&self, provider: &str, model: &str) -> Option<Found<'_>> {
        self.search(provider, model, &[ANY])
    }

    fn search(&self, provider: &str, model: &str, others: &[&str]) -> Option<Found<'_>> {
        let providers = || [provider].into_iter().chain(others.iter().copied());
        // A more exact name at another who serves the model goes before a less exact one.
        name::candidates(provider, model)
            .iter()
            .find_map(|name| providers().find_map(|provider| self.named(provider, name)))
    }

    /// What stands under a name, or under one that is written another way.
    fn named(&self, provider: &str, name: &str) -> Option<Found<'_>> {
        let models = self.providers.get(provider)?;
        let entry = models.get(name).or_else(|| {
            let written = self.canonical.get(provider)?.get(&name::canonical(name))?;
            models.get(written)
        })?;
        match entry {
            Entry::Prices(prices) => Some(Found::Prices(prices)),
            Entry::Same(same) => match models.get(same) {
                Some(Entry::Prices(prices)) => Some(Found::Prices(prices)),
                _ => Some(Found::Elsewhere(same)),
            },
        }
    }

    /// Notes the canonical form of each name. Where two models would share one, neither has it.
    pub(super) fn index(&mut self) {
        for (provider, models) in &self.providers {
            let mut found: HashMap<String, (String, &str)> = HashMap::new();
            let mut shared = Vec::new();
            for (name, entry) in models {
                let target = match entry {
                    Entry::Same(same) => same.as_str(),
                    Entry::Prices(_) => name.as_str(),
                };
                let canonical = name::canonical(name);
                match found.get(&canonical) {
                    Some((_, other)) if *other != target => shared.push(canonical),
                    _ => {
                        found.insert(canonical, (name.clone(), target));
                    }
                }
            }
            for canonical in shared {
                found.remove(&canonical);
            }
            let names = found.into_iter().map(|(canonical, (name, _))| (canonical, name)).collect();
            self.canonical.insert(provider.clone(), names);
        }
    }
}

/// The prices that hold for one call: layers, of which the first that has a unit gives its price.
#[derive(Debug)]
pub struct Rates<'a> {
    layers: Vec<&'a BTreeMap<Unit, Usd>>,
    /// What tokens cost, in percent of the table's price.
    percent: u64,
}

impl<'a> Rates<'a> {
    /// Of a model's prices those that hold at a time, for a tier, and for so much input. `Err` with the reason where
    /// there are none.
    pub fn select(prices: &'a Prices, at: Micros, tier: Option<&str>, input: u64) -> Result<Self, String> {
        let today = Date::of(at);
        let begun =
            prices.keys().map(|when| when.from).filter(|from| from.is_none_or(|from| from <= today)).max();
        let Some(epoch) = begun else { return Err(format!("no price before {today}")) };
        let holds = |when: &When| {
            let hours = when.hours.is_none_or(|hours: Hours| hours.contain(at));
            when.from == epoch && hours && (when.above == 0 || input > when.above)
        };
        let mut layers: Vec<_> = prices
            .iter()
            .filter(|(when, _)| holds(when) && (when.tier.is_none() || when.tier.as_deref() == tier))
            .collect();
        if let Some(tier) = tier
            && !layers.iter().any(|(when, _)| when.tier.is_some())
        {
            return Err(format!("no price of the tier {tier}"));
        }
        layers.sort_by_key(|(when, _)| {
            std::cmp::Reverse((when.tier.is_some(), when.hours.is_some(), when.above))
        });
        Ok(Self { layers: layers.into_iter().map(|(_, row)| row).collect(), percent: 100 })
    }

    /// The same with tokens at so many percent of their price.
    #[must_use]
    pub fn at_percent(self, percent: u64) -> Self {
        Self { percent, ..self }
    }

    pub fn price(&self, unit: &Unit) -> Option<Usd> {
        let price = self.layers.iter().find_map(|row| row.get(unit).copied())?;
        Some(if unit.is_tokens() { price.times(self.percent, 100) } else { price })
    }
}
