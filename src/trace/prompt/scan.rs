//! Goes over a prompt once, from front to back, and writes down what does not change by itself.

use super::environment::{self, Listing};
use super::volatile::{self, Found};

/// Bytes that begin something, or end a word.
const PLAIN: u8 = 0;
const SPACE: u8 = 1;
/// A word with one of these in it may hold an id, a path or a time; one without is copied as it is.
const ODD: u8 = 2;

const CLASSES: [u8; 256] = {
    let mut classes = [PLAIN; 256];
    let mut at = 0;
    while at < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "it counts bytes")]
        let byte = at as u8;
        if byte.is_ascii_whitespace() || byte == 0x0b {
            classes[at] = SPACE;
        } else if byte.is_ascii_digit() || byte == b'/' || byte == b'\\' {
            classes[at] = ODD;
        }
        at += 1;
    }
    classes
};

/// What words begin with that may begin a date: the first letters of months and days, and what may stand before them.
const MAY_BEGIN_A_DATE: &[u8] = b"JFMASONDTW\"'`(*[<";

/// White space that is due before the next word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
}

pub struct Scan {
    out: String,
    gap: Gap,
    line_break: char,
}

impl Scan {
    /// `line_break` is written where white space holds a line break.
    pub fn new(line_break: char) -> Self {
        Self { out: String::new(), gap: Gap::None, line_break }
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn text(&mut self, text: &str) {
        self.out.reserve(text.len());
        let mut listing = Listing::default();
        let mut rest = text;
        loop {
            let (line, behind) =
                rest.split_once('\n').map_or((rest, None), |(line, rest)| (line, Some(rest)));
            if !environment::is_volatile(line, behind.unwrap_or_default(), &mut listing) {
                self.line(line);
            }
            let Some(behind) = behind else { break };
            self.gap = Gap::Line;
            rest = behind;
        }
    }

    fn line(&mut self, line: &str) {
        let bytes = line.as_bytes();
        // What is behind `copied` is not written down yet; up to `at` it stays as it is.
        let (mut copied, mut at) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            if CLASSES[usize::from(byte)] == SPACE {
                let single = byte == b' ' && at > copied;
                let before_word = bytes.get(at + 1).is_some_and(|next| CLASSES[usize::from(*next)] != SPACE);
                if !single || !before_word {
                    self.push(&line[copied..at]);
                    self.gap = self.gap.max(Gap::Space);
                    copied = at + 1;
                }
                at += 1;
                continue;
            }
            let start = at;
            let mut odd = false;
            while let Some(&byte) = bytes.get(at) {
                match CLASSES[usize::from(byte)] {
                    SPACE => break,
                    class => odd |= class == ODD,
                }
                at += 1;
            }
            if odd {
                (copied, at) = self.odd_word(line, copied, start, at);
            } else if MAY_BEGIN_A_DATE.contains(&byte) {
                (copied, at) = self.dated(line, copied, start, at);
            }
        }
        self.push(&line[copied..]);
    }

    /// A word that may begin a date in words, which reaches over the words behind it. Says from where on nothing is written
    /// down yet, and where to go on.
    fn dated(&mut self, line: &str, copied: usize, start: usize, end: usize) -> (usize, usize) {
        let word = &line.as_bytes()[start..end];
        let letter = start + word.iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
        let Some(Found { end: behind, word }) = volatile::date(line, letter) else { return (copied, end) };
        self.push(&line[copied..letter]);
        self.push(word);
        (behind, behind)
    }

    /// The same of a word that may hold something.
    fn odd_word(&mut self, line: &str, copied: usize, start: usize, mut end: usize) -> (usize, usize) {
        let bytes = line.as_bytes();
        let (mut at, mut copied) = (start, copied);
        while at < end {
            let Some(Found { end: behind, word }) = volatile::at(line, start, at) else {
                at = volatile::next(bytes, at).min(end);
                continue;
            };
            self.push(&line[copied..at]);
            self.push(word);
            (at, copied) = (behind, behind);
            // What was found may end within a word further on.
            while end < at || bytes.get(end).is_some_and(|byte| CLASSES[usize::from(*byte)] != SPACE) {
                end += 1;
            }
        }
        (copied, end)
    }

    fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.gap {
            _ if self.out.is_empty() => {}
            Gap::None => {}
            Gap::Space => self.out.push(' '),
            Gap::Line => self.out.push(self.line_break),
        }
        self.gap = Gap::None;
        self.out.push_str(text);
    }
}
