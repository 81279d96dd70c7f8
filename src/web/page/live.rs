//! Calls as they happen.

use maud::{Markup, html};
use serde_json::Value;

use super::empty::empty;
use super::layout::document;
use super::list::{row, table};
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
        div.wide tabindex="0" { (table(page, calls, true)) }
        @if calls.is_empty() { div data-live-empty { (empty(page, "calls")) } }
    };
    document(page, "Live", &body)
}

/// One call's row, for the script that puts it in its place. The feed may send it beside the call's value, as `html`.
pub fn live_row(page: &Page, item: &Value) -> Markup {
    row(page, item)
}
