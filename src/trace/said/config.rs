//! A convention of the user's own, as the configuration names it.

use super::means::Means;
use super::place::{Place, Source};
use super::table::Convention;
use crate::model::setting::{Raw, Setting, Value, quote};
use crate::setting;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnConvention {
    pub name: String,
    pub place: Option<Where>,
    pub means: Option<Means>,
}

pub const CONVENTION_SETTINGS: &[Setting<OwnConvention>] = &[
    Setting {
        key: "where",
        doc: "Where it is said: header:NAME, query:NAME, baggage:NAME (W3C's header), body:PATH, as in \
              body:metadata.conv, or label:NAME. One * in a name stands for anything. Where a header, parameter or \
              entry of the baggage holds JSON, :PATH may follow, as in header:x-context:user.id.",
        set: |own, raw| {
            own.place = Value::read(raw)?;
            Ok(())
        },
        show: |own| own.place.show(),
        example: Some("\"header:x-my-session\""),
    },
    setting!(
        means,
        "What it means: session, parent_session, thread, parent_thread, turn, trace, parent_span, user, tag, label (of \
         the convention's name), prompt_version, trace_name, session_name, agent, role, retries, tool_durations, \
         metadata (an object with any of these), request, account or device. docs/callers.md says what they are.",
        example = "\"session\"",
    ),
];

/// A place that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where(String);

impl Where {
    pub fn new(text: &str) -> Result<Self, String> {
        let place = Place::parse(text)?;
        // A call's headers are compared in lower case, and labels with _ for -.
        let plain = match place.source {
            Source::Header => place.name.to_ascii_lowercase(),
            Source::Label => place.name.to_ascii_lowercase().replace('-', "_"),
            _ => place.name.to_owned(),
        };
        Ok(Self(Place { name: &plain, ..place }.to_string()))
    }
}

impl Value for Where {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => Self::new(text),
            other => Err(format!("expected text in quotes, got {}", other.kind())),
        }
    }

    fn show(&self) -> Option<String> {
        Some(quote(&self.0))
    }
}

impl OwnConvention {
    /// As a line of the table; nothing where it is not whole.
    pub(super) fn line(&self) -> Option<Convention<'_>> {
        let place = Place::parse(&self.place.as_ref()?.0).ok()?;
        Some(Convention::configured(&self.name, place, self.means?))
    }
}
