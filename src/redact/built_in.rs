//! The rules that come with the program.

use regex::bytes::Regex;

use super::pattern::{
    Check, Follow, Search, Sign, anything, is_email, is_social_security, looks_random, stands_alone,
};

/// A rule that a configuration may name.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) patterns: fn() -> Vec<(Search, Sign)>,
}

pub(super) const BUILT_IN: &[BuiltIn] = &[
    BuiltIn { name: "keys", patterns: keys },
    BuiltIn { name: "cards", patterns: cards },
    BuiltIn { name: "emails", patterns: emails },
    BuiltIn { name: "phones", patterns: phones },
    BuiltIn { name: "ssn", patterns: social_security_numbers },
];

/// Literals, what follows them, the expression, the group that is the secret, and a second look.
type Key = (&'static [&'static str], Follow, &'static str, usize, Check);

/// Credentials that are known by their form.
const KEYS: &[Key] = &[
    // OpenAI, Anthropic, OpenRouter, DeepSeek and many more.
    (&["sk-"], Follow::Key(16), r"\bsk-[A-Za-z0-9_-]{16,}", 0, looks_random),
    // OpenAI's short-lived ones for browsers.
    (&["ek_"], Follow::Key(20), r"\bek_[A-Za-z0-9_]{20,}", 0, looks_random),
    // Google: API keys, OAuth tokens and secrets.
    (&["AIza"], Follow::Key(35), r"\bAIza[A-Za-z0-9_-]{35,}", 0, stands_alone),
    (&["ya29."], Follow::Key(20), r"\bya29\.[A-Za-z0-9_-]{20,}", 0, anything),
    (&["GOCSPX-"], Follow::Key(20), r"\bGOCSPX-[A-Za-z0-9_-]{20,}", 0, anything),
    // AWS: the id of a key, and the key where it is called so.
    (
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        Follow::Key(16),
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
        0,
        stands_alone,
    ),
    (
        &["ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey"],
        Follow::Any,
        r#"(?i)secret_?access_?key["'\\\s:=>]{1,12}([A-Za-z0-9/+]{40})"#,
        1,
        anything,
    ),
    (
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        Follow::Key(30),
        r"\bgh[pousr]_[A-Za-z0-9]{30,}",
        0,
        anything,
    ),
    (&["github_pat_"], Follow::Key(22), r"\bgithub_pat_[A-Za-z0-9_]{22,}", 0, anything),
    (
        &["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-"],
        Follow::Key(20),
        r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}",
        0,
        anything,
    ),
    (&["xox"], Follow::Key(12), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", 0, anything),
    (&["xapp-"], Follow::Key(12), r"\bxapp-[0-9]-[A-Za-z0-9-]{10,}", 0, anything),
    (
        &["hooks.slack.com"],
        Follow::Any,
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{20,})",
        1,
        anything,
    ),
    // Stripe, and the secrets of its webhooks.
    (&["k_live_", "k_test_"], Follow::Key(10), r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,}", 0, anything),
    (&["whsec_"], Follow::Key(20), r"\bwhsec_[A-Za-z0-9+/=]{20,}", 0, anything),
    // Hugging Face, Groq, xAI, Perplexity, Replicate, Cerebras, NVIDIA, Together, Tavily.
    (&["hf_"], Follow::Key(30), r"\bhf_[A-Za-z0-9]{30,}", 0, anything),
    (&["gsk_"], Follow::Key(30), r"\bgsk_[A-Za-z0-9]{30,}", 0, anything),
    (&["xai-"], Follow::Key(40), r"\bxai-[A-Za-z0-9]{40,}", 0, anything),
    (&["pplx-"], Follow::Key(30), r"\bpplx-[A-Za-z0-9]{30,}", 0, anything),
    (&["r8_"], Follow::Key(30), r"\br8_[A-Za-z0-9]{30,}", 0, anything),
    (&["csk-"], Follow::Key(30), r"\bcsk-[a-z0-9]{30,}", 0, anything),
    (&["nvapi-"], Follow::Key(40), r"\bnvapi-[A-Za-z0-9_-]{40,}", 0, anything),
    (&["tgp_v1_"], Follow::Key(30), r"\btgp_v1_[A-Za-z0-9_-]{30,}", 0, anything),
    (&["tvly-"], Follow::Key(20), r"\btvly-[A-Za-z0-9-]{20,}", 0, looks_random),
    // Registries of packages, mail, telephony, hosting.
    (&["npm_"], Follow::Key(36), r"\bnpm_[A-Za-z0-9]{36,}", 0, anything),
    (&["pypi-"], Follow::Key(50), r"\bpypi-[A-Za-z0-9_-]{50,}", 0, anything),
    (&["dckr_pat_"], Follow::Key(20), r"\bdckr_pat_[A-Za-z0-9_-]{20,}", 0, anything),
    (&["SG."], Follow::Key(33), r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}", 0, anything),
    (&["dop_v1_", "doo_v1_", "dor_v1_"], Follow::Key(40), r"\bdo[opr]_v1_[a-f0-9]{40,}", 0, anything),
    (&["hvs."], Follow::Key(24), r"\bhvs\.[A-Za-z0-9_-]{24,}", 0, anything),
    // Azure's connection strings.
    (
        &["AccountKey=", "SharedAccessKey="],
        Follow::Key(40),
        r"\b(?:Account|SharedAccess)Key=([A-Za-z0-9+/]{40,}={0,2})",
        1,
        anything,
    ),
    // JSON web tokens.
    (&["eyJ"], Follow::Key(26), r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", 0, anything),
    // A header written down as text.
    (&["earer ", "EARER "], Follow::Key(16), r"(?i)\bbearer ([A-Z0-9._~+/=-]{16,})", 1, looks_random),
    (
        &["uthorization: Basic ", "uthorization: basic ", "UTHORIZATION: BASIC "],
        Follow::Key(8),
        r"(?i)\bauthorization: basic ([A-Z0-9+/=]{8,})",
        1,
        anything,
    ),
    // Passwords in URLs.
    (&["://", ":\\/\\/"], Follow::Login, r#"://[^\s/?\#@:"'<>\\]*:([^\s/?\#@"'<>\\]+)@"#, 1, anything),
];

fn keys() -> Vec<(Search, Sign)> {
    let known = KEYS.iter().filter_map(|(literals, follow, pattern, group, check)| {
        let regex = expression(pattern)?;
        Some((Search::Regex { regex, group: *group, check: *check }, Sign::Literals(literals, *follow)))
    });
    // Two letters begin too much else to stand among the literals.
    let telephony = expression(r"\bSK[0-9a-f]{32}\b").zip(expression("SK[0-9a-f]{32}"));
    let telephony = telephony
        .map(|(regex, sign)| (Search::Regex { regex, group: 0, check: stands_alone }, Sign::Regex(sign)));
    let private = (Search::PrivateKeys, Sign::Literals(&["-----BEGIN "], Follow::Any));
    known.chain(telephony).chain([private]).collect()
}

fn cards() -> Vec<(Search, Sign)> {
    let sign = expression(r"[0-9](?:[ -]?[0-9]){12}");
    sign.map(|sign| (Search::Cards, Sign::Regex(sign))).into_iter().collect()
}

fn emails() -> Vec<(Search, Sign)> {
    let pattern = r"[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}";
    with_sign(pattern, Sign::Literals(&["@"], Follow::Key(4)), is_email)
}

/// In the international form alone: others cannot be told from other numbers.
fn phones() -> Vec<(Search, Sign)> {
    let pattern = r"\+[1-9][0-9]{0,2}[ .-]?(?:\([0-9]{1,4}\)[ .-]?)?[0-9](?:[ .-]?[0-9]){6,11}\b";
    with_sign(pattern, Sign::Literals(&["+"], Follow::Key(1)), stands_alone)
}

fn social_security_numbers() -> Vec<(Search, Sign)> {
    let pattern = "[0-9]{3}-[0-9]{2}-[0-9]{4}";
    let sign = expression(pattern).map_or(Sign::None, Sign::Regex);
    with_sign(pattern, sign, is_social_security)
}

fn with_sign(pattern: &str, sign: Sign, check: Check) -> Vec<(Search, Sign)> {
    expression(pattern).map(|regex| (Search::Regex { regex, group: 0, check }, sign)).into_iter().collect()
}

/// A built-in expression, in bytes: what is no ASCII is part of no key. That all of them compile is tested.
fn expression(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("(?-u){pattern}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_compiles() {
        for (_, _, pattern, group, _) in KEYS {
            let regex = expression(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(regex.captures_len() > *group, "{pattern}");
        }
        assert_eq!(keys().len(), KEYS.len() + 2);
        for rule in BUILT_IN {
            assert!(!(rule.patterns)().is_empty(), "{}", rule.name);
        }
    }
}
