//! What stands behind the question mark: filters, which part of a list, and what else a page is asked for.

use super::fault::Fault;
use crate::store::{Cursor, Filter, Order, Page};

/// Names and values, in order, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(pub Vec<(String, String)>);

/// So many rows where nothing else is said, and at most.
const ROWS: usize = 50;
const MOST_ROWS: usize = 1000;

impl Query {
    pub fn first(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// Whether something is asked for: `?raw`, `?raw=1`, `?raw=true`.
    pub fn has(&self, name: &str) -> bool {
        let said = self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        said.is_some_and(|value| !matches!(value, "0" | "false" | "no"))
    }

    pub fn number(&self, name: &str) -> Result<Option<usize>, Fault> {
        let read = |text: &str| {
            text.parse().map_err(|_| Fault::asked(format!("{name}: expected a whole number, got {text:?}")))
        };
        self.first(name).map(read).transpose()
    }

    /// The filters. A name that is none of `others` and no filter's is a mistake: who mistypes one must not get everything.
    pub fn filter(&self, others: &[&str]) -> Result<Filter, Fault> {
        let mut filter = Filter::default();
        for (name, value) in &self.0 {
            let is_known =
                filter.set(name, value).map_err(|why| Fault::asked(format!("{name}={value}: {why}")))?;
            if !is_known && !others.contains(&name.as_str()) {
                let known: Vec<&str> = Filter::NAMES.iter().chain(others).copied().collect();
                return Err(Fault::asked(format!("there is no {name:?}; there are {}", known.join(", "))));
            }
        }
        Ok(filter)
    }

    /// The filters as they were given.
    pub fn filters(&self) -> serde_json::Map<String, serde_json::Value> {
        let given = self
            .0
            .iter()
            .filter(|(name, value)| Filter::NAMES.contains(&name.as_str()) && !value.trim().is_empty());
        given.map(|(name, value)| (name.clone(), value.trim().into())).collect()
    }

    /// Which part of a list: one row more than is shown tells whether there are more.
    pub fn page(&self) -> Result<Page, Fault> {
        let limit = self.number("limit")?.unwrap_or(ROWS).clamp(1, MOST_ROWS);
        let order = match self.first("order") {
            None | Some("newest") => Order::NewestFirst,
            Some("oldest") => Order::OldestFirst,
            Some("recorded") => Order::AsRecorded,
            Some("last-recorded") => Order::LastRecorded,
            Some(other) => {
                let message = format!("order={other}: expected newest, oldest, recorded or last-recorded");
                return Err(Fault::asked(message));
            }
        };
        let after = self.first("after").map(|cursor| Cursor(cursor.to_owned()));
        Ok(Page { order, limit: limit + 1, after })
    }
}

/// What a list takes beside filters.
pub const OF_LISTS: &[&str] = &["limit", "after", "order", "facets", "part"];

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Query {
        Query(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn mistyped_filters_are_mistakes() {
        assert!(query(&[("modle", "x")]).filter(OF_LISTS).is_err());
        assert!(query(&[("status", "fine")]).filter(OF_LISTS).is_err());
        let filter = query(&[("model", "x"), ("limit", "3"), ("tag", "")]).filter(OF_LISTS).unwrap();
        assert_eq!(filter, Filter { model: Some("x".to_owned()), ..Filter::default() });
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(query(&[("limit", "100000")]).page().unwrap().limit, MOST_ROWS + 1);
        assert!(query(&[("limit", "x")]).page().is_err());
        assert!(query(&[("order", "x")]).page().is_err());
        assert!(query(&[("raw", "")]).has("raw") && !query(&[("raw", "0")]).has("raw"));
    }
}
