//! What of a record's head follows from the rest of it, and is not stored: sums, and amounts that are a count at a price.
//! Pure; what does not follow exactly stays as it is.

use serde_json::{Map, Value};

use crate::model::Usd;

/// Under this key of the whole stands what was left out, in these fields; and what a head had there itself.
const LEFT_OUT: &str = "\0";
const TOTAL: &str = "total";
const COST: &str = "cost";
const OWN: &str = "own";

/// For how many a price is.
const PER: [u64; 3] = [1_000_000, 1_000, 3_600_000];

/// Leaves out what follows from the rest and the columns.
pub fn thin(rest: &mut Map<String, Value>, tokens: [Option<i64>; 2], total: Option<i64>) {
    let mut left_out = Map::new();
    if let Some(own) = rest.shift_remove(LEFT_OUT) {
        left_out.insert(OWN.to_owned(), own);
    }
    if let Some(Value::Object(usage)) = rest.get_mut("usage")
        && let (Some(sum), Some(said)) = (both(tokens), usage.get("total"))
        && said.as_i64() == Some(sum)
    {
        usage.shift_remove("total");
        left_out.insert(TOTAL.to_owned(), true.into());
    }
    if let Some(Value::Object(cost)) = rest.get_mut("cost")
        && let Some(signs) = thin_cost(cost, total)
    {
        left_out.insert(COST.to_owned(), signs.into());
    }
    if !left_out.is_empty() {
        rest.insert(LEFT_OUT.to_owned(), left_out.into());
    }
}

/// Puts it back.
pub fn thicken(rest: &mut Map<String, Value>, tokens: [Option<i64>; 2], total: Option<i64>) {
    let Some(Value::Object(mut left_out)) = rest.shift_remove(LEFT_OUT) else { return };
    if let Some(Value::Object(usage)) = rest.get_mut("usage")
        && left_out.contains_key(TOTAL)
        && let Some(sum) = both(tokens)
    {
        usage.insert("total".to_owned(), sum.into());
    }
    if let Some(Value::Object(cost)) = rest.get_mut("cost")
        && let Some(signs) = left_out.get(COST).and_then(Value::as_str)
    {
        thicken_cost(cost, total, signs);
    }
    if let Some(own) = left_out.shift_remove(OWN) {
        rest.insert(LEFT_OUT.to_owned(), own);
    }
}

fn both([input, output]: [Option<i64>; 2]) -> Option<i64> {
    input?.checked_add(output?)
}

/// A sign for each detail says for how many its price is; before them, which sides are left out.
fn thin_cost(cost: &mut Map<String, Value>, total: Option<i64>) -> Option<String> {
    let mut signs = String::new();
    let mut last = None;
    let mut amounts = Vec::new();
    for detail in details(cost) {
        let said = detail.get("amount");
        let follows = |per| said.is_some() && amount(detail, per).as_ref() == said;
        let per = (0_u8..).zip(PER).find(|(_, per)| follows(*per));
        last = said.cloned();
        amounts.push(per.map(|(at, _)| at));
    }
    let (input, output) = (cost.get("input"), cost.get("output"));
    if input.is_some() && input == difference(total, output).as_ref() {
        signs.push('i');
    }
    if output.is_some() && output == last.as_ref() && amounts.last().is_some_and(Option::is_some) {
        signs.push('o');
    }
    if signs.is_empty() && amounts.iter().all(Option::is_none) {
        return None;
    }
    for (key, sign) in [("input", 'i'), ("output", 'o')] {
        if signs.contains(sign) {
            cost.shift_remove(key);
        }
    }
    for (detail, per) in details_mut(cost).zip(&amounts) {
        if per.is_some() {
            detail.shift_remove("amount");
        }
    }
    signs.extend(amounts.iter().map(|per| per.map_or('-', |at| char::from(b'0' + at))));
    Some(signs)
}

