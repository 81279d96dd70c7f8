//! The login page, and errors.

use maud::{Markup, html};

use super::Page;
use super::layout::{bare, document};
use crate::html::{plain, visible};

/// Asks for the token. `why` says what was wrong with the one before.
pub fn login(page: &Page, why: Option<&str>) -> Markup {
    let body = html! {
        form.login method="post" action="/login" {
            h1 { "Log in" }
            p.quiet { "With the token that " code { "web.token" } " or " code { "web.read_token" } " sets." }
            @if let Some(why) = why { p.bad role="alert" { (plain(why)) } }
            label for="token" { "Token" }
            input #token type="password" name="token" autocomplete="current-password" autofocus required;
            input type="hidden" name="next" value=(page.asked("next").unwrap_or("/"));
            button.main type="submit" { "Log in" }
        }
    };
    bare("Log in", &body)
}

/// Says what went wrong. `is_known` says that the viewer may see the other pages.
pub fn error(page: &Page, status: u16, message: &str, is_known: bool) -> Markup {
    let title = match status {
        400 => "That could not be read",
        401 | 403 => "Not for you",
        404 | 410 => "Not there",
        421 => "Another machine was meant",
        429 => "Too often",
        503 => "Not now",
        _ => "That went wrong",
    };
    let body = html! {
        section.lonely {
            p.status { (status) }
            h1 { (title) }
            p { (plain(&visible(message))) }
            @if is_known { p { a href="/calls" { "All calls" } " · " a href="/traces" { "All traces" } } }
        }
    };
    if is_known { document(page, title, &body) } else { bare(title, &body) }
}
