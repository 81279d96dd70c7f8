//! Numbers as people read them: durations, counts, money, sizes, times.

use maud::{Markup, html};

/// `340ms`, `1.2s`, `3.4m`, `1.5h`.
pub fn millis(millis: f64) -> String {
    if millis < 0.95 {
        format!("{millis:.1}ms")
    } else if millis < 999.5 {
        format!("{millis:.0}ms")
    } else if millis < 59_950.0 {
        format!("{:.1}s", millis / 1_000.0)
    } else if millis < 3_597_000.0 {
        format!("{:.1}m", millis / 60_000.0)
    } else {
        format!("{:.1}h", millis / 3_600_000.0)
    }
}

/// `950`, `12.3k`, `4.5M`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn short(count: u64) -> String {
    let number = count as f64;
    match count {
        0..1_000 => count.to_string(),
        1_000..99_950 => format!("{:.1}k", number / 1e3),
        99_950..999_500 => format!("{:.0}k", number / 1e3),
        999_500..99_950_000 => format!("{:.1}M", number / 1e6),
        99_950_000..999_500_000 => format!("{:.0}M", number / 1e6),
        _ => format!("{:.1}G", number / 1e9),
    }
}

/// Enough digits to tell small amounts apart.
pub fn dollars(amount: f64) -> String {
    match amount {
        0.0 => "$0".to_owned(),
        small if small.abs() < 0.01 => format!("${small:.5}"),
        middle if middle.abs() < 10.0 => format!("${middle:.3}"),
        large => format!("${large:.2}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn bytes(count: u64) -> String {
    let number = count as f64;
    match count {
        0..1_000 => format!("{count} B"),
        1_000..999_500 => format!("{:.1} kB", number / 1e3),
        999_500..999_500_000 => format!("{:.1} MB", number / 1e6),
        _ => format!("{:.1} GB", number / 1e9),
    }
}

/// A moment, of a time as records write it: in UTC until a script puts it into the viewer's own zone.
pub fn time(time: &str) -> Markup {
    let shown = time.get(..19).unwrap_or(time).replace('T', " ");
    html! { time datetime=(time) title=(format!("{} UTC", shown)) { (shown) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let said = [0.4, 12.0, 999.7, 1_234.0, 61_000.0, 7_200_000.0].map(millis);
        assert_eq!(said, ["0.4ms", "12ms", "1.0s", "1.2s", "1.0m", "2.0h"]);
        let said = [7, 999, 1_000, 99_950, 999_500, 1_234_567_890].map(short);
        assert_eq!(said, ["7", "999", "1.0k", "100k", "1.0M", "1.2G"]);
        let said = [0.0, 0.000_123, 0.1234, 1234.5].map(dollars);
        assert_eq!(said, ["$0", "$0.00012", "$0.123", "$1234.50"]);
        assert_eq!([12, 1_234, 5_000_000].map(bytes), ["12 B", "1.2 kB", "5.0 MB"]);
    }

    #[test]
    fn a_time_that_is_none_is_only_text() {
        let shown = time("<b>\"").into_string();
        assert!(!shown.contains("<b>"), "{shown}");
    }
}
