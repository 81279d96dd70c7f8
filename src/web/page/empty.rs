//! What to do next where there is nothing to show, with the lines to paste.

use maud::{Markup, html};

use super::Page;

/// Nothing was recorded yet, or nothing that passes the filters.
pub(super) fn empty(page: &Page, what: &str) -> Markup {
    if page.filters().next().is_some() {
        return html! {
            section.lonely {
                h2 { "No " (what) " that pass" }
                p { a.button href=(page.path) { "Take the filters off" } }
            }
        };
    }
    html! {
        section.lonely.start {
            h2 { "Nothing recorded yet" }
            p { "Point an agent here: it goes on as before, and what it says appears on these pages." }
            (lines(page))
            p.quiet { "No agent at hand? " code { "wiretape demo" } " plays one, without any key." }
        }
    }
}

/// The lines that point agents and SDKs at the proxy.
pub(super) fn lines(page: &Page) -> Markup {
    let proxy = page.proxy.trim_end_matches('/');
    let blocks = [
        ("Any agent or program", "wiretape run -- claude".to_owned()),
        ("Claude Code, Anthropic SDKs", format!("export ANTHROPIC_BASE_URL={proxy}")),
        ("OpenAI SDKs and what is built on them", format!("export OPENAI_BASE_URL={proxy}/v1")),
        ("Codex", format!("codex -c openai_base_url=\"{proxy}/v1\"")),
        ("Gemini CLI, google-genai", format!("export GOOGLE_GEMINI_BASE_URL={proxy}")),
        ("Ollama clients", format!("export OLLAMA_HOST={proxy}")),
        ("Anything else", format!("{proxy}/NAME/path-of-the-provider")),
    ];
    html! {
        dl.paste {
            @for (who, line) in &blocks {
                div { dt { (who) } dd { code { (line) } button type="button" data-copy=(line) hidden { "Copy" } } }
            }
        }
    }
}
