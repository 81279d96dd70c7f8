//! Charts over time: stacked columns for amounts, lines for durations.

use maud::{Markup, html};

use super::text::visible;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 8.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One on top of the other.
    Columns,
    Lines,
}

/// What is drawn.
pub struct Chart<'a> {
    pub kind: Kind,
    pub title: &'a str,
    /// A name for each place on the time axis.
    pub places: &'a [String],
    /// Each with its name and a value for each place; `None` where there is none.
    pub series: &'a [(String, Vec<Option<f64>>)],
    pub shown: fn(f64) -> String,
}

/// A chart, with its values for whoever points at a place, and as a table for whoever reads.
pub fn chart(chart: &Chart<'_>) -> Markup {
    let Chart { title, places, series, shown, .. } = chart;
    let top = round_up(most(chart));
    let is_empty =
        series.iter().all(|(_, values)| values.iter().all(|value| value.is_none_or(|own| own == 0.0)));
    html! {
        figure.chart {
            figcaption { (title) }
            svg viewBox=(format!("0 0 {WIDTH} {}", TOP + HEIGHT + 20.0)) role="img" aria-label=(title) {
                @for quarter in 0..=2u32 {
                    @let part = f64::from(quarter) / 2.0;
                    line.grid x1=(LEFT) x2=(WIDTH) y1=(tenth(y(part))) y2=(tenth(y(part))) {}
                    text.scale x=(LEFT - 6.0) y=(tenth(y(part) + 4.0)) text-anchor="end" { (shown(top * part)) }
                }
                @match chart.kind { Kind::Columns => (columns(chart, top)), Kind::Lines => (lines(chart, top)) }
                (names(places))
                @if is_empty { text.nothing x=(LEFT + (WIDTH - LEFT) / 2.0) y=(TOP + HEIGHT / 2.0) text-anchor="middle" { "nothing here yet" } }
                @else { (targets(chart)) }
            }
            @if !is_empty { details.fold { summary { "as a table" } (table(chart)) } }
        }
    }
}

fn y(part: f64) -> f64 {
    TOP + HEIGHT * (1.0 - part)
}

