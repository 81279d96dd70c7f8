//! Calls as they happen.

use maud::{Markup, html};
use serde_json::Value;

use super::empty::empty;
use super::layout::document;
use super::list::row;
use super::{Nav, Page};
use crate::html::items;

pub fn live(page: &Page, data: &Value) -> Markup {
    let page = &Page { nav: Nav::Live, ..page.clone() };
    let calls = items(data, "items");
    let body = html! {
        header.head {
            h1 { "Live" }
            p.state data-live-state role="status" { noscript { "This page shows what had happened when it was loaded; with scripts it goes on by itself." } }
            div.actions { button type="button" data-live-pause hidden { "Pause" } }
        }
        section.now aria-label="Under way" data-live-now {}
        div.wide tabindex="0" { table.list.calls data-live-list hidden[calls.is_empty()] {
            caption.hidden { "The last calls" }
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Call" } th scope="col" { "Status" } th.grow scope="col" { "Said" }
                th.number scope="col" { "In" } th.number scope="col" { "Out" } th.number scope="col" { "Cost" }
                th.number scope="col" title="time to the first token" { "First" } th.number scope="col" { "Took" }
            } }
            tbody { @for call in calls { (row(page, call)) } }
        } }
        @if calls.is_empty() { div data-live-empty { (empty(page, "calls")) } }
    };
    document(page, "Live", &body)
}

/// One call's row, for the script that puts it in its place. The feed may send it beside the call's value, as `html`.
pub fn live_row(page: &Page, item: &Value) -> Markup {
    row(page, item)
}
