//! Times as the record writes them: RFC 3339 with microseconds, UTC.

use super::exchange::Micros;

const A_SECOND: u64 = 1_000_000;
const A_DAY: u64 = 86_400;

impl Micros {
    /// `2026-11-21T12:00:00.000001Z`
    pub fn rfc3339(self) -> String {
        let seconds = self.0 / A_SECOND;
        let (year, month, day) = civil(seconds / A_DAY);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let micros = self.0 % A_SECOND;
        if year > 9999 {
            return format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
        }
        let mut text = String::with_capacity(27);
        let parts = [(year, 4, '-'), (month, 2, '-'), (day, 2, 'T'), (hour, 2, ':'), (minute, 2, ':')];
        for (number, digits, sign) in parts.into_iter().chain([(second, 2, '.'), (micros, 6, 'Z')]) {
            put_digits(number, digits, &mut text);
            text.push(sign);
        }
        text
    }

    /// The day it was, UTC: year, month, day.
    pub fn date(self) -> (u64, u64, u64) {
        civil(self.0 / A_SECOND / A_DAY)
    }

    /// Reads a date, or a date and a time with or without a fraction and an offset; without one it is UTC.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = match text.find(['T', 't', ' ']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None => (text, "00:00:00"),
        };
        let mut parts = date.splitn(3, '-');
        let mut number = || parts.next().filter(|part| is_digits(part))?.parse::<u64>().ok();
        let (year, month, day) = (number()?, number()?, number()?);
        let (time, offset) = offset(time)?;
        let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut parts = whole.splitn(3, ':');
        let mut number =
            || parts.next().map_or(Some(0), |part| is_digits(part).then(|| part.parse::<u64>().ok())?);
        let (hour, minute, second) = (number()?, number()?, number()?);
        let real = (1970..10_000).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        if !real || hour > 23 || minute > 59 || second > 60 || !(fraction.is_empty() || is_digits(fraction)) {
            return None;
        }
        let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
        let micros = digits.fold(0, |micros, digit| micros * 10 + u64::from(digit - b'0'));
        let seconds = days(year, month, day)? * A_DAY + hour * 3600 + minute * 60 + second;
        let seconds = seconds.checked_add_signed(-offset)?;
        Some(Self(seconds * A_SECOND + micros))
    }
}

/// A number below 10^`digits` in so many digits: several times a call, and formatting takes five times as long.
fn put_digits(number: u64, digits: u32, out: &mut String) {
    for place in (0..digits).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        out.extend(u32::try_from(digit).ok().and_then(|digit| char::from_digit(digit, 10)));
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits `12:00:00+01:00` into the time and the offset in seconds.
fn offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (time, offset) = time.split_at(at);
    let (hours, minutes) = offset.get(1..)?.split_once(':').unwrap_or((offset.get(1..)?, "0"));
    if !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    (seconds < 86_400).then_some((time, if offset.starts_with('-') { -seconds } else { seconds }))
}

/// The date of a day since 1970, the years counted from March so that the day a leap year adds is its last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day - (153 * shifted + 2) / 5 + 1)
}

/// The other way round.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_back() {
        for text in
            ["1970-01-01T00:00:00.000000Z", "2000-02-29T23:59:59.999999Z", "2026-11-21T12:00:00.000001Z"]
        {
            assert_eq!(Micros::parse_rfc3339(text).unwrap().rfc3339(), text);
        }
        let noon = Micros::parse_rfc3339("2026-11-21T12:00:00Z").unwrap();
        for same in ["2026-11-21 12:00", "2026-11-21T13:00:00+01:00", "2026-11-21T07:30:00.000-04:30"] {
            assert_eq!(Micros::parse_rfc3339(same), Some(noon), "{same}");
        }
        assert_eq!(Micros::parse_rfc3339("2026-11-21"), Some(Micros(noon.0 - 12 * 3600 * A_SECOND)));
        for wrong in
            ["", "2026", "2026-13-01", "2026-01-01T25:00", "2026-01-01T10:00:00.x", "yesterday", "+026-01-01"]
        {
            assert_eq!(Micros::parse_rfc3339(wrong), None, "{wrong}");
        }
    }
}
