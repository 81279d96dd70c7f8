//! The waterfall: each step a bar on one time axis. Bars are SVG, placed by attributes, because a strict policy allows no
//! style of an element's own.

use maud::{Markup, html};

use super::number::millis;

/// The whole time that bars are placed in, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Axis {
    pub start: u64,
    pub end: u64,
}

/// When a step was under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u64,
    /// When the first token came, where it streamed.
    pub first: Option<u64>,
    /// Absent while it runs, or where nobody knows.
    pub end: Option<u64>,
}

impl Axis {
    /// Where a moment stands, in percent; what lies outside stands at the edge.
    #[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
    fn at(self, moment: u64) -> f64 {
        let whole = self.end.saturating_sub(self.start).max(1) as f64;
        (moment.saturating_sub(self.start) as f64 / whole * 100.0).clamp(0.0, 100.0)
    }
}

/// A bar; `class` says of what.
pub fn bar(axis: Axis, span: Span, class: &str) -> Markup {
    let start = axis.at(span.start);
    let end = axis.at(span.end.unwrap_or(axis.end)).max(start);
    let first = span.first.map(|first| axis.at(first).clamp(start, end));
    let width = |from: f64, to: f64| percent(to - from);
    html! {
        svg class=(format!("bar {class}")) aria-hidden="true" {
            @if let Some(first) = first {
                rect.wait x=(percent(start)) y="5" height="8" width=(width(start, first)) {}
                rect.run x=(percent(first)) y="5" height="8" width=(width(first, end)) {}
            } @else {
                rect.run x=(percent(start)) y="5" height="8" width=(width(start, end)) {}
            }
            // Seen however short it was.
            rect.edge x=(percent(start.min(99.7))) y="5" height="8" width="2" {}
        }
    }
}

fn percent(number: f64) -> String {
    format!("{number:.3}%")
}

/// The axis: moments counted from its start.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn axis(axis: Axis) -> Markup {
    let whole = axis.end.saturating_sub(axis.start) as f64 / 1_000.0;
    let step = step(whole);
    let marks = (0..=10).map(|at| f64::from(at) * step).take_while(|at| *at <= whole * 0.97);
    html! {
        svg.axis aria-hidden="true" {
            @for mark in marks {
                @let x = percent(if whole > 0.0 { mark / whole * 100.0 } else { 0.0 });
                line x1=(x) x2=(x) y1="0" y2="100%" {}
                text x=(x) y="12" dx="4" { (if mark == 0.0 { "0".to_owned() } else { millis(mark) }) }
            }
        }
    }
}

/// A round number that goes into the whole four to ten times.
fn step(whole: f64) -> f64 {
    let rough = (whole / 5.0).max(0.001);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|of| of * power).find(|step| *step >= rough).unwrap_or(rough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_its_place_and_its_wait() {
        let whole = Axis { start: 1_000, end: 11_000 };
        let made =
            bar(whole, Span { start: 2_000, first: Some(3_000), end: Some(6_000) }, "model").into_string();
        assert!(
            made.contains("class=\"wait\" x=\"10.000%\" y=\"5\" height=\"8\" width=\"10.000%\""),
            "{made}"
        );
        assert!(
            made.contains("class=\"run\" x=\"20.000%\" y=\"5\" height=\"8\" width=\"30.000%\""),
            "{made}"
        );
    }

    #[test]
    fn times_that_make_no_sense_stay_within() {
        let cases = [
            (Axis { start: 5, end: 5 }, Span { start: 5, first: None, end: Some(5) }),
            (Axis { start: 9, end: 1 }, Span { start: 0, first: Some(99), end: None }),
            (Axis { start: 0, end: 10 }, Span { start: 8, first: Some(1), end: Some(2) }),
            (Axis { start: 0, end: 10 }, Span { start: u64::MAX, first: None, end: Some(0) }),
        ];
        for (whole, span) in cases {
            let made = bar(whole, span, "tool").into_string();
            assert!(!made.contains('-') || !made.contains("width=\"-"), "{made}");
            assert!(!made.contains("NaN") && !made.contains("inf"), "{made}");
            assert!(!axis(whole).into_string().contains("NaN"));
        }
    }

    #[test]
    fn the_axis_has_round_marks() {
        let made = axis(Axis { start: 0, end: 4_700_000 }).into_string();
        for mark in [">0<", ">1.0s<", ">4.0s<"] {
            assert!(made.contains(mark), "{made}");
        }
        assert_eq!([3.0, 47.0, 1000.0].map(step), [1.0, 10.0, 200.0]);
    }
}
