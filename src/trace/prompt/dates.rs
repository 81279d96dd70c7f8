//! Dates and times as people and programs write them.

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const ZONES: &[&str] = &[
    "UTC", "GMT", "CET", "CEST", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "BST", "IST", "JST",
];

/// Reads on from a place in a line. Each method takes what it names and says whether it was there.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Between the words of a date.
    fn gap(&mut self) -> bool {
        let start = self.at;
        self.eat(b',');
        while self.eat(b' ') {}
        self.at > start
    }

    fn letters(&mut self) -> &'a [u8] {
        self.run(u8::is_ascii_alphabetic)
    }

    fn run(&mut self, of: impl Fn(&u8) -> bool) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let run = &rest[..rest.iter().position(|byte| !of(byte)).unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    /// A number of so many digits.
    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
        let run = self.run(u8::is_ascii_digit);
        if !digits.contains(&run.len()) {
            return None;
        }
        Some(run.iter().fold(0, |number: u32, digit| number.saturating_mul(10) + u32::from(digit - b'0')))
    }

    fn at_boundary(&self) -> bool {
        !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric())
    }

    /// Goes on where the attempt worked out.
    fn attempt<T>(&mut self, attempt: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut further = *self;
        let got = attempt(&mut further)?;
        *self = further;
        Some(got)
    }
}

/// Where a date ends that begins here with a weekday or a month: `Saturday, November 21, 2026`, `Nov 21 2026`,
/// `Sat Nov 21 15:51:22 UTC 2026`.
pub fn in_words(line: &str, at: usize) -> Option<usize> {
    // All of them begin with one of these; most words do not.
    if !matches!(
        line.as_bytes().get(at)?,
        b'J' | b'F' | b'M' | b'A' | b'S' | b'O' | b'N' | b'D' | b'T' | b'W'
    ) {
        return None;
    }
    let mut reader = Reader { bytes: line.as_bytes(), at };
    let with_day = reader.attempt(weekday).is_some() && reader.gap();
    let start = reader;
    if with_day && let Some(end) = in_digits(line, reader.at) {
        return Some(end);
    }
    reader = start;
    reader.attempt(month_first).or_else(|| reader.attempt(day_first))?;
    tail(&mut reader);
    Some(reader.at)
}

/// Where a date ends that begins here with a digit: `2026-11-21T15:51:22Z`, `11/21/2026`, `21 November 2026`.
pub fn in_digits(line: &str, at: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    // Behind a hyphen it is part of a name: that of a model.
    if at > 0 && matches!(bytes[at - 1], b'-' | b'.') {
        return None;
    }
    let mut reader = Reader { bytes, at };
    let attempts = [year_first, year_last, compact, day_first];
    attempts.into_iter().find_map(|attempt| reader.attempt(attempt))?;
    tail(&mut reader);
    Some(reader.at)
}

/// Where a clock time ends that begins here. `1:10` is a ratio unless something says that it is not.
pub fn clock(line: &str, at: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    if at > 0 && matches!(bytes[at - 1], b':' | b'.') {
        return None;
    }
    let mut reader = Reader { bytes, at };
    let sure = hours(&mut reader)?;
    (sure && reader.at_boundary()).then_some(reader.at)
}

fn weekday(reader: &mut Reader) -> Option<()> {
    named(reader.letters(), &DAYS).map(|_| ())
}

