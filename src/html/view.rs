//! How much of a long text is shown, and where the rest is.

use maud::{Markup, html};

use super::number::bytes;

/// So much of a text is shown at first, in bytes.
pub const FIRST: usize = 16_000;

/// The rest of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    pub address: String,
    /// The address answers with a part of a page that takes this one's place; else it leads to another page.
    pub is_part: bool,
}

/// Where the rest of a text is that is at a JSON pointer, from a byte on.
pub type Rest<'a> = dyn Fn(&str, usize) -> More + 'a;

/// How markup is made, where that differs between a page and a file of its own.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The rest of a text that is at a JSON pointer, from this byte on. Without it all is shown.
    pub more: Option<&'a Rest<'a>>,
    /// The pointer of what is being shown.
    pub at: &'a str,
}

impl<'a> View<'a> {
    /// Everything at once, as in a file of its own.
    pub const WHOLE: View<'static> = View { more: None, at: "" };

    /// The view of a member.
    #[must_use]
    pub fn at<'b>(&self, pointer: &'b str) -> View<'b>
    where
        'a: 'b,
    {
        View { more: self.more, at: pointer }
    }

    /// The pointer of a member.
    pub fn pointer(&self, member: &str) -> String {
        format!("{}/{}", self.at, member.replace('~', "~0").replace('/', "~1"))
    }
}

/// Where a text is cut that may be at most so long: behind a line if one ends near, never within a character.
pub fn cut(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = text.get(..end).and_then(|text| text.rfind('\n')).map(|at| at + 1);
    near.filter(|near| *near >= end - end / 4).unwrap_or(end)
}

/// A text that may be long: its beginning, and a way to the rest.
pub fn long(text: &str, view: View<'_>, show: impl Fn(&str) -> Markup) -> Markup {
    let Some(more) = view.more else { return show(text) };
    // A little more than the limit is not worth a click.
    let end = if text.len() <= FIRST * 5 / 4 { text.len() } else { cut(text, FIRST) };
    let (first, rest) = text.split_at(end);
    html! {
        (show(first))
        @if !rest.is_empty() { (rest_of(&more(view.at, end), rest.len())) }
    }
}

/// The link to what is not shown yet; where parts can be loaded, also to all of it.
pub fn rest_of(more: &More, left: usize) -> Markup {
    let is_long = more.is_part && left > 4 * FIRST;
    let left = bytes(u64::try_from(left).unwrap_or(u64::MAX));
    html! {
        p.more {
            a href=(more.address) data-more[more.is_part] { "Show more" }
            @if is_long { " " a href=(format!("{}&all=1", more.address)) data-more { "Show all" } }
            span.quiet { " " (left) " left" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::plain;

    #[test]
    fn a_text_is_cut_at_a_line_or_between_characters() {
        assert_eq!(cut("short", 10), 5);
        assert_eq!(cut("eight\nmore of it", 8), 6);
        assert_eq!(cut("a\nlong line of it", 12), 12);
        assert_eq!(cut("ééé", 3), 2);
    }

    #[test]
    fn a_long_text_leads_to_its_rest() {
        let text = "x".repeat(50_000);
        let more = |pointer: &str, from: usize| More {
            address: format!("/t?at={pointer}&from={from}"),
            is_part: true,
        };
        let view = View { more: Some(&more), at: "/a" };
        let made = long(&text, view, plain).into_string();
        assert!(made.contains("href=\"/t?at=/a&amp;from=16000\" data-more"), "{}", &made[16_000..]);
        assert!(made.contains("34.0 kB left"));
        assert_eq!(long(&text, View::WHOLE, plain).into_string(), text);
    }
}
