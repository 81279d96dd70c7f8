//! Finds what has to go in one text: by the rules, by the names of JSON members, and in the JSON texts within it.

use std::borrow::Cow;
use std::ops::Range;

use super::Fingerprint;
use super::built_in::BUILT_IN;
use super::coding::{Coding, Cursor};
use super::fields::{Fields, behind_scheme};
use super::gate::{Gate, bit};
use super::json::{Kind, Leaf, Level, Outcome, Scanner, Sink, may_be_document};
use super::pattern::{Pattern, Sign};
use super::stand_in::{self, StandIns};

/// A JSON text in a JSON text, in a JSON text: arguments of a tool that carries the arguments of another.
const DEEPEST: usize = 4;

/// Something that has to go, and what stands in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) range: Range<usize>,
    pub(super) rule: usize,
    pub(super) stand_in: Box<str>,
    /// How long the secret itself is, however it is written.
    pub(super) length: usize,
}

pub(super) struct Finder {
    patterns: Vec<Pattern>,
    gate: Gate,
    fields: Option<Fields>,
    /// Names of the rules; the one for members' names is the first.
    rules: Vec<String>,
    stand_ins: StandIns,
    fingerprint: Fingerprint,
}

/// The rule that goes by the names of members.
pub(super) const FIELDS: usize = 0;

impl Finder {
    pub(super) fn new(
        rules: Vec<String>,
        patterns: Vec<Pattern>,
        fields: Option<Fields>,
        fingerprint: Fingerprint,
    ) -> Self {
        let gate = Gate::new(&patterns, fields.as_ref());
        let built_in = BUILT_IN.iter().map(|rule| rule.name.to_owned());
        let stand_ins = StandIns::new(rules.iter().cloned().chain(built_in).collect(), &fingerprint(b""));
        Self { patterns, gate, fields, rules, stand_ins, fingerprint }
    }

    pub(super) fn rule(&self, rule: usize) -> &str {
        self.rules.get(rule).map_or("", String::as_str)
    }

    /// Whether there may be anything; almost always there is not, and this says so at once.
    pub(super) fn may_match(&self, text: &[u8]) -> bool {
        self.gate.may_match(text, self.fields.as_ref())
    }

    /// All there is in a text that is part of a document, in order and apart.
    pub(super) fn text(&self, text: &[u8]) -> Vec<Match> {
        let mut found = Vec::new();
        self.look(text, 1, &mut found);
        found
    }

    /// The same of a text as it is written: its ranges are those of the writing.
    pub(super) fn said(&self, coding: Coding, raw: &[u8]) -> Vec<Match> {
        self.written_at(coding, raw, 1)
    }

    /// All there is in a text as it is written, a document or not.
    pub(super) fn written(&self, coding: Coding, raw: &[u8]) -> Vec<Match> {
        self.written_at(coding, raw, 0)
    }

    fn written_at(&self, coding: Coding, raw: &[u8], depth: usize) -> Vec<Match> {
        let mut found = Vec::new();
        if coding.is_plain(raw) {
            self.look(raw, depth, &mut found);
            if coding == Coding::Json {
                for one in &mut found {
                    rewrite(coding, &mut one.stand_in);
                }
            }
            return found;
        }
        let mut text = Vec::with_capacity(raw.len());
        coding.decode(raw, &mut text);
        self.look(&text, depth, &mut found);
        let mut cursor = Cursor::new(coding, raw);
        for one in &mut found {
            one.range = cursor.find(one.range.clone());
            rewrite(coding, &mut one.stand_in);
        }
        found
    }

    fn look(&self, text: &[u8], depth: usize, out: &mut Vec<Match>) {
        if text.is_empty() || !self.may_match(text) {
            return;
        }
        if depth < DEEPEST && may_be_document(text) && self.document(text, depth, out) != Outcome::Broken {
            return;
        }
        self.patterns(text, out);
        settle(out);
    }

    fn patterns(&self, text: &[u8], out: &mut Vec<Match>) {
        let set = self.gate.patterns_for(text);
        // Those that are there before anything is taken out, looked for once something is found.
        let mut taken: Option<Vec<Range<usize>>> = None;
        for (place, pattern) in self.patterns.iter().enumerate() {
            let is_built_in = !matches!(pattern.sign, Sign::None);
            if is_built_in && bit(place).is_some_and(|bit| set & bit == 0) {
                continue;
            }
            pattern.find(text, &mut |range| {
                let taken = taken.get_or_insert_with(|| self.stand_ins.all_in(text));
                let Some(range) = stand_in::beside(text, taken, range, is_built_in) else { return };
                let secret = text.get(range.clone()).unwrap_or_default();
                let stand_in = self.stand_in(pattern.rule, secret);
                out.push(Match { stand_in, rule: pattern.rule, length: range.len(), range });
            });
        }
    }

    /// What stands in the place of a secret.
    fn stand_in(&self, rule: usize, secret: &[u8]) -> Box<str> {
        StandIns::write(self.rule(rule), &(self.fingerprint)(secret))
    }

    /// A text in which stand-ins have no brackets.
    pub(super) fn without_brackets(&self, text: &str) -> String {
        let mut made = String::with_capacity(text.len());
        let mut at = 0;
        for one in self.stand_ins.all_in(text.as_bytes()) {
            let (before, own) = (text.get(at..one.start), text.get(one.clone()));
            made.extend(before);
            made.extend(own.map(|own| own.trim_matches(['[', ']'])));
            at = one.end;
        }
        made.extend(text.get(at..));
        made
    }

