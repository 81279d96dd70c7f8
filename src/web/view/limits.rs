//! How much of their rate limits providers last said was left: in the heads of the newest answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Headers, Micros};
use crate::store::{Filter, Order, Page, Store};
use crate::web::fault::Fault;

/// So many of a provider's newest answers are looked at: each model has its own limits.
const NEWEST: usize = 5;

/// The parts that a header's name of this family has: which thing is limited, and which number it is.
fn parts(name: &str) -> Option<(String, &'static str)> {
    let name = name.to_ascii_lowercase();
    let own = name.strip_prefix("anthropic-ratelimit-").or_else(|| name.strip_prefix("x-ratelimit-"))?;
    for which in ["limit", "remaining", "reset"] {
        if let Some(thing) = own.strip_prefix(which).and_then(|rest| rest.strip_prefix('-')) {
            return Some((thing.to_owned(), which));
        }
        if let Some(thing) = own.strip_suffix(which).and_then(|rest| rest.strip_suffix('-')) {
            return Some((thing.to_owned(), which));
        }
        if own == which {
            return Some(("all".to_owned(), which));
        }
    }
    None
}

/// What the heads say, by what is limited.
fn read(headers: &Headers) -> BTreeMap<String, BTreeMap<&'static str, Value>> {
    let mut found: BTreeMap<String, BTreeMap<&'static str, Value>> = BTreeMap::new();
    for (name, value) in headers.iter() {
        let (Some((thing, which)), Ok(value)) = (parts(name), std::str::from_utf8(value)) else { continue };
        let value = value.trim().parse::<f64>().map_or_else(|_| value.into(), |number| json!(number));
        found.entry(thing).or_default().insert(which, value);
    }
    found.retain(|_, own| own.contains_key("remaining"));
    found
}

/// The newest word on each limit of each of these providers.
pub async fn limits(store: &dyn Store, providers: &[&str]) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    for provider in providers {
        let filter = Filter { provider: Some((*provider).to_owned()), ..Filter::default() };
        let page = Page { order: Order::NewestFirst, limit: NEWEST, after: None };
        let mut told: BTreeMap<String, Value> = BTreeMap::new();
        for row in store.list(filter, page).await? {
            let id = row.head.get("id").and_then(Value::as_str).and_then(crate::model::ObservationId::parse);
            let Some(id) = id else { continue };
            let Some(exchange) = store.observation(id).await?.and_then(|stored| stored.exchange) else {
                continue;
            };
            let Some(head) = store.exchange(exchange).await?.and_then(|exchange| exchange.head) else {
                continue;
            };
            let model = row.head.get("response_model").or_else(|| row.head.get("request_model"));
            for (thing, own) in read(&head.headers) {
                let said = limit(provider, model, &thing, &own, head.at);
                told.entry(format!("{thing} {}", model.and_then(Value::as_str).unwrap_or_default()))
                    .or_insert(said);
            }
        }
        all.extend(told.into_values());
    }
    Ok(all)
}

fn limit(
    provider: &str,
    model: Option<&Value>,
    thing: &str,
    own: &BTreeMap<&'static str, Value>,
    seen: Micros,
) -> Value {
    let mut limit = json!({"provider": provider, "key": thing, "seen": seen.rfc3339()});
    if let Some(model) = model.and_then(Value::as_str) {
        limit["key"] = format!("{thing}, {model}").into();
    }
    for (which, value) in own {
        limit[*which] = match (*which, value) {
            // Texts: a time, or how long.
            ("reset", Value::Number(seconds)) => format!("{seconds} s").into(),
            _ => value.clone(),
        };
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_are_read() {
        let lines = b"anthropic-ratelimit-input-tokens-limit: 100\r\nAnthropic-RateLimit-Input-Tokens-Remaining: 40\r\n\
            x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-requests: 59\r\nx-ratelimit-reset-requests: 1s\r\n\
            x-ratelimit-reset-other: 5\r\nretry-after: 3\r\n";
        let found = read(&Headers::from_lines(lines.to_vec()));
        assert_eq!(found.keys().collect::<Vec<_>>(), ["input-tokens", "requests"]);
        assert_eq!(found["input-tokens"]["remaining"], json!(40.0));
        assert_eq!(found["requests"]["reset"], json!("1s"));
    }
}
