//! What a list asks for. The same filters everywhere: in the command line, the API and the pages.

use crate::model::{Kind, Micros, Status, TraceId};

/// Which observations. What is unset holds for all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub session: Option<String>,
    pub trace: Option<TraceId>,
    pub kind: Option<Kind>,
    /// The model that was asked for or that answered; `*` stands for any text.
    pub model: Option<String>,
    pub provider: Option<String>,
    pub status: Option<Status>,
    pub tag: Option<String>,
    pub user: Option<String>,
    /// Begun at this time or later.
    pub since: Option<Micros>,
    /// Begun before this time.
    pub until: Option<Micros>,
    /// Words that must all be in what was said there first; a text in quotes must be there as it stands.
    pub search: Option<String>,
}

/// Which comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
    /// As they came into the store: what began long ago and ended last is last. One that is replaced keeps its place.
    AsRecorded,
    /// The same from its end.
    LastRecorded,
}

impl Order {
    pub fn is_descending(self) -> bool {
        matches!(self, Self::NewestFirst | Self::LastRecorded)
    }

    /// By when they came into the store; else by when they began.
    pub fn is_by_arrival(self) -> bool {
        matches!(self, Self::AsRecorded | Self::LastRecorded)
    }
}

/// How much of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub order: Order,
    pub limit: usize,
    /// Behind this one.
    pub after: Option<Cursor>,
}

/// A place in a list, which stays where it is when the list grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor(pub String);