/// A name in full, or its first three letters or four.
fn named(word: &[u8], names: &[&str]) -> Option<usize> {
    let in_full = |name: &str| name.as_bytes().eq_ignore_ascii_case(word);
    let in_short = |name: &str| {
        (3..=4).contains(&word.len())
            && name.as_bytes().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    names.iter().position(|name| in_full(name) || in_short(name))
}

fn day(reader: &mut Reader) -> Option<u32> {
    let day = reader.number(1..=2).filter(|day| (1..=31).contains(day))?;
    reader.attempt(|reader| matches!(reader.letters(), b"st" | b"nd" | b"rd" | b"th").then_some(()));
    reader.at_boundary().then_some(day)
}

fn year(reader: &mut Reader) -> Option<u32> {
    let year = reader.number(4..=4).filter(|year| (1900..2200).contains(year))?;
    reader.at_boundary().then_some(year)
}

fn month_first(reader: &mut Reader) -> Option<()> {
    let word = reader.letters();
    named(word, &MONTHS)?;
    reader.eat(b'.');
    if !reader.gap() {
        return None;
    }
    if reader.attempt(year).is_some() {
        return Some(());
    }
    day(reader)?;
    let dated = reader.attempt(|reader| reader.gap().then_some(()).and_then(|()| year(reader))).is_some();
    let timed =
        !dated && reader.attempt(|reader| reader.gap().then_some(()).and_then(|()| hours(reader))).is_some();
    // May and March are words, too.
    (dated || timed || !matches!(word, b"May" | b"March" | b"Mar")).then_some(())
}

fn day_first(reader: &mut Reader) -> Option<()> {
    day(reader)?;
    if !reader.gap() && !reader.eat(b'-') {
        return None;
    }
    reader.attempt(|reader| (reader.letters() == b"of" && reader.gap()).then_some(()));
    let word = reader.letters();
    named(word, &MONTHS).filter(|_| word[0].is_ascii_uppercase())?;
    reader.eat(b'.');
    let dated = reader
        .attempt(|reader| (reader.gap() || reader.eat(b'-')).then_some(()).and_then(|()| year(reader)))
        .is_some();
    (dated || !matches!(word, b"May" | b"March" | b"Mar")).then_some(())
}

fn year_first(reader: &mut Reader) -> Option<()> {
    reader.number(4..=4).filter(|year| (1900..2200).contains(year))?;
    let between = reader.peek().filter(|byte| matches!(byte, b'-' | b'/'))?;
    reader.eat(between);
    reader.number(1..=2).filter(|month| (1..=12).contains(month))?;
    if !reader.eat(between) {
        return None;
    }
    reader.number(2..=2).filter(|day| (1..=31).contains(day))?;
    reader
        .attempt(|reader| (reader.eat(b'T') || reader.eat(b'_')).then_some(()).and_then(|()| hours(reader)));
    reader.at_boundary().then_some(())
}

fn year_last(reader: &mut Reader) -> Option<()> {
    reader.number(1..=2).filter(|number| (1..=31).contains(number))?;
    let between = reader.peek().filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    reader.eat(between);
    reader.number(1..=2).filter(|number| (1..=31).contains(number))?;
    if !reader.eat(between) {
        return None;
    }
    year(reader).map(|_| ())
}

/// `20261121T155122Z`.
fn compact(reader: &mut Reader) -> Option<()> {
    reader.number(8..=8).filter(|number| (19_000_101..22_000_101).contains(number))?;
    if !reader.eat(b'T') && !reader.eat(b'_') && !reader.eat(b'-') {
        return None;
    }
    reader.number(4..=6)?;
    reader.eat(b'Z');
    reader.at_boundary().then_some(())
}

/// What may stand behind a date: a time, a zone, and in some orders the year.
fn tail(reader: &mut Reader) {
    reader.attempt(|reader| {
        reader.gap().then_some(())?;
        reader.attempt(|reader| (reader.letters() == b"at" && reader.gap()).then_some(()));
        hours(reader)
    });
    reader.attempt(|reader| reader.gap().then_some(()).and_then(|()| year(reader)));
}

/// `15:51`, `15:51:22.123Z`, `3:51 PM`, `15-51-22`, `15:51:22 GMT+0100`. Says whether it is sure to be a time.
fn hours(reader: &mut Reader) -> Option<bool> {
    let start = reader.at;
    reader.number(1..=2).filter(|hour| *hour < 24)?;
    let wide = reader.at - start == 2;
    reader.eat(b':').then_some(())?;
    reader.number(2..=2).filter(|minute| *minute < 60)?;
    let seconds = reader.attempt(|reader| reader.eat(b':').then_some(()).and_then(|()| reader.number(2..=2)));
    if seconds.is_some() {
        reader.attempt(|reader| reader.eat(b'.').then_some(()).and_then(|()| reader.number(1..=9)));
    }
    let half = reader.attempt(|reader| {
        while reader.eat(b' ') {}
        matches!(reader.run(|byte| byte.is_ascii_alphabetic()), b"AM" | b"PM" | b"am" | b"pm").then_some(())
    });
    reader.eat(b'Z');
    reader.attempt(|reader| {
        while reader.eat(b' ') {}
        let zone = reader.letters();
        ZONES.iter().any(|known| known.as_bytes() == zone).then_some(())
    });
    reader.attempt(offset);
    (reader.at_boundary() && reader.peek() != Some(b':'))
        .then_some(wide || seconds.is_some() || half.is_some())
}

fn offset(reader: &mut Reader) -> Option<()> {
    (reader.eat(b'+') || reader.eat(b'-')).then_some(())?;
    reader.number(2..=4)?;
    reader.attempt(|reader| reader.eat(b':').then_some(()).and_then(|()| reader.number(2..=2)));
    Some(())
}
