//! A call laid open for looking things up in it: its headers, labels, query, baggage and body.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::place::{Place, Source};
use super::table::has_own_line;
use crate::model::{Exchange, Label, PartKind, Reading};

/// What is longer is not parsed: nobody says who he is in so many words.
const LONGEST_JSON: usize = 64 << 10;
/// The same of the baggage, for which W3C has 8 KiB and 64 entries.
const MOST_BAGGAGE: usize = 256;

/// The member of a body that names the conversation, which a dialect may know from elsewhere.
const CONVERSATION: &str = "conversation";

const BILLING: &str = "x-anthropic-billing-header:";

/// A name with what stands there.
struct Entry<'a> {
    name: Cow<'a, str>,
    /// The name as it is compared, where that is another.
    key: Option<String>,
    text: Cow<'a, str>,
    /// Where the text is a JSON object.
    json: Option<Value>,
}

impl Entry<'_> {
    fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.name)
    }
}

pub struct Look<'a> {
    headers: Vec<Entry<'a>>,
    labels: Vec<Entry<'a>>,
    query: Vec<Entry<'a>>,
    baggage: Vec<Entry<'a>>,
    system: Vec<Entry<'a>>,
    body: Option<&'a Map<String, Value>>,
    conversation: Option<&'a str>,
    /// The programs that call, as they name themselves, in lower case.
    agent: String,
}

/// What was found at a place.
pub struct Found {
    /// The place by its full name, also where a pattern found it.
    pub place: String,
    /// What the pattern's `*` stands for, else nothing.
    pub star: String,
    pub value: Value,
}

impl<'a> Look<'a> {
    pub fn at(exchange: &'a Exchange, reading: Option<&'a Reading>) -> Self {
        let headers: Vec<Entry> = exchange.headers.iter().filter_map(header).collect();
        let agent = headers.iter().filter(|own| matches!(&*own.name, "user-agent" | "originator"));
        let agent: Vec<String> = agent.map(|own| own.text.to_ascii_lowercase()).collect();
        let baggage = exchange.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("baggage"));
        let baggage = baggage.filter_map(|(_, value)| std::str::from_utf8(value).ok());
        let baggage = baggage.flat_map(|members| members.split(','));
        Self {
            baggage: baggage.take(MOST_BAGGAGE).filter_map(baggage_entry).collect(),
            labels: exchange.labels.iter().map(label).collect(),
            query: exchange.path_and_query().1.map(query).unwrap_or_default(),
            system: reading.map(billing).unwrap_or_default(),
            body: reading.map(|reading| &reading.asked.parameters),
            conversation: reading.and_then(|reading| reading.asked.conversation.as_deref()),
            agent: agent.join(" "),
            headers,
        }
    }

    /// Whether the caller is one of these programs.
    pub fn is_from(&self, agents: &[&str]) -> bool {
        agents.is_empty() || agents.iter().any(|agent| self.agent.contains(agent))
    }

    /// The names of all that there is; of a body, its members.
    pub fn names(&self, out: &mut dyn FnMut(Source, &str)) {
        let all = [
            (Source::Label, &self.labels),
            (Source::Header, &self.headers),
            (Source::Query, &self.query),
            (Source::Baggage, &self.baggage),
            (Source::System, &self.system),
        ];
        for (source, entries) in all {
            entries.iter().for_each(|entry| out(source, entry.key()));
        }
        self.body.into_iter().flat_map(Map::keys).for_each(|name| out(Source::Body, name));
        if self.conversation.is_some() {
            out(Source::Body, CONVERSATION);
        }
    }

    /// Everything at a place, in order; of labels the last word comes first. A pattern of the table's finds only what no
    /// other line of it is about.
    pub fn find(&self, place: Place, of_table: bool) -> Vec<Found> {
        let entries = match place.source {
            Source::Body => return self.in_body(place).into_iter().collect(),
            Source::Label => &self.labels,
            Source::Header => &self.headers,
            Source::Query => &self.query,
            Source::Baggage => &self.baggage,
            Source::System => &self.system,
        };
        let found = entries.iter().filter_map(|entry| at_entry(place, entry, of_table));
        // As ever with labels, one that stands nearer to the call overrides one in front of it.
        if place.source == Source::Label { found.rev().collect() } else { found.collect() }
    }

    fn in_body(&self, place: Place) -> Option<Found> {
        let told = self.conversation.filter(|_| place.name == CONVERSATION);
        let value = match told {
            Some(conversation) => conversation.into(),
            None => member(self.body?, place.name)?,
        };
        Some(Found { place: place.to_string(), star: String::new(), value })
    }
}