fn thicken_cost(cost: &mut Map<String, Value>, total: Option<i64>, signs: &str) {
    let of_details = signs.trim_start_matches(['i', 'o']);
    let mut last = None;
    for (detail, sign) in details_mut(cost).zip(of_details.chars()) {
        let per = sign.to_digit(10).and_then(|at| usize::try_from(at).ok()).and_then(|at| PER.get(at));
        if let Some(amount) = per.and_then(|per| amount(detail, *per)) {
            detail.insert("amount".to_owned(), amount);
        }
        last = detail.get("amount").cloned();
    }
    if signs.contains('o')
        && let Some(output) = last
    {
        cost.insert("output".to_owned(), output);
    }
    if signs.contains('i')
        && let Some(input) = difference(total, cost.get("output"))
    {
        cost.insert("input".to_owned(), input);
    }
}

fn details(cost: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    cost.get("details").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn details_mut(cost: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let details = cost.get_mut("details").and_then(Value::as_array_mut);
    details.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// So many at a price.
fn amount(detail: &Map<String, Value>, per: u64) -> Option<Value> {
    let price = Usd::from_f64(detail.get("price")?.as_f64()?)?;
    Some(price.times(detail.get("count")?.as_u64()?, per).to_json())
}

/// The one side, given all and the other.
fn difference(total: Option<i64>, other: Option<&Value>) -> Option<Value> {
    let other = Usd::from_f64(other?.as_f64()?)?;
    let left = i128::from(total?).checked_sub(other.picos())?;
    (left >= 0).then(|| Usd::from_picos(left).to_json())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picos(dollars: &str) -> Option<i64> {
        i64::try_from(Usd::parse(dollars)?.picos()).ok()
    }

    fn thinned(rest: &Value, total: Option<i64>) -> Value {
        let tokens = [Some(1200), Some(80)];
        let mut thin_one = rest.as_object().unwrap().clone();
        thin(&mut thin_one, tokens, total);
        let mut back = thin_one.clone();
        thicken(&mut back, tokens, total);
        assert_eq!(&Value::Object(back), rest);
        thin_one.into()
    }

    #[test]
    fn what_follows_is_left_out_and_comes_back() {
        let rest = json!({
            "usage": {"total": 1280},
            "cost": {"input": 0.00123, "output": 0.0012, "currency": "USD", "details": [
                {"unit": "input", "count": 400, "price": 3.0, "amount": 0.0012},
                {"unit": "web_search", "count": 3, "price": 10.0, "amount": 0.03},
                {"unit": "output", "count": 80, "price": 15.0, "amount": 0.0012},
            ]},
        });
        let expected = json!({
            "\0": {"total": true, "cost": "io010"},
            "usage": {},
            "cost": {"currency": "USD", "details": [
                {"unit": "input", "count": 400, "price": 3.0}, {"unit": "web_search", "count": 3, "price": 10.0},
                {"unit": "output", "count": 80, "price": 15.0},
            ]},
        });
        assert_eq!(thinned(&rest, picos("0.00243")), expected);
    }

    #[test]
    fn what_does_not_follow_stays() {
        let odd = [
            json!({"usage": {"total": 1281}, "cost": {"input": 0.1, "output": 0.2, "currency": "USD"}}),
            json!({"cost": {"details": [{"unit": "input", "count": 4, "price": 3.0, "amount": 0.5}]}}),
            json!({"cost": {"output": 0.5, "details": [7, {}, {"count": -1, "price": "x"}]}}),
            json!({"cost": 7, "usage": []}),
        ];
        for rest in odd {
            assert_eq!(thinned(&rest, picos("0.9")), rest);
        }
        // One of several.
        let mixed = json!({"cost": {"output": 0.5, "details": [
            {"count": 4, "price": 3.0, "amount": 0.5}, {"count": 500_000, "price": 1.0, "amount": 0.5},
        ]}});
        assert_eq!(thinned(&mixed, None)["\0"]["cost"], "o-0");
        let odd = json!({"\0": {"total": 7}, "usage": {"total": 1280}});
        assert_eq!(thinned(&odd, None)["\0"], json!({"total": true, "own": {"total": 7}}));
    }
}
