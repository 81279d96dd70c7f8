//! The redactor: what it leaves has nothing to find in it, and what had nothing stays the very same.

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
    for direction in BOTH {
        let (before, after) = (before.body(direction), after.body(direction));
        assert!(struck > 0 || before.bytes == after.bytes, "nothing was found, and bytes changed");
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
        assert!(!json(&before.bytes) || json(&after.bytes), "JSON is JSON no more");
    }
    let mut again = after.clone();
    let found = REDACTOR.redact(&mut again);
    assert!(
        found == 0 && again == after,
        "found in what was gone through: {:?}\n{}\n{}",
        again.redactions,
        after.request.bytes.escape_ascii(),
        after.response.bytes.escape_ascii(),
    );
}
