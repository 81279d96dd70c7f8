//! Runs the fixtures. `WIRETAPE_BLESS=1` writes what is read into those that expect something else; look at the difference.

use std::collections::BTreeSet;

use serde_json::Value;
use wiretape::dialect::{self, ALL};
use wiretape::model::{Micros, Reading};

use crate::fixture::{BEGAN, Fixture, all};

/// A reading as fixtures expect it: times as how long after the beginning, in milliseconds.
fn shown(reading: &Reading) -> Value {
    let mut json = reading.to_json();
    let times = [
        ("first_token_ms", reading.answered.first_token),
        ("start_ms", reading.start),
        ("end_ms", reading.end),
    ];
    for (key, time) in times {
        if let Some(Micros(time)) = time {
            json.as_object_mut().unwrap().insert(key.to_owned(), ((time - BEGAN.0) / 1000).into());
        }
    }
    json
}

fn read(fixture: &Fixture, chunk: usize) -> Vec<Value> {
    let readings = dialect::read(&fixture.exchange(chunk));
    let readings = readings.unwrap_or_else(|_| panic!("{}: the reader panicked", fixture.path.display()));
    readings.iter().map(shown).collect()
}

fn without_times(mut readings: Vec<Value>) -> Vec<Value> {
    for reading in &mut readings {
        reading.as_object_mut().unwrap().remove("first_token_ms");
    }
    readings
}

/// What is read does not depend on how the bytes came. Times do: fixtures expect those of one chunk a line, about.
const CHUNK: usize = 64;

/// Events that are like the one before are not read anew: as these, of which none is.
#[test]
fn events_that_come_again_are_read_as_all_others() {
    let mut streams = 0;
    for fixture in all() {
        let mut plain = fixture.exchange(CHUNK);
        let Ok(body) = std::str::from_utf8(&plain.response.bytes) else { continue };
        let mut padded = String::new();
        for (number, line) in body.split_inclusive('\n').enumerate() {
            match line.strip_prefix("data: {") {
                Some(rest) => padded += &format!("data: {{{}{rest}", " ".repeat(number % 5)),
                None => padded += line,
            }
        }
        if padded == body {
            continue;
        }
        let mut other = plain.clone();
        other.response.bytes = padded.into();
        (plain.response.chunks, other.response.chunks) = (Vec::new(), Vec::new());
        let read = |exchange| -> Vec<Value> {
            let readings = dialect::read(exchange).unwrap_or_else(|_| panic!("the reader panicked"));
            without_times(readings.iter().map(shown).collect())
        };
        assert_eq!(read(&plain), read(&other), "{}", fixture.path.display());
        streams += 1;
    }
    assert!(streams > 40, "{streams}");
}

#[test]
fn fixtures_are_read_as_they_say() {
    let bless = std::env::var_os("WIRETAPE_BLESS").is_some();
    let mut wrong = Vec::new();
    for mut fixture in all() {
        let got = Value::from(read(&fixture, CHUNK));
        if fixture.json.get("expect") == Some(&got) {
            continue;
        }
        if bless {
            fixture.json.as_object_mut().unwrap().insert("expect".to_owned(), got);
            let text = serde_json::to_string_pretty(&fixture.json).unwrap() + "\n";
            std::fs::write(&fixture.path, text).unwrap();
        } else {
            let expected = serde_json::to_string_pretty(&fixture.json.get("expect")).unwrap();
            let got = serde_json::to_string_pretty(&got).unwrap();
            wrong.push(format!("{}\nexpected {expected}\ngot {got}", fixture.path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn chunks_do_not_show() {
    for fixture in all() {
        let whole = without_times(read(&fixture, usize::MAX));
        for chunk in [1, 2, 7, 64] {
            assert_eq!(without_times(read(&fixture, chunk)), whole, "{} by {chunk}", fixture.path.display());
        }
    }
}

/// However much of an answer there is, it is read without a panic, and nothing is read that the whole does not have.
#[test]
fn answers_may_break_off_anywhere() {
    for fixture in all() {
        let exchange = fixture.exchange(CHUNK);
        let length = exchange.response.bytes.len();
        for cut in (0..length).step_by(1 + length / 200) {
            let mut exchange = exchange.clone();
            exchange.response.bytes.truncate(cut);
            assert!(dialect::read(&exchange).is_ok(), "{} cut at {cut}", fixture.path.display());
        }
        let request = exchange.request.bytes.len();
        for cut in (0..request).step_by(1 + request / 50) {
            let mut exchange = exchange.clone();
            exchange.request.bytes.truncate(cut);
            assert!(dialect::read(&exchange).is_ok(), "{} cut at {cut}", fixture.path.display());
        }
    }
}

#[test]
fn every_dialect_has_a_fixture_and_reads_its_own() {
    let names: BTreeSet<&str> = ALL.iter().map(|dialect| dialect.name()).collect();
    assert_eq!(names.len(), ALL.len(), "two dialects share a name");
    let fixtures = all();
    let tested: BTreeSet<&str> = fixtures.iter().map(Fixture::dialect).collect();
    assert_eq!(names, tested);
    for fixture in &fixtures {
        for reading in read(fixture, CHUNK) {
            assert_eq!(reading["dialect"], fixture.dialect(), "{}", fixture.path.display());
        }
    }
}
