//! What stands around every page.

use maud::{DOCTYPE, Markup, html};

use super::{Nav, Page};
use crate::html::visible;
use crate::web::assets::address as asset;

/// Names, addresses and the key that is pressed behind `g`.
const PAGES: &[(Nav, &str, &str, &str)] = &[
    (Nav::Live, "Live", "/live", "l"),
    (Nav::Sessions, "Sessions", "/sessions", "s"),
    (Nav::Traces, "Traces", "/traces", "t"),
    (Nav::Calls, "Calls", "/calls", "c"),
    (Nav::Prompts, "Prompts", "/prompts", "p"),
    (Nav::Dashboard, "Dashboard", "/dashboard", "d"),
    (Nav::Health, "Health", "/health", "h"),
];

/// A whole document.
pub(super) fn document(page: &Page, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" aria-label="wiretape" { (reels()) span { "wiretape" } }
                    nav aria-label="Pages" {
                        @for (nav, name, address, key) in PAGES {
                            a href=(address) aria-current=[(*nav == page.nav).then_some("page")] data-go=(key) { (name) }
                        }
                    }
                    (search(page))
                    div.tools {
                        button type="button" data-theme-switch title="dark or light" hidden { "◐" }
                        button type="button" data-help title="keys" aria-label="Keys" hidden { "?" }
                        @if page.logged_in {
                            form method="post" action="/logout" { (csrf(page)) button type="submit" title="log out" { "Log out" } }
                        }
                    }
                }
                main #main tabindex="-1" { (body) }
                (keys())
                div.said role="status" aria-live="polite" {}
            }
        }
    }
}

/// A document without navigation: for who may not see more.
pub(super) fn bare(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body.bare { main #main { p.brand { (reels()) span { "wiretape" } } (body) } }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (visible(title)) " · wiretape" }
            link rel="icon" type="image/svg+xml" href=(asset("icon.svg"));
            link rel="stylesheet" href=(asset("html.css"));
            link rel="stylesheet" href=(asset("page.css"));
            // Before anything is painted, so that a dark page does not flash.
            script src=(asset("theme.js")) {}
            @for name in ["times.js", "keys.js", "parts.js", "steps.js", "live.js"] {
                script type="module" src=(asset(name)) {}
            }
        }
    }
}

fn reels() -> Markup {
    html! {
        svg.reels viewBox="0 0 32 20" aria-hidden="true" {
            rect x="1" y="1" width="30" height="18" rx="4" {}
            circle cx="10" cy="9" r="4" {}
            circle cx="22" cy="9" r="4" {}
            path d="M10 15h12" {}
        }
    }
}

/// On a list it narrows that list down; elsewhere it looks for calls.
fn search(page: &Page) -> Markup {
    let is_list = matches!(page.path.as_str(), "/calls" | "/traces" | "/sessions");
    let action = if is_list { page.path.as_str() } else { "/calls" };
    html! {
        form.search role="search" action=(action) {
            @if is_list {
                @for (key, value) in page.filters().filter(|(key, _)| *key != "search") {
                    input type="hidden" name=(key) value=(value);
                }
            }
            input type="search" name="search" aria-label="Search what was said" placeholder="Search what was said"
                value=(page.asked("search").filter(|_| is_list).unwrap_or_default()) autocomplete="off" spellcheck="false";
            kbd aria-hidden="true" { "/" }
        }
    }
}

/// What a form sends back to prove that it is ours.
pub(super) fn csrf(page: &Page) -> Markup {
    html! { @if let Some(token) = &page.csrf { input type="hidden" name="csrf" value=(token); } }
}

fn keys() -> Markup {
    let keys = [
        ("j k", "next, previous"),
        ("Enter", "open"),
        ("u Esc", "back, up"),
        ("/", "search"),
        ("n p", "next, previous page or call"),
        ("x", "mark for comparison"),
        ("c", "copy the id"),
        ("o", "unfold or fold everything"),
        ("d", "dark or light"),
        ("?", "this help"),
    ];
    html! {
        dialog #keys aria-label="Keys" {
            h2 { "Keys" }
            dl {
                @for (key, does) in keys {
                    div { dt { @for one in key.split(' ') { kbd { (one) } " " } } dd { (does) } }
                }
                @for (_, name, _, key) in PAGES { div { dt { kbd { "g" } " " kbd { (key) } } dd { (name) } } }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
