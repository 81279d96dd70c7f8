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
/// `00-` and `-` and what else makes a traceparent, its flags last.
const TRACEPARENT: u8 = 8;
/// Letters, digits, `_` and `-`, in six bits each: how providers write ids.
const SIX_BITS: u8 = 7;

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
    } else if let Some(bytes) = traceparent(text) {
        to.push(TRACEPARENT);
        to.extend_from_slice(&bytes);
    } else if !put_parts(to, text) {
        return put_six_bits(to, value);
    }
    true
}

/// What comes before an id proper, to say whose it is: `toolu_`, `chatcmpl-`. Empty where nothing does.
pub fn prefix(text: &str) -> &str {
    let end = text.find(['_', '-']).map_or(0, |at| at + 1);
    let (prefix, id) = text.split_at(end);
    let is_word = prefix.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
    let is_id = id.len() >= SHORT_ID && six_bits(id.as_bytes()).is_some();
    if (3..=12).contains(&end) && is_word && is_id { prefix } else { "" }
}

const SIXTY_FOUR: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";
/// A shorter one is no shorter in six bits, or hardly.
const SHORT_ID: usize = 8;

fn six_bits(text: &[u8]) -> Option<Vec<u8>> {
    text.iter()
        .map(|byte| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'A'..=b'Z' => Some(byte - b'A' + 10),
            b'a'..=b'z' => Some(byte - b'a' + 36),
            b'_' => Some(62),
            b'-' => Some(63),
            _ => None,
        })
        .collect()
}

fn put_six_bits(to: &mut Vec<u8>, text: &[u8]) -> bool {
    let Some(numbers) = six_bits(text).filter(|numbers| numbers.len() >= SHORT_ID) else { return false };
    to.push(SIX_BITS);
    put(to, text.len() as u64);
    for four in numbers.chunks(4) {
        let bits =
            four.iter().fold(0_u32, |bits, number| bits << 6 | u32::from(*number)) << (6 * (4 - four.len()));
        to.extend_from_slice(&bits.to_be_bytes()[1..=(6 * four.len()).div_ceil(8)]);
    }
    true
}

fn read_six_bits(from: &mut Reader, to: &mut Vec<u8>) -> Option<()> {
    let mut left = usize::try_from(from.number()?).ok()?;
    while left > 0 {
        let count = left.min(4);
        let mut bits = [0; 4];
        let bytes = from.take((6 * count).div_ceil(8))?;
        bits[1..=bytes.len()].copy_from_slice(bytes);
        let bits = u32::from_be_bytes(bits);
        for at in 0..count {
            let number = bits >> (18 - 6 * at) & 63;
            to.push(*SIXTY_FOUR.get(usize::try_from(number).ok()?)?);
        }
        left -= count;
    }
    Some(())
}

/// Its ids and flags, if it is of the version there is.
fn traceparent(text: &str) -> Option<[u8; 25]> {
    let rest = text.strip_prefix("00-").filter(|rest| rest.len() == 52)?;
    let (trace, rest) = rest.split_at_checked(32)?;
    let (parent, flags) = rest.strip_prefix('-')?.split_once('-').filter(|(parent, _)| parent.len() == 16)?;
    [hex(trace.as_bytes())?, hex(parent.as_bytes())?, hex(flags.as_bytes())?].concat().try_into().ok()
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
        TRACEPARENT => {
            to.extend_from_slice(b"00");
            for length in [16, 8, 1] {
                to.push(b'-');
                put_hex(from.take(length)?, to);
            }
        }
        SIX_BITS => read_six_bits(from, to)?,
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
