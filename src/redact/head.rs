//! Headers, trailers, targets and labels.

use crate::model::{Exchange, Headers};

use super::coding::Coding;
use super::edit::{self, Edit};
use super::find::{Finder, Match};
use super::{PASSES, body, lines, report};

/// Takes out what has to go. Says how often rules struck.
pub(super) fn redact(finder: &Finder, exchange: &mut Exchange) -> u64 {
    let mut struck = 0;
    let counts = headers(finder, [Some(&mut exchange.headers), exchange.request.trailers.as_mut()]);
    struck += report(finder, exchange, &counts, "the request's headers");
    let head = exchange.head.as_mut().map(|head| &mut head.headers);
    let counts = headers(finder, [head, exchange.response.trailers.as_mut()]);
    struck += report(finder, exchange, &counts, "the response's headers");
    // What the client wrote and what was sent on say the same, but for labels of ours.
    let forwarded = target(finder, &mut exchange.forwarded);
    let own = exchange.target.as_mut().map(|own| target(finder, own)).unwrap_or_default();
    let counts = if forwarded.is_empty() { own } else { forwarded };
    struck += report(finder, exchange, &counts, "the target");
    let mut edits = Vec::new();
    for label in &mut exchange.labels {
        let pass = |value: &mut String| text(value, finder.written(Coding::Plain, value.as_bytes()));
        edits.extend(passes(&mut label.value, pass));
    }
    struck + report(finder, exchange, &body::counts(&edits), "the labels")
}

fn headers(finder: &Finder, all: [Option<&mut Headers>; 2]) -> Vec<(usize, u64)> {
    let mut edits = Vec::new();
    for headers in all.into_iter().flatten() {
        edits.extend(passes(headers, |headers| values(finder, headers)));
    }
    body::counts(&edits)
}

/// Goes through something until nothing is found in it. Where that has no end, nothing of it stays.
fn passes<T: Default>(place: &mut T, pass: impl Fn(&mut T) -> Vec<Edit>) -> Vec<Edit> {
    let mut all = Vec::new();
    for _ in 0..PASSES {
        let more = pass(place);
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
    *place = T::default();
    all
}

/// Names and what is no header stay as they are.
fn values(finder: &Finder, headers: &mut Headers) -> Vec<Edit> {
    let bytes = headers.as_bytes();
    if !finder.may_match(bytes) {
        return Vec::new();
    }
    let mut edits: Vec<Edit> = Vec::new();
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let value = line.strip_suffix(b"\r\n").unwrap_or(line);
        let colon = value.iter().position(|byte| *byte == b':').map_or(0, |colon| colon + 1);
        let found = finder.written(Coding::Plain, value.get(colon..).unwrap_or_default());
        edits.extend(found.into_iter().map(|one| Edit::from(one.at(at + colon))));
        at += line.len();
    }
    if !edits.is_empty() {
        *headers = Headers::from_lines(edit::apply(bytes, 0..bytes.len(), &edits));
    }
    edits
}

fn target(finder: &Finder, target: &mut String) -> Vec<(usize, u64)> {
    let mut edits = passes(target, |target| path_and_query(finder, target));
    if !edits.is_empty() {
        // Brackets have no place in a URL. That stand-ins have none may make a difference in turn.
        *target = finder.without_brackets(target);
        edits.extend(passes(target, |target| {
            let edits = path_and_query(finder, target);
            *target = finder.without_brackets(target);
            edits
        }));
    }
    body::counts(&edits)
}

/// Percent-encoded.
fn path_and_query(finder: &Finder, target: &mut String) -> Vec<Edit> {
    let raw = target.as_bytes();
    let query = memchr::memchr(b'?', raw).map_or(raw.len(), |mark| mark + 1);
    let (path, query) = raw.split_at(query);
    let mut found = finder.written(Coding::Percent, path);
    found.extend(lines::pairs(finder, query).into_iter().map(|one| one.at(path.len())));
    text(target, found)
}

/// Takes matches out of a text, where it stays one.
fn text(text: &mut String, found: Vec<Match>) -> Vec<Edit> {
    let edits: Vec<Edit> = found.into_iter().map(Edit::from).collect();
    if !edits.is_empty() {
        let made = edit::apply(text.as_bytes(), 0..text.len(), &edits);
        // Patterns match whole characters; should one not, nothing of the text stays.
        *text = String::from_utf8(made).unwrap_or_default();
    }
    edits
}
