//! Settings with a unit: durations and sizes in bytes.

use std::time::Duration;

use super::{Raw, Value};

/// A number of bytes, written `64MiB`, `1GB`, `512KiB` or as a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// A unit's name, and how many of the smallest unit it is.
type Unit = (&'static str, u128);

/// The unit that divides a value exactly is the one it is shown in: the first that does, so larger ones come first.
const SIZES: &[Unit] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

const TIMES: &[Unit] = &[
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const NANOS_A_SECOND: u128 = 1_000_000_000;

impl Value for Duration {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = match raw {
            Raw::Text(text) => text,
            Raw::Integer(number) => {
                return Err(format!("expected a duration, got {number}: add a unit, \"{number}s\""));
            }
            other => return Err(format!("expected a duration such as \"30s\", got {}", other.kind())),
        };
        let wrong = || format!("expected a duration such as \"30s\", got {text:?}");
        let nanos = count(text, TIMES, |unit, name| unit == name).ok_or_else(wrong)?;
        let seconds = u64::try_from(nanos / NANOS_A_SECOND).map_err(|_| format!("{text:?} is too long"))?;
        // The remainder is below a thousand million, and fits.
        Ok(Duration::new(seconds, u32::try_from(nanos % NANOS_A_SECOND).unwrap_or_default()))
    }

    fn show(&self) -> Option<String> {
        // Zero divides by everything; "0s" is what people write.
        Some(if self.is_zero() { "\"0s\"".to_owned() } else { literal(self.as_nanos(), TIMES) })
    }
}

impl Value for ByteSize {
    fn read(raw: &Raw) -> Result<Self, String> {
        let wrong = |got: &str| format!("expected a size such as \"64MiB\", got {got}");
        match raw {
            Raw::Integer(number) => u64::try_from(*number).map(Self).map_err(|_| wrong(&number.to_string())),
            Raw::Text(text) => {
                let bare = text.trim().parse::<u64>().ok().map(u128::from);
                let bytes = bare.or_else(|| count(text, SIZES, |unit, name| unit.eq_ignore_ascii_case(name)));
                let bytes = bytes.ok_or_else(|| wrong(&format!("{text:?}")))?;
                u64::try_from(bytes).map(Self).map_err(|_| format!("{text:?} is too large"))
            }
            other => Err(wrong(other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(if self.0 == 0 { "\"0B\"".to_owned() } else { literal(u128::from(self.0), SIZES) })
    }
}

/// `30s` as a count of the smallest unit. `None` where it is not a whole number and one of the units.
fn count(text: &str, units: &[Unit], same: fn(&str, &str) -> bool) -> Option<u128> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u128 = text[..digits].parse().ok()?;
    let unit = text[digits..].trim_start();
    let (_, factor) = units.iter().find(|(name, _)| same(unit, name))?;
    number.checked_mul(*factor)
}

fn literal(number: u128, units: &[Unit]) -> String {
    let (name, factor) = units.iter().find(|(_, factor)| number.is_multiple_of(*factor)).unwrap_or(&("", 1));
    format!("\"{}{name}\"", number / factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Raw {
        Raw::Text(text.to_owned())
    }

    #[test]
    fn durations_take_a_unit() {
        for (written, meant) in [
            ("30s", Duration::from_secs(30)),
            ("500ms", Duration::from_millis(500)),
            (" 5 m ", Duration::from_secs(300)),
            ("2h", Duration::from_secs(7200)),
            ("0s", Duration::ZERO),
        ] {
            assert_eq!(Duration::read(&text(written)), Ok(meant), "{written}");
        }
        for (written, why) in [
            (text("30"), "expected a duration such as \"30s\", got \"30\""),
            (text("s"), "expected a duration such as \"30s\", got \"s\""),
            (text("-1s"), "expected a duration such as \"30s\", got \"-1s\""),
            (text("30S"), "expected a duration such as \"30s\", got \"30S\""),
            (text(""), "expected a duration such as \"30s\", got \"\""),
            (text("99999999999999999999h"), "\"99999999999999999999h\" is too long"),
            (Raw::Integer(30), "expected a duration, got 30: add a unit, \"30s\""),
            (Raw::Bool(true), "expected a duration such as \"30s\", got true or false"),
        ] {
            assert_eq!(Duration::read(&written), Err(why.to_owned()));
        }
    }

    #[test]
    fn sizes_take_both_kinds_of_unit() {
        for (written, meant) in
            [("64MiB", 64 << 20), ("1GB", 1_000_000_000), ("512kib", 512 << 10), ("17B", 17), ("4096", 4096)]
        {
            assert_eq!(ByteSize::read(&text(written)), Ok(ByteSize(meant)), "{written}");
        }
        assert_eq!(ByteSize::read(&Raw::Integer(4096)), Ok(ByteSize(4096)));
        assert!(ByteSize::read(&Raw::Integer(-1)).is_err());
        assert_eq!(ByteSize::read(&text("99999999TiB")), Err("\"99999999TiB\" is too large".to_owned()));
        assert!(ByteSize::read(&text("1.5GB")).is_err());
    }

    #[test]
    fn what_is_shown_is_what_people_write() {
        let durations =
            [(90, "\"90s\""), (120, "\"2m\""), (55, "\"55s\""), (86_400, "\"24h\""), (0, "\"0s\"")];
        for (seconds, shown) in durations {
            assert_eq!(Duration::from_secs(seconds).show().as_deref(), Some(shown));
        }
        let sizes = [(64 << 20, "\"64MiB\""), (1_000_000_000, "\"1GB\""), (0, "\"0B\""), (1025, "\"1025B\"")];
        for (bytes, shown) in sizes {
            assert_eq!(ByteSize(bytes).show().as_deref(), Some(shown));
        }
    }

    fn unquoted(shown: Option<String>) -> Raw {
        text(shown.unwrap().trim_matches('"'))
    }

    proptest! {
        #[test]
        fn durations_round_trip(seconds in any::<u64>(), nanos in 0..1_000_000_000_u32, coarse in any::<bool>()) {
            let duration = Duration::new(seconds, if coarse { 0 } else { nanos });
            prop_assert_eq!(Duration::read(&unquoted(duration.show())), Ok(duration));
        }

        #[test]
        fn sizes_round_trip(bytes in any::<u64>(), shift in 0..64_u32) {
            let size = ByteSize(bytes >> shift << shift);
            prop_assert_eq!(ByteSize::read(&unquoted(size.show())), Ok(size));
        }

        #[test]
        fn any_text_is_read_or_refused(written in "\\PC*|[0-9]{0,60} ?[a-zA-Z]{0,3}") {
            let _ = Duration::read(&text(&written));
            let _ = ByteSize::read(&text(&written));
        }
    }
}
