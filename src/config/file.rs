//! The file's layer: TOML with the place of every key and value.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::hint;
use super::load::Layers;
use super::mistake::Place;
use super::section::{SECTIONS, Section};
use crate::model::setting::{Raw, key as spelled};

type Pair<'a, 'i> = (&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>);

/// Reads the file into the layers. False where it is not whole: it, or some of its syntax, could not be read.
pub(super) fn read(path: &Path, named_by: Option<&str>, layers: &mut Layers) -> bool {
    let place = || Place::File(path.to_owned());
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(why) => {
            let named = named_by.map(|who| format!(" (named by {who})")).unwrap_or_default();
            layers.wrong(place(), "", format!("cannot be read: {why}{named}"), None);
            return false;
        }
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => Document { path, text }.read(layers),
        Err(why) => {
            let good = std::str::from_utf8(&bytes[..why.valid_up_to()]).unwrap_or_default();
            let place = Document { path, text: good }.place(&(good.len()..good.len()));
            layers.wrong(place, "", "is not UTF-8", None);
            false
        }
    }
}

struct Document<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Document<'_> {
    fn read(&self, layers: &mut Layers) -> bool {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        let broken: Vec<Range<usize>> =
            errors.iter().filter_map(|why| self.spoilt(why.span()?.start)).collect();
        for why in &errors {
            let span = why.span().unwrap_or_default();
            let what = why.message().trim_end_matches(", expected nothing").replace('\n', ", ");
            layers.wrong(self.place(&span), "", what, self.quotes(span.start));
        }
        let before = layers.mistakes.len();
        for (key, value) in in_order(root.get_ref()) {
            self.section(key, value, layers);
        }
        // What the parser put in the place of what it could not read is its doing, not the user's.
        let mut at = 0;
        layers.mistakes.retain(|mistake| {
            at += 1;
            at <= before || !matches!(&mistake.place, Place::Line(_, line, _) if broken.iter().any(|lines| lines.contains(line)))
        });
        errors.is_empty()
    }

    /// The commonest slip, which the parser takes for a bad number or date.
    fn quotes(&self, at: usize) -> Option<String> {
        let (_, line) = self.text.get(..at)?.rsplit_once('\n').unwrap_or(("", self.text.get(..at)?));
        let (_, value) = line.split_once('=')?;
        let bare = value.trim_start().starts_with(|c: char| c.is_alphanumeric());
        bare.then(|| "text needs quotes".to_owned())
    }

    fn section(&self, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>, layers: &mut Layers) {
        let name = key.get_ref().as_ref();
        let place = self.place(&key.span());
        let Some(section) = Section::find(name) else {
            let table = matches!(value.get_ref(), DeValue::Table(_));
            let what = if table { "no such section" } else { "no section before this key" };
            let hint = hint::for_section(name).unwrap_or_else(|| {
                let known: Vec<String> = SECTIONS.iter().map(Section::header).collect();
                format!("there are {}", known.join(", "))
            });
            return layers.wrong(place, spelled(name), what, Some(hint));
        };
        let DeValue::Table(table) = value.get_ref() else {
            return layers.wrong(place, name, format!("expected a table, {}", section.header()), None);
        };
        if !section.named {
            layers.said(name, place);
            return self.table(section, "", table, layers);
        }
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            let place = self.place(&key.span());
            let path = format!("{}.{name}", section.name);
            let DeValue::Table(table) = value.get_ref() else {
                let what = format!("expected a table, {}", section.header());
                layers.wrong(place, path, what, None);
                continue;
            };
            layers.said(&path, place);
            (section.open)(&mut layers.config, name);
            self.table(section, name, table, layers);
        }
    }

    fn table(&self, section: &Section, name: &str, table: &DeTable<'_>, layers: &mut Layers) {
        for (key, value) in in_order(table) {
            let place = self.place(&key.span());
            let path = section.path(name, key.get_ref());
            let Some(at) = section.position(key.get_ref()) else {
                let hint = hint::for_key(section, key.get_ref(), str::to_owned);
                layers.wrong(place, path, "no such key", hint);
                continue;
            };
            let read = raw(value.get_ref()).and_then(|raw| (section.set)(&mut layers.config, name, at, &raw));
            match read {
                Ok(()) => layers.said(&path, place),
                Err(why) => layers.wrong(self.place(&value.span()), path, why, None),
            }
        }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Place::Line(self.path.to_owned(), line, before[line_start..].chars().count() + 1)
    }

    /// The lines that a syntax error there makes meaningless: its own, and where that is a header what it heads.
    fn spoilt(&self, at: usize) -> Option<Range<usize>> {
        let line = self.text.get(..at)?.matches('\n').count() + 1;
        let is_header = |line: &str| line.trim_start().starts_with('[');
        let mut after = self.text.lines().skip(line - 1);
        if !after.next().is_some_and(is_header) {
            return Some(line..line + 1);
        }
        Some(line..line + 1 + after.take_while(|line| !is_header(line)).count())
    }
}

/// The rows of a table as the file has them; the parser's are sorted by name.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Pair<'a, 'i>> {
    let mut rows: Vec<Pair<'a, 'i>> = table.iter().collect();
    rows.sort_by_key(|(key, _)| key.span().start);
    rows
}

/// A value as written, or why it can be no setting at all.
pub(super) fn raw(value: &DeValue<'_>) -> Result<Raw, String> {
    Ok(match value {
        DeValue::String(text) => Raw::Text(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Raw::Integer(number),
            Err(_) => return Err(format!("{number} is too large")),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Raw::Float(number),
            Err(_) => return Err(format!("{number} is not a number")),
        },
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Datetime(_) => return Err("no setting is a date: text needs quotes".to_owned()),
        DeValue::Array(items) => {
            Raw::List(items.iter().map(|item| raw(item.get_ref())).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Raw::Table(
            in_order(table)
                .into_iter()
                .map(|(key, value)| Ok((key.get_ref().to_string(), raw(value.get_ref())?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}
