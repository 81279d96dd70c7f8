//! When the pieces of a body arrived, as a chart.

use maud::{Markup, html};
use serde_json::Value;

use super::number::{bytes, millis};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 96.0;
/// More pieces than this are drawn as so many columns, each with what arrived in its time.
const COLUMNS: usize = 400;

/// Pieces as `[microseconds after the call began, bytes]`: a column for each, a line for all that had arrived.
pub fn chunks(pieces: &[Value]) -> Markup {
    let pieces: Vec<(u64, u64)> =
        pieces.iter().filter_map(|piece| Some((piece.get(0)?.as_u64()?, piece.get(1)?.as_u64()?))).collect();
    let (Some((first, _)), Some((last, _))) = (pieces.first(), pieces.last()) else {
        return html! { p.quiet { "No piece of it was timed." } };
    };
    let total: u64 = pieces.iter().map(|(_, length)| length).sum();
    let longest =
        pieces.windows(2).filter_map(|pair| pair[1].0.checked_sub(pair[0].0)).max().unwrap_or_default();
    let drawn = columns(&pieces, *last);
    let most = drawn.iter().map(|(_, length)| *length).max().unwrap_or_default();
    html! {
        figure.chart {
            svg viewBox=(format!("0 0 {WIDTH} {}", HEIGHT + 18.0)) role="img" aria-label="when the pieces of the answer arrived" {
                line.base x1="0" x2=(WIDTH) y1=(HEIGHT) y2=(HEIGHT) {}
                path.pieces d=(bars(&drawn, *last, most)) {}
                path.sum d=(sum(&drawn, *last, total)) {}
                @for quarter in 0..=4u32 {
                    @let x = f64::from(quarter) / 4.0;
                    text x=(x * WIDTH) y=(HEIGHT + 14.0) text-anchor=(anchor(quarter)) { (if quarter == 0 { "0".to_owned() } else { millis(x * ms(*last)) }) }
                }
            }
            figcaption {
                (pieces.len()) (if pieces.len() == 1 { " piece, " } else { " pieces, " }) (bytes(total)) ", the first after " (millis(ms(*first))) ", the last after " (millis(ms(*last)))
                @if pieces.len() > 1 { ", the longest pause " (millis(ms(longest))) }
            }
        }
    }
}

fn anchor(quarter: u32) -> &'static str {
    match quarter {
        0 => "start",
        4 => "end",
        _ => "middle",
    }
}

#[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
fn ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// Where each piece stands, from 0 to the width, and how large it is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a column's number")]
fn columns(pieces: &[(u64, u64)], last: u64) -> Vec<(u64, u64)> {
    if pieces.len() <= COLUMNS {
        return pieces.to_vec();
    }
    let mut columns = vec![0u64; COLUMNS + 1];
    let whole = ms(last).max(0.001);
    for (after, length) in pieces {
        let at = (ms(*after) / whole * 400.0).clamp(0.0, 400.0) as usize;
        columns[at] += length;
    }
    let own = |(at, length): (usize, u64)| (u64::try_from(at).unwrap_or_default() * last / 400, length);
    columns.into_iter().enumerate().map(own).filter(|(_, length)| *length > 0).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
fn bars(pieces: &[(u64, u64)], last: u64, most: u64) -> String {
    let bar = |(after, length): &(u64, u64)| {
        let x = ms(*after) / ms(last).max(0.001) * (WIDTH - 2.0) + 1.0;
        // A small piece beside a large one is still seen.
        let height = (*length as f64 / most.max(1) as f64).sqrt() * (HEIGHT - 6.0) + 2.0;
        format!("M{x:.1} {HEIGHT}v-{height:.1}")
    };
    pieces.iter().map(bar).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a place on a screen")]
fn sum(pieces: &[(u64, u64)], last: u64, total: u64) -> String {
    let mut path = format!("M0 {HEIGHT}");
    let mut so_far = 0;
    for (after, length) in pieces {
        so_far += length;
        let x = ms(*after) / ms(last).max(0.001) * WIDTH;
        let y = HEIGHT - so_far as f64 / total.max(1) as f64 * (HEIGHT - 4.0);
        path.push_str(&format!("H{x:.1}V{y:.1}"));
    }
    path
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_are_counted_and_many_are_gathered() {
        let made = chunks(&[json!([1_000, 10]), json!([251_000, 90])]).into_string();
        assert!(
            made.contains(
                "2 pieces, 100 B, the first after 1ms, the last after 251ms, the longest pause 250ms"
            ),
            "{made}"
        );
        let many: Vec<Value> = (0..50_000).map(|at| json!([at * 10, 7])).collect();
        assert!(chunks(&many).into_string().len() < 40_000);
        assert!(chunks(&[json!("x"), json!([0])]).into_string().contains("No piece"));
        assert!(!chunks(&[json!([0, 0])]).into_string().contains("NaN"));
    }
}
