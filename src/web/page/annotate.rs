//! What people, scripts and agents say of a trace or a step, and the forms to say it.

use maud::{Markup, html};
use serde_json::Value;

use super::Page;
use super::facts::{chip, shown};
use super::layout::csrf;
use crate::html::{plain, text_of, time};

/// The annotations of what is at `path`, and forms for more where the viewer may write.
pub(super) fn annotate(page: &Page, path: &str, what: &str, own: &[Value]) -> Markup {
    html! {
        section.annotate aria-label="Notes and scores" {
            @if !own.is_empty() {
                h2 { "Notes and scores" }
                ul { @for one in own { (said(page, path, one)) } }
            }
            @if page.may_write { (forms(page, path, what, own)) }
        }
    }
}

fn said(page: &Page, path: &str, one: &Value) -> Markup {
    html! {
        li {
            (chip(one)) " "
            @if let Some(comment) = text_of(one, "comment") { span.comment dir="auto" { (plain(comment)) } }
            @if text_of(one, "kind") == Some("note") && text_of(one, "comment").is_none() {
                span.comment dir="auto" { (plain(&shown(one).unwrap_or_default())) }
            }
            span.quiet {
                @if let Some(author) = text_of(one, "author") { " " (plain(author)) }
                @if let Some(at) = text_of(one, "time") { " " (time(at)) }
            }
            @if let Some(id) = text_of(one, "id").filter(|_| page.may_write) {
                form.inline method="post" action=(format!("{path}/annotations")) {
                    (csrf(page))
                    input type="hidden" name="delete" value=(id);
                    button.quiet type="submit" aria-label="take it back" title="take it back" { "✕" }
                }
            }
        }
    }
}

fn forms(page: &Page, path: &str, what: &str, own: &[Value]) -> Markup {
    let action = format!("{path}/annotations");
    let is_pinned = own.iter().any(|one| text_of(one, "kind") == Some("pin"));
    html! {
        div.forms {
            span.quiet { (what) ":" }
            @if !is_pinned { (one_button(page, &action, &[("kind", "pin")], "Pin")) }
            (one_button(page, &action, &[("kind", "approval"), ("value", "true")], "Approve"))
            (one_button(page, &action, &[("kind", "approval"), ("value", "false")], "Reject"))
            details.fold {
                summary { "Score, tag or note" }
                form method="post" action=(action) {
                    (csrf(page))
                    input type="hidden" name="kind" value="score";
                    label { span { "Score" } input name="name" required placeholder="helpful" maxlength="100" autocomplete="off"; }
                    label { span { "Value" } input name="value" required placeholder="0.8, true, or a word" maxlength="200" autocomplete="off"; }
                    label { span { "Comment" } input name="comment" maxlength="4000" autocomplete="off"; }
                    button type="submit" { "Add score" }
                }
                form method="post" action=(action) {
                    (csrf(page))
                    input type="hidden" name="kind" value="tag";
                    label { span { "Tag" } input name="value" required maxlength="100" autocomplete="off"; }
                    button type="submit" { "Add tag" }
                }
                form method="post" action=(action) {
                    (csrf(page))
                    input type="hidden" name="kind" value="note";
                    label.grow { span { "Note" } textarea name="comment" required rows="2" maxlength="20000" {} }
                    button type="submit" { "Add note" }
                }
            }
        }
    }
}

fn one_button(page: &Page, action: &str, values: &[(&str, &str)], name: &str) -> Markup {
    html! {
        form.inline method="post" action=(action) {
            (csrf(page))
            @for (key, value) in values { input type="hidden" name=(key) value=(value); }
            button type="submit" { (name) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn forms_are_there_for_who_may_write_and_carry_the_token() {
        let own = [
            json!({"id": "1", "kind": "note", "comment": "<b>", "author": "<i>"}),
            json!({"kind": "score", "name": "s", "value": 0.5}),
        ];
        let reader = annotate(&Page::default(), "/calls/1", "This call", &own).into_string();
        assert!(
            !reader.contains("<form")
                && reader.contains("0.5")
                && !reader.contains("<b>&lt;")
                && !reader.contains("<i>"),
            "{reader}"
        );
        let page = Page { may_write: true, csrf: Some("secret".to_owned()), ..Page::default() };
        let writer = annotate(&page, "/calls/1", "This call", &own).into_string();
        assert_eq!(writer.matches("<form").count(), writer.matches("name=\"csrf\" value=\"secret\"").count());
        assert!(writer.contains("action=\"/calls/1/annotations\""));
    }
}
