//! When a price holds: since which day, at which hours, for which tier, above how many tokens.

use std::fmt;

use crate::model::Micros;

/// What must be so for a price to hold. Each part that is unset holds always.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct When {
    /// The first day, UTC.
    pub from: Option<Date>,
    /// `batch`, `flex`, `priority`, …
    pub tier: Option<String>,
    /// A part of each day.
    pub hours: Option<Hours>,
    /// More tokens of input than this: all of the call's tokens are then at this price.
    pub above: u64,
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

/// From a minute of the day, UTC, up to another; past midnight where the second is the smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hours {
    pub start: u16,
    pub end: u16,
}

const MICROS_A_MINUTE: u64 = 60_000_000;
const MINUTES_A_DAY: u64 = 1440;

impl Date {
    /// Reads `2025-04-14`.
    pub fn parse(text: &str) -> Option<Self> {
        let [year, month, day] = *text.split('-').collect::<Vec<_>>() else { return None };
        let number = |text: &str, digits: usize| -> Option<u16> {
            (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
        };
        Self::new(number(year, 4)?, number(month, 2)?, number(day, 2)?)
    }

    /// A day that the calendar has, near enough: the 31st of each month.
    pub fn new(year: u16, month: u16, day: u16) -> Option<Self> {
        let real = (2020..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        real.then_some(Self { year, month, day })
    }

    /// The day it was, UTC.
    pub fn of(at: Micros) -> Self {
        let (year, month, day) = at.date();
        Self {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(u8::MAX),
            day: u8::try_from(day).unwrap_or(u8::MAX),
        }
    }
}

impl Hours {
    /// Reads `01:00-04:30`.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('-')?;
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.split_once(':')?;
            if hour.len() != 2 || minute.len() != 2 {
                return None;
            }
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let hours = Self { start: minute(start)?, end: minute(end)? };
        (hours.start != hours.end).then_some(hours)
    }

    pub fn contain(self, at: Micros) -> bool {
        let minute = at.0 / MICROS_A_MINUTE % MINUTES_A_DAY;
        let (start, end) = (u64::from(self.start), u64::from(self.end));
        if start < end { (start..end).contains(&minute) } else { minute >= start || minute < end }
    }
}

/// The tier that a provider's word means; `None` for the ordinary one.
pub fn tier(word: &str) -> Option<String> {
    let word = word.trim().to_ascii_lowercase();
    match word.as_str() {
        "" | "auto" | "default" | "standard" | "on_demand" | "on-demand" => None,
        // Google's words for the kind of traffic.
        "on_demand_flex" => Some("flex".to_owned()),
        "on_demand_priority" => Some("priority".to_owned()),
        _ => Some(word),
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start, self.end);
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * MICROS_A_MINUTE;

    #[test]
    fn days_are_read_and_counted() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (1_795_219_200, "2026-11-21"),
        ] {
            assert_eq!(Date::of(Micros(seconds * 1_000_000)).to_string(), day);
        }
        assert_eq!(Date::parse("2025-04-14").unwrap().to_string(), "2025-04-14");
        for wrong in
            ["2025-4-14", "2025-13-01", "2025-00-01", "1999-01-01", "2025-01-32", "2025-01", "", "+025-01-01"]
        {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hours_may_pass_midnight() {
        let day = Hours::parse("01:00-04:30").unwrap();
        assert_eq!(day.to_string(), "01:00-04:30");
        assert!(
            day.contain(Micros(HOUR)) && day.contain(Micros(25 * HOUR)) && !day.contain(Micros(5 * HOUR))
        );
        let night = Hours::parse("22:00-02:00").unwrap();
        assert!(
            night.contain(Micros(23 * HOUR))
                && night.contain(Micros(HOUR))
                && !night.contain(Micros(2 * HOUR))
        );
        for wrong in ["1:00-2:00", "24:00-01:00", "01:00", "01:00-01:00", "01:60-02:00"] {
            assert_eq!(Hours::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_ordinary_tier_has_many_names() {
        for word in ["", "auto", "default", "STANDARD", "ON_DEMAND"] {
            assert_eq!(tier(word), None, "{word}");
        }
        assert_eq!(tier("ON_DEMAND_PRIORITY").as_deref(), Some("priority"));
        assert_eq!(tier("flex").as_deref(), Some("flex"));
    }
}
