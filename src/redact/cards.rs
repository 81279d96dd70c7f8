//! Numbers of payment cards: 13 to 19 digits, in one piece or in groups, that begin as an issuer's do and have a right
//! check digit.

use std::ops::Range;

/// Lengths that cards have.
const FEWEST: usize = 13;
const MOST: usize = 19;

/// Hands out the numbers' ranges, in order.
pub(super) fn find(text: &[u8], out: &mut dyn FnMut(Range<usize>)) {
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.iter().position(u8::is_ascii_digit)) {
        let groups = Groups::read(text, at + start);
        let end = groups.end;
        if let Some(found) = groups.card(text) {
            at = found.end;
            out(found);
        } else {
            // The first group belongs to no card; the next may begin one.
            at = groups.second.unwrap_or(end);
        }
    }
}

/// Groups of digits with one and the same separator between each two, from one of them on.
struct Groups {
    /// Where each of the first ones ends, and how many digits there are up to there.
    ends: Vec<(usize, usize)>,
    start: usize,
    end: usize,
    second: Option<usize>,
    separated: bool,
}

impl Groups {
    fn read(text: &[u8], start: usize) -> Self {
        let mut groups = Self { ends: Vec::new(), start, end: start, second: None, separated: false };
        let (mut at, mut digits, mut separator) = (start, 0, None);
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            at += length;
            digits += length;
            groups.ends.push((at, digits));
            groups.end = at;
            let next = text.get(at).copied().filter(|byte| matches!(byte, b' ' | b'-'));
            let goes_on = next.is_some()
                && (separator.is_none() || separator == next)
                && text.get(at + 1).is_some_and(u8::is_ascii_digit);
            // No card in groups begins with another number of digits than four.
            if !goes_on || digits > MOST || separator.is_none() && digits != 4 {
                groups.second = groups.second.or(Some(at + 1).filter(|_| goes_on));
                return groups;
            }
            separator = next;
            at += 1;
            groups.separated = true;
            groups.second = groups.second.or(Some(at));
        }
    }

    /// The longest card that begins here.
    fn card(&self, text: &[u8]) -> Option<Range<usize>> {
        let before = self.start.checked_sub(1).and_then(|at| text.get(at));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)) {
            return None;
        }
        let long = |(_, digits): &&(usize, usize)| (FEWEST..=MOST).contains(digits);
        let mut found = self.ends.iter().rev().filter(long).map(|(end, _)| self.start..*end);
        found.find(|range| is_card(text, range))
    }
}

fn is_card(text: &[u8], range: &Range<usize>) -> bool {
    let found = text.get(range.clone()).unwrap_or_default();
    let digits: Vec<u8> = found.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    // Issuers print four digits first; single digits with spaces between them are a table.
    let mut groups = found.split(|byte| !byte.is_ascii_digit()).map(<[u8]>::len);
    let grouped = digits.len() == found.len() || groups.next() == Some(4) && groups.all(|group| group >= 3);
    let behind = text.get(range.end..).unwrap_or_default();
    let goes_on = match behind {
        [b'.', next, ..] => next.is_ascii_digit(),
        [next, ..] => next.is_ascii_alphanumeric() || *next == b'_',
        [] => false,
    };
    grouped && !goes_on && is_issued(&digits) && luhn(&digits)
}

/// Visa, Mastercard, American Express, Diners, Discover, JCB, UnionPay.
fn is_issued(digits: &[u8]) -> bool {
    let first = |count: usize| digits.iter().take(count).fold(0, |sum, digit| sum * 10 + u32::from(*digit));
    match digits.len() {
        13 => first(1) == 4,
        14 => matches!(first(2), 36 | 38 | 39) || matches!(first(3), 300..=305),
        15 => matches!(first(2), 34 | 37),
        16 if matches!(first(2), 51..=55) || matches!(first(4), 2221..=2720) => true,
        16..=19 => {
            first(1) == 4 && digits.len() != 17 && digits.len() != 18
                || matches!(first(2), 62 | 65)
                || matches!(first(3), 644..=649)
                || first(4) == 6011
                || matches!(first(4), 3528..=3589)
        }
        _ => false,
    }
}

fn luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0, |sum, (at, digit)| {
        let digit = u32::from(*digit) * if at % 2 == 1 { 2 } else { 1 };
        sum + digit / 10 + digit % 10
    });
    // Nothing but one digit over and over is filler.
    sum % 10 == 0 && digits.iter().any(|digit| Some(digit) != digits.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        find(text.as_bytes(), &mut |range| all.push(&text[range]));
        all
    }

    #[test]
    fn cards_are_found_in_one_piece_and_in_groups() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "5555-5555-5555-4444",
            "378282246310005",
            "3782 822463 10005",
            "30569309025904",
            "6011111111111117",
            "3530111333300000",
            "2223003122003222",
        ] {
            assert_eq!(found(&format!("Pay with {card}.")), [card]);
            assert_eq!(found(&format!("no 12 345 {card}, {card}")), [card, card]);
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for text in [
            "4111111111111112",
            "1700000000000000",
            "0.4111111111111111",
            "id4111111111111111",
            "4111111111111111a",
            "41111111111111110000000000000",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "2024-01-01 12-30",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }
}
