//! What a call costs: usage × price table. Pure: no file, no network, no clock.
//!
//! Whose word counts, first to last: the provider's own figure on the wire, the user's own prices, the table. What none
//! of them knows stays unknown: a model that is not listed has no cost, and a call with a part that has no price has no
//! total.

mod bill;
mod config;
mod name;
mod parse;
mod table;
mod unit;
mod when;

pub use bill::with_beside;
pub use config::{Config, SETTINGS};
pub use name::{candidates, canonical};
pub use parse::Mistake;
pub use table::{ANY, Found, Prices, Rates, Table};
pub use unit::Unit;
pub use when::{Date, Hours, When};

use crate::model::{Cost, CostSource, Micros, Usage, Usd};

/// A call, as far as its price goes.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Whose rules of accounting hold.
    pub provider: &'a str,
    /// The model that answered, else the one that was asked for.
    pub model: &'a str,
    pub usage: &'a Usage,
    /// The provider's word for the tier that served it.
    pub service_tier: Option<&'a str>,
    /// Where it was served, where the caller chose that.
    pub region: Option<&'a str>,
    pub at: Micros,
}

/// The price lists there are: the table, and before it the user's own.
#[derive(Clone, Debug)]
pub struct Pricer {
    table: Table,
    overrides: Table,
}

impl Default for Pricer {
    fn default() -> Self {
        Self::new(Table::built_in().clone(), Table::default())
    }
}

impl Pricer {
    /// `overrides` replaces all of a model's prices, and may give a model another name that the table knows.
    pub fn new(table: Table, overrides: Table) -> Self {
        Self { table, overrides }
    }

    /// What a call costs; `billed` is the provider's own figure, where the wire had one.
    pub fn cost(&self, call: &Call<'_>, billed: Option<Usd>) -> Option<Cost> {
        if let Some(billed) = billed {
            return Some(provider_billed(billed));
        }
        match self.overrides.find_own(call.provider, call.model) {
            Some(Found::Prices(prices)) => Some(priced(prices, call, CostSource::Override)),
            Some(Found::Elsewhere(model)) => cost(&self.table, &Call { model, ..*call }),
            None => cost(&self.table, call),
        }
    }
}

/// What a call costs by one table. `None` where the model is not in it.
pub fn cost(table: &Table, call: &Call<'_>) -> Option<Cost> {
    match table.find(call.provider, call.model)? {
        Found::Prices(prices) => Some(priced(prices, call, CostSource::Table)),
        Found::Elsewhere(_) => None,
    }
}

/// The cost that the provider said it bills.
pub fn provider_billed(total: Usd) -> Cost {
    Cost {
        input: None,
        output: None,
        extra: None,
        total: Some(total),
        source: CostSource::Provider,
        details: Vec::new(),
        missing: Vec::new(),
    }
}

fn priced(prices: &Prices, call: &Call<'_>, source: CostSource) -> Cost {
    let tier = call.service_tier.and_then(when::tier);
    match Rates::select(prices, call.at, tier.as_deref(), call.usage.input.unwrap_or_default()) {
        // A user's own price is what the user pays.
        Ok(rates) if source == CostSource::Override => bill::bill(&rates, call.usage, source),
        Ok(rates) => bill::bill(&rates.at_percent(percent(call)), call.usage, source),
        Err(why) => bill::unknown(why, source),
    }
}

/// What a call's tokens cost where it was to be served in one place only, in percent of what they cost anywhere. Bedrock's
/// regions are in its models' names, and have prices of their own in the table.
fn percent(call: &Call<'_>) -> u64 {
    let Some(region) = call.region.map(str::to_ascii_lowercase) else { return 100 };
    let dearer = match call.provider {
        "anthropic" => region == "us",
        "vertex" => region != "global" && name::is_claude_since_4_5(call.model),
        _ => false,
    };
    if dearer { 110 } else { 100 }
}

#[cfg(test)]
mod data_tests;
#[cfg(test)]
mod tests;
