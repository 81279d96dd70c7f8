//! A header's value in few bytes: numbers, dates and ids as what they are.

use crate::model::Micros;
use crate::store::pieces::{Reader, put, put_bytes, put_signed};

const PLAIN: u8 = 0;
const NUMBER: u8 = 1;
/// `Sat, 21 Nov 2026 12:00:00 GMT`, as seconds since the exchange began.
const DATE: u8 = 2;
/// `2026-11-21T12:00:00Z`, alike.
const TIME: u8 = 3;
const HEX: u8 = 4;
const UUID: u8 = 5;
/// Parts between hyphens, some of them hexadecimal: `00-4bf9…-00f0…-01`.
const PARTS: u8 = 6;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Where the hyphens of a UUID stand.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

pub fn put_value(to: &mut Vec<u8>, value: &[u8], began: Micros) {
    if !put_short(to, value, began) {
        to.push(PLAIN);
        put_bytes(to, value);
    }
}

/// Puts it as something shorter, if that gives it back exactly.
fn put_short(to: &mut Vec<u8>, value: &[u8], began: Micros) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    if let Ok(number) = text.parse::<u64>()
        && number.to_string() == text
    {
        to.push(NUMBER);
        put(to, number);
    } else if let Some(seconds) = date_seconds(text) {
        to.push(DATE);
        put_signed(to, offset(seconds, began));
    } else if let Some(at) = Micros::parse_rfc3339(text).filter(|at| show_time(at.0 / 1_000_000) == text) {
        to.push(TIME);
        put_signed(to, offset(at.0 / 1_000_000, began));
    } else if let Some(bytes) = uuid(value) {
        to.push(UUID);
        to.extend_from_slice(&bytes);
    } else if let Some(bytes) = hex(value).filter(|bytes| bytes.len() >= 8) {
        to.push(HEX);
        put_bytes(to, &bytes);
    } else {
        return put_parts(to, text);
    }
    true
}

fn put_parts(to: &mut Vec<u8>, text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let as_hex = |part: &str| hex(part.as_bytes()).filter(|bytes| bytes.len() >= 4);
    if !parts.iter().any(|part| as_hex(part).is_some()) {
        return false;
    }
    to.push(PARTS);
    put(to, parts.len() as u64);
    for part in parts {
        let bytes = as_hex(part);
        to.push(u8::from(bytes.is_some()));
        put_bytes(to, bytes.as_deref().unwrap_or(part.as_bytes()));
    }
    true
}

pub fn read_value(from: &mut Reader, began: Micros, to: &mut Vec<u8>) -> Option<()> {
    let seconds = |offset: i64| (began.0 / 1_000_000).checked_add_signed(offset).filter(|s| *s < 1 << 38);
    match from.byte()? {
        PLAIN => to.extend_from_slice(from.bytes()?),
        NUMBER => to.extend_from_slice(from.number()?.to_string().as_bytes()),
        DATE => to.extend_from_slice(show_date(seconds(from.signed()?)?).as_bytes()),
        TIME => to.extend_from_slice(show_time(seconds(from.signed()?)?).as_bytes()),
        HEX => put_hex(from.bytes()?, to),
        UUID => {
            for (at, byte) in from.take(16)?.iter().enumerate() {
                if [4, 6, 8, 10].contains(&at) {
                    to.push(b'-');
                }
                put_hex(&[*byte], to);
            }
        }
        PARTS => {
            for at in 0..from.number()? {
                if at > 0 {
                    to.push(b'-');
                }
                match from.byte()? {
                    0 => to.extend_from_slice(from.bytes()?),
                    _ => put_hex(from.bytes()?, to),
                }
            }
        }
        _ => return None,
    }
    Some(())
}

fn offset(seconds: u64, began: Micros) -> i64 {
    seconds.wrapping_sub(began.0 / 1_000_000).cast_signed()
}

fn show_time(seconds: u64) -> String {
    let time = Micros(seconds.saturating_mul(1_000_000)).rfc3339();
    format!("{}Z", time.split('.').next().unwrap_or_default())
}

fn show_date(seconds: u64) -> String {
    let time = Micros(seconds.saturating_mul(1_000_000)).rfc3339();
    let weekday = usize::try_from(seconds / 86_400 % 7).map_or("", |day| DAYS[day]);
    let month = time.get(5..7).and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let part = |range| time.get(range).unwrap_or_default();
    format!("{weekday}, {} {} {} {} GMT", part(8..10), MONTHS[month - 1], part(0..4), part(11..19))
}

fn date_seconds(text: &str) -> Option<u64> {
    let mut parts = text.get(5..)?.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|known| *known == month)? + 1;
    let seconds = Micros::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))?.0 / 1_000_000;
    (show_date(seconds) == text).then_some(seconds)
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || !HYPHENS.iter().all(|&at| text[at] == b'-') {
        return None;
    }
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'-').collect();
    hex(&digits)?.try_into().ok()
}

fn put_hex(bytes: &[u8], to: &mut Vec<u8>) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            to.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
    }
}
