//! Dialects: an exchange is read without a panic, and alike however its bytes came.

use serde_json::Value;
use wiretape::dialect::{self, Dialect};
use wiretape::model::Reading;

use super::exchange::Input;

pub fn check(dialect: &dyn Dialect, input: &[u8]) {
    let input = Input::read(input);
    let read = |cut| {
        let exchange = input.exchange(Some(dialect.name()), cut);
        timeless(dialect::read(&exchange).expect("no reader panics"))
    };
    let (whole, cut) = (read(false), read(true));
    // Around a fault a coding hands out more or less of what it had made.
    let corrupt = |reading: &Reading| {
        let problems = reading.asked.problems.iter().chain(&reading.answered.problems);
        problems.into_iter().any(|problem| problem.contains("compressed bytes"))
    };
    if !whole.iter().any(corrupt) {
        assert!(whole == cut, "whole: {whole:#?}\nin pieces: {cut:#?}");
    }
    for reading in &whole {
        let text = serde_json::to_string(&reading.to_json()).expect("a reading is JSON");
        let again: Result<Value, _> = serde_json::from_str(&text);
        // What was said may be as deep as is read, and stands within a record.
        let deep = |why: serde_json::Error| why.to_string().contains("recursion limit");
        assert!(again.is_ok() || again.is_err_and(deep), "what is written as JSON reads as such: {text}");
    }
}

/// Readings without the times at which things came.
fn timeless(mut readings: Vec<Reading>) -> Vec<Reading> {
    for reading in &mut readings {
        reading.answered.first_token = None;
        reading.start = None;
        reading.end = None;
    }
    readings
}
