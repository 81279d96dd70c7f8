//! What is seen, to take away: every form of export, with the filters of the page.

use maud::{Markup, html};

use super::address::with_query;
use crate::export::FORMATS;

/// A menu of forms.
pub(super) fn menu(filters: &[(&str, &str)]) -> Markup {
    html! {
        details.menu {
            summary { "Export" }
            ul {
                @for form in FORMATS {
                    @let query = filters.iter().copied().chain([("format", form.name)]);
                    li { a href=(with_query("/export", query)) download { b { (form.name) } span.quiet { (form.help) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_offered_with_the_filters() {
        let made = menu(&[("trace", "a&b")]).into_string();
        assert_eq!(made.matches("href=\"/export?trace=a%26b&amp;format=").count(), FORMATS.len(), "{made}");
    }
}
