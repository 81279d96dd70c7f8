//! What of a value counts, where that is not all of it.

use super::value::is_random;

/// Takes what counts out of a value; nothing where the value is not of the kind.
pub type Cut = fn(&str) -> Option<String>;

const UUID: [usize; 5] = [8, 4, 4, 4, 12];

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq(UUID) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// `00-TRACE-SPAN-FLAGS`, checked as W3C wants it. A later version may have more behind it.
fn traceparent(value: &str) -> Option<(&str, &str)> {
    let mut parts = value.trim().splitn(5, '-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = [version, trace, span, flags].map(str::len) == [2, 32, 16, 2];
    let hex = [version, trace, span, flags].into_iter().all(is_hex);
    let named = [trace, span].into_iter().all(|id| id.bytes().any(|byte| byte != b'0'));
    let known = version != "ff" && (version != "00" || parts.next().is_none());
    (lengths && hex && named && known).then_some((trace, span))
}

pub fn w3c_trace(value: &str) -> Option<String> {
    traceparent(value).map(|(trace, _)| trace.to_owned())
}

pub fn w3c_span(value: &str) -> Option<String> {
    traceparent(value).map(|(_, span)| span.to_owned())
}

/// LangSmith's `TIMEuuid.TIMEuuid…`, from the outermost run to the caller's.
fn dotted(value: &str, last: bool) -> Option<String> {
    let mut runs = value.trim().split('.');
    let run = if last { runs.next_back() } else { runs.next() }?;
    let id = run.get(run.len().checked_sub(36)?..)?;
    is_uuid(id).then(|| id.to_owned())
}

pub fn langsmith_trace(value: &str) -> Option<String> {
    dotted(value, false)
}

pub fn langsmith_run(value: &str) -> Option<String> {
    dotted(value, true)
}

/// Braintrust's parent is a span, or the project, experiment or playground that a new trace goes to.
pub fn braintrust_span(value: &str) -> Option<String> {
    let name = value.split_once(':').map_or("", |(kind, _)| kind);
    let is_place = ["project_", "experiment_", "playground_"].iter().any(|kind| name.starts_with(kind));
    (!is_place).then(|| value.to_owned())
}

/// What older Claude Code makes of its ids, `user_HASH_account_UUID_session_UUID`, and Kimi of its one, `session_UUID`:
/// the account and the session.
fn joined(value: &str) -> Option<(Option<&str>, &str)> {
    if let Some(session) = value.strip_prefix("session_") {
        return Some((None, session));
    }
    let (user, session) = value.strip_prefix("user_")?.rsplit_once("_session_")?;
    let account = user.rsplit_once("_account_").map(|(_, account)| account);
    Some((account.filter(|account| !account.is_empty()), session))
}

pub fn joined_session(value: &str) -> Option<String> {
    joined(value).map(|(_, session)| session.to_owned())
}

pub fn joined_account(value: &str) -> Option<String> {
    joined(value).and_then(|(account, _)| account).map(str::to_owned)
}

/// Whether a text that calls itself a user is none: ids joined in one, or JSON.
pub fn is_joined(value: &str) -> bool {
    value.starts_with('{') || joined(value).is_some()
}

/// AWS SDKs count attempts, from 1: `attempt=2; max=3`.
pub fn retries_of_attempt(value: &str) -> Option<String> {
    let attempt = value.split(';').find_map(|part| part.trim().strip_prefix("attempt="))?;
    Some(attempt.trim().parse::<u32>().ok()?.saturating_sub(1).to_string())
}

/// A key that a cache is found by is an id only where no one would think it up.
pub fn random(value: &str) -> Option<String> {
    is_random(value).then(|| value.to_owned())
}

/// What a pattern of names finds is an id only where it looks like one.
pub fn token(value: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    value.trim().chars().all(fits).then(|| value.to_owned())
}

fn is_yes(value: &str) -> bool {
    ["1", "true", "yes"].iter().any(|yes| value.trim().eq_ignore_ascii_case(yes))
}

/// What is said only by a sub-agent, whatever it says.
pub fn subagent(value: &str) -> Option<String> {
    (!value.trim().is_empty()).then(|| "subagent".to_owned())
}

pub fn yes_subagent(value: &str) -> Option<String> {
    is_yes(value).then(|| "subagent".to_owned())
}

pub fn yes_side(value: &str) -> Option<String> {
    is_yes(value).then(|| "side".to_owned())
}

pub fn yes_compaction(value: &str) -> Option<String> {
    is_yes(value).then(|| "compaction".to_owned())
}

/// A call that asks for no answer warms up a cache.
pub fn no_side(value: &str) -> Option<String> {
    (value == "false").then(|| "side".to_owned())
}

/// Says how a history came to be made shorter: `auto`, `manual`, `reactive`.
pub fn compaction(value: &str) -> Option<String> {
    let no = ["", "0", "false", "none"].iter().any(|no| value.trim().eq_ignore_ascii_case(no));
    (!no).then(|| "compaction".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_traceparent_is_checked() {
        let good = format!("00-{TRACE}-b7ad6b7169203331-01");
        assert_eq!(w3c_trace(&good).as_deref(), Some(TRACE));
        assert_eq!(w3c_span(&good).as_deref(), Some("b7ad6b7169203331"));
        assert!(w3c_trace(&format!("01-{TRACE}-b7ad6b7169203331-01-more")).is_some());
        for bad in [
            String::new(),
            "00-x-y-01".to_owned(),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{TRACE}-b7ad6b7169203331-01-more"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-b7ad6b7169203331"),
        ] {
            assert_eq!(w3c_trace(&bad), None, "{bad}");
        }
    }

    #[test]
    fn ids_joined_in_one_come_apart() {
        let old = "user_ab12_account_5d7a1e0e-0000-4000-8000-000000000001_session_9b2c0c3e";
        assert_eq!(joined_session(old).as_deref(), Some("9b2c0c3e"));
        assert_eq!(joined_account(old).as_deref(), Some("5d7a1e0e-0000-4000-8000-000000000001"));
        assert_eq!(joined_account("user_ab12_account__session_9b2c0c3e"), None);
        assert_eq!(joined_session("session_9b2c").as_deref(), Some("9b2c"));
        assert_eq!(joined_session("user_42"), None);
        assert!(!is_joined("user_42") && is_joined("{}"));
    }

    #[test]
    fn runs_of_langsmith_come_apart() {
        let first = "20240601T120000000000Z11111111-1111-4111-8111-111111111111";
        let both = format!("{first}.20240601T120001000000Z22222222-2222-4222-8222-222222222222");
        assert_eq!(langsmith_trace(&both).as_deref(), Some("11111111-1111-4111-8111-111111111111"));
        assert_eq!(langsmith_run(&both).as_deref(), Some("22222222-2222-4222-8222-222222222222"));
        for bad in ["", ".", "é11111111-1111-4111-8111-11111111111", "x"] {
            assert_eq!(langsmith_trace(bad), None);
        }
    }

    #[test]
    fn attempts_are_counted_from_one() {
        assert_eq!(retries_of_attempt("attempt=3; max=5").as_deref(), Some("2"));
        assert_eq!(retries_of_attempt("ttl=x; attempt=1").as_deref(), Some("0"));
        assert_eq!(retries_of_attempt("attempt=x"), None);
    }
}
