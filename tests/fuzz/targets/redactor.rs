//! The redactor: what it leaves has nothing to find in it, and what had nothing, and can be read, stays the very same.

use std::sync::LazyLock;

use serde_json::Value;
use wiretape::redact::{Config, Redactor};

use super::exchange::{BOTH, Input};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
    let rules = ["keys", "cards", "emails", "phones", "ssn"].map(str::to_owned).to_vec();
    let config = Config { rules, fields: vec!["badge".to_owned()], ..Config::default() };
    let fingerprint = |secret: &[u8]| format!("fp:{:08x}", crc32fast::hash(secret));
    Redactor::new(&config, fingerprint).unwrap_or_else(|_| panic!("the rules are sound"))
});

pub fn check(input: &[u8]) {
    let input = Input::read(input);
    let before = input.exchange(None, false);
    let mut after = before.clone();
    let struck = REDACTOR.redact(&mut after);
    // What cannot be decoded is left out without a rule that struck.
    let told = struck > 0 || !after.redactions.is_empty();
    for direction in BOTH {
        let (before, after) = (before.body(direction), after.body(direction));
        assert!(before.bytes == after.bytes || told, "nothing was found or left out, and bytes changed");
        assert!(!is_json(&before.bytes) || is_json(&after.bytes), "JSON is JSON no more");
    }
    // What is broken may be read otherwise once something is out of it.
    if BOTH.iter().any(|direction| !is_sound(&before.body(*direction).bytes)) {
        return;
    }
    after.redactions.clear();
    let mut again = after.clone();
    REDACTOR.redact(&mut again);
    for direction in BOTH {
        let (after, again) = (&after.body(direction).bytes, &again.body(direction).bytes);
        // What stood against a secret may have been a part of what that was not, and has gone from beside it.
        let beside = again.windows(11).any(|window| window == b"][redacted:");
        assert!(after == again || beside, "{}\nlater: {}", after.escape_ascii(), again.escape_ascii());
    }
}

/// A document, or events that are documents.
fn is_sound(body: &[u8]) -> bool {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut texts = lines.map(|line| line.strip_prefix(b"data: ").unwrap_or(line));
    is_json(body) || texts.all(|text| text == b"[DONE]" || is_json(text))
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok()
}
