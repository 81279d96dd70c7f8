//! The tree of a trace, a step a line: when it began, what it is, how it ended, what it used, how long it took, and the
//! beginning of what was said.

use serde_json::Value;

use super::ls::cost;
use super::paint::Paint;
use super::table::{cut, plain, wide};
use crate::export::summary::millis;
use crate::export::tree::{Branch, arrange};
use crate::export::words::{arguments, called, duration, short};
use crate::model::Micros;
use crate::store::Row;

/// The columns; one that begins with `>` stands to the right. One in which nothing stands is left out.
const NAMES: [&str; 11] =
    [">at", "", "step", "end", ">in", ">cached", ">out", ">cost", ">ttft", ">took", "said"];
const BAR: usize = 1;
const STEP: usize = 2;
const END: usize = 3;
const SAID: usize = 10;
/// What goes first where a terminal is too narrow for all: cached tokens, time to the first token, end, input, output.
const EXPENDABLE: [usize; 5] = [5, 8, END, 4, 6];

/// How many characters of a line show when a step ran, and how wide a terminal is that has room for them.
const BAR_LENGTH: usize = 12;
const ROOM_FOR_BAR: usize = 140;
/// Parts of a hundred that the steps' names may take; the rest is for numbers and what was said.
const SHARE_OF_NAMES: usize = 33;

/// A step's line.
struct Line {
    cells: [String; 11],
    is_aside: bool,
    is_bad: bool,
}

/// Draws the rows of one trace. `width`: the terminal's, where there is one.
pub(super) fn draw(rows: &[Row], width: Option<usize>, paint: Paint) -> String {
    let span = span(rows);
    let with_bar = width.is_none_or(|width| width >= ROOM_FOR_BAR);
    let lines: Vec<Line> = arrange(rows).iter().map(|branch| line(rows, branch, span, with_bar)).collect();
    let widths = widths(&lines, width);
    let names = Line {
        cells: NAMES.map(|name| name.trim_start_matches('>').to_owned()),
        is_aside: true,
        is_bad: false,
    };
    let mut text = String::new();
    for line in std::iter::once(&names).chain(&lines) {
        text.push_str(shown(line, &widths, width, paint).trim_end());
        text.push('\n');
    }
    text
}

fn widths(lines: &[Line], width: Option<usize>) -> [usize; 11] {
    let mut widths = [0; 11];
    for (at, own) in widths.iter_mut().enumerate() {
        *own = lines.iter().map(|line| wide(&line.cells[at])).max().unwrap_or(0);
        if *own > 0 {
            *own = (*own).max(wide(NAMES[at].trim_start_matches('>')));
        }
    }
    if let Some(width) = width {
        widths[STEP] = widths[STEP].min((width * SHARE_OF_NAMES / 100).max(20));
        let others: usize = widths[..SAID].iter().filter(|own| **own > 0).map(|own| own + 1).sum();
        widths[SAID] = widths[SAID].min(width.saturating_sub(others));
        for at in EXPENDABLE {
            if widths[..SAID].iter().filter(|own| **own > 0).map(|own| own + 1).sum::<usize>() <= width + 1 {
                break;
            }
            widths[at] = 0;
        }
    }
    widths
}

fn shown(line: &Line, widths: &[usize; 11], width: Option<usize>, paint: Paint) -> String {
    let mut shown = String::new();
    let mut used = 0;
    for (at, cell) in line.cells.iter().enumerate().filter(|(at, _)| widths[*at] > 0) {
        let own = widths[at];
        // A line that is too long in spite of all is cut: one that goes over is worse to read.
        if width.is_some_and(|width| used + own > width) {
            break;
        }
        let cell = cut(cell, Some(own));
        let room = " ".repeat(own.saturating_sub(wide(&cell)));
        let painted = match at {
            END if line.is_bad => paint.red(&cell),
            SAID | BAR => paint.dim(&cell),
            _ if line.is_aside => paint.dim(&cell),
            _ => cell,
        };
        let right = NAMES[at].starts_with('>');
        shown.push_str(&if right { format!("{room}{painted} ") } else { format!("{painted}{room} ") });
        used += own + 1;
    }
    shown
}

fn text<'a>(row: &'a Row, key: &str) -> &'a str {
    row.head.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn time(row: &Row, key: &str) -> Option<u64> {
    Micros::parse_rfc3339(text(row, key)).map(|at| at.0)
}

