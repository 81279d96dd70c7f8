//! Values as they may be kept: not too long, without control characters, no credentials, and no words that many share.

use serde_json::Value;

/// The longest value, in characters.
pub const LONGEST: usize = 256;
/// The shortest id that is believed where nobody said that it is one.
const SHORTEST_ID: usize = 8;

/// What stands where an id should be, and is none.
const SHARED: &[&str] = &[
    "default",
    "session",
    "unknown",
    "null",
    "none",
    "undefined",
    "nil",
    "anonymous",
    "user",
    "main",
    "test",
    "example",
    "string",
    "true",
    "false",
    "n/a",
    "na",
    "id",
    "session-id",
    "session_id",
    "your-session-id",
    "0",
    "1",
    "-",
];

/// Of these, what is no one's name either.
const NOBODY: &[&str] = &["null", "none", "undefined", "nil", "n/a", "unknown", "-"];

/// What keys of providers begin with.
const KEYS: &[&str] = &[
    "sk-",
    "AIza",
    "ya29.",
    "gsk_",
    "xai-",
    "hf_",
    "ghp_",
    "gho_",
    "github_pat_",
    "pplx-",
    "nvapi-",
    "AKIA",
    "ASIA",
];
const SHORTEST_KEY: usize = 16;

/// A value without control characters and white space around it, cut to a sane length; `None` where nothing is left.
pub fn clean(text: &str) -> Option<String> {
    let kept = text.trim().chars().filter(|c| !c.is_control()).take(LONGEST);
    let kept: String = kept.collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// A JSON value as text; `None` where it is a list or an object.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A credential, whole.
pub fn is_key(text: &str) -> bool {
    let text = text.trim();
    let text =
        text.split_once(' ').filter(|(scheme, _)| is_scheme(scheme)).map_or(text, |(_, key)| key.trim());
    let known = text.len() >= SHORTEST_KEY && KEYS.iter().any(|begin| text.starts_with(begin));
    known || text.starts_with("eyJ") && text.matches('.').count() >= 2
}

fn is_scheme(word: &str) -> bool {
    ["bearer", "basic", "token"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// What was put in the place of a credential.
pub fn is_stand_in(text: &str) -> bool {
    let fingerprint = |(at, mark): (usize, &str)| {
        let begins = text[..at].bytes().next_back().is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let digits = text[at + mark.len()..].bytes().take_while(u8::is_ascii_hexdigit).count();
        begins && digits >= 16
    };
    text.contains("[redacted:") || text.match_indices("fp:").any(fingerprint)
}

/// A word that callers share, or zeros.
pub fn is_shared(text: &str) -> bool {
    SHARED.iter().any(|word| text.eq_ignore_ascii_case(word)) || text.chars().all(|c| matches!(c, '0' | '-'))
}

pub fn is_nobody(text: &str) -> bool {
    NOBODY.iter().any(|word| text.eq_ignore_ascii_case(word))
}

pub fn is_short(text: &str) -> bool {
    text.chars().count() < SHORTEST_ID
}

/// Nobody would think it up: a UUID or the like, with sixteen letters and digits, of both some, and not one word.
pub fn is_random(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    plain && digits >= 6 && letters >= 1 && digits + letters >= 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_made_safe() {
        assert_eq!(clean(" a\u{7}b\n").as_deref(), Some("ab"));
        assert_eq!(clean(" \t\n"), None);
        assert_eq!(clean(&"é".repeat(1000)).unwrap().chars().count(), LONGEST);
    }

    #[test]
    fn credentials_are_known() {
        for key in ["sk-ant-api03-abcdefghijkl", "Bearer gsk_abcdefghijklmnop", "eyJhbGciOi.eyJzdWIi.c2ln"] {
            assert!(is_key(key), "{key}");
        }
        for stand_in in ["fp:0123456789abcdef", "Bearer fp:0123456789abcdef", "[redacted:keys:fp:0123]"] {
            assert!(is_stand_in(stand_in), "{stand_in}");
        }
        for fine in ["9b2c0c3e-1d7e-4c0a-9a50-0f3c6a1f0001", "sk-1", "rfp:0123456789abcdef", "fp:1", "a key"]
        {
            assert!(!is_key(fine) && !is_stand_in(fine), "{fine}");
        }
    }

    #[test]
    fn only_what_nobody_thinks_up_is_random() {
        assert!(is_random("9b2c0c3e-1d7e-4c0a-9a50-0f3c6a1f0001"));
        for common in ["my-application-v1", "default", "support bot 2024 12 31 x", "20261231"] {
            assert!(!is_random(common), "{common}");
        }
        assert!(is_shared("Default") && is_shared("00000000-0000-0000-0000-000000000000"));
    }
}