    /// Goes through a JSON document that is in one piece.
    pub(super) fn document(&self, text: &[u8], depth: usize, out: &mut Vec<Match>) -> Outcome {
        let mut scanner = Scanner::new();
        scanner.push(text, 0..text.len(), &mut Leaves { finder: self, text, depth, out });
        scanner.finish()
    }

    /// What has to go of one text or number of a document.
    pub(super) fn leaf(&self, text: &[u8], path: &[Level], leaf: &Leaf, depth: usize, out: &mut Vec<Match>) {
        let raw = text.get(leaf.range.clone()).unwrap_or_default();
        let start = leaf.range.start;
        if leaf.kind == Kind::Text && self.is_secret(text, path, depth) {
            out.extend(self.value(raw).map(|one| one.at(start)));
            return;
        }
        if self.gate.is_too_short(raw) || leaf.kind == Kind::Name && self.gate.is_plain_name(raw) {
            return;
        }
        if leaf.kind != Kind::Number {
            out.extend(self.written_at(Coding::Json, raw, depth + 1).into_iter().map(|one| one.at(start)));
        } else if let Some(first) = self.written_at(Coding::Plain, raw, DEEPEST).into_iter().next() {
            // A text in place of a number, so that the rest stays JSON.
            let stand_in = format!("\"{}\"", first.stand_in).into();
            out.push(Match { range: leaf.range.clone(), stand_in, ..first });
        }
    }

    /// Whether the value at hand is called by the name of a credential.
    ///
    /// What an API calls a credential is one where the API is spoken to. What a model and its tools say to each other is
    /// theirs, whatever they call it: there only the names that the user gave hold, and the rules for what is said.
    pub(super) fn is_secret(&self, text: &[u8], path: &[Level], depth: usize) -> bool {
        let (Some(fields), Some((level, outer))) = (&self.fields, path.split_last()) else { return false };
        if !level.is_object {
            return false;
        }
        let name = read(text, level);
        let is_said = |level: &Level| level.is_object && Fields::is_said(&read(text, level));
        if depth > 0 || outer.iter().any(is_said) {
            return fields.is_own(&name);
        }
        let in_outer = |outer: &Level| Fields::is_secret_in(&read(text, outer), &name);
        fields.is_secret(&name) || outer.last().filter(|outer| outer.is_object).is_some_and(in_outer)
    }

    /// The whole of a value, less the scheme before it.
    fn value(&self, raw: &[u8]) -> Option<Match> {
        if raw.is_empty() {
            return None;
        }
        let scheme = behind_scheme(raw);
        let mut secret = Vec::new();
        Coding::Json.decode(raw.get(scheme..).unwrap_or_default(), &mut secret);
        (!self.stand_ins.is_one(&secret)).then(|| self.whole(scheme..raw.len(), &secret))
    }

    /// A value that goes because of its name.
    fn whole(&self, range: Range<usize>, secret: &[u8]) -> Match {
        Match { range, rule: FIELDS, stand_in: self.stand_in(FIELDS, secret), length: secret.len() }
    }

    /// What stands for a value of this name that is written as it is, in a header of an event.
    pub(super) fn named(&self, name: &[u8], value: &[u8]) -> Option<Match> {
        if value.is_empty() || !self.fields.as_ref()?.is_secret(name) {
            return None;
        }
        let scheme = behind_scheme(value);
        let secret = value.get(scheme..).unwrap_or_default();
        (!self.stand_ins.is_one(secret)).then(|| self.whole(scheme..value.len(), secret))
    }

    /// What stands for the value of a form's or a query's parameter of this name.
    pub(super) fn parameter(&self, name: &[u8], raw: &[u8]) -> Option<Match> {
        let mut plain = Vec::new();
        Coding::Percent.decode(name, &mut plain);
        if raw.is_empty() || !self.fields.as_ref()?.is_secret(&plain) {
            return None;
        }
        let mut secret = Vec::new();
        Coding::Percent.decode(raw, &mut secret);
        (!self.stand_ins.is_one(&secret)).then(|| self.whole(0..raw.len(), &secret))
    }
}

impl Match {
    pub(super) fn at(mut self, start: usize) -> Self {
        self.range = self.range.start + start..self.range.end + start;
        self
    }
}

/// The name of the member at hand.
fn read<'t>(text: &'t [u8], level: &Level) -> Cow<'t, [u8]> {
    let raw = text.get(level.name.clone()).unwrap_or_default();
    if Coding::Json.is_plain(raw) {
        return Cow::Borrowed(raw);
    }
    let mut name = Vec::new();
    Coding::Json.decode(raw, &mut name);
    Cow::Owned(name)
}

struct Leaves<'a> {
    finder: &'a Finder,
    text: &'a [u8],
    depth: usize,
    out: &'a mut Vec<Match>,
}

impl Sink for Leaves<'_> {
    fn open(&mut self, _path: &[Level]) {}

    fn leaf(&mut self, path: &[Level], leaf: Leaf) {
        self.finder.leaf(self.text, path, &leaf, self.depth, self.out);
    }

    fn close(&mut self, _path: &[Level]) {}
}

fn rewrite(coding: Coding, stand_in: &mut Box<str>) {
    if let Some(written) = coding.write(stand_in) {
        *stand_in = written.into();
    }
}

/// Puts matches in order, and makes one of those that overlap: the longest of those that begin first gives its name.
pub(super) fn settle(found: &mut Vec<Match>) {
    found.sort_by(|a, b| a.range.start.cmp(&b.range.start).then(b.range.end.cmp(&a.range.end)));
    found.dedup_by(|next, kept| {
        let overlap = next.range.start < kept.range.end;
        if overlap {
            kept.range.end = kept.range.end.max(next.range.end);
        }
        overlap
    });
}