/// From the first begin to the last end.
fn span(rows: &[Row]) -> (u64, u64) {
    let first = rows.iter().filter_map(|row| time(row, "start_time")).min().unwrap_or(0);
    let ends = rows.iter().filter_map(|row| time(row, "end_time").or_else(|| time(row, "start_time")));
    (first, ends.max().unwrap_or(first))
}

fn line(rows: &[Row], branch: &Branch, (first, last): (u64, u64), with_bar: bool) -> Line {
    let row = &rows[branch.row];
    let start = time(row, "start_time").unwrap_or(first);
    let status = text(row, "status");
    let error = row.head.get("error").and_then(|error| error.get("type")).and_then(Value::as_str);
    let end = match (status, error) {
        ("ok", _) => text(row, "finish_reason").to_owned(),
        (status, Some(error)) => format!("{status}: {error}"),
        (status, None) => status.to_owned(),
    };
    let end_at = time(row, "end_time").unwrap_or(start);
    let bar =
        if with_bar { bar(start - first, end_at.saturating_sub(first), last - first) } else { String::new() };
    let cells = [
        duration(Some(&millis(start.saturating_sub(first)).into())),
        bar,
        format!("{}{}", branch.lead, plain(&step(row, branch.orphan))),
        plain(&cut(&end, Some(24))),
        tokens(row, "input"),
        tokens(row, "cache_read"),
        tokens(row, "output"),
        cost(&row.head),
        duration(row.head.get("ttft_ms")),
        took(row),
        plain(&said(row)),
    ];
    let is_bad = !matches!(status, "ok" | "open");
    Line { cells, is_aside: row.head.contains_key("side"), is_bad }
}

/// When a step ran, in the time of its trace.
fn bar(start: u64, end: u64, whole: u64) -> String {
    let place = |at: u64| {
        let at = u128::from(at) * BAR_LENGTH as u128 / u128::from(whole.max(1));
        usize::try_from(at).unwrap_or(BAR_LENGTH).min(BAR_LENGTH - 1)
    };
    let (start, end) = (place(start), place(end));
    (0..BAR_LENGTH).map(|at| if (start..=end).contains(&at) { '█' } else { '·' }).collect()
}

/// What it is: a model, or a tool with what it was given.
fn step(row: &Row, orphan: bool) -> String {
    let mut marks = String::new();
    if orphan {
        marks.push_str("(parent missing) ");
    }
    let tool = row.head.get("tool");
    let is = |key: &str| tool.and_then(|tool| tool.get(key)).and_then(Value::as_bool) == Some(true);
    if is("in_background") {
        marks.push_str("[background] ");
    }
    if is("at_provider") {
        marks.push_str("[at provider] ");
    }
    let name = called(&row.head);
    match tool {
        Some(_) => format!("{marks}{name}({})", arguments(&row.input_preview)),
        // That a model is asked goes without saying.
        None => marks + &name.replacen("chat ", "", 1).replacen("generate_content ", "", 1),
    }
}

/// `~` where a tool's time is the gap between answer and next request, and not what the client says it took.
fn took(row: &Row) -> String {
    let source = row.head.get("tool").and_then(|tool| tool.get("duration_source")).and_then(Value::as_str);
    let took = duration(row.head.get("duration_ms"));
    if source == Some("gap") { format!("~{took}") } else { took }
}

fn tokens(row: &Row, key: &str) -> String {
    let usage = row.head.get("usage");
    let count = usage.and_then(|usage| usage.get(key)).and_then(Value::as_u64);
    let count = count.filter(|count| *count > 0 || key != "cache_read");
    let mark = match usage.and_then(|usage| usage.get("source")).and_then(Value::as_str) {
        Some("estimated") => "~",
        Some("partial") => ">",
        _ => "",
    };
    count.map(|count| format!("{mark}{}", short(count))).unwrap_or_default()
}

/// A call that goes on from another brings what stands above it; of others the question belongs to the line.
fn said(row: &Row) -> String {
    let is_first = !row.head.contains_key("prior_id") && !row.head.contains_key("tool");
    match (is_first, row.input_preview.trim(), row.output_preview.trim()) {
        (true, input, output) if !input.is_empty() && !output.is_empty() => format!("{input} → {output}"),
        (true, input, "") => input.to_owned(),
        (_, _, output) => output.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_never_empty() {
        assert_eq!(bar(0, 0, 0), "█···········");
        assert_eq!(bar(0, 100, 100), "████████████");
        assert_eq!(bar(100, 100, 100), "···········█");
    }
}
