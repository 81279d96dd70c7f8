//! What was used over time.

use maud::{Markup, html};
use serde_json::Value;

use super::empty::empty;
use super::layout::document;
use super::{Nav, Page};
use crate::html::{
    Chart, Kind, chart, count, dollars, items, millis, number, plain, short, text_of, time, visible,
};

const BY: [(&str, &str); 6] = [
    ("model", "model"),
    ("provider", "provider"),
    ("client", "agent"),
    ("user", "user"),
    ("tag", "tag"),
    ("prompt_version", "prompt"),
];
const SINCE: [(&str, &str); 4] = [("24h", "1 day"), ("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days")];

/// A chart: its title, how it is drawn, which member of a point it shows and how.
type Drawn = (&'static str, Kind, &'static str, fn(f64) -> String);

const CHARTS: [Drawn; 8] = [
    ("Calls", Kind::Columns, "requests", whole),
    ("Cost", Kind::Columns, "cost", dollars),
    ("Tokens in", Kind::Columns, "input", whole),
    ("Tokens out", Kind::Columns, "output", whole),
    ("Errors", Kind::Columns, "errors", whole),
    ("Tokens read from caches", Kind::Columns, "cache_read", whole),
    ("Time, 95 of 100 calls within", Kind::Lines, "duration_p95_ms", millis),
    ("Time to the first token, 95 of 100 within", Kind::Lines, "ttft_p95_ms", millis),
];

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are not negative")]
fn whole(number: f64) -> String {
    if number < 1.0 && number > 0.0 { format!("{number:.1}") } else { short(number as u64) }
}

pub fn dashboard(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Dashboard, ..page.clone() };
    let by = text_of(data, "by").unwrap_or("model");
    let places = places(data);
    let body = html! {
        header.head {
            h1 { "Dashboard" }
            (choices(page, "since", page.asked("since").unwrap_or("7d"), &SINCE))
            (choices(page, "by", by, &BY))
            p.quiet { "hours and days in UTC" }
        }
        @if items(data, "series").is_empty() && page.query.is_empty() { (empty(page, "calls")) }
        (totals(data.get("totals").unwrap_or(&Value::Null)))
        (legend(data))
        div.charts {
            @for (title, kind, key, shown) in CHARTS {
                @let series = series(data, key);
                (chart(&Chart { kind, title, places: &places, series: &series, shown }))
            }
        }
        (table(data, by))
        (limits(data))
    };
    document(page, "Dashboard", &body)
}

fn choices(page: &Page, key: &str, now: &str, choices: &[(&str, &str)]) -> Markup {
    html! {
        ul.choices aria-label=(key) {
            @for (value, name) in choices { li { a href=(page.with(key, Some(value))) aria-current=[(*value == now).then_some("true")] { (name) } } }
        }
    }
}

/// A name for each step of time: the hour, or the day.
fn places(data: &Value) -> Vec<String> {
    let is_day = text_of(data, "step") == Some("day");
    let place = |time: &Value| {
        let time = time.as_str().unwrap_or_default();
        let place = if is_day { time.get(5..10) } else { time.get(5..16) };
        place.unwrap_or(time).replace('T', " ")
    };
    items(data, "buckets").iter().map(place).collect()
}

fn series(data: &Value, key: &str) -> Vec<(String, Vec<Option<f64>>)> {
    let one = |series: &Value| {
        let values = items(series, "points").iter().map(|point| number(point, key)).collect();
        (text_of(series, "key").unwrap_or("unknown").to_owned(), values)
    };
    items(data, "series").iter().map(one).collect()
}

