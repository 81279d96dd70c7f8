//! Where something is said: in which header, label, query parameter, entry of the baggage or member of a body.

use std::fmt;

use crate::model::setting::nearest;

/// The parts of a call in which callers say something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Our own: `x-wiretape-KEY` headers and `/~KEY=value/` in front of a path.
    Label,
    Header,
    Query,
    /// W3C's header for what a whole distributed call has in common.
    Baggage,
    /// The request's body, by the names that the provider uses.
    Body,
    /// The line that Claude Code puts in front of its system prompt: `x-anthropic-billing-header: KEY=value; …`.
    System,
}

const SOURCES: &[(Source, &str)] = &[
    (Source::Header, "header"),
    (Source::Body, "body"),
    (Source::Query, "query"),
    (Source::Baggage, "baggage"),
    (Source::Label, "label"),
    (Source::System, "system"),
];

/// What a user may look in. The system prompt is no place to say anything of a call.
const FOR_USERS: &str = "\"header:NAME\", \"body:PATH\", \"query:NAME\", \"baggage:NAME\" or \"label:NAME\"";

/// `header:x-session-id`, `header:x-portkey-metadata:_user`, `header:helicone-property-*`, `body:metadata.user_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub source: Source,
    /// A name, in which one `*` stands for anything; in a body, names of members with dots between them.
    pub name: &'a str,
    /// Where in the JSON that stands there. Bodies have this in their name.
    pub path: &'a str,
}

impl Source {
    fn name(self) -> &'static str {
        SOURCES.iter().find(|(source, _)| *source == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, name, path } = self;
        write!(f, "{}:{name}", source.name())?;
        if path.is_empty() { Ok(()) } else { write!(f, ":{path}") }
    }
}

impl<'a> Place<'a> {
    /// As a user writes it. The error says what is wrong with it.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let expected = || format!("expected {FOR_USERS}, got {text:?}");
        let (source, rest) = text.split_once(':').ok_or_else(expected)?;
        let found = SOURCES.iter().find(|(own, name)| *name == source && *own != Source::System);
        let Some((source, _)) = found else {
            let near = nearest(source, SOURCES[..SOURCES.len() - 1].iter().map(|(_, name)| *name));
            return Err(near.map_or_else(expected, |near| {
                format!("nothing is called {source:?}, did you mean \"{near}:{rest}\"?")
            }));
        };
        let (name, path) = match source {
            Source::Body | Source::Label => (rest, ""),
            _ => rest.split_once(':').unwrap_or((rest, "")),
        };
        let place = Self { source: *source, name, path };
        place.fault().map_or(Ok(place), Err)
    }

    fn fault(&self) -> Option<String> {
        let Self { source, name, path } = self;
        let dots = |path: &str| path.split('.').any(str::is_empty);
        if name.is_empty() {
            return Some(format!("a name is missing behind \"{}:\"", source.name()));
        }
        if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Some(format!("{name:?} is no name: it has a space in it"));
        }
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if *source == Source::Header && !name.bytes().all(token) {
            return Some(format!("{name:?} is no name of a header"));
        }
        match name.matches('*').count() {
            0 => {}
            1 if *source != Source::Body && *name != "*" => {}
            1 => return Some(format!("{name:?} would be anything")),
            _ => return Some(format!("{name:?} has more than one *")),
        }
        if *source == Source::Body && dots(name) || !path.is_empty() && dots(path) {
            return Some("a name is missing between its dots".to_owned());
        }
        None
    }

    /// Whether this name is meant; what the `*` stands for, or an empty text where there is none.
    pub fn matches<'n>(&self, name: &'n str) -> Option<&'n str> {
        if self.name == name {
            return Some("");
        }
        let (begin, end) = self.name.split_once('*')?;
        let star = name.strip_prefix(begin)?.strip_suffix(end)?;
        (!star.is_empty()).then_some(star)
    }

    pub fn is_pattern(&self) -> bool {
        self.source != Source::Body && self.name.contains('*')
    }

    /// Whether `other` is this member of what stands here, or lies within it.
    pub fn leads_to(&self, key: &str, other: &Place) -> bool {
        if self.source != other.source {
            return false;
        }
        let behind = match self.source {
            Source::Body => other.name.strip_prefix(self.name).and_then(|behind| behind.strip_prefix('.')),
            _ if self.name == other.name && self.path.is_empty() => Some(other.path),
            _ => None,
        };
        let behind = behind.and_then(|behind| behind.strip_prefix(key));
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "header:x-my-session",
            "header:x-my-*-id",
            "header:x-meta:a.b",
            "body:metadata.conv",
            "body:tensorzero::episode_id",
            "query:session",
            "baggage:session.id",
            "label:session",
        ] {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("x-my-session", "expected \"header:NAME\", "),
            ("heeder:x", "nothing is called \"heeder\", did you mean \"header:x\"?"),
            ("system:cc", "expected \"header:NAME\", "),
            ("header:", "a name is missing behind \"header:\""),
            ("header:a b", "\"a b\" is no name: it has a space in it"),
            ("header:é", "\"é\" is no name of a header"),
            ("header:*", "\"*\" would be anything"),
            ("body:a*", "\"a*\" would be anything"),
            ("header:a*b*", "\"a*b*\" has more than one *"),
            ("body:a..b", "a name is missing between its dots"),
            ("header:a:b.", "a name is missing between its dots"),
        ] {
            let said = Place::parse(text).unwrap_err();
            assert!(said.starts_with(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_star_stands_for_something() {
        let place = Place::parse("header:x-*-session-id").unwrap();
        assert_eq!(place.matches("x-my-session-id"), Some("my"));
        assert_eq!(place.matches("x-session-id"), None);
        assert_eq!(place.matches("x--session-id"), None);
        assert_eq!(Place::parse("header:a").unwrap().matches("a"), Some(""));
    }
}