fn at_entry(place: Place, entry: &Entry, of_table: bool) -> Option<Found> {
    let star = place.matches(entry.key())?;
    if of_table && place.is_pattern() && has_own_line(place.source, entry.key()) {
        return None;
    }
    let star = if star == entry.key() { &entry.name } else { star };
    let value = match (&entry.json, place.path) {
        (Some(json), "") => json.clone(),
        (Some(json), path) => within(json, path)?,
        (None, "") => entry.text.as_ref().into(),
        (None, _) => return None,
    };
    let named = Place { name: &entry.name, ..place };
    Some(Found { place: named.to_string(), star: star.to_owned(), value })
}

fn entry<'a>(name: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Entry<'a> {
    let text = text.into();
    Entry { name: name.into(), key: None, json: parsed(&text), text }
}

/// What is `prompt-version` in a header is `prompt_version` in a path.
fn label(label: &Label) -> Entry<'_> {
    let key = label.key.to_ascii_lowercase().replace('-', "_");
    Entry { key: Some(key), ..entry(&label.key, &label.value) }
}

fn header<'a>((name, value): (&'a str, &'a [u8])) -> Option<Entry<'a>> {
    let text = std::str::from_utf8(value).ok()?;
    let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    let name = if is_lower { name.into() } else { Cow::from(name.to_ascii_lowercase()) };
    Some(entry(name, text))
}

/// A JSON object in a text.
fn parsed(text: &str) -> Option<Value> {
    let text = text.trim();
    let is_object = text.starts_with('{') && text.len() <= LONGEST_JSON;
    is_object.then(|| serde_json::from_str(text).ok()).flatten()
}

/// `KEY=value;property`, percent-encoded.
fn baggage_entry(member: &str) -> Option<Entry<'_>> {
    let pair = member.split(';').next()?;
    let (name, value) = pair.split_once('=')?;
    Some(entry(decoded(name.trim(), false), decoded(value.trim(), false)))
}

fn query(query: &str) -> Vec<Entry<'_>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| entry(decoded(name, true), decoded(value, true))).collect()
}

/// The line that Claude Code says of itself in front of its system prompt.
fn billing(reading: &Reading) -> Vec<Entry<'_>> {
    let lines = reading.asked.system.iter().filter_map(|part| match &part.kind {
        PartKind::Text(text) => text.strip_prefix(BILLING),
        _ => None,
    });
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| entry(name.trim(), value.trim())).collect()
}

fn member(object: &Map<String, Value>, path: &str) -> Option<Value> {
    if let Some(value) = object.get(path) {
        return Some(value.clone());
    }
    let (key, rest) = path.split_once('.')?;
    within(object.get(key)?, rest)
}

/// What stands there in a value, also where that is JSON in a text.
fn within(value: &Value, path: &str) -> Option<Value> {
    match value {
        Value::String(text) => member(parsed(text)?.as_object()?, path),
        other => member(other.as_object()?, path),
    }
}

/// `%XX` decoded, in queries also `+`; as it came where that makes no text.
pub fn decoded(text: &str, plus: bool) -> String {
    let coded = |byte: u8| byte == b'%' || plus && byte == b'+';
    if !text.bytes().any(coded) {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let hex = hex.filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                bytes.nth(1);
            }
            None => out.push(if plus && byte == b'+' { b' ' } else { byte }),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for (text, plus, meant) in [
            ("a%20b", false, "a b"),
            ("a+b", false, "a+b"),
            ("a+b%2B", true, "a b+"),
            ("%zz%", false, "%zz%"),
            ("%+1", false, "%+1"),
            ("%ff", false, "%ff"),
            ("%C3%A9é", false, "éé"),
        ] {
            assert_eq!(decoded(text, plus), meant);
        }
    }

    #[test]
    fn members_are_found_through_texts_and_dots() {
        let value = serde_json::json!({"a.b": 1, "c": "{\"d\": {\"e\": 2}}", "f": "x"});
        assert_eq!(within(&value, "a.b"), Some(1.into()));
        assert_eq!(within(&value, "c.d.e"), Some(2.into()));
        assert_eq!(within(&value, "f.g"), None);
    }
}
