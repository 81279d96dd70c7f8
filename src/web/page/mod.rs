//! The pages: from the same value that the API answers with to a whole document, or to the part of one that a script asks
//! for. Pure functions; who may see a page, and what stands in it, is decided before.

mod address;
mod annotate;
mod call;
mod compare;
mod dashboard;
mod empty;
mod export;
mod facts;
mod filter;
mod groups;
mod health;
mod layout;
mod list;
mod live;
mod plain;
mod prompts;
mod talk;
mod tree;

pub use call::{call, step_part, text, text_part};
pub use compare::compare;
pub use dashboard::dashboard;
pub use groups::{sessions, traces};
pub use health::health;
pub use list::calls;
pub use live::{live, live_row};
pub use plain::{error, login};
pub use prompts::{prompt, prompts};
pub use talk::{conversation, messages_part};
pub use tree::{steps_part, trace};

/// What a page is part of, for the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nav {
    Live,
    Sessions,
    Traces,
    Calls,
    Prompts,
    Dashboard,
    Health,
    /// Of none of them: a comparison, the login page, an error.
    #[default]
    None,
}

/// What a page is told beside its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub nav: Nav,
    /// The path that was asked for, as it stood in the request: percent-encoded, without the query.
    pub path: String,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Whether the viewer may write scores, notes, tags and pins.
    pub may_write: bool,
    /// What a form must send back as `csrf`.
    pub csrf: Option<String>,
    /// Where agents point at, as `http://127.0.0.1:4750`, for the lines to paste.
    pub proxy: String,
    /// Whether the viewer has logged in, so that there is something to log out of.
    pub logged_in: bool,
}

impl Page {
    /// The first value of a key of the query.
    pub fn asked(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }
}