fn totals(totals: &Value) -> Markup {
    let count = |key: &str| count(totals, key).map(short);
    let time = |key: &str| number(totals, key).map(millis);
    let share = number(totals, "cache_hit_rate").map(|share| format!("{:.0} %", share * 100.0));
    let errors = number(totals, "errors").zip(number(totals, "requests")).filter(|(_, all)| *all > 0.0);
    let errors = errors.map(|(errors, all)| format!("{} ({:.1} %)", whole(errors), errors / all * 100.0));
    let unknown = super::facts::some(totals, "unknown_cost");
    let told = [
        ("calls", count("requests")),
        ("errors", errors),
        ("tokens in", count("input")),
        ("tokens out", count("output")),
        ("read from caches", share),
        ("cost", number(totals, "cost").map(dollars)),
        ("time p50", time("duration_p50_ms")),
        ("p95", time("duration_p95_ms")),
        ("p99", time("duration_p99_ms")),
        ("first token p50", time("ttft_p50_ms")),
        ("p95", time("ttft_p95_ms")),
    ];
    html! {
        dl.totals { @for (name, value) in told { @if let Some(value) = value { div { dt { (name) } dd { (value) } } } } }
        @if !unknown.0.is_empty() { p.quiet { "The cost of " (unknown) " calls is unknown and not in the sum." } }
    }
}

fn legend(data: &Value) -> Markup {
    html! {
        ul.legend {
            @for (at, one) in items(data, "series").iter().enumerate() {
                li { svg.key viewBox="0 0 10 10" aria-hidden="true" { rect width="10" height="10" rx="2" class=(format!("series s{}", at % 9)) {} } (plain(text_of(one, "key").unwrap_or("unknown"))) }
            }
        }
    }
}

fn table(data: &Value, by: &str) -> Markup {
    let name = BY.iter().find(|(value, _)| *value == by).map_or("model", |(_, name)| name);
    html! {
        div.wide tabindex="0" { table.list {
            caption.hidden { "Sums by " (name) }
            thead { tr { th.grow scope="col" { (name) } @for head in ["Calls", "Errors", "In", "Out", "Cost", "p50", "p95", "First p50", "First p95", "Cached"] { th.number scope="col" { (head) } } } }
            tbody { @for one in items(data, "series") {
                @let sum = one.get("totals").unwrap_or(&Value::Null);
                @let of = |key: &str| count(sum, key).map(short).unwrap_or_default();
                @let time = |key: &str| number(sum, key).map(millis).unwrap_or_default();
                tr {
                    td { (plain(text_of(one, "key").unwrap_or("unknown"))) }
                    td.number { (of("requests")) } td.number.bad { (super::facts::some(sum, "errors")) } td.number { (of("input")) } td.number { (of("output")) }
                    td.number { (number(sum, "cost").map(dollars).unwrap_or_default()) }
                    td.number { (time("duration_p50_ms")) } td.number { (time("duration_p95_ms")) } td.number { (time("ttft_p50_ms")) } td.number { (time("ttft_p95_ms")) }
                    td.number { (number(sum, "cache_hit_rate").map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default()) }
                }
            } }
        } }
    }
}

/// What providers say is left.
fn limits(data: &Value) -> Markup {
    let limits = items(data, "rate_limits");
    html! {
        @if !limits.is_empty() {
            section {
                h2 { "Rate limits, as providers last said" }
                div.wide tabindex="0" { table.list {
                    thead { tr { th scope="col" { "Provider" } th scope="col" { "Limit" } th.number scope="col" { "Left" } th.number scope="col" { "Of" } th.grow scope="col" {} th scope="col" { "Again" } th scope="col" { "Said" } } }
                    tbody { @for limit in limits { (headroom(limit)) } }
                } }
            }
        }
    }
}

fn headroom(limit: &Value) -> Markup {
    let of = number(limit, "limit");
    let left = number(limit, "remaining");
    let share = of.zip(left).filter(|(of, _)| *of > 0.0).map(|(of, left)| (left / of).clamp(0.0, 1.0));
    html! {
        tr {
            td { (visible(text_of(limit, "provider").unwrap_or_default())) } td { (visible(text_of(limit, "key").unwrap_or_default())) }
            td.number { (left.map(whole).unwrap_or_default()) } td.number { (of.map(whole).unwrap_or_default()) }
            td { @if let Some(share) = share { svg.meter role="img" aria-label=(format!("{:.0} % left", share * 100.0)) { rect.all width="100%" height="8" {} rect.left.low[share < 0.1] width=(format!("{:.1}%", share * 100.0)) height="8" {} } } }
            td { (visible(text_of(limit, "reset").unwrap_or_default())) }
            td { @if let Some(seen) = text_of(limit, "seen") { (time(seen)) } }
        }
    }
}
