//! How far a long command is, in a line that is written over and over, where stderr is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::model::Micros;

/// Often enough to look alive.
const PAUSE: Duration = Duration::from_millis(100);
const WIDTH: usize = 24;

pub(super) struct Progress {
    /// When the first of what is gone through began, and the last.
    span: Option<(Micros, Micros)>,
    is_shown: bool,
    drawn: Option<Instant>,
}

impl Progress {
    /// Goes through what began in this span.
    pub(super) fn new(span: Option<(Micros, Micros)>) -> Self {
        Self { span, is_shown: io::stderr().is_terminal(), drawn: None }
    }

    /// Whether anyone sees it.
    pub(super) fn is_wanted() -> bool {
        io::stderr().is_terminal()
    }

    /// So much is done; the last of it began then.
    pub(super) fn at(&mut self, count: u64, bytes: u64, at: Option<Micros>) {
        if !self.is_shown || self.drawn.is_some_and(|drawn| drawn.elapsed() < PAUSE) {
            return;
        }
        self.drawn = Some(Instant::now());
        let part = self.span.zip(at).map(|(span, at)| part(span, at));
        write(&line(part, count, bytes));
    }

    /// Takes the line away.
    pub(super) fn done(self) {
        if self.drawn.is_some() {
            write("");
        }
    }
}

fn write(line: &str) {
    const BEGIN: &str = "\r\x1b[2K";
    // Where stderr is gone there is nobody left to tell.
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{BEGIN}{line}").and_then(|()| stderr.flush());
}

/// How much of a span is behind this time.
#[expect(clippy::cast_precision_loss, reason = "a bar has few steps")]
fn part((first, last): (Micros, Micros), at: Micros) -> f64 {
    let whole = last.0.saturating_sub(first.0).max(1) as f64;
    // With a limit the newest come first.
    (at.0.saturating_sub(first.0) as f64 / whole).clamp(0.0, 1.0)
}

fn line(part: Option<f64>, count: u64, bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit behind the point")]
    let megabytes = bytes as f64 / 1e6;
    let told = format!("{count} written, {megabytes:.1} MB");
    let Some(part) = part else { return told };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a part is between 0 and 1"
    )]
    let full = ((part * WIDTH as f64).round() as usize).min(WIDTH);
    format!("{:>3.0} % {}{} {told}", part * 100.0, "━".repeat(full), "─".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_long_as_the_part() {
        let span = (Micros(100), Micros(200));
        for (at, expected) in [(0, 0.0), (100, 0.0), (150, 0.5), (200, 1.0), (300, 1.0)] {
            assert!((part(span, Micros(at)) - expected).abs() < 1e-9, "{at}");
        }
        assert_eq!(part((Micros(5), Micros(5)), Micros(5)), 0.0);
        let half = line(Some(0.5), 10, 1_500_000);
        assert_eq!(half, format!(" 50 % {}{} 10 written, 1.5 MB", "━".repeat(12), "─".repeat(12)));
        assert_eq!(line(None, 1, 0), "1 written, 0.0 MB");
    }
}