fn tenth(number: f64) -> String {
    format!("{number:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
fn x(at: usize, places: usize) -> (f64, f64) {
    let width = (WIDTH - LEFT) / places.max(1) as f64;
    (LEFT + at as f64 * width, width)
}

fn value(values: &[Option<f64>], at: usize) -> Option<f64> {
    values.get(at).copied().flatten().filter(|value| value.is_finite() && *value >= 0.0)
}

fn most(chart: &Chart<'_>) -> f64 {
    let of_place = |at: usize| {
        let values = chart.series.iter().filter_map(move |(_, values)| value(values, at));
        match chart.kind {
            Kind::Columns => values.sum::<f64>(),
            Kind::Lines => values.fold(0.0, f64::max),
        }
    };
    (0..chart.places.len()).map(of_place).fold(0.0, f64::max)
}

/// The next number that is easy to halve.
fn round_up(number: f64) -> f64 {
    if number <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(number.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 8.0, 10.0]
        .into_iter()
        .map(|of| of * power)
        .find(|own| *own >= number * 0.999_999)
        .unwrap_or(number)
}

fn class(series: usize) -> String {
    format!("series s{}", series % 9)
}

fn columns(chart: &Chart<'_>, top: f64) -> Markup {
    let places = chart.places.len();
    let mut under = vec![0.0; places];
    let mut paths = vec![String::new(); chart.series.len()];
    for (path, (_, values)) in paths.iter_mut().zip(chart.series) {
        for (at, under) in under.iter_mut().enumerate() {
            let Some(value) = value(values, at).filter(|value| *value > 0.0) else { continue };
            let (left, width) = x(at, places);
            let gap = (width * 0.15).min(4.0);
            let (from, to) = (y(*under / top), y((*under + value) / top));
            path.push_str(&format!(
                "M{:.1} {from:.1}V{to:.1}h{:.1}V{from:.1}z",
                left + gap / 2.0,
                width - gap
            ));
            *under += value;
        }
    }
    html! { @for (at, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) { path class=(class(at)) d=(path) {} } }
}

fn lines(chart: &Chart<'_>, top: f64) -> Markup {
    let places = chart.places.len();
    let point = |at: usize, value: f64| {
        let (left, width) = x(at, places);
        (tenth(left + width / 2.0), tenth(y(value / top)))
    };
    let path = |values: &[Option<f64>]| {
        let mut path = String::new();
        let mut is_drawn = false;
        for at in 0..places {
            let value = value(values, at);
            if let Some(value) = value {
                let (x, y) = point(at, value);
                path.push_str(&format!("{}{x} {y}", if is_drawn { 'L' } else { 'M' }));
            }
            is_drawn = value.is_some();
        }
        path
    };
    // What has no neighbour makes no line.
    let alone = |values: &[Option<f64>]| -> Vec<(String, String)> {
        let is_there = |at: Option<usize>| at.is_some_and(|at| value(values, at).is_some());
        let alone = (0..places).filter(|at| !is_there(at.checked_sub(1)) && !is_there(Some(at + 1)));
        alone.filter_map(|at| Some(point(at, value(values, at)?))).collect()
    };
    html! {
        @for (at, (_, values)) in chart.series.iter().enumerate() {
            path class=(format!("line {}", class(at))) d=(path(values)) {}
            @for (x, y) in alone(values) { circle class=(class(at)) cx=(x) cy=(y) r="3" {} }
        }
    }
}

/// Names under the axis, as many as there is room for.
fn names(places: &[String]) -> Markup {
    let every = places.len().div_ceil(7).max(1);
    html! {
        @for (at, name) in places.iter().enumerate().step_by(every) {
            @let (left, width) = x(at, places.len());
            // Of a day's hours only the first says which day.
            @let short = name.split_once(' ').filter(|(_, hour)| at > 0 && *hour != "00:00").map_or(name.as_str(), |(_, hour)| hour);
            text.scale x=(tenth(left + width / 2.0)) y=(TOP + HEIGHT + 15.0) text-anchor="middle" { (visible(short)) }
        }
    }
}

/// What is told of a place that someone points at.
fn targets(chart: &Chart<'_>) -> Markup {
    html! {
        @for (at, place) in chart.places.iter().enumerate() {
            @let (left, width) = x(at, chart.places.len());
            rect.target x=(tenth(left)) y=(TOP) width=(tenth(width)) height=(HEIGHT) { title { (told(chart, at, place)) } }
        }
    }
}

fn told(chart: &Chart<'_>, at: usize, place: &str) -> String {
    let mut told = visible(place);
    for (name, values) in chart.series {
        if let Some(value) = value(values, at).filter(|value| *value > 0.0) {
            told.push_str(&format!("\n{}: {}", visible(name), (chart.shown)(value)));
        }
    }
    told
}

fn table(chart: &Chart<'_>) -> Markup {
    html! {
        div.wide tabindex="0" { table {
            tr { th { "from" } @for (name, _) in chart.series { th.number { (visible(name)) } } }
            @for (at, place) in chart.places.iter().enumerate() {
                tr { th { (visible(place)) } @for (_, values) in chart.series { td.number { (value(values, at).map(chart.shown).unwrap_or_default()) } } }
            }
        } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(kind: Kind, series: &[(String, Vec<Option<f64>>)]) -> String {
        let places = ["10:00".to_owned(), "11:00".to_owned(), "<b>".to_owned()];
        chart(&Chart { kind, title: "Tokens", places: &places, series, shown: |value| format!("{value:.0}") })
            .into_string()
    }

    #[test]
    fn columns_stand_on_each_other() {
        let series = [("a".to_owned(), vec![Some(1.0), None, Some(3.0)]), ("b".to_owned(), vec![Some(1.0)])];
        let made = drawn(Kind::Columns, &series);
        // Of four at the top, one is a quarter of the height, and the other begins where it ends.
        assert!(made.contains("158.0V120.5") && made.contains("120.5V83.0"), "{made}");
        assert!(made.contains("10:00\na: 1\nb: 1"), "{made}");
        assert!(!made.contains("<b>"), "{made}");
    }

    #[test]
    fn nothing_and_nonsense_are_drawn_as_nothing() {
        for kind in [Kind::Columns, Kind::Lines] {
            assert!(drawn(kind, &[]).contains("nothing here yet"));
            let made =
                drawn(kind, &[("x".to_owned(), vec![Some(f64::NAN), Some(-1.0), Some(f64::INFINITY)])]);
            assert!(!made.contains("NaN") && !made.contains("inf"), "{made}");
        }
        let made = drawn(Kind::Lines, &[("x".to_owned(), vec![Some(1.0), None, Some(2.0)])]);
        assert_eq!(made.matches("<circle").count(), 2, "{made}");
        assert_eq!([0.0, 0.3, 7.0, 1234.0].map(round_up), [1.0, 0.4, 8.0, 2000.0]);
    }
}
