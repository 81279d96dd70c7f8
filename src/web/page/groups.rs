//! The lists of traces and of sessions.

use maud::{Markup, html};
use serde_json::Value;

use super::address;
use super::facts::{brief, chips, some, status, sum_cost, took};
use super::list::list;
use super::{Nav, Page};
use crate::html::{items, plain, text_of, time};

pub fn traces(page: &Page, data: &Value) -> Markup {
    list(page, data, Nav::Traces, "Traces", &table(data, "Trace", address::trace))
}

pub fn sessions(page: &Page, data: &Value) -> Markup {
    list(page, data, Nav::Sessions, "Sessions", &table(data, "Session", address::session))
}

fn table(data: &Value, what: &str, leads_to: fn(&str) -> String) -> Markup {
    let is_session = what == "Session";
    html! {
        table.list.groups {
            caption.hidden { (what) "s" }
            thead { tr {
                th scope="col" { "Last" } th.grow scope="col" { (what) } th scope="col" { "Status" }
                @if is_session { th.number scope="col" { "Traces" } }
                th.number scope="col" { "Calls" } th.number scope="col" { "Tools" } th.number scope="col" { "Errors" }
                th.number scope="col" { "In" } th.number scope="col" { "Out" } th.number scope="col" { "Cost" } th.number scope="col" { "Took" }
            } }
            tbody { @for item in items(data, "items") { (row(item, is_session, leads_to)) } }
        }
    }
}

fn row(item: &Value, is_session: bool, leads_to: fn(&str) -> String) -> Markup {
    let id = text_of(item, "id").unwrap_or_default();
    let name = text_of(item, "name").or_else(|| text_of(item, "input_preview")).unwrap_or(id);
    let models: Vec<&str> = items(item, "models").iter().filter_map(Value::as_str).take(4).collect();
    let tools: Vec<&str> = items(item, "tools_used").iter().filter_map(Value::as_str).take(6).collect();
    html! {
        tr data-row=(id) {
            td.when { @if let Some(at) = text_of(item, "last_time") { (time(at)) } }
            td.said.two {
                a href=(leads_to(id)) { (plain(&brief(name))) }
                span.under {
                    @if let Some(answer) = text_of(item, "output_preview").filter(|answer| *answer != name) { span.answered { (plain(answer)) } }
                    @if !models.is_empty() { span.models { (plain(&models.join(", "))) } }
                    @if !tools.is_empty() { span.tools-used { (plain(&tools.join(", "))) } }
                    (chips(item))
                }
            }
            td.state { (status(item)) }
            @if is_session { td.number { (some(item, "traces")) } }
            td.number { (some(item, "generations")) }
            td.number { (some(item, "tools")) }
            td.number.bad { (some(item, "errors")) }
            td.number { (some(item, "input")) }
            td.number { (some(item, "output")) }
            td.number { (sum_cost(item)) }
            td.number { (took(item, "duration_ms")) }
        }
    }
}
