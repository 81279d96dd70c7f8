//! What a call cost.

use serde_json::{Map, Value, json};

use super::money::Usd;

/// What a call cost. Absent means unknown, never zero: where a price that is needed is missing, there is no total, and
/// `missing` says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// All that was sent in, cached or not.
    pub input: Option<Usd>,
    /// All that was generated.
    pub output: Option<Usd>,
    /// What is billed beside tokens: searches, characters, seconds of sound. `None` where there was none.
    pub extra: Option<Usd>,
    /// The sum. A provider's own figure may come without parts.
    pub total: Option<Usd>,
    pub source: CostSource,
    /// How it came about, a line for each price that was applied.
    pub details: Vec<CostDetail>,
    /// What had no price, or no count, in words.
    pub missing: Vec<String>,
}

/// Which side of a cost something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CostPart {
    Input,
    Output,
    Extra,
}

/// So many of something at a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostDetail {
    pub part: CostPart,
    /// What was counted: `cache_read`, `web_search`. Sound is counted in milliseconds.
    pub unit: String,
    pub count: u64,
    /// For so many as the table's price is for: a million tokens, a thousand requests, an hour.
    pub price: Usd,
    pub amount: Usd,
}

/// Where the figure comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CostSource {
    /// The provider said on the wire what it bills.
    Provider,
    /// The price table.
    Table,
    /// The user's own prices.
    Override,
}

impl CostSource {
    /// As the record says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Table => "table",
            Self::Override => "override",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Provider, Self::Table, Self::Override].into_iter().find(|source| source.name() == name)
    }
}

/// A cost has at most so many keys.
const KEYS: usize = 8;

impl Cost {
    /// The one there is: providers bill in dollars, and so do the tables.
    pub const CURRENCY: &'static str = "USD";

    /// As the record holds it.
    pub fn to_json(&self) -> Value {
        let amounts =
            [("input", self.input), ("output", self.output), ("extra", self.extra), ("total", self.total)];
        let mut object = Map::with_capacity(KEYS);
        for (name, amount) in amounts {
            if let Some(amount) = amount {
                object.insert(name.to_owned(), amount.to_json());
            }
        }
        object.insert("currency".to_owned(), Self::CURRENCY.into());
        object.insert("source".to_owned(), self.source.name().into());
        if !self.details.is_empty() {
            object.insert("details".to_owned(), self.details.iter().map(CostDetail::to_json).collect());
        }
        if !self.missing.is_empty() {
            object.insert("missing".to_owned(), self.missing.clone().into());
        }
        Value::Object(object)
    }
}

impl CostDetail {
    fn to_json(&self) -> Value {
        json!({
            "unit": self.unit, "count": self.count, "price": self.price.to_json(), "amount": self.amount.to_json(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_has_amounts_in_dollars_and_nothing_for_the_unknown() {
        let amount = |text| Usd::parse(text);
        let cost = Cost {
            input: amount("0.1"),
            output: amount("0.2"),
            extra: None,
            total: amount("0.3"),
            source: CostSource::Table,
            details: Vec::new(),
            missing: Vec::new(),
        };
        let expected =
            json!({"input": 0.1, "output": 0.2, "total": 0.3, "currency": "USD", "source": "table"});
        assert_eq!(cost.to_json(), expected);
        let unknown =
            Cost { output: None, total: None, missing: vec!["no price of output".to_owned()], ..cost };
        let expected = json!({
            "input": 0.1, "currency": "USD", "source": "table", "missing": ["no price of output"],
        });
        assert_eq!(unknown.to_json(), expected);
    }

    #[test]
    fn sources_have_names() {
        for source in [CostSource::Provider, CostSource::Table, CostSource::Override] {
            assert_eq!(CostSource::from_name(source.name()), Some(source));
        }
    }
}
