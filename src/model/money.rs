//! Money as a whole number of a small unit: sums of prices come out exact, whatever their order.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

/// US dollars, counted in millionths of a millionth. A price of a token is a few dollars by the million, written with at
/// most six decimals: each token's is a whole number here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i128);

/// Decimals that are kept.
const DECIMALS: usize = 12;
const ONE: i128 = 1_000_000_000_000;
/// Whole numbers below this are doubles, and dividing them by a million millions gives the nearest double there is.
const EXACT: i128 = 1 << 52;

impl Usd {
    pub const ZERO: Self = Self(0);

    pub const fn from_picos(picos: i128) -> Self {
        Self(picos)
    }

    pub const fn picos(self) -> i128 {
        self.0
    }

    /// Reads `0.0025`, as people write it: digits, and at most one point. `None` for anything else, and for more decimals
    /// than are kept.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 18 || part.len() > DECIMALS || !digits(whole) || !digits(part) {
            return None;
        }
        if text.ends_with('.') {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let part: i128 = format!("{part:0<DECIMALS$}").parse().ok()?;
        Some(Self(whole * ONE + part))
    }

    /// Reads a number off the wire, which may be in scientific notation; what is below a picodollar is rounded. `None`
    /// where it is no amount: not a number, infinite, or below zero.
    pub fn from_f64(number: f64) -> Option<Self> {
        // The shortest decimal that means this number: what the sender wrote. Beyond the bound there is no such bill.
        if !(0.0..1e15).contains(&number) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what it does to a number shows when it is divided again"
        )]
        let near = Self((number * 1e12).round() as i128);
        if near.as_double() == Some(number) {
            return Some(near);
        }
        Self::parse(&format!("{number:.DECIMALS$}"))
    }

    /// This amount for each `per` of something, times a count; halves are rounded up. It stops at the largest amount.
    pub fn times(self, count: u64, per: u64) -> Self {
        let per = i128::from(per.max(1));
        let product = self.0.saturating_mul(i128::from(count));
        Self(product.saturating_add(per / 2).div_euclid(per))
    }

    /// As a JSON number. It holds what a double can: fifteen digits and more, and none that is not the amount's.
    pub fn to_json(self) -> serde_json::Value {
        let number = self.as_double().or_else(|| self.to_string().parse().ok());
        number.map_or(serde_json::Value::Null, serde_json::Value::from)
    }

    /// The nearest double, where both sides of the division are doubles themselves.
    fn as_double(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "below the bound nothing is lost")]
        (0..EXACT).contains(&self.0).then(|| self.0 as f64 / 1e12)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Usd {
    /// Dollars with the decimals it takes, and no more: `0.0025`, `3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let part = format!("{part:0DECIMALS$}");
        let part = part.trim_end_matches('0');
        let point = if part.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{part}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_and_shown_as_people_write_them() {
        for text in ["0", "3", "0.0025", "0.000000000001", "123456.75"] {
            assert_eq!(Usd::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Usd::parse("1.50").unwrap().to_string(), "1.5");
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1_000", "0.0000000000001", "1.2.3", "٣"] {
            assert_eq!(Usd::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn json_has_no_noise() {
        let sum = Usd::parse("0.1").unwrap() + Usd::parse("0.2").unwrap();
        assert_eq!(sum.to_json().to_string(), "0.3");
        assert_eq!(Usd::parse("0.00126").unwrap().to_json().to_string(), "0.00126");
        assert_eq!(Usd::ZERO.to_json().to_string(), "0.0");
    }

    #[test]
    fn numbers_off_the_wire() {
        assert_eq!(Usd::from_f64(6.5e-7).unwrap().to_string(), "0.00000065");
        assert_eq!(Usd::from_f64(0.0).unwrap(), Usd::ZERO);
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(Usd::from_f64(wrong), None);
        }
    }

    #[test]
    fn a_price_by_the_million_times_a_count() {
        let price = Usd::parse("0.0375").unwrap();
        assert_eq!(price.times(1, 1_000_000).picos(), 37_500);
        assert_eq!(price.times(1_000_000, 1_000_000), price);
        assert_eq!(Usd::parse("0.36").unwrap().times(1, 3600).to_string(), "0.0001");
        assert_eq!(Usd::from_picos(1).times(1, 2).picos(), 1);
    }

    proptest! {
        #[test]
        fn doubles_are_those_of_the_digits(picos in prop_oneof![0..10_000_000_i64, 0..i64::MAX]) {
            let amount = Usd::from_picos(picos.into());
            let parsed: f64 = amount.to_string().parse().unwrap();
            prop_assert_eq!(amount.to_json(), serde_json::Value::from(parsed));
            let read = Usd::from_f64(parsed);
            prop_assert_eq!(read, Usd::parse(&format!("{parsed:.12}")));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(picos in 0..10_i128.pow(28)) {
            let amount = Usd::from_picos(picos);
            prop_assert_eq!(Usd::parse(&amount.to_string()), Some(amount));
        }

        #[test]
        fn json_is_the_amount_to_fifteen_digits(picos in 0..10_i128.pow(15)) {
            let shown = Usd::from_picos(picos).to_json();
            prop_assert_eq!(Usd::from_f64(shown.as_f64().unwrap()).unwrap().picos(), picos);
        }
    }
}
