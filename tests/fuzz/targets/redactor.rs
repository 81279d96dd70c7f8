//! The redactor: what it leaves has nothing to find in it, and what had nothing, and can be read, stays the very same.
//! That holds whatever the bytes are: what a second pass would find, the first should have taken out.

use std::sync::LazyLock;

use serde_json::Value;
use wiretape::model::Exchange;
use wiretape::redact::{Config, Redactor, RuleConfig};

use super::exchange::{BOTH, Input, OWN_RULES};

static BUILT_IN: LazyLock<Redactor> = LazyLock::new(|| {
    let rules = ["keys", "cards", "emails", "phones", "ssn"].map(str::to_owned).to_vec();
    made(&Config { rules, fields: vec!["badge".to_owned()], ..Config::default() })
});

/// Rules such as a user may write, which go by what stands about a secret, and by its length.
static OWN: LazyLock<Redactor> = LazyLock::new(|| {
    let patterns = [r"\b[0-9]{4}", "(?i)me (?<secret>.{1,24})", r"[a-z]{6}\b", "it is .*"];
    let own = |(at, pattern): (usize, &&str)| {
        let rule = RuleConfig { pattern: Some((*pattern).to_owned()), ..RuleConfig::default() };
        (format!("own-{at}"), rule)
    };
    made(&Config { own: patterns.iter().enumerate().map(own).collect(), ..Config::default() })
});

fn made(config: &Config) -> Redactor {
    let fingerprint = |secret: &[u8]| format!("fp:{:08x}", crc32fast::hash(secret));
    Redactor::new(config, fingerprint).unwrap_or_else(|_| panic!("the rules are sound"))
}

pub fn check(input: &[u8]) {
    let input = Input::read(input);
    let redactor = if input.flags & OWN_RULES == 0 { &BUILT_IN } else { &OWN };
    let before = input.exchange(None, false);
    let mut after = before.clone();
    let struck = redactor.redact(&mut after);
    let has_end = after.redactions.iter().all(|line| !line.contains("whatever is taken out"));
    assert!(has_end, "{:?}", after.redactions);
    // What cannot be decoded is left out without a rule that struck.
    let told = struck > 0 || !after.redactions.is_empty();
    for direction in BOTH {
        let (before, after) = (before.body(direction), after.body(direction));
        assert!(before.bytes == after.bytes || told, "nothing was found or left out, and bytes changed");
        // What looks like JSON may be said to be something else, and left out.
        let is_whole = after.lost == 0;
        assert!(!is_whole || !is_json(&before.bytes) || is_json(&after.bytes), "JSON is JSON no more");
    }
    after.redactions.clear();
    let mut again = after.clone();
    redactor.redact(&mut again);
    let texts = |exchange: &Exchange| [exchange.headers.as_bytes(), exchange.forwarded.as_bytes()].concat();
    assert_eq!(after.redactions, again.redactions, "{}", texts(&after).escape_ascii());
    for direction in BOTH {
        let (after, again) = (&after.body(direction).bytes, &again.body(direction).bytes);
        assert!(after == again, "{}\nlater: {}", after.escape_ascii(), again.escape_ascii());
    }
}

/// A text or a number alone may as well be no JSON.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array())
}
